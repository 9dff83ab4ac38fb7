"""What is posed, and what an answer to it earned: plain data, with the seeds of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rendering import Scene

Scalar = bool | int | float | str

SPLITS = ("train", "eval")
"""Streams of problems that have nothing in common, whatever seeds are used: training and held-out."""


@dataclass(frozen=True)
class Problem:
    """One question, with all that is needed to pose it and to score an answer to it.

    Attributes:
        prompt: What the policy reads, answer instructions included.
        answer: The truth as a string; JSON where scoring needs more than one value.
        scene: What the policy sees; None for a text task.
        solution: Worked text that ends in the answer, or None.
        info: Plain scalars (bool, int, float, str) that describe the problem, for slicing results.
    """

    prompt: str
    answer: str
    scene: Scene | None = None
    solution: str | None = None
    info: Mapping[str, Scalar] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Score:
    """What one text earned.

    Attributes:
        reward: The weighted sum of `parts`, within the task's `reward_bounds`. A text without a committed answer gets
            the least there is, which is 0 unless there are penalties.
        error: In the task's unit, 0 to `worst_error`; `worst_error` for a text without a committed answer.
        parsed: Whether the text commits to an answer.
        parts: Each reward component before its weight, within its bounds: `accuracy`, `format` and those the task
            adds, 0 to 1; and those that its field `rewards` names.
        lenient_error: The error of the last thing in the text that reads as an answer; never rewarded.
    """

    reward: float
    error: float
    parsed: bool
    parts: Mapping[str, float]
    lenient_error: float


def problem_rng(seed: int, split: str) -> np.random.Generator:
    """All the chance of the problem that a seed stands for; splits have streams of their own, even at equal seeds."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(SPLITS.index(split),))))
