"""The picture of evaluations alone: a point with its interval for each model."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from plots.evaluations import EvaluationFile
from plots.models import check_evaluations, labels_of
from plots.runs import MEASURES, RunError
from plots.style import DASHES, QUIET, color_of, house_style, literal, marker_of
from plots.untrusted import short
from plots.yardsticks import merged_yardsticks

# What a policy comes to that does not see what it is asked about.
CONTROLS = {"blank": "with a blank picture", "no-question": "without the question"}


def draw_points(evaluations: Sequence[EvaluationFile], narrow: bool = False) -> Figure:
    """Draw the MAE (or the mean reward) of each evaluation as a point with its interval, beside the yardsticks.

    Hollow points are the same model without what it was asked about, where that was measured.

    Args:
        evaluations: one or more, of one env; they are shown in their order.
        narrow: for a phone.

    Returns:
        The figure, on an Agg canvas.

    Raises:
        RunError: none, one given twice, different envs or units, or none that measured anything.

    """
    if not evaluations:
        raise RunError("No evaluation was given: name at least one file.")
    check_evaluations(evaluations)
    labels = labels_of(evaluations)
    named = [index for index, evaluation in enumerate(evaluations) if evaluation.measured]
    if not named:
        raise RunError(f"{evaluations[0].path} has neither errors nor rewards: there is nothing to draw.")
    measure, unit = evaluations[0].measure, evaluations[0].unit
    with house_style():
        figure = Figure(figsize=(4.6 if narrow else 7, 1.7 + 0.42 * len(named)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for place, index in enumerate(named):
            _draw_model(axes, evaluations[index], labels[index], len(named) - 1 - place, index)
        axes.set_yticks(range(len(named)), [literal(labels[index]) for index in reversed(named)])
        axes.set_ylim(-0.7, len(named) - 0.3)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(literal(f"{MEASURES[measure]}{f' ({short(unit, 24)})' if unit else ''}, 95% interval"))
        if measure == "mae":
            axes.set_xlim(left=0)
            _draw_yardsticks(axes, evaluations)
        figure.suptitle(literal(short(evaluations[0].env, 60)), fontsize=12, fontweight="bold")
        there = {str(bars.get_label()) for bars in axes.containers}
        if hollow := " or ".join(words for name, words in CONTROLS.items() if name in there):
            axes.set_xlabel(f"{axes.get_xlabel()}\nhollow: {hollow}")
    return figure


def _draw_model(axes: Axes, evaluation: EvaluationFile, name: str, y: int, index: int) -> None:
    for condition in evaluation.conditions:
        measured = condition.figures.get(evaluation.measure)
        asked = condition is evaluation.conditions[0]
        if measured is None or not (asked or condition.name in CONTROLS):
            continue
        axes.errorbar(
            measured.value,
            y,
            xerr=[[max(0.0, measured.value - measured.low)], [max(0.0, measured.high - measured.value)]],
            fmt=marker_of(index),
            color=color_of(index),
            markersize=7 if asked else 5,
            markerfacecolor=color_of(index) if asked else "white",
            elinewidth=1.6 if asked else 0.9,
            capsize=3,
            label=condition.name,
            gid=f"{condition.name} {name}",
            zorder=3 if asked else 2,
        )


def _draw_yardsticks(axes: Axes, evaluations: Sequence[EvaluationFile]) -> None:
    """Draw vertical dashed lines, their names above the panel, each higher than the one to its left."""
    known = [("", evaluation.yardsticks) for evaluation in evaluations[:1]]
    yardsticks = merged_yardsticks(known, short(evaluations[0].unit, 24))
    if yardsticks:  # the highest is first, and may lie beyond every point
        axes.set_xlim(right=max(axes.get_xlim()[1], 1.05 * yardsticks[0].value))
    for level, yardstick in enumerate(reversed(yardsticks)):
        axes.axvline(yardstick.value, color=DASHES, linewidth=1, linestyle=(0, (5, 3)), zorder=1,
                     gid=f"yardstick {yardstick.name}")  # fmt: skip
        axes.annotate(
            literal(yardstick.label),
            (yardstick.value, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 2 + 10 * level),
            textcoords="offset points",
            ha="left" if yardstick.value == 0 else "center",
            va="bottom",
            fontsize=8,
            color=QUIET,
        )
