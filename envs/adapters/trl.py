"""TRL: our problems as the data set and the reward function of its `GRPOTrainer`, and its curve as a run of ours."""

import csv
import dataclasses
import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.adapters.arguments import whole_number
from envs.adapters.extras import require
from envs.question import draw
from envs.registry import make_task, resolve
from envs.task import Task, problem
from envs.yardsticks import yardsticks

EXTRA = "trl"
EVALS = {"mae": "eval_mae", "parsed": "eval_parsed", "reward": "eval_reward"}
"""Columns of `evals.csv`, and what TRL's log calls them."""
METRICS = {
    "loss": "loss",
    "reward": "reward",
    "mae": "mae",
    "parsed": "parsed",
    "entropy": "entropy",
    "kl": "kl",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "answer_tokens": "completions/mean_length",
}
"""The same of `metrics.csv`."""


def to_trl(
    name: str,
    n: int,
    /,
    *,
    seed: int = 0,
    split: str = "train",
    eval_size: int = 0,
    run: str | Path | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """What TRL's `GRPOTrainer` needs to learn a task: `GRPOTrainer(model=..., args=..., **to_trl("clock", 4096))`.

    Leave `GRPOConfig`'s `remove_unused_columns` at TRL's default, False: the reward function reads more columns than
    the trainer.

    Args:
        name: The environment: `clock`, `eyechart/Clock-v0` or `module:name`.
        n: How many problems, from 1 up; they are drawn when the trainer fetches them, and take no memory before.
        seed: Of the first one; the next ones follow.
        split: Whose problems to train on.
        eval_size: How many problems of the split "eval", from seed 0 on, the trainer's own evaluation asks.
        run: A folder for the curves, such as `runs/trl`, which `python -m plots` reads; needs an `eval_size`, and a
            `GRPOConfig` that evaluates. Its answers are sampled as in training, not greedy.
        **fields: The task's fields.

    Returns:
        Keyword arguments: `train_dataset` and `reward_funcs`; with an `eval_size` also `eval_dataset`, with a `run`
        also `callbacks`.

    Raises:
        MissingExtraError: TRL's libraries are not installed.
        ValueError: For a number of problems or a seed out of range, an unknown name or field, or a run without
            evaluations.
    """
    n, seed, eval_size = whole_number("n", n, 1), whole_number("seed", seed, 0), whole_number("eval_size", eval_size, 0)
    if run is not None and not eval_size:
        raise ValueError("A run is the curve of the evaluations: give to_trl an eval_size with it, such as 64.")
    spec = resolve(name)
    task = make_task(spec, **fields)
    given = {"train_dataset": dataset(task, range(seed, seed + n), split), "reward_funcs": reward_function(task)}
    if eval_size:
        given["eval_dataset"] = dataset(task, range(eval_size), "eval")
    if run is not None:
        given["callbacks"] = [recorder(Path(run), spec.id, task)]
    return given


def dataset(task: Task, seeds: Sequence[int], split: str = "train") -> Any:
    """Problems as a `datasets.Dataset`, each drawn when it is fetched, and once for all of its group.

    A row is `prompt` (one message of the user's), `images` (one `PIL.Image`; no such column for a text task),
    `answer` and `seed`. TRL puts the picture before the text.

    Args:
        task: Poses the problems.
        seeds: Of the rows, in order.
        split: "train" or "eval".

    Raises:
        MissingExtraError: `datasets` is not installed.
        ValueError: For an unknown split.
    """
    problem(task, seeds[0], split)  # complains here, not in the middle of a training
    rows = require("datasets", EXTRA).Dataset.from_dict({"seed": list(seeds)})
    return rows.with_transform(functools.partial(_rows, task, split))


def _rows(task: Task, split: str, batch: Mapping[str, list[int]]) -> dict[str, list[Any]]:
    """The rows of some seeds; members of a group are fetched together, and share one picture."""
    if "seed" not in batch:
        raise ValueError("The column 'seed' is gone: set remove_unused_columns=False in GRPOConfig, TRL's default.")
    of_seed = {seed: _row(task, split, seed) for seed in dict.fromkeys(batch["seed"])}
    rows = [of_seed[seed] for seed in batch["seed"]]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(task: Task, split: str, seed: int) -> dict[str, Any]:
    from PIL import Image

    posed = problem(task, seed, split)
    picture = draw(task, posed)
    images = {} if picture is None else {"images": [Image.fromarray(picture)]}
    prompt = [{"role": "user", "content": posed.prompt}]
    return {"prompt": prompt, **images, "answer": posed.answer, "seed": seed}


def reward_function(task: Task) -> Callable[..., list[float]]:
    """`task.score` as TRL calls it; mean error and share of readable answers go into TRL's log, `mae` and `parsed`."""

    def eyechart(
        completions: Sequence[Sequence[Mapping[str, str]]],
        answer: Sequence[str],
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **_: Any,
    ) -> list[float]:
        texts = [completion[-1]["content"] for completion in completions]
        scores = [task.score(text, truth) for text, truth in zip(texts, answer, strict=True)]
        if log_metric is not None:
            log_metric("mae", sum(score.error for score in scores) / len(scores))
            log_metric("parsed", sum(score.parsed for score in scores) / len(scores))
        if log_extra is not None:
            log_extra("error", [score.error for score in scores])
        return [score.reward for score in scores]

    return eyechart


def recorder(folder: Path, env: str, task: Task) -> Any:
    """A `TrainerCallback` that writes what a trainer logs as a run: `config.json`, `metrics.csv`, `evals.csv`.

    Args:
        folder: For the run; one that exists is gone on with if the trainer resumes, and refused if it begins.
        env: The environment's id.
        task: What it is made from.
    """
    run = _Run(folder, env, task)

    class Recorder(require("transformers", EXTRA).TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if str(getattr(args.eval_strategy, "value", args.eval_strategy)) == "no":
                raise ValueError(
                    "The run is a curve of evaluations: set GRPOConfig(eval_strategy='steps', eval_steps=...)."
                )
            if state.is_world_process_zero:
                run.begin(state.global_step, _settings(args, state, model))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if state.is_world_process_zero:
                run.log(state.global_step, state.max_steps, logs or {})

    return Recorder()


class _Run:
    """The files of a run."""

    def __init__(self, folder: Path, env: str, task: Task) -> None:
        self.folder, self.env, self.task = folder, env, task
        self.begun, self.chance = 0.0, 0.0

    def begin(self, step: int, settings: Mapping[str, Any]) -> None:
        """Write `config.json`.

        Raises:
            ValueError: Training begins, and the folder exists.
        """
        if step == 0 and self.folder.exists():
            raise ValueError(f"The run {self.folder} exists: name another folder, or delete it.")
        self.folder.mkdir(parents=True, exist_ok=True)
        measured = dataclasses.asdict(yardsticks(self.task))
        told = {"unit": self.task.unit, "fields": dataclasses.asdict(self.task)}
        config = {"env": self.env, "task": told, "yardsticks": measured, "settings": settings}
        (self.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        self.begun, self.chance = time.perf_counter() - self._seconds_so_far(), measured["chance"]

    def log(self, step: int, last: int, logs: Mapping[str, Any]) -> None:
        """Add a row for what is logged of a step of training, or of an evaluation."""
        seconds = {"seconds_total": round(time.perf_counter() - self.begun, 3)}
        if EVALS["mae"] in logs:
            phase = {0: "start", last: "end"}.get(step, "train")
            skill = 1 - logs[EVALS["mae"]] / self.chance if self.chance else None
            self._add("evals.csv", {"phase": phase, "step": step} | _picked(EVALS, logs) | {"skill": skill} | seconds)
        elif METRICS["mae"] in logs:
            self._add("metrics.csv", {"step": step} | _picked(METRICS, logs) | seconds)

    def _add(self, file: str, row: Mapping[str, Any]) -> None:
        new = not (self.folder / file).exists()
        with (self.folder / file).open("a", newline="", encoding="utf-8") as table:
            writer = csv.DictWriter(table, fieldnames=list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)

    def _seconds_so_far(self) -> float:
        """How long a run that is gone on with has taken; 0 for a new one."""
        if not (self.folder / "metrics.csv").exists():
            return 0.0
        with (self.folder / "metrics.csv").open(newline="", encoding="utf-8") as table:
            return max((float(row["seconds_total"]) for row in csv.DictReader(table)), default=0.0)


def _picked(columns: Mapping[str, str], logs: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row; None, an empty cell, where the log has nothing."""
    return {name: logs.get(key) for name, key in columns.items()}


def _settings(args: Any, state: Any, model: Any) -> dict[str, Any]:
    """The settings that make a run what it is, under the names that runs of ours have."""
    batch = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    kept = ("learning_rate", "temperature", "beta", "loss_type", "seed")
    return {
        "trainer": f"GRPOTrainer of TRL {require('trl', EXTRA).__version__}",
        "model": getattr(getattr(model, "config", None), "_name_or_path", None),
        "steps": state.max_steps,
        "problems_per_step": batch // args.num_generations,
        "group_size": args.num_generations,
        "max_new_tokens": args.max_completion_length,
        **{name: getattr(args, name) for name in kept},
        "evaluation": "sampled answers",
    }
