"""A task as a Gymnasium environment: one question an episode, posed by `reset` and scored by `step`."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from envs.levels import levels_of, require_level
from envs.problems import SPLITS, Problem, Score
from envs.registry import build_task
from envs.task import Task, problem
from rendering import render

SEED_LIMIT = 2**31
"""Unseeded resets draw their seed below this."""


class TextSpace(gym.Space[str]):
    """Any text: a `str` of at most `max_length` characters, whichever they are.

    Gymnasium's own `Text` asks for a character set, which for Unicode takes seconds and megabytes.
    """

    def __init__(self, max_length: int = 2**30, seed: int | np.random.Generator | None = None) -> None:
        """Make the space.

        Args:
            max_length: The most characters a text may have, 0 and up.
            seed: For `sample`.

        Raises:
            ValueError: If `max_length` is negative.
        """
        if max_length < 0:
            raise ValueError(f"max_length must be 0 or more, got {max_length}.")
        self.max_length = int(max_length)
        super().__init__(shape=None, dtype=None, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Never: a text has no fixed size."""
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """At most 32 printable ASCII characters. `mask` and `probability` are not used."""
        length = self.np_random.integers(0, min(self.max_length, 32), endpoint=True)
        return bytes(self.np_random.integers(32, 127, size=length, dtype=np.uint8)).decode("ascii")

    def contains(self, x: Any) -> bool:
        """Whether `x` is a `str` that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace) and other.max_length == self.max_length

    def __hash__(self) -> int:
        return hash((TextSpace, self.max_length))

    def __repr__(self) -> str:
        return f"TextSpace({self.max_length})"


def observation_space(task: Task) -> gym.spaces.Dict:
    """`Dict(image=Box(0, 255, (H, W, 3), uint8), prompt=TextSpace())`, without `image` for a text task."""
    spaces: dict[str, gym.Space] = {"prompt": TextSpace()}
    if task.image_shape is not None:
        spaces["image"] = gym.spaces.Box(0, 255, task.image_shape, np.uint8)
    return gym.spaces.Dict(spaces)


def draw(task: Task, posed: Problem) -> np.ndarray | None:
    """The picture of a problem, uint8 `(H, W, 3)`; None for a text task.

    Raises:
        ValueError: If the problem has a scene and the task no `size`, or the other way round.
    """
    shape = task.image_shape
    if (shape is None) != (posed.scene is None):
        has, lacks = ("a scene", "field `size`") if shape is None else ("a field `size`", "scene")
        raise ValueError(f"{type(task).__name__} made a problem with {has} but no {lacks}: give it both or neither.")
    return None if posed.scene is None or shape is None else render(posed.scene, shape[:2])


def require_modes(split: str, render_mode: str | None, task: Task) -> None:
    """Refuse an unknown split or render mode.

    Raises:
        ValueError: Naming what was given and what is known.
    """
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: use one of {', '.join(SPLITS)}.")
    modes = metadata(task)["render_modes"]
    if render_mode is not None and render_mode not in modes:
        known = ", ".join(modes) or "none, for a text task shows no picture"
        raise ValueError(f"Unknown render_mode {render_mode!r}; known: {known}.")


def metadata(task: Task) -> dict[str, Any]:
    """Gymnasium's metadata; a text task has no picture to render."""
    return {"render_modes": ["rgb_array"] if task.image_shape else [], "render_fps": 1}


def question_info(task: Task, seed: int, posed: Problem) -> dict[str, Any]:
    """The info of a question: seed, answer, what a perfect policy writes, and the problem's own scalars."""
    return {
        "seed": seed,
        "answer": posed.answer,
        "best_answer": task.best_answer(posed.answer),
        "best_reply": task.reply(task.best_answer(posed.answer)),
        "demonstration": task.demonstration(posed),
        **posed.info,
    }


def step_info(score: Score) -> dict[str, Any]:
    """What `step` adds to the info of `reset`."""
    info: dict[str, Any] = {
        "error": score.error,
        "lenient_error": score.lenient_error,
        "parsed": score.parsed,
    }
    return info | {f"reward/{name}": value for name, value in score.parts.items()}


class QuestionEnv(gym.Env[dict[str, Any], str]):
    """One question an episode. The action is the whole answer text; `step` scores it and terminates.

    Observation: `{"image": uint8 (H, W, 3), "prompt": str}`, without `image` for a text task. Info: `seed`,
    `answer`, `best_answer` (what a perfect policy writes between the tags: the answer, unless that is JSON),
    `best_reply` (that in the form it is asked for, without reasoning),
    `demonstration` (all that it writes) and the problem's own scalars; after the step also
    `error`, `lenient_error`, `parsed` and `reward/<part>` for each component of the reward.

    `reset(seed=s)` poses problem s of the env's split, whatever was posed before; an unseeded `reset` draws s
    from the env's own generator.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 1}  # noqa: RUF012 (as Gymnasium's)

    def __init__(
        self,
        task: "str | type[Task] | Task",
        split: str = "train",
        render_mode: str | None = None,
        **fields: Any,
    ) -> None:
        """Make the environment.

        Args:
            task: `module:Class`; or the class, or a task.
            split: "train" or "eval".
            render_mode: "rgb_array" lets `render` return the picture.
            **fields: The task's fields.

        Raises:
            ValueError: For an unknown split, render mode or field, or a field's bad value.
        """
        self.task = build_task(task, **fields)
        require_modes(split, render_mode, self.task)
        self.split, self.render_mode, self.metadata = split, render_mode, metadata(self.task)
        self.observation_space, self.action_space = observation_space(self.task), TextSpace()
        self._posing = self.task  # the level that the problem is posed at
        self._problem: Problem | None = None
        self._picture: np.ndarray | None = None
        self._seed, self._finished = 0, True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Pose problem `seed` of the split, or a random one.

        Args:
            seed: Which problem; None draws one.
            options: `{"level": k}` poses it at a level of the task, from 0, the easiest of `task.levels()`, up.

        Raises:
            ValueError: For a level that there is not.
        """
        level = (options or {}).get("level")
        levels = (self.task,) if level is None else levels_of(self.task)
        self._posing = levels[-1 if level is None else require_level(level, len(levels))]
        super().reset(seed=seed)
        self._seed = int(self.np_random.integers(SEED_LIMIT)) if seed is None else seed
        self._problem = problem(self._posing, self._seed, self.split)
        self._picture = draw(self._posing, self._problem)
        self._finished = False
        return self._observation(self._problem), self._info(self._problem)

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Score an answer text and end the episode.

        Raises:
            ResetNeeded: If the question is already answered, or none is posed yet.
        """
        if self._problem is None or self._finished:
            raise ResetNeeded("There is no open question: call reset() before each step().")
        self._finished = True
        score = self._posing.score(action, self._problem.answer)
        info = self._info(self._problem) | step_info(score)
        return self._observation(self._problem), score.reward, True, False, info

    def render(self) -> np.ndarray | None:
        """The current picture, uint8 `(H, W, 3)`; None without `render_mode="rgb_array"`.

        Raises:
            ResetNeeded: If no question is posed yet.
        """
        if self.render_mode is None:
            return None
        if self._picture is None:
            raise ResetNeeded("There is no picture yet: call reset() before render().")
        return self._picture.copy()

    def _observation(self, posed: Problem) -> dict[str, Any]:
        image = {} if self._picture is None else {"image": self._picture.copy()}
        return image | {"prompt": posed.prompt}

    def _info(self, posed: Problem) -> dict[str, Any]:
        return question_info(self._posing, self._seed, posed)
