"""`check_task`: which rules a task breaks, in words."""

from collections.abc import Callable, Iterator
from typing import Any

from envs.forms import MARKS
from envs.problems import SPLITS
from envs.rewards.form import PAID_FORMS
from envs.rules import RULES, Sample, check_class, check_fields, check_problems, words
from envs.scoring_rules import SCORING_RULES, check_components
from envs.task import Task, problem


def check_task(task: Task | type[Task], samples: int = 32, seed: int = 0) -> list[str]:
    """Find the rules that a task breaks.

    Args:
        task: A task, or a class to be made with its defaults.
        samples: How many problems to draw, from 2 up.
        seed: The first problem's seed.

    Returns:
        One sentence per broken rule; nothing is raised. An empty list means that the task is fit to train on.

    Raises:
        ValueError: If `samples` is below 2.
    """
    if samples < 2:
        raise ValueError(f"check_task needs at least 2 samples, got {samples}.")
    if not isinstance(task, Task):
        task_class = task
        try:
            task = task_class()
        except Exception as error:
            return [f"{task_class.__name__}() must work with its defaults, but raises {words(error)}."]
    broken = [*_run(check_class, task), *_run(check_fields, task)]
    if broken:
        return broken  # what follows would only repeat it
    seeds = tuple(range(seed, seed + samples))
    try:
        drawn = Sample(task, "train", seeds, tuple(problem(task, s) for s in seeds))
    except Exception as error:
        return [f"generate must not raise, but raises {words(error)}."]
    broken = _run(check_problems, drawn)
    if broken:
        return broken
    broken = _run(check_components, drawn)
    if broken:
        return broken  # a reward that does not work would make others seem broken
    return [sentence for rule in (*RULES, *SCORING_RULES) for sentence in _run(rule, drawn)]


def unasked_form(task: Task) -> str | None:
    """Which form is paid for and not asked for, in words; None where there is none."""
    prompt = problem(task, 0).prompt
    for term in task.terms:
        style = term.style if term.name in PAID_FORMS and term.weight > 0 else None
        if style is not None and not all(mark in prompt for mark in MARKS[style]):
            return (
                f"reward {term.name!r} pays for the form {style!r}, and prompts do not ask for it; --task.form {style} "
                "has them do so"
            )
    return None


def repeated(task: Task, samples: int = 32, seed: int = 0) -> list[str]:
    """In which splits problems repeat, in words: fewer questions than it seems are trained on, or measured by.

    Problems that run out (`num_problems`) are left out, for they come round again by design.
    """
    found = []
    for split in SPLITS:
        if task.num_problems(split) is None:
            posed = (problem(task, s, split) for s in range(seed, seed + samples))
            different = len({(one.prompt, one.scene) for one in posed})
            if different < samples:
                found.append(f"problems repeat: {different} different questions among {samples} of the split {split}")
    return found


def _run(rule: Callable[[Any], Iterator[str]], subject: Any) -> list[str]:
    """What a rule finds; that it raises is a finding too."""
    found = []
    try:
        for sentence in rule(subject):
            found.append(sentence)
    except Exception as error:
        found.append(f"{rule.__doc__} But checking it raised {words(error)}.")
    return found
