"""Reading an evaluation file: figures with intervals, slices and every answer, as one JSON document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plots.fields import number, numbers, optional, required
from plots.rows import Row, row_of
from plots.runs import Measure, RunError

FORMAT = "eyechart evaluation"
VERSION = 1
ASKED = "asked"


@dataclass(frozen=True)
class Interval:
    """A figure and its 95% interval; both ends are the value itself where there is no interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Condition:
    """One way of posing the problems, and what came of it.

    Attributes:
        name: `asked`, `blank`, `shuffled`, `no-question`, or a style.
        kind: `asked`, `control` or `style`.
        problems: how many problems.
        answers: how many answers.
        figures: by name, in the order to show them; a figure that does not exist is left out.

    """

    name: str
    kind: str
    problems: int
    answers: int
    figures: Mapping[str, Interval]


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the asked problems: those whose info has the label, or lies between `low` and `high`, both included."""

    label: str
    low: float | None
    high: float | None
    problems: int
    figures: Mapping[str, Interval]


@dataclass(frozen=True, eq=False)
class Slices:
    """The asked problems cut by one info key."""

    by: str
    slices: tuple[Slice, ...]


@dataclass(frozen=True, eq=False)
class EvaluationFile:
    """One evaluation of one policy; every text in it is untrusted.

    Attributes:
        path: the file, as it was given.
        env: the environment's id.
        model: the policy, as the user named it.
        name: its short name.
        measure: what it is judged by: `mae`, or `reward` where the env tells no errors.
        unit: the unit of every error; empty where there is none.
        worst_error: what an answer that cannot be read costs; None where the env has no task.
        tolerance: the error that still counts as correct, in the unit.
        period: the length of the dial that the answers lie on, in the unit of `Row.truth_number`; None without one.
        policy: plain facts about it.
        settings: how it was asked.
        yardsticks: errors by name, possibly none.
        versions: of Python and the packages.
        git_commit: of the code that ran; None where unknown.
        seconds: how long it took; None where unknown.
        conditions: `asked` first.
        drops: by condition, what it changed: figures of the condition minus those of `asked`, problem by problem.
        slices: of the asked problems.
        rows: every answer.
        images: pictures by id, as data URIs; not checked.

    """

    path: Path
    env: str
    model: str
    name: str
    measure: Measure
    unit: str
    worst_error: float | None
    tolerance: float
    period: float | None
    policy: Mapping[str, Any]
    settings: Mapping[str, Any]
    yardsticks: Mapping[str, float]
    versions: Mapping[str, Any]
    git_commit: str | None
    seconds: float | None
    conditions: tuple[Condition, ...]
    drops: Mapping[str, Mapping[str, Interval]]
    slices: tuple[Slices, ...]
    rows: tuple[Row, ...]
    images: Mapping[str, str]

    @property
    def measured(self) -> Interval | None:
        """The asked condition's MAE, or mean reward where the env tells no errors; None where it has none."""
        return self.conditions[0].figures.get(self.measure)


def read_evaluation(path: str | Path) -> EvaluationFile:
    """Read an evaluation file.

    Args:
        path: a file that `train.evaluate` wrote.

    Raises:
        RunError: it is missing, no evaluation, of a newer version, or broken; the message names the place.

    """
    path = Path(path)
    document = _read_document(path)
    where = str(path)
    task = optional(document, "task", dict, where)
    conditions = tuple(_conditions(required(document, "conditions", list, where), where))
    rows = required(document, "rows", list, where)
    images = optional(document, "images", dict, where) or {}
    measure: Measure = "mae" if task is not None or "mae" in conditions[0].figures else "reward"
    return EvaluationFile(
        path=path,
        env=required(document, "env", str, where),
        model=required(document, "model", str, where),
        name=required(document, "name", str, where),
        measure=measure,
        unit=optional(task or {}, "unit", str, where) or "",
        worst_error=number(task or {}, "worst_error", where),
        tolerance=number(task or {}, "tolerance", where) or 0.0,
        period=number(task or {}, "period", where),
        policy=optional(document, "policy", dict, where) or {},
        settings=optional(document, "settings", dict, where) or {},
        yardsticks=_yardsticks(document, where),
        versions=optional(document, "versions", dict, where) or {},
        git_commit=optional(document, "git_commit", str, where),
        seconds=number(document, "seconds", where),
        conditions=conditions,
        drops=_drops(document, where),
        slices=tuple(_slices(document, where)),
        rows=_rows(rows, where),
        images={name: uri for name, uri in images.items() if isinstance(uri, str)},
    )


def _read_document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise RunError(f"{path} {what}: give an evaluation file, which python -m train.evaluate writes.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is not valid JSON ({error}); an evaluation file is.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RunError(f'{path} is not an evaluation file (it has no "format": "{FORMAT}").')
    version = required(document, "version", int, str(path))
    if version < 1:
        raise RunError(f"{path} is broken: there is no version {version} of evaluation files.")
    if version > VERSION:
        raise RunError(
            f"{path} was written by a newer Eyechart (version {version}; this one reads up to {VERSION}): upgrade."
        )
    return document


def _conditions(documents: Sequence[Any], where: str) -> list[Condition]:
    conditions = []
    for index, document in enumerate(documents):
        place = f"{where}, condition {index}"
        document = _object(document, place)
        conditions.append(
            Condition(
                name=required(document, "name", str, place),
                kind=required(document, "kind", str, place),
                problems=required(document, "problems", int, place),
                answers=required(document, "answers", int, place),
                figures=_intervals(required(document, "figures", dict, place), f"{place}, figures"),
            )
        )
    names = [condition.name for condition in conditions]
    if names[:1] != [ASKED] or len(set(names)) < len(names):
        raise RunError(f"{where}: 'conditions' must begin with {ASKED!r} and have no name twice; it has {names}.")
    return conditions


def _drops(document: Mapping[str, Any], where: str) -> dict[str, dict[str, Interval]]:
    drops = optional(document, "drops", dict, where) or {}
    return {name: _intervals(_object(of, f"{where}, drop {name!r}"), f"{where}, drop {name!r}")
            for name, of in drops.items()}  # fmt: skip


def _slices(document: Mapping[str, Any], where: str) -> list[Slices]:
    cuts = []
    for index, cut in enumerate(optional(document, "slices", list, where) or []):
        place = f"{where}, slices {index}"
        cut = _object(cut, place)
        parts = [_slice(part, f"{place}, slice {i}") for i, part in enumerate(required(cut, "slices", list, place))]
        cuts.append(Slices(required(cut, "by", str, place), tuple(parts)))
    return cuts


def _slice(document: Any, where: str) -> Slice:
    document = _object(document, where)
    ends = {name: value for name in ("low", "high") if _is_number(value := document.get(name))}
    figures = {name: document.get(name) for name in ("mae", "reward", "within")}
    return Slice(
        label=required(document, "label", str, where),
        low=number(ends, "low", where),
        high=number(ends, "high", where),
        problems=required(document, "problems", int, where),
        figures=_intervals(figures, where),
    )


def _intervals(document: Mapping[str, Any], where: str) -> dict[str, Interval]:
    """Check figures by name; those that are null are left out."""
    found = {}
    for name, interval in document.items():
        if interval is None:
            continue
        place = f"{where}, {name!r}"
        ends = _object(interval, place)
        value, low, high = (number(ends, end, place) for end in ("value", "low", "high"))
        if value is not None:
            found[name] = Interval(value, value if low is None else low, value if high is None else high)
    return found


def _yardsticks(document: Mapping[str, Any], where: str) -> dict[str, float]:
    values = optional(document, "yardsticks", dict, where) or {}
    return numbers({"yardsticks": {k: v for k, v in values.items() if _is_number(v)}}, "yardsticks", where)


def _rows(documents: Sequence[Any], where: str) -> tuple[Row, ...]:
    rows = tuple(row_of(document, f"{where}, row {index}") for index, document in enumerate(documents))
    seen: dict[tuple[str, int, int], int] = {}
    for index, row in enumerate(rows):
        first = seen.setdefault((row.condition, row.seed, row.sample), index)
        if first != index:
            raise RunError(f"{where}: rows {first} and {index} are the same answer to the same problem.")
    return rows


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RunError(f"{where} is not an object.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
