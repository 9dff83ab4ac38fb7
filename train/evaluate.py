"""Evaluation: greedy answers to the same problems of the eval split each time, and to blank pictures.

`python -m train.evaluate --env clock --model runs/clock` evaluates a policy by itself.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import tyro

from agents.policy import Policy, pictures
from envs.fields import split_flags
from train.cli import find_env, task_fields
from train.environments import (
    chance_of,
    column,
    image_shapes,
    joined,
    make_eval_envs,
    mean,
    measure_yardsticks,
    task_of,
)
from train.record import Record

if TYPE_CHECKING:
    from train.distributed import Processes

BLANK_GREY = 128


@dataclass(frozen=True)
class Evaluation:
    """What a policy answered to N problems, and what it scored."""

    observations: Mapping[str, Any]
    """Where several processes evaluate, of the first of these problems only, in the main process."""
    infos: Mapping[str, Any]
    """In gymnasium's vector layout, from the step that scored the answers."""
    texts: list[str]
    rewards: np.ndarray

    @property
    def errors(self) -> np.ndarray | None:
        """Errors (N,) in the task's unit; None where the environment tells none."""
        return column(self.infos, "error")


def evaluate(
    envs: gym.vector.VectorEnv, policy: Policy, blank: bool = False, processes: "Processes | None" = None
) -> Evaluation:
    """Ask a policy the first N problems of a split, N being the number of environments.

    Args:
        envs: single-turn environments of the split to evaluate on.
        policy: answers.
        blank: show an even grey instead of each picture. What can then still be answered is the prior.
        processes: those that have the other environments, if they are several: N counts all of them, and what comes
            back is what all of them answered, but for the observations, which are this process's own.
    """
    numbers, first = [envs.num_envs], 0
    if processes is not None:
        numbers = processes.gather(envs.num_envs)
        first = sum(numbers[: processes.index])
    observations, infos = envs.reset(seed=list(range(first, first + envs.num_envs)))
    if blank:
        observations = {name: shown if name == "prompt" else blanked(shown) for name, shown in observations.items()}
    asked = dict(infos)
    texts = policy.respond(observations, infos)
    _, rewards, _, _, infos = envs.step(tuple(texts))
    own = Evaluation(observations, {**asked, **infos}, texts, np.asarray(rewards, dtype=float))
    if processes is None or len(numbers) == 1:
        return own
    parts = processes.gather((own.infos, own.texts, own.rewards))
    infos_of, texts_of, rewards_of = zip(*parts, strict=True)
    texts = [text for several in texts_of for text in several]
    return Evaluation(observations, joined(infos_of, numbers), texts, np.concatenate(rewards_of))


def blanked(shown: Any) -> Any:
    """An even grey in place of pictures, which are an array or tuples of arrays."""
    return tuple(map(blanked, shown)) if isinstance(shown, tuple) else np.full_like(shown, BLANK_GREY)


def summarise(evaluation: Evaluation, chance: float | None) -> dict[str, float | None]:
    """What the answers to one set of problems came to; None for what the environment does not tell.

    Args:
        evaluation: the answers.
        chance: the task's MAE of chance, for skill = 1 − MAE / MAE of chance; 0 or None leaves it out.
    """
    errors, mae = evaluation.errors, mean(evaluation.infos, "error")
    return {
        "mae": mae,
        "median_error": None if errors is None else float(np.median(errors)),
        "exact": None if errors is None else float(np.mean(errors == 0)),
        "parsed": mean(evaluation.infos, "parsed"),
        "reward": float(evaluation.rewards.mean()),
        "skill": None if mae is None or not chance else 1 - mae / chance,
        "lenient_mae": mean(evaluation.infos, "lenient_error"),
    }


def full_summary(
    envs: gym.vector.VectorEnv, policy: Policy, chance: float | None, processes: "Processes | None" = None
) -> tuple[Evaluation, dict[str, float | None]]:
    """The answers to the pictures, and the columns of `evals.csv`: `summarise`, and the blank-picture control.

    `blank_parsed` tells how many answers to blank pictures could be read at all: a large `blank_mae` may come from
    answers that fall out of form, as well as from wrong ones.
    """
    seen = evaluate(envs, policy, processes=processes)
    figures = summarise(seen, chance)
    figures |= {"blank_mae": None, "blank_parsed": None, "blank_reward": None}
    if pictures(seen.observations) is not None:
        blank = summarise(evaluate(envs, policy, True, processes), chance)
        figures |= {f"blank_{name}": blank[name] for name in ("mae", "parsed", "reward")}
    return seen, figures


def sample_rows(phase: str, step: int, seen: Evaluation, count: int) -> Sequence[dict[str, Any]]:
    """The first `count` answers of an evaluation, as `samples.jsonl` keeps them; null for what is not told.

    Fewer, if this process asked fewer problems.
    """
    count = min(count, len(seen.observations["prompt"]))

    def told(name: str) -> list[Any]:
        values = column(seen.infos, name)
        return [None] * count if values is None else values[:count].tolist()

    seeds, answers, errors, parsed = told("seed"), told("answer"), told("error"), told("parsed")
    return [
        {
            "phase": phase,
            "step": step,
            "seed": seeds[i],
            "prompt": seen.observations["prompt"][i],
            "answer": answers[i],
            "text": seen.texts[i],
            "reward": float(seen.rewards[i]),
            "error": errors[i],
            "parsed": parsed[i],
        }
        for i in range(count)
    ]


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
