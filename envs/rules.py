"""The rules that `check_task` goes through: each yields a sentence for what a task does wrong."""

import dataclasses
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from envs.answers import CLOSE, OPEN, is_unicode, tagged
from envs.fields import RESERVED
from envs.task import Problem, Score, Task, problem
from rendering import render

TAKEN_INFO = (
    *("seed", "answer", "best_answer", "demonstration", "error", "lenient_error", "parsed"),
    *("episode", "final_obs", "final_info"),
)
"""Info keys that the environments and Gymnasium's wrappers set themselves."""

JUNK = (
    "",
    " \n\t",
    "\x00",
    "\ud800",
    "no idea",
    "99:99:99",
    "nan",
    "-inf",
    "1e999",
    "٣",
    "9" * 5000,
    "{" * 5000,
    OPEN,
    CLOSE,
    CLOSE + OPEN,
    tagged(""),
    tagged("nan"),
    tagged("9" * 5000),
    tagged("-1e999"),
    tagged("99:99:99"),
    tagged("\udfff"),
    OPEN * 5000,
    "[" * 100_000,
    "1" * 100_000,
    "1:" * 50_000,
)
"""Texts that a policy may well write and that no scorer may stumble over."""


@dataclass(frozen=True)
class Sample:
    """A task with some of its problems."""

    task: Task
    split: str
    seeds: tuple[int, ...]
    problems: tuple[Problem, ...]

    def best_text(self, posed: Problem) -> str:
        """What a perfect policy writes."""
        return tagged(self.task.best_answer(posed.answer))


def words(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}"


def short(text: str) -> str:
    """A text in quotes, its beginning if it is long."""
    return repr(text) if len(text) <= 60 else f"{text[:40]!r}... ({len(text)} characters)"


def check_class(task: Task) -> Iterator[str]:
    """The class must declare `unit`, `worst_error` and `pattern`."""
    kind = type(task)
    if not isinstance(getattr(kind, "unit", None), str):
        yield f"{kind.__name__}.unit must be a string, such as 'min', or '' for a bare number."
    worst = getattr(kind, "worst_error", None)
    if not isinstance(worst, (int, float)) or not 0 < worst < math.inf:
        yield f"{kind.__name__}.worst_error must be finite and above 0, got {worst!r}: errors are bounded."
    if not isinstance(getattr(kind, "pattern", None), re.Pattern):
        yield f"{kind.__name__}.pattern must be a compiled regular expression: what an answer looks like."


def check_fields(task: Task) -> Iterator[str]:
    """The task must be a frozen dataclass of plain, hashable fields."""
    kind = type(task)
    if "__dataclass_params__" not in vars(kind):
        yield f"{kind.__name__} must be decorated with @dataclass(frozen=True), or its fields are not fields."
        return
    for field in dataclasses.fields(task):
        if field.name in RESERVED:
            yield f"The field {field.name!r} must be renamed: Gymnasium uses that name itself."
    try:
        hash(task)
    except TypeError as error:
        yield f"The task must be hashable, with tuples for lists and no dicts, but {error}."
        return
    if dataclasses.replace(task) != task:
        yield "Two tasks with equal fields must be equal: leave eq as the dataclass makes it."


def check_problems(sample: Sample) -> Iterator[str]:
    """Problems must hold a prompt, an answer and plain info."""
    broken: dict[str, str] = {}  # one example of each
    for seed, posed in zip(sample.seeds, sample.problems, strict=True):
        for rule, found in _problem_faults(posed):
            broken.setdefault(rule, f"{rule}, got {found} (seed {seed}).")
    yield from broken.values()


def _problem_faults(posed: Problem) -> Iterator[tuple[str, str]]:
    """Rules that one problem breaks, each with what was found instead."""
    if not isinstance(posed, Problem):
        yield "generate must return a Problem", repr(posed)
        return
    if not isinstance(posed.answer, str):
        yield "Problem.answer must be a string", repr(posed.answer)
    if not isinstance(posed.prompt, str):
        yield "Problem.prompt must be a string", repr(posed.prompt)
    elif OPEN not in posed.prompt or CLOSE not in posed.prompt:
        yield f"The prompt must ask for the answer as {tagged('…')}", repr(posed.prompt)
    elif not is_unicode(posed.prompt):
        yield "The prompt must hold no half characters (lone surrogates)", repr(posed.prompt)
    if not isinstance(posed.solution, (str, type(None))):
        yield "Problem.solution must be a string or None", repr(posed.solution)
    for key, value in posed.info.items():
        if not isinstance(key, str) or key in TAKEN_INFO or key.startswith(("reward/", "_")):
            yield "Info keys must be strings that the environment does not use itself", repr(key)
        if type(value) not in (bool, int, float, str) or value != value:
            yield "Info values must be plain bool, int, float (no NaN) or str", f"{key}={value!r}"


def _check_seeds(sample: Sample) -> Iterator[str]:
    """One seed must fix one problem."""
    np_state, state = np.random.get_state(), random.getstate()  # noqa: NPY002 (to see whether a task uses it)
    try:
        for seed, posed in reversed(list(zip(sample.seeds, sample.problems, strict=True))):
            if problem(sample.task, seed, sample.split) != posed:
                yield (
                    f"One seed must fix one problem, but seed {seed} gives another one the second time: "
                    "draw from `rng` alone and keep nothing between calls."
                )
                break
        if not _same_state(np_state, np.random.get_state()) or state != random.getstate():  # noqa: NPY002
            yield "generate must draw from `rng` alone, but it draws from a global random generator."
    finally:
        np.random.set_state(np_state)  # noqa: NPY002
        random.setstate(state)
    if len({(posed.prompt, posed.answer, posed.scene) for posed in sample.problems}) == 1:
        yield f"Seeds must give different problems, but all {len(sample.seeds)} tried give the same."


def _check_number(sample: Sample) -> Iterator[str]:
    """Problems that run out must come round again."""
    number = sample.task.num_problems(sample.split)
    if number is None:
        return
    if type(number) is not int or number < 1:
        yield f"num_problems must be a whole number from 1 up, or None, got {number!r}."
        return
    for seed, posed in zip(sample.seeds, sample.problems, strict=True):
        if problem(sample.task, seed + number, sample.split) != posed:
            yield f"Of {number} problems, seeds {seed} and {seed + number} must pose the same one, but do not."
            return


def _same_state(before: Any, after: Any) -> bool:
    return before[2:] == after[2:] and bool(np.array_equal(before[1], after[1]))


def _check_pictures(sample: Sample) -> Iterator[str]:
    """A problem's scene must render."""
    shape = sample.task.image_shape
    for seed, posed in zip(sample.seeds, sample.problems, strict=True):
        if (posed.scene is None) != (shape is None):
            yield "A task must have a field `size` and every problem a scene, or neither of them has one."
            return
        if posed.scene is None or shape is None:
            return
        try:
            hash(posed.scene)
            picture = render(posed.scene, shape[:2])
        except Exception as error:
            yield f"Every scene must render, but that of seed {seed} raises {words(error)}."
            return
        if picture.shape != shape:
            yield f"A picture must be {shape}, got {picture.shape} (seed {seed})."
            return


def _check_oracle(sample: Sample) -> Iterator[str]:
    """The truth must be read, without error, and earn the most there is."""
    for posed in sample.problems:
        text = sample.best_text(posed)
        for wording in (text, sample.task.best_answer(posed.answer)):
            score = sample.task.score(wording, posed.answer)
            if not score.parsed or score.error != 0.0:
                yield (f"The truth must be read with error 0, but {short(wording)} gets {_told(score)}.")
                return
        reward = sample.task.score(text, posed.answer).reward
        shown = sample.task.demonstration(posed)
        if sample.task.score(shown, posed.answer).reward < reward:
            yield f"demonstration must earn the most, but {short(shown)} earns less than {short(text)}."
            return
        for other in sample.problems:
            better = sample.task.score(sample.best_text(other), posed.answer).reward
            if better > reward:
                yield f"The truth must earn the most, but {short(text)} earns {reward} and another {better}."
                return


def _check_errors(sample: Sample) -> Iterator[str]:
    """Errors must lie between 0 and `worst_error`."""
    worst = sample.task.worst_error
    answers = [sample.task.parse(sample.best_text(posed)) for posed in sample.problems]
    for posed in sample.problems:
        for answer, other in zip(answers, sample.problems, strict=True):
            if answer is None:
                continue  # the oracle's rule says so
            raw = sample.task.error(answer, sample.task.truth(posed.answer))
            if not 0.0 <= raw < math.inf:
                yield f"error must be finite and 0 or more, got {raw} ({other.answer} for {posed.answer})."
                return
            score = sample.task.score(sample.best_text(other), posed.answer)
            if not 0.0 <= score.error <= worst:
                yield f"A scored error must be at most worst_error {worst}, but is {score.error}."
                return


def _check_reward_falls(sample: Sample) -> Iterator[str]:
    """The reward must not rise with the error."""
    for posed in sample.problems:
        scores = [sample.task.score(sample.best_text(other), posed.answer) for other in sample.problems]
        scores.sort(key=lambda score: score.error)
        for near, far in pairwise(scores):
            if far.error > near.error and far.reward > near.reward + 1e-12:
                yield (
                    "The reward must not rise with the error, but an error of "
                    f"{near.error} earns {near.reward} and one of {far.error} earns {far.reward}."
                )
                return


def _check_junk(sample: Sample) -> Iterator[str]:
    """Any text must get a score, and one without an answer the worst error and the least reward."""
    posed, other = sample.problems[0], sample.problems[1]
    readable = [sample.task.score(sample.best_text(each), posed.answer).reward for each in sample.problems]
    listed = "".join(sample.best_text(each) for each in sample.problems)
    for text in (*JUNK, listed, sample.best_text(posed) + sample.best_text(other)):
        try:
            score = sample.task.score(text, posed.answer)
        except Exception as error:
            yield f"score must never raise, but on {short(text)} it raises {words(error)}."
            return
        if score.parsed and text.count(OPEN) > 1:
            yield f"Several answers are no answer, but {short(text)} gets {_told(score)}."
            return
        if not score.parsed and (score.error != sample.task.worst_error or score.reward > min(readable)):
            yield (
                "A text without an answer must get worst_error and no more reward than any answer, "
                f"but {short(text)} gets {_told(score)}."
            )
            return
        if not (0.0 <= score.error <= sample.task.worst_error and -math.inf < score.reward <= max(readable)):
            yield f"Every score must be bounded, but {short(text)} gets {_told(score)}."
            return


def _check_pure(sample: Sample) -> Iterator[str]:
    """The same text must get the same score."""
    first, *_, last = sample.problems
    texts = (sample.best_text(last), tagged(""), "no idea")
    for text in texts:
        if sample.task.score(text, first.answer) != sample.task.score(text, first.answer):
            yield f"score must be a pure function, but {short(text)} gets two different scores."
            return


def _check_depict(sample: Sample) -> Iterator[str]:
    """Any answer must depict as a scene or None."""
    shape = sample.task.image_shape
    posed, other = sample.problems[0], sample.problems[1]
    for answer in (sample.task.best_answer(other.answer), "", "99:99:99", "\ud800"):
        try:
            scene = sample.task.depict(posed, answer)
            if scene is not None and shape is not None:
                render(scene, shape[:2])
        except Exception as error:
            yield f"depict must give a scene or None, but on {short(answer)} it raises {words(error)}."
            return


def _told(score: Score) -> str:
    return f"error {score.error}, reward {score.reward}, parsed {score.parsed}"


RULES = (
    _check_seeds,
    _check_number,
    _check_pictures,
    _check_oracle,
    _check_errors,
    _check_reward_falls,
    _check_junk,
    _check_pure,
    _check_depict,
)
