"""Evaluations beside runs: which of them can share a picture, what they are called, and their lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from plots.evaluations import EvaluationFile
from plots.runs import Run, RunError
from plots.style import BAND_ALPHA, color_of
from plots.untrusted import short
from plots.yardsticks import Yardstick

DASH_DOT = (0, (7, 2, 1.5, 2))


@dataclass(frozen=True, kw_only=True)
class ModelLine(Yardstick):
    """An evaluation's MAE (or mean reward) with its interval, to compare a curve with."""

    low: float
    high: float


def model_lines(evaluations: Sequence[EvaluationFile], groups: int) -> list[ModelLine]:
    """Make a line of each evaluation that measured anything, in the colours that follow those of the groups."""
    lines = []
    for index, (name, evaluation) in enumerate(zip(labels_of(evaluations), evaluations, strict=True)):
        if (measured := evaluation.measured) is not None:
            color = color_of(groups + index)
            lines.append(
                ModelLine(name, measured.value, short(evaluation.unit, 24), color, low=measured.low, high=measured.high)
            )
    return lines


def draw_model_lines(axes: Axes, lines: Sequence[ModelLine]) -> None:
    """Draw the lines and bands; their names are written with those of the yardsticks."""
    for line in lines:
        color, band = line.color, f"interval {line.name}"
        axes.axhspan(line.low, line.high, color=color, alpha=BAND_ALPHA, linewidth=0, zorder=0.8, gid=band)
        axes.axhline(line.value, color=color, linewidth=1.3, linestyle=DASH_DOT, zorder=1.8, gid=f"model {line.name}")


def check_evaluations(evaluations: Sequence[EvaluationFile], runs: Sequence[Run] = ()) -> None:
    """Raise a RunError unless the evaluations are different files about one env, that of the runs, in one unit."""
    seen = set()
    for evaluation in evaluations:
        if evaluation.path.resolve() in seen:
            raise RunError(f"{evaluation.path} was given twice.")
        seen.add(evaluation.path.resolve())
    given = [(str(each.path), each.env, each.unit, each.measure) for each in evaluations]
    given += [(str(each.folder), each.env, each.unit, each.measure) for each in runs]
    if evaluations and len({tuple(kind) for _, *kind in given}) > 1:
        listed = "; ".join(
            f"{path} of {short(env)} in " + (short(unit) or ("errors" if measure == "mae" else "rewards"))
            for path, env, unit, measure in given
        )
        raise RunError(
            f"Runs and evaluations of different environments cannot share a picture: {listed}. "
            "Give those of one environment at a time."
        )


def labels_of(evaluations: Sequence[EvaluationFile]) -> list[str]:
    """Name each evaluation, cut to one line; files whose models share a name are told apart by their own names."""
    names = [short(evaluation.name, 40) or "unnamed" for evaluation in evaluations]
    if len(set(names)) < len(names):
        names = [f"{name} ({short(each.path.stem, 40)})" for name, each in zip(names, evaluations, strict=True)]
    if len(set(names)) < len(names):
        names = [short(str(evaluation.path)) for evaluation in evaluations]
    return names
