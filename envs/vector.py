"""Many questions at once: whole groups posed from one seed, each distinct seed drawn and rendered once."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.levels import levels_of, require_level
from envs.problems import Problem
from envs.question import (
    SEED_LIMIT,
    TextSpace,
    draw,
    metadata,
    observation_space,
    question_info,
    require_modes,
    step_info,
)
from envs.registry import build_task
from envs.task import Task, problem

Posed = tuple[int, int]
"""A question: its seed, and its level, counted from the end: -1 is the task itself."""


class QuestionVectorEnv(VectorEnv[dict[str, Any], Sequence[str], np.ndarray]):
    """Many questions at once; what `gymnasium.make_vec` gives for a registered task.

    A group is several envs with one seed: `reset(seed=[s] * G + [t] * G)`. Each distinct seed is drawn and
    rendered once per reset, and its envs get copies of the same bytes. Every step ends every episode, and
    nothing is reset by itself: call `reset` before each `step`.

    Observation: `{"image": uint8 (B, H, W, 3), "prompt": tuple of B strings}`, without `image` for a text
    task. Infos in Gymnasium's layout: an array of B values per key, and beside it the boolean array `_key`.
    """

    def __init__(
        self,
        num_envs: int,
        task: "str | type[Task] | Task",
        split: str = "train",
        render_mode: str | None = None,
        **fields: Any,
    ) -> None:
        """Make the environments; the arguments beside `num_envs` are those of `QuestionEnv`.

        Args:
            num_envs: How many, from 1 up.
            task: `module:Class`; or the class, or a task.
            split: "train" or "eval".
            render_mode: "rgb_array" lets `render` return the pictures.
            **fields: The task's fields.

        Raises:
            ValueError: For an unknown split, render mode or field, or a bad value.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs must be 1 or more, got {num_envs}.")
        self.task = build_task(task, **fields)
        require_modes(split, render_mode, self.task)
        self.num_envs, self.split, self.render_mode = num_envs, split, render_mode
        self.metadata = metadata(self.task) | {"autoreset_mode": AutoresetMode.DISABLED}
        self.single_observation_space, self.single_action_space = observation_space(self.task), TextSpace()
        self._spaces: dict[str, gym.Space] = {}
        self._posed: list[Posed] = []
        self._rows = np.zeros(num_envs, dtype=np.intp)  # env -> its row in what follows, one row per distinct question
        self._tasks: list[Task] = []
        self._problems: list[Problem] = []
        self._told: list[dict[str, Any]] = []
        self._pictures: np.ndarray | None = None
        self._finished = np.ones(num_envs, dtype=bool)

    @property
    def observation_space(self) -> gym.Space:
        """The batched observations; made when first asked for, its bounds being a batch of pictures each."""
        return self._batched("observation", self.single_observation_space)

    @property
    def action_space(self) -> gym.Space:
        """A tuple of `num_envs` texts."""
        return self._batched("action", self.single_action_space)

    def _batched(self, name: str, single: gym.Space) -> gym.Space:
        if name not in self._spaces:
            self._spaces[name] = batch_space(single, self.num_envs)
        return self._spaces[name]

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Pose a question in every env.

        Args:
            seed: One per env, equal ones make a group; an int s stands for s, s+1, ...; None draws them all.
            options: `{"reset_mask": bool (B,)}` resets some envs only, as Gymnasium has it. `{"level": k}`, or B of
                them, poses the questions at levels of the task, from 0, the easiest of `task.levels()`, up.

        Raises:
            ValueError: If the number of seeds is not `num_envs`, or there is no such level.
        """
        mask, levels = self._reset_mask(options), self._asked_levels((options or {}).get("level"))
        drawn = list(zip(self._draw_seeds(seed), levels, strict=True))
        old = self._posed or drawn
        self._pose([drawn[i] if mask[i] else old[i] for i in range(self.num_envs)], mask)
        self._finished = self._finished & ~mask
        return self._observation(), _columns(self._infos(), mask)

    def step(self, actions: Sequence[str]) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Score every env's answer text and end every episode.

        Args:
            actions: One text per env.

        Raises:
            ResetNeeded: If some env's question is already answered, or none is posed yet.
            ValueError: If the number of texts is not `num_envs`.
        """
        if self._finished.any():
            raise ResetNeeded("Some envs have no open question: call reset() before each step().")
        if len(actions) != self.num_envs:
            raise ValueError(f"Expected {self.num_envs} texts, one per env, got {len(actions)}.")
        self._finished[:] = True
        truths = [self._problems[row].answer for row in self._rows]
        tasks = [self._tasks[row] for row in self._rows]
        scores = [task.score(text, truth) for task, text, truth in zip(tasks, actions, truths, strict=True)]
        infos = [info | step_info(score) for info, score in zip(self._infos(), scores, strict=True)]
        rewards = np.array([score.reward for score in scores], dtype=np.float64)
        everywhere, nowhere = np.ones(self.num_envs, dtype=bool), np.zeros(self.num_envs, dtype=bool)
        return self._observation(), rewards, everywhere, nowhere, _columns(infos, everywhere)

    def render(self) -> tuple[np.ndarray, ...] | None:
        """The current pictures, one per env; None without `render_mode="rgb_array"`.

        Raises:
            ResetNeeded: If no question is posed yet.
        """
        if self.render_mode is None:
            return None
        if self._pictures is None:
            raise ResetNeeded("There are no pictures yet: call reset() before render().")
        return tuple(self._pictures[row].copy() for row in self._rows)

    def _reset_mask(self, options: Mapping[str, Any] | None) -> np.ndarray:
        mask = (options or {}).get("reset_mask")
        if mask is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            raise ValueError(f"reset_mask must be {self.num_envs} truth values, got {mask!r}.")
        if not self._posed and not mask.all():
            raise ResetNeeded("The first reset() must be of every env.")
        return mask

    @functools.cached_property
    def _levels(self) -> tuple[Task, ...]:
        return levels_of(self.task)

    def _at(self, level: int) -> Task:
        return self.task if level == -1 else self._levels[level]

    def _asked_levels(self, level: Any) -> list[int]:
        """The level of each env, counted from the end."""
        if level is None:
            return [-1] * self.num_envs
        numbers = [level] * self.num_envs if np.ndim(level) == 0 else list(level)
        if len(numbers) != self.num_envs:
            raise ValueError(f"Expected one level, or {self.num_envs}, one per env, got {len(numbers)}.")
        return [require_level(number, len(self._levels)) - len(self._levels) for number in numbers]

    def _draw_seeds(self, seed: int | Sequence[int | None] | None) -> list[int]:
        """One seed per env. Given seeds also start the generator anew, so what follows is repeatable."""
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
            return [int(seed) + i for i in range(self.num_envs)]
        seeds = [None] * self.num_envs if seed is None else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"Expected {self.num_envs} seeds, one per env, got {len(seeds)}.")
        given = [int(s) for s in seeds if s is not None]
        if any(s < 0 for s in given):
            raise ValueError(f"A seed must be 0 or more, got {min(given)}.")
        if len(given) == self.num_envs:
            self.np_random = np.random.default_rng(given)
        return [int(self.np_random.integers(SEED_LIMIT)) if s is None else int(s) for s in seeds]

    def _pose(self, asked: list[Posed], mask: np.ndarray) -> None:
        """Draw and render each distinct question once; those of envs outside the mask are posed already."""
        kept = {self._posed[i]: self._rows[i] for i in np.flatnonzero(~mask)}
        rows: dict[Posed, int] = {}
        row_of_env = np.array([rows.setdefault(one, len(rows)) for one in asked])
        tasks = [self._at(level) for _, level in rows]
        posed = [
            self._problems[kept[one]] if one in kept else problem(task, one[0], self.split)
            for one, task in zip(rows, tasks, strict=True)
        ]
        pictures: list[Any] = [
            self._pictures[kept[one]] if one in kept and self._pictures is not None else draw(task, drawn)
            for one, task, drawn in zip(rows, tasks, posed, strict=True)
        ]
        self._pictures = None if self.task.image_shape is None else np.stack(pictures)
        self._posed, self._rows, self._problems, self._tasks = asked, row_of_env, posed, tasks
        self._told = [question_info(task, seed, one) for (seed, _), task, one in zip(rows, tasks, posed, strict=True)]

    def _observation(self) -> dict[str, Any]:
        image = {} if self._pictures is None else {"image": self._pictures[self._rows]}  # indexing copies
        return image | {"prompt": tuple(self._problems[row].prompt for row in self._rows)}

    def _infos(self) -> list[dict[str, Any]]:
        return [dict(self._told[row]) for row in self._rows]


def _columns(infos: Sequence[Mapping[str, Any]], mask: np.ndarray) -> dict[str, Any]:
    """Gymnasium's layout: per key an array of `(B,)` values, zero or None outside the mask, and `_key`."""
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for info, chosen in zip(infos, mask, strict=True) if chosen for name in info):
        present = np.array([bool(chosen) and name in info for info, chosen in zip(infos, mask, strict=True)])
        values = [info[name] for info, there in zip(infos, present, strict=True) if there]
        column: np.ndarray = np.zeros(len(infos), dtype=_dtype(values))
        if column.dtype == object:
            column[:] = None
        column[present] = values
        columns[name], columns[f"_{name}"] = column, present
    return columns


def _dtype(values: Sequence[Any]) -> type:
    """The array type that holds all values as they are: bool, int, float, or object for anything else."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return bool
    if kinds == {int}:
        return int if all(-(2**63) <= value < 2**63 for value in values) else object
    return float if kinds <= {int, float} else object
