"""verifiers: any task as a `Taskset` of its version 1, which `vf-eval envs` and trainers find by that id."""

import asyncio
import functools
import itertools
import json
from collections.abc import Iterator
from typing import Any, Literal

from envs.adapters.extras import require
from envs.adapters.messages import user_message
from envs.adapters.untrusted import task_from_data
from envs.answers import tagged
from envs.question import step_info
from envs.registry import make_task, resolve
from envs.task import Score, Task, problem

EXTRA = "verifiers"


@functools.cache
def taskset_class() -> type:
    """The `verifiers.v1.Taskset` of all tasks; `envs.EyechartTaskset` is the same.

    Its configuration is `env`, a name as `--env` takes it; `fields`, the task's; `split`; and `seed`, of the first
    problem. The reward of an answer, `task_reward`, is what `task.score` gives; its other figures are metrics.

    Raises:
        MissingExtraError: verifiers is not installed.
    """
    require("verifiers.v1", EXTRA)
    import verifiers.v1 as vf
    from pydantic import Field, model_validator

    configured: set[str] = set()  # what this process's own configurations name, and data may name too

    def key(env: str, fields: dict[str, Any]) -> str:
        return json.dumps([env, fields], sort_keys=True, default=str)

    class EyechartConfig(vf.TasksetConfig):
        env: str = "clock"
        """The environment: `clock`, `eyechart/Clock-v0` or `module:name`."""
        fields: dict[str, Any] = Field(default_factory=dict)
        """The task's fields, such as `{"size": 224, "style": "varied"}`."""
        split: Literal["train", "eval"] = "train"
        """Whose problems: those to train on or those held out."""
        seed: int = Field(0, ge=0)
        """Seed of the first problem; the next ones follow."""

        @property
        def name(self) -> str:
            return resolve(self.env).id.replace("/", "-")

        @model_validator(mode="after")
        def made(self) -> "EyechartConfig":
            make_task(self.env, **self.fields)
            configured.add(key(self.env, self.fields))
            return self

    class EyechartData(vf.TaskData):
        answer: str
        seed: int
        split: str
        env: str
        fields: dict[str, Any]

    class EyechartTask(vf.Task[EyechartData]):
        @vf.reward
        async def task_reward(self, trace: vf.Trace) -> float:
            score = await asyncio.to_thread(self._score, trace.last_reply)
            trace.record_metrics({name: float(value) for name, value in step_info(score).items()})
            return score.reward

        async def validate(self, runtime: vf.Runtime) -> bool:
            score = self._score(tagged(self._task.best_answer(self.data.answer)))
            return score.parsed and score.error <= self._task.tolerance

        def _score(self, text: str) -> Score:
            return self._task.score(text, self.data.answer)

        @property
        def _task(self) -> Task:
            env, fields = self.data.env, self.data.fields  # maybe read from a file of traces
            return task_from_data(env, fields, trust=key(env, fields) in configured)

    class EyechartTaskset(vf.Taskset[EyechartTask, EyechartConfig]):
        def __init__(self, config: EyechartConfig) -> None:
            super().__init__(config)
            self._task = make_task(config.env, **config.fields)
            self._size = self._task.num_problems(config.split)
            self.INFINITE = self._size is None

        def load(self) -> Iterator[EyechartTask]:
            config = self.config
            told = {"split": config.split, "env": config.env, "fields": config.fields}
            for index in itertools.count() if self._size is None else range(self._size):
                seed = config.seed + index
                posed = problem(self._task, seed, config.split)
                prompt = [vf.UserMessage.model_validate(user_message(self._task, posed))]
                name = f"{config.name}-{config.split}-{seed}"
                data = EyechartData(name=name, prompt=prompt, answer=posed.answer, seed=seed, **told)
                yield EyechartTask(data, config.task)

    return EyechartTaskset
