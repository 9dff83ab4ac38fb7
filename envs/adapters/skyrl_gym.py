"""SkyRL-gym: rows for its trainer, and the environment that scores the answers to them.

The rows are `to_skyrl("clock", 4096)`; the environment is registered, where the trainer makes its own, by
`skyrl_gym.register("eyechart", entry_point="envs.adapters.skyrl_gym:EyechartEnv")`.
"""

import functools
import json
from typing import Any

from envs.adapters.arguments import whole_number
from envs.adapters.extras import require
from envs.adapters.messages import user_message
from envs.adapters.untrusted import task_from_data
from envs.question import step_info
from envs.registry import make_task, resolve
from envs.task import Task, problem

EXTRA = "skyrl"
ENV_CLASS = "eyechart"
"""What the rows call the environment."""


def to_skyrl(
    name: str, n: int, /, *, seed: int = 0, split: str = "train", env_class: str = ENV_CLASS, **fields: Any
) -> list[dict[str, Any]]:
    """Problems as rows that SkyRL's data set reads, once they are Parquet.

    A row is `prompt` (one message of the user's, the picture in it as a data URI), `env_class`, `reward_spec` with the
    answer, and `extra_info`: seed (`index`) and split, and the task that scores it, `env` (its id) and `fields` (JSON).

    Args:
        name: The environment: `clock`, `eyechart/Clock-v0` or `module:name`.
        n: How many problems, from 1 up; each takes the memory of its picture's PNG.
        seed: Of the first one; the next ones follow.
        split: Whose problems.
        env_class: The id under which `EyechartEnv` is registered.
        **fields: The task's fields.

    Raises:
        ValueError: For a number of problems or a seed out of range, an unknown name, split or field, or a bad value.
    """
    n, seed = whole_number("n", n, 1), whole_number("seed", seed, 0)
    spec = resolve(name)
    task = make_task(spec, **fields)
    told = {"split": split, "env": spec.id, "fields": json.dumps(fields)}
    return [_row(task, index, env_class, told) for index in range(seed, seed + n)]


def _row(task: Task, seed: int, env_class: str, told: dict[str, str]) -> dict[str, Any]:
    posed = problem(task, seed, told["split"])
    return {
        "data_source": told["env"],
        "prompt": [user_message(task, posed)],
        "env_class": env_class,
        "reward_spec": {"method": "rule", "ground_truth": posed.answer},
        "extra_info": {"index": seed, **told},
    }


@functools.cache
def environment_class() -> type:
    """The `BaseTextEnv` of all tasks, made for one row; `EyechartEnv` of this module is the same.

    Raises:
        MissingExtraError: SkyRL-gym is not installed.
    """
    require("skyrl_gym", EXTRA)
    from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

    class EyechartEnv(BaseTextEnv):
        def __init__(self, env_config: Any = None, extras: dict[str, Any] | None = None) -> None:
            """Take a row's columns; `env_config`, settings of the whole run, has none for us.

            Raises:
                ValueError: The row is none of `to_skyrl`, or its task is not registered, or it names a reward function
                    of somebody's own and is not trusted.
            """
            super().__init__()
            row = extras or {}
            try:
                self._answer, told = row["reward_spec"]["ground_truth"], row["extra_info"]
                env, fields = told["env"], told["fields"]
            except (KeyError, TypeError):
                raise ValueError(
                    f"This row is none of to_skyrl; it has {', '.join(sorted(row)) or 'nothing'}."
                ) from None
            self._task = _made(env, fields)
            self._metrics: dict[str, float] = {}

        def step(self, action: str) -> BaseTextEnvStepOutput:
            self.turns += 1
            score = self._task.score(action, self._answer)
            info = step_info(score)
            self._metrics = {name: float(value) for name, value in info.items()}
            return BaseTextEnvStepOutput(observations=[], reward=score.reward, done=True, metadata=info)

        def get_metrics(self) -> dict[str, float]:
            """Error, `parsed` and the parts of the reward, which SkyRL averages."""
            return self._metrics

    return EyechartEnv


@functools.lru_cache(maxsize=16)
def _made(env: str, fields: str) -> Task:
    return task_from_data(env, fields)


def __getattr__(name: str) -> Any:
    """`EyechartEnv`, which takes the library, is made when it is asked for."""
    if name == "EyechartEnv":
        return environment_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
