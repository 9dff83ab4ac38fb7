"""Rules on a task's fields and problems: each yields a sentence for what a task does wrong, for `check_task`."""

import dataclasses
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.answers import is_unicode, tagged
from envs.fields import RESERVED
from envs.forms import Form, is_asked_for
from envs.levels import level_name, levels_of
from envs.problems import Problem
from envs.task import Task, problem
from rendering import render

TAKEN_INFO = (
    *("seed", "answer", "best_answer", "best_reply", "demonstration", "error", "lenient_error", "parsed"),
    *("episode", "final_obs", "final_info"),
)
"""Info keys that the environments and Gymnasium's wrappers set themselves."""


@dataclass(frozen=True)
class Sample:
    """A task with some of its problems."""

    task: Task
    split: str
    seeds: tuple[int, ...]
    problems: tuple[Problem, ...]

    def best_text(self, posed: Problem) -> str:
        """What a perfect policy writes."""
        return self.task.reply(self.task.best_answer(posed.answer))


def words(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}"


def short(text: str) -> str:
    """A text in quotes, its beginning if it is long."""
    return repr(text) if len(text) <= 60 else f"{text[:40]!r}... ({len(text)} characters)"


def asking(form: Form | None) -> str:
    """What a prompt must do."""
    if form is None:
        return f"The prompt must ask for the answer as {tagged('…')}"
    return (
        f"The prompt must ask for the form {form!r}, and for no other: end it in self.instruction(...), which asks for "
        "whichever form is set, or leave form out"
    )


def check_class(task: Task) -> Iterator[str]:
    """The class must declare `unit`, `worst_error` and `pattern`; what else it declares must be of use."""
    kind = type(task)
    if not isinstance(getattr(kind, "unit", None), str):
        yield f"{kind.__name__}.unit must be a string, such as 'min', or '' for a bare number."
    worst = getattr(kind, "worst_error", None)
    if not isinstance(worst, (int, float)) or not 0 < worst < math.inf:
        yield f"{kind.__name__}.worst_error must be finite and above 0, got {worst!r}: errors are bounded."
        return
    if not isinstance(getattr(kind, "pattern", None), re.Pattern):
        yield f"{kind.__name__}.pattern must be a compiled regular expression: what an answer looks like."
    if not isinstance(kind.tolerance, (int, float)) or not 0 <= kind.tolerance <= worst:
        yield f"{kind.__name__}.tolerance must be from 0 to worst_error {worst}, got {kind.tolerance!r}."
    if kind.period is not None and (not isinstance(kind.period, (int, float)) or not 0 < kind.period < math.inf):
        yield f"{kind.__name__}.period must be finite and above 0, or None, got {kind.period!r}."
    if not isinstance(kind.unsliced, tuple) or not all(isinstance(key, str) for key in kind.unsliced):
        yield f"{kind.__name__}.unsliced must be a tuple of info keys, got {kind.unsliced!r}."


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
        for rule, found in _problem_faults(posed, sample.task.form):
            broken.setdefault(rule, f"{rule}, got {found} (seed {seed}).")
    yield from broken.values()


def _problem_faults(posed: Problem, form: Form | None) -> Iterator[tuple[str, str]]:
    """Rules that one problem breaks, each with what was found instead."""
    if not isinstance(posed, Problem):
        yield "generate must return a Problem", repr(posed)
        return
    if not isinstance(posed.answer, str):
        yield "Problem.answer must be a string", repr(posed.answer)
    if not isinstance(posed.prompt, str):
        yield "Problem.prompt must be a string", repr(posed.prompt)
    elif not is_asked_for(form, posed.prompt):
        yield asking(form), repr(posed.prompt)
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


def _check_levels(sample: Sample) -> Iterator[str]:
    """Levels must end in the task itself, and each of them pose problems that can be answered."""
    try:
        levels = levels_of(sample.task)
    except ValueError as error:
        yield str(error)
        return
    for level in levels[:-1]:
        posed = problem(level, sample.seeds[0], sample.split)
        score = level.score(tagged(level.best_answer(posed.answer)), posed.answer)
        if not score.parsed:
            yield f"The best answer must be read at each level, but is not at {level_name(sample.task, level)}."


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


RULES = (
    _check_seeds,
    _check_number,
    _check_levels,
    _check_pictures,
)
