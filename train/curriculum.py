"""A curriculum: problems become harder as the answers to them become good enough.

The idea is that of Bengio et al. 2009, https://doi.org/10.1145/1553374.1553380; that what is measured decides how hard
the next problems are, and aims at an even chance of success, where rewards differ most, that of Shi et al. 2025,
AdaRFT, https://arxiv.org/abs/2504.05520. Here the difficulty has steps, the levels of a task (`Task.levels`), which are
only ever climbed; some problems of the levels below stay in every batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

import envs
from agents.rollout import Rollout
from envs.levels import level_name, levels_of
from train.config import Settings
from train.curriculum_options import QUANTILE, WINDOW, WORST
from train.seeds import curriculum_rng


class Climber(Protocol):
    """Who climbs: the part of a run's state that a checkpoint keeps."""

    step: int
    """Steps made so far."""
    level: int
    """Where it is, from 0, the easiest, up."""
    level_measured: list[float]
    """What the last steps at this level came to."""


class Curriculum:
    """Says at which levels a step's problems are posed, and when the next level is reached.

    Args:
        config: resolved settings, with a `curriculum`.
        task: the whole task.
        say: tells the user something.
    """

    def __init__(self, config: Settings, task: envs.Task, say: Callable[[str], None]) -> None:
        self.config, self.task, self.say = config, task, say
        self.names = [level_name(task, level) for level in levels_of(task)]
        """The levels in words."""
        self.window = config.curriculum_window or WINDOW
        self.quantile = config.curriculum_quantile or QUANTILE
        self.threshold = config.curriculum_threshold
        if self.threshold is None:
            self.threshold = WORST * task.worst_error

    def levels_of_places(self, step: int, level: int) -> list[int]:
        """The level of each of a step's P problems: this one, or for review any below it."""
        P, review = self.config.problems_per_step, self.config.curriculum_review or 0.0
        rng = curriculum_rng(self.config.seed, step)
        reviewed, below = rng.random(P) < review, (rng.random(P) * level).astype(int)
        return np.where(reviewed & (level > 0), below, level).tolist()

    def climb(self, state: Climber, rollout: Rollout, levels: Sequence[int]) -> dict[str, float | None]:
        """Measure a step's answers at its level, and go to the next one if they are good enough.

        Args:
            state: of the run after this step; its level may rise.
            rollout: the step's answers, as they were drawn first.
            levels: of its P problems.

        Returns:
            columns of `metrics.csv`: `level`, counted from 1, that the step was at; `level_success`, the share of its
            answers at that level within the task's tolerance; `level_error`, the quantile of their errors. None each
            where no problem was posed there.
        """
        here = np.repeat(np.asarray(levels) == state.level, len(rollout.texts) // len(levels))
        told: dict[str, float | None] = {"level": state.level + 1, "level_success": None, "level_error": None}
        if not here.any():
            return told
        errors = np.asarray(rollout.infos["error"], dtype=float)[here]
        right = np.asarray(rollout.infos["parsed"], dtype=bool)[here] & (errors <= self.task.tolerance)
        success, error = float(right.mean()), float(np.quantile(errors, self.quantile))
        measured = success if self.config.curriculum == "success" else error
        state.level_measured = [*state.level_measured, measured][-self.window :]
        if state.level < len(self.names) - 1 and self._good_enough(state.level_measured):
            self._announce(state)
            state.level, state.level_measured = state.level + 1, []
        return told | {"level_success": success, "level_error": error}

    def _good_enough(self, measured: Sequence[float]) -> bool:
        if len(measured) < self.window or self.threshold is None:
            return False
        mean = float(np.mean(measured))
        return mean >= self.threshold if self.config.curriculum == "success" else mean <= self.threshold

    def _announce(self, state: Climber) -> None:
        mean = float(np.mean(state.level_measured))
        found = (
            f"{mean:.0%} right"
            if self.config.curriculum == "success"
            else f"{mean:.3g} {self.task.unit}".rstrip() + " off"
        )
        self.say(
            f"from step {state.step + 1} on at level {state.level + 2} of {len(self.names)}: "
            f"{self.names[state.level + 1]}, after {found} in the last {self.window} steps"
        )


def require_levels(config: Any, task: envs.Task | None) -> None:
    """Refuse a curriculum of what has no difficulty.

    Args:
        config: a `train.config.TrainConfig`.
        task: that of the environment; None if it is not made from one.

    Raises:
        ValueError: naming the environment.
    """
    if config.curriculum is None:
        return
    if task is None:
        raise ValueError(
            f"--curriculum climbs the levels of a Task, and {config.env} is not made from one; leave it out"
        )
    if len(levels_of(task)) < 2:
        raise ValueError(
            f"--curriculum needs a task with a difficulty, and {config.env} with these fields has one level alone: the "
            "rows of a file, and problems that are as easy as they can be, have none; a task of your own tells its own "
            "by `levels`. Leave --curriculum out"
        )
    threshold = config.curriculum_threshold
    if config.curriculum == "error" and threshold is not None and threshold >= task.worst_error:
        raise ValueError(
            f"--curriculum-threshold {threshold:g} is met by any answer, for the worst error is {task.worst_error:g} "
            f"{task.unit}".rstrip()
        )
