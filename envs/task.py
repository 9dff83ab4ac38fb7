"""The contract: a `Task` makes a `Problem` from a random generator and gives any text a `Score`."""

import functools
import math
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from envs import answers, forms
from envs.fields import require_types
from envs.forms import MARKS, Form
from envs.problems import SPLITS, Problem, Score, problem_rng
from envs.rewards import RewardShape, Term, accuracy, bounds_of, canonical, formatted, task_terms
from rendering import Scene

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Task(ABC, Generic[Answer]):
    """A family of problems: how to draw one, how to read an answer, how wrong an answer is.

    A task is a frozen dataclass of plain fields, its configuration; `Answer` is whatever `read` returns
    (seconds on a dial, a number). To make one, subclass it, decorate with `@dataclass(frozen=True)`, set
    `unit`, `worst_error` and `pattern`, and write `generate`, `read` and `error`. A task that draws a picture
    also declares a field `size: int = 112`, the side of its pictures in pixels. `check_task` tells what is
    amiss.

    Attributes:
        unit: Unit of the error, such as "min"; "" for a bare number.
        worst_error: The error of a text without a committed answer, and the bound of every other error.
        pattern: What an answer looks like, for the lenient reading; must match in linear time.
        shifted_styles: Values of a field `style` that "varied" never shows: what a trained policy is tested on.
        tolerance: An error of at most this counts as correct, 0 to `worst_error`.
        period: Where answers lie on a dial, its length in the numbers of `number`; None where they do not.
        unsliced: Info keys that results are not sliced by, for they say nothing about the problem, such as a seed.
        reward_shape: How the error becomes the `accuracy` component, see `envs.rewards.shapes`.
        reward_sharpness: `k` of that shape; None takes the shape's default.
        accuracy_weight: Weight of `accuracy`, 0 and up.
        format_weight: Weight of `format`, 0 and up.
        rewards: What a text is paid for, as `--reward NAME WEIGHT` says it: texts `NAME WEIGHT`, or in Python weights
            by name, `{"correct": 2.0, "cosine:max_length=2000": 1.0}`; see `envs.rewards`. Where it is given it
            replaces the weights above: a part that it does not name has weight 0, and is only reported.
        form: The form of an answer (`envs.forms`): what prompts ask for, demonstrations show, and the components that
            look at the form pay; with `labels` an answer may also stand behind `Answer:`. None asks for
            `<answer>…</answer>`, and takes `<think>…</think>` before it.
    """

    unit: ClassVar[str]
    worst_error: ClassVar[float]
    pattern: ClassVar[re.Pattern[str]]
    shifted_styles: ClassVar[tuple[str, ...]] = ()
    tolerance: ClassVar[float] = 0.0
    period: ClassVar[float | None] = None
    unsliced: ClassVar[tuple[str, ...]] = ()

    reward_shape: RewardShape = "log"
    reward_sharpness: float | None = None
    accuracy_weight: float = 0.9
    format_weight: float = 0.1
    rewards: tuple[str, ...] = ()
    form: Form | None = None

    def __post_init__(self) -> None:
        """Check the fields; a subclass that checks its own calls `super().__post_init__()` first.

        Raises:
            ValueError: Where a field has the wrong type or is out of range, or no text can earn a reward.
        """
        object.__setattr__(self, "rewards", canonical(self.rewards))
        require_types(self)
        name = type(self).__name__
        if self.reward_sharpness is not None and not 0 < self.reward_sharpness < math.inf:
            raise ValueError(f"{name}.reward_sharpness must be above 0, got {self.reward_sharpness}.")
        if self.image_shape is not None and self.image_shape[0] < 1:
            raise ValueError(f"{name}.size must be at least 1 pixel, got {self.image_shape[0]}.")
        if self.form is not None and self.form not in MARKS:  # where a task of one's own has a field of that name
            raise ValueError(f"{name}.form must be one of {', '.join(MARKS)}, or None, got {self.form!r}.")
        self.terms  # noqa: B018 (read now, so that a bad reward is told before any work starts)

    @functools.cached_property
    def terms(self) -> tuple[Term, ...]:
        """The components of the reward with their weights, the task's own parts first.

        Raises:
            ValueError: For a component in `rewards` that is unknown or does not fit, or where nothing can be earned.
        """
        return task_terms(self)

    @property
    def reward_bounds(self) -> tuple[float, float]:
        """The least and the most that a text can earn, from the bounds of the components."""
        return bounds_of(self.terms)

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """`(H, W, 3)` of the pictures, from the field `size`; None for a text task, which has none."""
        size = getattr(self, "size", None)
        return None if size is None else (size, size, 3)

    @property
    def is_slow(self) -> bool:
        """Whether `error` takes milliseconds rather than microseconds: yardsticks are then estimated from less."""
        return False

    def levels(self) -> "Sequence[Task[Answer]]":
        """Easier versions of this task, the easiest first, up to the task itself: what a curriculum climbs.

        They differ in fields alone, and neither in the shape of their pictures nor in what is paid. The default is the
        task itself and nothing else: it has no difficulty.
        """
        return (self,)

    @abstractmethod
    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a problem; `rng` is the only source of chance."""

    def pose(self, seed: int, split: str) -> Problem:
        """The problem that a seed stands for: `generate` with a generator made of the seed and the split.

        Override it where that is not enough, as for problems that are rows of a file. Called by `problem`, which
        checks both arguments.
        """
        return self.generate(problem_rng(seed, split))

    def num_problems(self, split: str) -> int | None:
        """How many problems a split has, where they run out; None where they do not.

        Override it with `pose`. Of n problems the seeds 0 to n - 1 pose each one once, and the seeds s and s + n the
        same one: whoever goes through those seeds in any order has gone through the data once, an epoch.
        """
        return None

    @abstractmethod
    def read(self, text: str) -> Answer | None:
        """Read an answer from a piece of text that matches `pattern`.

        Returns:
            The answer; None where the text means nothing possible, such as 7:61. A ValueError counts as None.
        """

    @abstractmethod
    def error(self, answer: Answer, truth: Answer) -> float:
        """How wrong an answer is, in `unit`: 0 and up, finite. Clipped at `worst_error` when scored."""

    def error_parts(self, answer: Answer, truth: Answer) -> Mapping[str, float]:
        """What an error is made of, such as minutes lost to either hand of a clock.

        Returns:
            Values that are finite and 0 or more, under the same names for every answer and truth; {} where an error
            has no parts. They need not add up to `error`.
        """
        return {}

    def write(self, answer: Answer) -> str:
        """An answer as text, in the one form that it is shown in; `parse` reads the same answer back from it.

        The default does that for numbers: `str`, without exponents. A task with answers of another kind overrides it,
        or they are shown as Python shows them, and not depicted.
        """
        return answers.plain_number(answer) if isinstance(answer, float) else str(answer)

    def number(self, answer: Answer) -> float | None:
        """An answer as a number, to draw answers against truths: finite, 0 <= number < `period` where there is one.

        Returns:
            None for an answer that is no number.
        """
        return float(answer) if isinstance(answer, (int, float)) and not isinstance(answer, bool) else None

    def from_number(self, number: float) -> Answer | None:
        """The answer that lies nearest to a number of `number`'s: what policies that act in numbers answer with.

        The default reads the number itself as an answer, and then the nearest whole one. A task that overrides `number`
        overrides this too.

        Args:
            number: Finite; 0 <= number < `period` where there is one.

        Returns:
            None where numbers stand for no answers.
        """
        readings = (self.parse(answers.plain_number(value)) for value in (number, float(round(number))))
        return next((reading for reading in readings if reading is not None), None)

    def without_question(self, problem: Problem) -> str | None:
        """The prompt with the answer instruction alone, to guess by; None where all problems ask the same."""
        return None

    def depict(self, problem: Problem, answer: str) -> Scene | None:
        """The picture that this answer would be, such as a clock at the guessed time, or None."""
        return None

    def floor(self) -> float:
        """The mean error that the picture and the answer format leave to a perfect reader, in `unit`."""
        return 0.0

    def truth(self, answer: str) -> Answer:
        """Read `Problem.answer`; override it where that is more than an answer, such as JSON.

        Raises:
            ValueError: If it cannot be read, which no answer made by `generate` may cause.
        """
        truth = self.read(answer)
        if truth is None:
            raise ValueError(f"{type(self).__name__} cannot read {answer!r}, which should be a problem's answer.")
        return truth

    def best_answer(self, answer: str) -> str:
        """What a perfect policy writes between the tags: `Problem.answer` itself, unless that is JSON."""
        return answer

    def least_error(self, answer: str) -> float:
        """The error of the best answer, in `unit`: 0, unless it may be that a problem has no exact one."""
        return 0.0

    def demonstration(self, posed: Problem) -> str:
        """What a perfect policy writes, reasoning included: the text that supervised learning imitates.

        It is the solution where that earns as much as the bare answer between its tags, else the latter.
        """
        bare = self.reply(self.best_answer(posed.answer))
        worked = bare if posed.solution is None else self._in_form(posed)
        earned, most = (self.score(text, posed.answer).reward for text in (worked, bare))
        return worked if earned >= most else bare

    def instruction(self, answer: str, steps: str | None = None) -> str:
        """How to reply, in the task's form: what every prompt should end in.

        Args:
            answer: What stands for the answer, such as `NUMBER`.
            steps: What stands for the reasoning where the task has no form; None then asks for the answer alone.
        """
        return forms.instruction(self.form, answer, steps)

    def reply(self, answer: str, steps: str | None = None) -> str:
        """An answer in the task's form, after the steps that lead to it, if any are given."""
        return forms.reply(self.form, answer, steps)

    def committed(self, text: str) -> str | None:
        """The one answer that a text commits to, not read yet: see `envs.answers.committed`."""
        return answers.committed(text, forms.answer_label(self.form))

    def parse(self, text: str) -> Answer | None:
        """The committed answer: exactly one `<answer>…</answer>`, or a text that is nothing but the answer.

        Returns:
            None where there is no such answer, never a sentinel number.
        """
        body = self.committed(text)
        return None if body is None or not self.pattern.fullmatch(body) else self._read(body)

    def parse_lenient(self, text: str) -> Answer | None:
        """The last thing anywhere in the text that reads as an answer, or None."""
        readings = (self._read(candidate) for candidate in answers.candidates(text, self.pattern))
        return next((reading for reading in readings if reading is not None), None)

    def score(self, text: str, answer: str) -> Score:
        """Score any text against a problem's answer. Pure and thread-safe; no text makes it raise.

        Args:
            text: What the policy wrote.
            answer: `Problem.answer`.
        """
        told = self.judge(text, answer)
        lenient_error = self.bounded_error(self.parse_lenient(text), self.truth(answer))
        parts = self.parts(text, told["error"])
        if not told["parsed"]:
            parts = dict.fromkeys(parts, 0.0)
        parts |= {term.name: term.value(text, told) for term in self.terms if term.function is not None}
        weights = {term.name: term.weight for term in self.terms}
        reward = math.fsum(weights[name] * value for name, value in parts.items())
        return Score(reward, told["error"], told["parsed"], parts, lenient_error)

    def judge(self, text: str, answer: str) -> dict[str, Any]:
        """What the components of a reward are told of a text's answer: the values of `envs.rewards.TOLD` by name."""
        committed = self.parse(text)
        error = self.bounded_error(committed, self.truth(answer))
        return {
            "answer": answer,
            "committed": self.committed(text) or "",
            "error": error,
            "parsed": committed is not None,
            "correct": committed is not None and error <= self.tolerance,
            "worst_error": float(self.worst_error),
        }

    def parts(self, text: str, error: float) -> dict[str, float]:
        """The task's own reward components of a text whose committed answer is wrong by `error`, 0 to 1 each.

        A task that adds one, `correct` for instance, also declares its weight as a field, `correct_weight`. None
        may rise with the error. Those that the field `rewards` names come from `envs.rewards`.
        """
        near = accuracy(self.reward_shape, error, self.worst_error, self.reward_sharpness)
        return {"accuracy": near, "format": formatted(text, self.form)}

    def _in_form(self, posed: Problem) -> str:
        """The solution in the task's form, if it is one in `<think>…</think><answer>…</answer>`; else as it is."""
        solution = posed.solution or ""
        thought = forms.thought_of(solution)
        if self.form is None or thought is None or not forms.is_formatted(solution):
            return solution
        return self.reply(self.best_answer(posed.answer), thought)

    def bounded_error(self, answer: Answer | None, truth: Answer) -> float:
        """`error` clipped to 0 and `worst_error`; `worst_error` for no answer, and for an error of NaN."""
        error = self.worst_error if answer is None else self.error(answer, truth)
        return float(self.worst_error if math.isnan(error) else min(max(error, 0.0), self.worst_error))

    def _read(self, text: str) -> Answer | None:
        """`read`, where numbers that Python cannot make (overflow, too many digits) are no answer."""
        try:
            return self.read(text)
        except (ValueError, ArithmeticError):
            return None


def problem(task: Task, seed: int, split: str = "train") -> Problem:
    """The problem that a seed stands for, whatever was drawn before it and in whichever process.

    Args:
        task: The task.
        seed: Any whole number from 0 up.
        split: "train" or "eval": two streams that share no problem stream, even at equal seeds.

    Raises:
        ValueError: If the seed is negative or the split unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: use one of {', '.join(SPLITS)}.")
    seed = operator.index(seed)
    if seed < 0:
        raise ValueError(f"A seed must be 0 or more, got {seed}.")
    return task.pose(seed, split)
