"""What an error is worth: the errors of policies that need no eyes, and of one that has perfect ones.

`yardsticks` here is the function; the package exports it under the same name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

import numpy as np

from envs.answers import tagged
from envs.task import Answer, Task, problem

LAGS = 8
"""How many other problems' answers each problem meets when chance is estimated."""

CANDIDATES = 256
"""How many distinct answers compete for the best constant."""

SLOW_SAMPLES, SLOW_CANDIDATES = 128, 12
"""As many problems are drawn at most, and answers compete, where a comparison takes milliseconds."""


@dataclass(frozen=True)
class Yardsticks:
    """Mean errors in the task's unit, to draw into every curve.

    Attributes:
        chance: Of answers drawn from the prior: other problems' answers.
        best_constant: Of the best single answer to everything.
        best_constant_answer: That answer.
        oracle: Of the truth itself.
        floor: What the picture and the answer format leave to a perfect reader.
    """

    chance: float
    best_constant: float
    best_constant_answer: str
    oracle: float
    floor: float


def yardsticks(task: Task[Answer], samples: int = 4000, seed: int = 0) -> Yardsticks:
    """Estimate a task's yardsticks by drawing problems.

    The constant is chosen on one half of the problems and measured on the other, so that luck in the choice
    does not flatter it.

    Args:
        task: The task.
        samples: How many problems to draw, from 4 up. The standard error falls with its square root: with the
            default it is about 2 minutes for the clock. At most 128 are drawn for a task that is slow to score.
        seed: Which problems.

    Raises:
        ValueError: If `samples` is below 4.
    """
    if samples < 4:
        raise ValueError(f"Yardsticks need at least 4 samples, got {samples}.")
    samples = min(samples, SLOW_SAMPLES) if task.is_slow else samples
    seeds = np.random.SeedSequence(seed).generate_state(samples, np.uint64)
    drawn = [problem(task, int(s)).answer for s in seeds]
    truths = [task.truth(answer) for answer in drawn]
    written = [task.best_answer(answer) for answer in drawn]
    guesses = [task.parse(text) for text in written]
    half = samples // 2
    candidates = SLOW_CANDIDATES if task.is_slow else CANDIDATES
    constant = _best_constant(task, written[:half], truths[:half], candidates)
    return Yardsticks(
        chance=fmean(
            task.bounded_error(guesses[i - lag], truth)
            for lag in range(1, min(LAGS, samples - 1) + 1)
            for i, truth in enumerate(truths)
        ),
        best_constant=_mean_error(task, constant, truths[half:]),
        best_constant_answer=constant,
        oracle=fmean(task.score(tagged(text), answer).error for text, answer in zip(written, drawn, strict=True)),
        floor=task.floor(),
    )


def _mean_error(task: Task[Answer], text: str, truths: Sequence[Answer]) -> float:
    """The mean error of one answer to every problem."""
    guess = task.parse(text)
    return fmean(task.bounded_error(guess, truth) for truth in truths)


def _best_constant(task: Task[Answer], written: Sequence[str], truths: Sequence[Answer], most: int) -> str:
    """Of the `most` first distinct answers, the one with the lowest mean error over the problems they come from."""
    candidates = islice(dict.fromkeys(written), most)
    return min(candidates, key=lambda text: _mean_error(task, text, truths))
