"""Runs that differ only in their seed become one group, and a group becomes one curve with its spread."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from plots.runs import Run, RunError

Axis = Literal["steps", "seconds"]
Spread = Literal["range", "std"]

COLUMN_OF_AXIS: dict[Axis, str] = {"steps": "step", "seconds": "seconds_total"}
# `env` is compared by its resolved id, and the task by its resolved fields: however they were typed.
NOT_COMPARED = ("seed", "run", "resume", "env", "task")
MOST_SETTINGS_IN_A_LABEL = 3


@dataclass(frozen=True, eq=False)
class Series:
    """One quantity against steps or seconds: `x` ascending, no x twice, `y` finite; both of shape (N,)."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean and spread of several series where all of them have values; every array of shape (N,)."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that are drawn as one curve, under one label."""

    label: str
    runs: tuple[Run, ...]


def group_runs(runs: Sequence[Run], each: bool = False) -> list[Group]:
    """Gather the runs that have the same env, task fields and settings, the seed apart.

    Args:
        runs: one or more runs, whose errors have the same unit.
        each: make every run a group of its own, named after its folder.

    Returns:
        The groups, in the order of their first runs. Each is named after the settings in which the groups
        differ (`learning_rate=0.01`), or after its first run where that would be a long list.

    Raises:
        RunError: no run, a run given twice, different units, or rewards beside anything else.

    """
    _check_comparable(runs)
    if each:
        names = _distinct_names(runs)
        return [Group(name, (run,)) for name, run in zip(names, runs, strict=True)]
    identities = [_identity(run) for run in runs]
    members: dict[str, list[int]] = {}
    for index, identity in enumerate(identities):
        members.setdefault(json.dumps(identity, sort_keys=True), []).append(index)
    firsts = [indices[0] for indices in members.values()]
    labels = _labels([identities[index] for index in firsts], [runs[index] for index in firsts])
    return [
        Group(label, tuple(runs[index] for index in indices))
        for label, indices in zip(labels, members.values(), strict=True)
    ]


def series_of(run: Run, table: Literal["evals", "metrics"], column: str, axis: Axis) -> Series:
    """Take a column of a run against steps or seconds, without its empty cells.

    Where an x comes twice the later row counts: the evaluation after the cold start is at step 0 like the
    one before it, and a resumed run repeats the steps since its checkpoint. A column that the run does not
    have is an empty series.
    """
    columns = run.evals if table == "evals" else run.metrics
    x, y = columns[COLUMN_OF_AXIS[axis]], columns.get(column)
    if y is None:
        return Series(np.empty(0), np.empty(0))
    kept = np.isfinite(x) & np.isfinite(y)
    # Reversed, because np.unique reports the first of equal values.
    ascending, last = np.unique(x[kept][::-1], return_index=True)
    return Series(ascending, y[kept][::-1][last])


def average(all_series: Sequence[Series], spread: Spread = "range") -> Curve:
    """Average series on a common grid.

    The grid is every x of any series between the latest start and the earliest end, so that each of its
    points is a mean over all of them; between their own points the series are interpolated linearly.

    Args:
        all_series: the series; empty ones are left out.
        spread: `range` for minimum and maximum, `std` for one standard deviation (n - 1) to either side.

    Returns:
        The curve: empty where the series nowhere overlap, the series itself where it is the only one.

    """
    filled = [series for series in all_series if series.x.size]
    if not filled:
        return Curve(*(np.empty(0) for _ in range(4)))
    start, end = max(series.x[0] for series in filled), min(series.x[-1] for series in filled)
    grid = np.unique(np.concatenate([series.x for series in filled]))
    grid = grid[(grid >= start) & (grid <= end)]
    values = np.stack([np.interp(grid, series.x, series.y) for series in filled])
    mean = values.mean(axis=0)
    if spread == "range":
        return Curve(grid, mean, values.min(axis=0), values.max(axis=0))
    deviation = values.std(axis=0, ddof=1) if len(filled) > 1 else np.zeros_like(mean)
    return Curve(grid, mean, mean - deviation, mean + deviation)


def smooth(series: Series, window: int) -> Series:
    """Average over `window` (odd) points around each; over fewer where an end cuts the window off."""
    if window <= 1 or not series.x.size:
        return series
    kernel = np.ones(window)
    counts = np.convolve(np.ones(series.y.size), kernel)
    half = window // 2
    middle = slice(half, half + series.y.size)
    return Series(series.x, np.convolve(series.y, kernel)[middle] / counts[middle])


def _check_comparable(runs: Sequence[Run]) -> None:
    if not runs:
        raise RunError("No run was given: name at least one folder, such as runs/clock.")
    seen = set()
    for run in runs:
        if run.folder.resolve() in seen:
            raise RunError(f"{run.folder} was given twice; it would count as two runs.")
        seen.add(run.folder.resolve())
    units: dict[str, list[Run]] = {}
    for run in runs:
        # rewards have no unit in which those of two envs could be compared
        unit = repr(run.unit or "no unit") if run.measure == "mae" else f"rewards of {run.env}"
        units.setdefault(unit, []).append(run)
    if len(units) > 1:
        given = "; ".join(
            f"{', '.join(str(run.folder) for run in members)} in {unit} ({members[0].env})"
            for unit, members in units.items()
        )
        raise RunError(
            f"The runs measure their errors in different units: {given}. Plot the runs of one unit at a time."
        )


def _identity(run: Run) -> dict[str, Any]:
    settings = {name: value for name, value in run.settings.items() if name not in NOT_COMPARED}
    return {"env": run.env, **_flat(run.task_fields, "task."), **_flat(settings)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _labels(identities: Sequence[Mapping[str, Any]], firsts: Sequence[Run]) -> list[str]:
    if len(identities) == 1:
        return [identities[0]["env"]]
    names = list(dict.fromkeys(name for identity in identities for name in identity))
    values = {name: [_shown(identity.get(name)) for identity in identities] for name in names}
    differing = [name for name in names if len(set(values[name])) > 1]
    each = range(len(identities))
    labels = [", ".join(f"{name}={values[name][index]}" for name in differing) for index in each]
    if len(differing) > MOST_SETTINGS_IN_A_LABEL or len(set(labels)) < len(labels):
        return _distinct_names(firsts)
    return labels


def _distinct_names(runs: Sequence[Run]) -> list[str]:
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
