"""Stable-Baselines3: pictures to look at and numbers to answer with, for libraries whose policies write no texts.

The views are Gymnasium wrappers, and know a task by what it tells of itself: its `period`, its numbers, its answers.
Nothing here imports Stable-Baselines3, so they serve other libraries too.
"""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from envs.adapters.arguments import whole_number
from envs.question import QuestionEnv
from envs.registry import make_task, resolve
from envs.task import Task, problem

SAMPLES, SLOW_SAMPLES = 2000, 128
"""How many training problems tell a task's range and answers; fewer where scoring is slow."""

FEW = 8
"""How many of them tell of what kind they are."""

MOST_CHOICES = 256
"""How many different answers are a choice by themselves; of more, some have to be chosen."""

DIGITS = 6
"""How many digits of a number are written: about as many as an action, a float32, has."""


class AnswerView(gym.ActionWrapper, ABC):
    """Numbers for answers. An action that holds NaN or infinity stands for an empty answer, which earns the least."""

    name: ClassVar[str]

    def __init__(self, env: gym.Env) -> None:
        """Wrap an environment that `envs.register` registered.

        Raises:
            ValueError: For another one, or where the view does not fit its answers.
        """
        super().__init__(env)
        self.task = task_of(env)

    def action(self, action: Any) -> str:
        """The text that an action stands for, in the task's form."""
        return self.task.reply(self.text(action) if np.all(np.isfinite(action)) else "")

    @abstractmethod
    def text(self, action: Any) -> str:
        """The answer that an action stands for, without tags."""


class DialView(AnswerView):
    """Cosine and sine of where the answer lies on its dial, `Box(-1, 1, (2,))`, for tasks with a `period`.

    The direction counts, not the length: on the clock `(1, 0)` is 12:00, `(0, 1)` 3:00, and `(0.1, 0.1)` 1:30.
    """

    name = "dial"

    def __init__(self, env: gym.Env) -> None:
        """See `AnswerView`."""
        super().__init__(env)
        self.period = _period(self.task)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def text(self, action: Any) -> str:
        """The answer in that direction."""
        cosine, sine = (float(part) for part in action)
        turn = math.atan2(sine, cosine) / (2 * math.pi) % 1.0
        return _written(self.task, turn * self.period)


class NumberView(AnswerView):
    """A place between the lowest and the highest answer, `Box(-1, 1, (1,))`, for tasks with numbers."""

    name = "number"

    def __init__(self, env: gym.Env, low: float | None = None, high: float | None = None) -> None:
        """Find the range.

        Args:
            env: See `AnswerView`.
            low: The answer that -1 stands for; None takes the lowest of some thousands of training problems.
            high: The answer that 1 stands for, above `low`; None takes the highest.

        Raises:
            ValueError: Where the task's answers are no numbers, or the range is empty.
        """
        super().__init__(env)
        found = _range(self.task, SAMPLES if None in (low, high) else FEW)
        self.low, self.high = found[0] if low is None else low, found[1] if high is None else high
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"low must be below high, both finite, got {self.low} and {self.high}.")
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def text(self, action: Any) -> str:
        """The answer at that place of the range."""
        share = (min(max(float(np.asarray(action).item()), -1.0), 1.0) + 1.0) / 2.0
        return _written(self.task, self.low + share * (self.high - self.low))


class ChoiceView(AnswerView):
    """One of n answers, `Discrete(n)`, for any task; `texts` has them."""

    name = "choice"

    def __init__(self, env: gym.Env, bins: int | None = None) -> None:
        """Find the answers.

        Args:
            env: See `AnswerView`.
            bins: So many answers, at equal distances round the dial or over the range of numbers, 2 and up; None takes
                all that some thousands of training problems have, at most 256, in the order of their numbers.

        Raises:
            ValueError: Where there are too many, or numbers are needed and there are none.
        """
        super().__init__(env)
        self.texts = _all_answers(self.task) if bins is None else self._spread(bins)
        self.action_space = gym.spaces.Discrete(len(self.texts))

    def text(self, action: Any) -> str:
        """The answer of that number."""
        return self.texts[int(action)]

    def _spread(self, bins: int) -> tuple[str, ...]:
        """Answers at equal distances; fewer where several are written alike."""
        bins = whole_number("bins", bins, 2)
        if self.task.period is not None:
            numbers = [_period(self.task) * k / bins for k in range(bins)]
        else:
            low, high = _range(self.task, SAMPLES)
            numbers = [low + (high - low) * k / (bins - 1) for k in range(bins)]
        return tuple(dict.fromkeys(_written(self.task, number) for number in numbers))


VIEWS: dict[str, type[AnswerView]] = {view.name: view for view in (DialView, NumberView, ChoiceView)}


class PictureView(gym.ObservationWrapper):
    """The picture alone as observation, uint8 `(H, W, 3)`; Stable-Baselines3 moves the channels to the front itself."""

    def __init__(self, env: gym.Env) -> None:
        """Look at the task; a warning tells where its prompts are not all the same, for they are not shown.

        Raises:
            ValueError: For a text task, whose observations hold nothing but a text.
        """
        super().__init__(env)
        task = task_of(env)
        if task.image_shape is None:
            raise ValueError(
                f"{_name(task)} shows no picture, and a policy over numbers cannot read its text: take a task with "
                "pictures, or a library with language models."
            )
        if len({problem(task, seed).prompt for seed in range(FEW)}) > 1:
            warnings.warn(
                f"{_name(task)} asks different questions, which a policy that sees the picture alone cannot know.",
                stacklevel=2,
            )
        self.observation_space = env.observation_space["image"]

    def observation(self, observation: dict[str, Any]) -> np.ndarray:
        """The picture."""
        return observation["image"]


def to_sb3(
    name: str,
    view: str | Callable[[gym.Env], gym.Env] | None = None,
    split: str = "train",
    bins: int | None = None,
    **fields: Any,
) -> gym.Env:
    """A task as an environment of pictures and numbers, such as PPO trains on.

    `PPO("CnnPolicy", to_sb3("clock", size=48)).learn(20_000)`; the pictures must have 36 pixels or more for that
    policy. The step's info has `error` and `parsed`.

    Args:
        name: `clock`, `eyechart/Clock-v0`, `module:name`.
        view: "dial" (cosine and sine), "number" or "choice", or a wrapper for the environment. None takes the first
            that fits: "dial" for a task with a period, "number" where answers are numbers, else "choice".
        split: "train", or "eval" for held-out problems.
        bins: For "choice": among how many answers, see `ChoiceView`.
        **fields: The task's fields.

    Raises:
        ValueError: For an unknown name, field or view, a text task, or a view that does not fit the answers.
    """
    spec = resolve(name)
    task = make_task(spec, **fields)
    if view is None:
        view = "choice" if bins is not None else fitting_view(task)
    if not callable(view) and (not isinstance(view, str) or view not in VIEWS):
        raise ValueError(f"Unknown view {view!r}: use one of {', '.join(VIEWS)}, or a wrapper.")
    if bins is not None and view != ChoiceView.name:
        raise ValueError(f"bins={bins} is for the view {ChoiceView.name!r}, got {view!r}.")
    env = PictureView(gym.make(spec.id, split=split, **fields))
    if callable(view):
        return view(env)
    return ChoiceView(env, bins) if view == ChoiceView.name else VIEWS[view](env)


def fitting_view(task: Task) -> str:
    """The name of the view that fits a task: its dial, its numbers, or its answers."""
    if task.period is not None:
        return DialView.name
    return NumberView.name if _numbers(task, FEW) else ChoiceView.name


def task_of(env: gym.Env) -> Task:
    """The task of an environment, wrapped or not.

    Raises:
        ValueError: If it is not made from a task.
    """
    bare = env.unwrapped
    if not isinstance(bare, QuestionEnv):
        raise ValueError(f"{bare} is not made from a Task, so nothing is known of its answers: envs.register one.")
    return bare.task


def _numbers(task: Task, samples: int) -> list[float]:
    """The numbers of the best answers to some training problems; none where one of them has no number."""
    numbers = [_number(task, text) for text in _texts(task, samples)]
    found = [number for number in numbers if number is not None]
    return found if len(found) == len(numbers) else []


def _number(task: Task, text: str) -> float | None:
    answer = task.parse(text)
    return None if answer is None else task.number(answer)


def _texts(task: Task, samples: int) -> list[str]:
    """The best answers to some training problems, few where scoring is slow."""
    samples = min(samples, SLOW_SAMPLES) if task.is_slow else samples
    return [task.best_answer(problem(task, seed).answer) for seed in range(samples)]


def _range(task: Task, samples: int) -> tuple[float, float]:
    """The lowest and the highest number among the answers to some training problems."""
    numbers = _numbers(task, samples)
    if not numbers:
        raise ValueError(f"The answers of {_name(task)} are no numbers: take the view 'choice', without bins.")
    _require_inverse(task, numbers)
    return min(numbers), max(numbers)


def _period(task: Task) -> float:
    """The length of a task's dial."""
    if task.period is None:
        raise ValueError(f"The answers of {_name(task)} lie on no dial (it has no period): take 'number' or 'choice'.")
    _require_inverse(task, _numbers(task, FEW))
    return task.period


def _require_inverse(task: Task, numbers: list[float]) -> None:
    """Refuse a task that makes other answers of numbers than it made the numbers of."""
    for number in numbers[:FEW]:
        back = _number(task, _written(task, number))
        apart = math.inf if back is None else abs(back - number)
        if min(apart, abs((task.period or math.inf) - apart)) > max(1e-5 * abs(number), 1e-9):
            raise ValueError(
                f"{_name(task)}.from_number must give the answer that has a number, but what it gives for {number} "
                f"has {back}: override from_number along with number."
            )


def _written(task: Task, number: float) -> str:
    """The answer that a number stands for, as text; "" where it stands for none."""
    rounded = float(f"{number:.{DIGITS}g}")
    answer = task.from_number(rounded if task.period is None else rounded % task.period)
    return "" if answer is None else task.write(answer)


def _all_answers(task: Task) -> tuple[str, ...]:
    """The different answers that a task's problems have, in the order of their numbers or letters."""
    texts = sorted(set(_texts(task, SAMPLES)))
    if len(texts) > MOST_CHOICES:
        raise ValueError(
            f"{_name(task)} has {len(texts)} different answers or more, too many to choose from: give bins, such as "
            "bins=100, where answers are numbers."
        )
    numbers = {text: _number(task, text) for text in texts}
    return tuple(sorted(texts, key=lambda text: (numbers[text] is None, numbers[text] or 0.0)))


def _name(task: Task) -> str:
    return type(task).__name__
