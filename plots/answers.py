"""The answers that a report can show: those of an evaluation file, or those that a run wrote down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plots.evaluations import ASKED, EvaluationFile, Slice, Slices
from plots.rows import ROLLOUT, Row
from plots.runs import Run
from plots.untrusted import checked_uri, picture_in, short

MOST_VALUES = 24  # of an info key by which to filter


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of one model.

    Attributes:
        name: what the model is called.
        rows: its answers.
        unit: the unit of the errors.
        asked: the condition (or phase) that the report is about.
        folder: where a run's pictures lie; None for an evaluation.
        images: an evaluation's pictures by id.
        slices: how the problems are cut.

    """

    name: str
    rows: Sequence[Row]
    unit: str
    asked: str
    folder: Path | None
    images: Mapping[str, str]
    slices: Sequence[Slices]

    def picture(self, name: str | None) -> str | None:
        """Return the picture with this id or path as a data URI; None unless it is a PNG that can be shown."""
        if name is None:
            return None
        if self.folder is not None:
            return picture_in(self.folder, name)
        return checked_uri(self.images.get(name, ""))


def answers_of_evaluation(evaluation: EvaluationFile, name: str) -> Answers:
    """Take the answers of an evaluation file."""
    slices = evaluation.slices or slices_by_value(evaluation.rows)
    return Answers(name, evaluation.rows, short(evaluation.unit, 24), ASKED, None, evaluation.images, slices)


def answers_of_run(run: Run, rows: Sequence[Row], name: str) -> Answers:
    """Take the last evaluation's answers and the rollouts of a run, the newest rollouts first.

    Args:
        run: the run.
        rows: its `samples.jsonl`.
        name: what to call it.

    """
    held_out = [row for row in rows if row.condition != ROLLOUT]
    last = (held_out[-1].condition, held_out[-1].step) if held_out else ("end", None)
    kept = [row for row in held_out if (row.condition, row.step) == last]
    rollouts = sorted((row for row in rows if row.condition == ROLLOUT), key=lambda row: -(row.step or 0))
    kept += rollouts
    return Answers(name, kept, short(run.unit, 24), last[0], run.folder, {}, slices_by_value(kept))


def slices_by_value(rows: Sequence[Row]) -> list[Slices]:
    """Cut problems by each info key that has a few values."""
    values: dict[str, set[str | int | float]] = {}
    for row in rows:
        for key, value in row.info.items():
            if isinstance(value, str | int | float):
                values.setdefault(key, set()).add(value)
    return [
        Slices(key, tuple(Slice(_label(value), None, None, 0, {}) for value in sorted(of_key, key=_in_order)))
        for key, of_key in values.items()
        if 2 <= len(of_key) <= MOST_VALUES
    ]


def _in_order(value: str | int | float) -> tuple[float, str]:
    return (float("inf"), value) if isinstance(value, str) else (value, "")


def slice_of(cut: Slices, row: Row) -> Slice | None:
    """Find the slice that a row belongs to.

    A number that two neighbours share as an end belongs to the upper one.
    """
    value = row.info.get(cut.by)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        holding = [
            each for each in cut.slices
            if each.low is not None and each.high is not None and each.low <= value <= each.high
        ]  # fmt: skip
        if holding:
            return holding[-1]
    return next((each for each in cut.slices if each.label == _label(value)), None)


def _label(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
