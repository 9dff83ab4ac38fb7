"""Evaluation: greedy answers to the same problems of the eval split each time, and to blank pictures.

`python -m train.evaluate --env clock --model runs/clock` evaluates a policy by itself.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from envs.fields import split_flags
from train.cli import find_env, task_fields
from train.environments import chance_of, image_shapes, make_eval_envs, measure_yardsticks, task_of
from train.evaluation.asking import full_summary
from train.record import Record


@dataclass(frozen=True)
class EvaluateConfig:
    """Evaluate a policy on an environment's held-out problems."""

    env: str
    """Environment: a registered name (clock), or module:name."""

    model: str
    """Policy: a run, a Hugging Face folder or hub id, a tiny model, or a baseline: oracle, constant, chance."""

    eval_size: int = 256
    """Problems of the eval split."""

    max_new_tokens: int | None = None
    """Longest answer, in tokens. Default: that of the run, else 256."""

    seed: int = 0
    """Of chance's draws and of a tiny model's weights."""

    def __post_init__(self) -> None:
        """Raise ValueError for a setting outside its range."""
        for name in ("eval_size", "max_new_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")

    @property
    def answer_tokens(self) -> int:
        """`max_new_tokens`, or its default."""
        if self.max_new_tokens is not None:
            return self.max_new_tokens
        run = Path(self.model)
        if not (run / "config.json").exists() or not (run / "checkpoints").is_dir():
            return 256
        return Record(run).read_config()["settings"]["max_new_tokens"]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m train.evaluate") -> int:
    """Evaluate as a command line says; returns the exit status: 0, or 2 for bad input.

    Args:
        arguments: what follows `python -m train.evaluate`; None takes the process's own.
        prog: what usage and messages call the program.
    """
    try:
        texts, rest = split_flags(sys.argv[1:] if arguments is None else arguments)
        config = tyro.cli(EvaluateConfig, args=rest, prog=prog)
        spec = find_env(config.env)
        fields = task_fields(spec, texts)
        from train.policies import evaluation_policy  # seconds of imports, after the flags are known to be right

        task = task_of(spec, fields)
        eval_envs = make_eval_envs(spec, config.eval_size, fields)
        yardsticks = measure_yardsticks(task)
        policy = evaluation_policy(config.model, task, image_shapes(eval_envs), config.seed, config.answer_tokens)
        figures = full_summary(eval_envs, policy, chance_of(yardsticks))[1]
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{config.model} on {config.eval_size} problems of {spec.id}")
    for name, value in figures.items():
        print(f"{name:<14}{'' if value is None else f'{value:.4g}'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
