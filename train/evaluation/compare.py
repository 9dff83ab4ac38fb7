"""Two or more policies on the same problems, paired problem by problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.evaluation.bootstrap import Interval, interval
from train.evaluation.figures import Scale, difference, figure_draws, main_columns
from train.evaluation.grid import Grid

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Shares:
    """Which of two policies answered better, as shares of the problems that sum to 1."""

    better: float
    """Problems where the other is better than the reference."""
    worse: float
    ties: float


@dataclass(frozen=True)
class Comparison:
    """D evaluations of the same problems; the first is the reference."""

    env: str
    task: Mapping[str, Any] | None
    names: tuple[str, ...]
    """Short names (D,), all different."""
    models: tuple[str, ...]
    problems: int
    samples: tuple[int, ...]
    """Answers to each problem (D,)."""
    figures: Mapping[str, tuple[Interval | None, ...]]
    """For each figure, that of each evaluation (D,); None where it has none."""
    differences: Mapping[str, tuple[Interval | None, ...]]
    """For each figure, other − reference of each evaluation after the first (D − 1,), paired."""
    judged_by: str | None
    """What `shares` counts: `mae`, smaller is better, or `reward`, larger is better; None where neither is told."""
    shares: tuple[Shares, ...]
    """Of each evaluation after the first (D − 1,), by the mean over the samples of each problem; else none."""


def compare(documents: Sequence[Document]) -> Comparison:
    """Compare evaluations of the same problems; the first is the reference.

    The intervals of the differences are paired: each resample draws the same problems for all (`bootstrap`).

    Args:
        documents: evaluation files as read, of the same environment, task and problems. They may differ in the number
            of samples; figures that only some of them have are not subtracted.

    Raises:
        ValueError: fewer than two, or naming what they differ in.
    """
    if len(documents) < 2:
        raise ValueError(f"a comparison needs at least two evaluations, got {len(documents)}")
    names = _names(documents)
    for name, document in zip(names[1:], documents[1:], strict=True):
        _require_same_task(names[0], documents[0], name, document)
    grids = [Grid([row for row in document["rows"] if row["condition"] == "asked"]) for document in documents]
    for name, grid in zip(names[1:], grids[1:], strict=True):
        _require_same_problems(names[0], grids[0], name, grid)
    draws = [figure_draws(grid, _scale(document)) for grid, document in zip(grids, documents, strict=True)]
    every = list(dict.fromkeys(name for one in draws for name in one))
    columns = [main_columns(grid, tolerance=None) for grid in grids]
    judged_by = next((name for name in ("mae", "reward") if all(name in one for one in columns)), None)
    shares = [] if judged_by is None else [_shares(columns[0], one, judged_by) for one in columns[1:]]
    return Comparison(
        env=documents[0]["env"],
        task=documents[0]["task"],
        names=names,
        models=tuple(document["model"] for document in documents),
        problems=grids[0].shape[0],
        samples=tuple(grid.shape[1] for grid in grids),
        figures={name: tuple(interval(one[name]) if name in one else None for one in draws) for name in every},
        differences={name: tuple(_difference(draws[0], one, name) for one in draws[1:]) for name in every},
        judged_by=judged_by,
        shares=tuple(shares),
    )


def excludes_zero(one: Interval | None) -> bool:
    """Whether an interval of a difference has 0 outside."""
    return one is not None and not one["low"] <= 0 <= one["high"]


def _names(documents: Sequence[Document]) -> tuple[str, ...]:
    """Short names, numbered where several are the same."""
    names: list[str] = []
    for document in documents:
        name, number = document["name"], 1
        while name in names:
            number += 1
            name = f"{document['name']} ({number})"
        names.append(name)
    return tuple(names)


def _scale(document: Document) -> Scale:
    """What a document's errors are held against, and the ks that it was summarised for."""
    task, yardsticks = _settings(document), document.get("yardsticks") or {}
    ks = (document.get("settings") or {}).get("k", ())
    return Scale(yardsticks.get("chance"), task.get("tolerance"), task.get("worst_error"), task.get("period"), ks)


def _difference(reference: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], name: str) -> Interval | None:
    return interval(difference(reference[name], other[name])) if name in reference and name in other else None


def _shares(reference: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], judged_by: str) -> Shares:
    change = difference(*(np.sort(one[judged_by], axis=1).mean(axis=1) for one in (reference, other)))
    gain = -change if judged_by == "mae" else change
    return Shares(*(float(np.mean(which)) for which in (gain > 0, gain < 0, gain == 0)))


def _require_same_task(name: str, reference: Document, other_name: str, other: Document) -> None:
    if reference["env"] != other["env"]:
        raise ValueError(
            f"{name!r} is an evaluation on {reference['env']!r} and {other_name!r} on {other['env']!r}; "
            "compare evaluations on the same environment"
        )
    task, other_task = _settings(reference), _settings(other)
    different = [
        f"{field} is {task.get(field)!r} in {name!r} and {other_task.get(field)!r} in {other_name!r}"
        for field in dict.fromkeys([*task, *other_task])
        if task.get(field) != other_task.get(field)
    ]
    if different:
        raise ValueError(
            f"the evaluations are of different tasks: {'; '.join(different)}; "
            "evaluate both with the same --task flags, or judge them alike by --tolerance"
        )


def _settings(document: Document) -> dict[str, Any]:
    """A task's fields and what else its scores depend on, flat; without a task, the tolerance that was asked for."""
    task = document["task"]
    if task is None:
        return {"tolerance": document["settings"].get("tolerance")}
    return {name: value for name, value in task.items() if name != "fields"} | dict(task.get("fields") or {})


def _require_same_problems(name: str, reference: Grid, other_name: str, other: Grid) -> None:
    advice = "evaluate both on the same problems"
    if reference.shape[0] != other.shape[0]:
        raise ValueError(
            f"{name!r} has answers to {reference.shape[0]} problems and {other_name!r} to {other.shape[0]}; "
            "evaluate both with the same --eval-size"
        )
    if missing := sorted(set(reference.seeds) - set(other.seeds)):
        raise ValueError(
            f"{len(missing)} problem seeds of {name!r}, such as {missing[0]}, are not in {other_name!r}; {advice}"
        )
    for field in ("prompt", "answer"):
        pairs = zip(reference.problems, other.problems, strict=True)
        different = [one[0]["seed"] for one, two in pairs if one[0].get(field) != two[0].get(field)]
        if different:
            raise ValueError(
                f"{name!r} and {other_name!r} have another {field} for {len(different)} problems, such as seed "
                f"{different[0]}; {advice}, made by the same version"
            )
