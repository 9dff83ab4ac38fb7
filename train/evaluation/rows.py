"""What one answer came to: the fields of a row that depend on the task, and the picture that the answer would be.

A row stands in an evaluation's file, or in a run's `samples.jsonl`. What a policy wrote is data, however odd: where a
task stumbles over it, a field is None, and nothing is raised.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

import envs
from envs.rules import TAKEN_INFO
from rendering import render

T = TypeVar("T")


def row_of(task: envs.Task | None, posed: envs.Problem | None, text: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row that depend on the task.

    Args:
        task: what was asked; None for an environment that knows nothing of tasks, whose infos are then all there is.
        posed: the problem; None without a task.
        text: what was answered, untrusted.
        told: what the environment told of it (`at_row`).

    Returns:
        `answer` (the truth), `parsed`, `error` and `lenient_error` as they were told; `read` and `lenient_read`, the
        strict and the lenient reading as `Task.write` writes them; `parts` of the reward and `error_parts`;
        `truth_number` and `read_number`; `info`. Everything is plain JSON: numbers are finite, what is not known is
        None or {}.
    """
    row = {
        "answer": told.get("answer"),
        **{name: told.get(name) for name in ("parsed", "error")},
        "read": None,
        "lenient_error": told.get("lenient_error"),
        "lenient_read": None,
        "parts": {name.removeprefix("reward/"): told[name] for name in told if name.startswith("reward/")},
        "error_parts": {},
        "truth_number": None,
        "read_number": None,
        "info": {name: told[name] for name in told if name not in TAKEN_INFO and not name.startswith("reward/")},
    }
    if task is None or posed is None:
        return row
    row |= {"answer": posed.answer, "info": {name: plain(value) for name, value in posed.info.items()}}
    truth = attempt(lambda: task.truth(posed.answer))
    if truth is not None:
        row["truth_number"] = plain(attempt(lambda: task.number(truth)))
    read, lenient = attempt(lambda: task.parse(text)), attempt(lambda: task.parse_lenient(text))
    if lenient is not None:
        row["lenient_read"] = attempt(lambda: str(task.write(lenient)))
    if read is not None:
        row["read"] = attempt(lambda: str(task.write(read)))
        row["read_number"] = plain(attempt(lambda: task.number(read)))
        row["error_parts"] = attempt(lambda: finite(task.error_parts(read, truth))) or {}
    return row


def depicted(task: envs.Task | None, posed: envs.Problem | None, read: str | None) -> np.ndarray | None:
    """The picture that an answer would be, as large as the task's own.

    Args:
        task: what was asked; None for an environment that knows nothing of tasks.
        posed: the problem; None without a task.
        read: the strict reading, as `row_of` gives it.

    Returns:
        uint8 `(H, W, 3)`; None where there is no such picture.
    """
    if task is None or posed is None or read is None or task.image_shape is None:
        return None
    size = task.image_shape[:2]
    scene = attempt(lambda: task.depict(posed, read))
    return None if scene is None else attempt(lambda: render(scene, size))


def at_row(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """What one environment told: plain values, of infos in gymnasium's vector layout.

    Args:
        infos: an array of B values for each name, and for some names beside it a boolean one, `_name`.
        row: which environment.

    Returns:
        values by name; without those that this environment did not give, or that are no single plain value.
    """
    told = {}
    for name, values in infos.items():
        present = infos.get(f"_{name}")
        if name.startswith("_") or isinstance(values, Mapping) or (present is not None and not present[row]):
            continue
        value = plain(values[row])
        if isinstance(value, (bool, int, float, str)):
            told[name] = value
    return told


def plain(value: Any) -> Any:
    """A value as JSON has it: NumPy's scalars as Python's, None for a number that is not finite."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def finite(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Those that are finite."""
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}


def attempt(make: Callable[[], T]) -> T | None:
    """What a task makes of an answer; None where it raises, for no answer may end a run."""
    try:
        return make()
    except Exception:
        return None
