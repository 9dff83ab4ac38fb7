"""The levels of a task: easier versions of it, which a curriculum climbs one by one."""

import dataclasses
import operator
from typing import Any

from envs.task import Task


def levels_of(task: Task) -> tuple[Task, ...]:
    """`task.levels()`, held to what they promise.

    Raises:
        ValueError: Where they do not end in the task itself, or differ from it in more than how hard they are.
    """
    name, levels = type(task).__name__, tuple(task.levels())
    if not levels or levels[-1] != task:
        raise ValueError(f"{name}.levels() must end in the task itself, got {levels[-1] if levels else 'none'}.")
    for level in levels:
        if type(level) is not type(task):
            raise ValueError(f"{name}.levels() must all be tasks of that class, got {level!r}.")
        if (level.image_shape, level.reward_bounds) != (task.image_shape, task.reward_bounds):
            raise ValueError(
                f"{name}.levels() must have pictures of one shape and pay the same, but {level_name(task, level)} does "
                "not: take other fields to make it easier."
            )
    return levels


def level_name(task: Task, level: Task) -> str:
    """The fields by which a level differs from the task: `every=3600`; "the whole task" where none do."""
    names = [
        field.name for field in dataclasses.fields(task) if getattr(level, field.name) != getattr(task, field.name)
    ]
    return ", ".join(f"{name}={getattr(level, name)!r}" for name in names) or "the whole task"


def require_level(level: Any, levels: int) -> int:
    """A level as a plain number.

    Raises:
        ValueError: For one that there is not.
    """
    try:
        number = operator.index(level)
    except TypeError:
        number = -1
    if not 0 <= number < levels:
        raise ValueError(f"A level must be a whole number from 0, the easiest, to {levels - 1}, got {level!r}.")
    return number
