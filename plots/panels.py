"""The panels of a picture: the error (or the reward) of the held-out problems, and what training looked like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from plots.groups import Axis, Curve, Group, Series, Spread, average, series_of, smooth
from plots.runs import Measure
from plots.style import BAND_ALPHA, SHADE, color_of, marker_of

X_LABELS: dict[Axis, str] = {"steps": "training steps", "seconds": "seconds"}
COLUMNS: dict[Measure, tuple[str, ...]] = {
    "mae": ("mae", "median_error", "blank_mae"),
    "reward": ("reward", "blank_reward"),
}
LINE_STYLES = {"mae": "-", "median_error": "-", "blank_mae": ":", "reward": "-", "blank_reward": ":"}
LINE_WIDTHS = {"mae": 1.8, "median_error": 0.9, "blank_mae": 1.2, "reward": 1.8, "blank_reward": 1.2}


@dataclass(frozen=True, eq=False)
class GroupCurves:
    """A group's evaluations against one axis.

    Attributes:
        group: the group.
        index: its place among the groups, which gives its colour and marker.
        axis: steps or seconds.
        measure: what the group is judged by, the column of the main curve.
        curves: mean and spread by column of `evals.csv`.
        start: mean (x, measure) before the cold start; None without a cold start.
        cold_start: mean (x, measure) after it; None without one.
        tails: the measure of the single runs that go on after the shortest has ended, and with it the mean.

    """

    group: Group
    index: int
    axis: Axis
    measure: Measure
    curves: dict[str, Curve]
    start: tuple[float, float] | None
    cold_start: tuple[float, float] | None
    tails: list[Series]

    @property
    def main(self) -> Curve:
        """The curve of the measure."""
        return self.curves[self.measure]


def group_curves(group: Group, index: int, axis: Axis, spread: Spread) -> GroupCurves:
    """Average the evaluations of a group; `index` is its place among the groups of the picture."""
    measure = group.runs[0].measure
    series = {column: [series_of(run, "evals", column, axis) for run in group.runs] for column in COLUMNS[measure]}
    curves = {column: average(of_runs, spread) for column, of_runs in series.items()}
    return GroupCurves(
        group=group,
        index=index,
        axis=axis,
        measure=measure,
        curves=curves,
        start=_mean_point(group, axis, "start"),
        cold_start=_mean_point(group, axis, "cold-start"),
        tails=_tails(series[measure], curves[measure]),
    )


def _tails(all_series: Sequence[Series], mean: Curve) -> list[Series]:
    """Cut out what the mean leaves out: each series from the mean's end on, or whole without a mean."""
    if not mean.x.size:
        return [series for series in all_series if series.x.size]
    tails = []
    for series in all_series:
        after = series.x > mean.x[-1]
        if after.any():
            at_end = np.interp(mean.x[-1], series.x, series.y)
            tails.append(Series(np.r_[mean.x[-1], series.x[after]], np.r_[at_end, series.y[after]]))
    return tails


def _mean_point(group: Group, axis: Axis, phase: str) -> tuple[float, float] | None:
    x = "step" if axis == "steps" else "seconds_total"
    points = [
        (run.evals[x][run.phases.index(phase)], run.evals[run.measure][run.phases.index(phase)])
        for run in group.runs
        if phase in run.phases and "cold-start" in run.phases
    ]
    if not points:
        return None
    mean_x, mean_y = np.mean(points, axis=0)
    return float(mean_x), float(mean_y)


def draw_evaluations(axes: Axes, drawn: Sequence[GroupCurves]) -> None:
    """Draw MAE, median error and blank-picture MAE of every group, or its rewards."""
    for curves in drawn:
        color, name = color_of(curves.index), curves.group.label
        main = curves.main
        if len(curves.group.runs) > 1:
            axes.fill_between(
                main.x, main.low, main.high, color=color, alpha=BAND_ALPHA, linewidth=0, gid=f"spread {name}"
            )
        for column, curve in curves.curves.items():
            if not curve.x.size:
                continue
            axes.plot(
                curve.x,
                curve.mean,
                LINE_STYLES[column],
                color=color,
                linewidth=LINE_WIDTHS[column],
                gid=f"{column} {name}",
                **_marks(curves, column),
            )
        for tail in curves.tails:
            axes.plot(
                tail.x,
                tail.y,
                "-",
                color=color,
                linewidth=0.8,
                alpha=0.55,
                gid=f"tail {name}",
                marker=marker_of(curves.index),
                markersize=2,
            )
        if curves.start:
            axes.plot(
                *curves.start,
                marker_of(curves.index),
                color=color,
                markerfacecolor="white",
                markersize=5,
                gid=f"start {name}",
                zorder=3,
            )
    _draw_cold_start(axes, drawn)


def _marks(curves: GroupCurves, column: str) -> dict[str, Any]:
    if column != curves.measure and curves.curves[column].x.size > 1:
        return {}
    return {
        "marker": marker_of(curves.index),
        "markersize": 4 if column == curves.measure else 2.5,
        "markevery": _mark_every(curves.group, curves.axis),
    }


def _mark_every(group: Group, axis: Axis) -> int:
    """Thin out markers: N runs share the steps of their evaluations, but have N times as many seconds."""
    return len(group.runs) if axis == "seconds" else 1


def _draw_cold_start(axes: Axes, drawn: Sequence[GroupCurves]) -> None:
    """Shade the cold start of a single group; several would hide each other, so they get an end mark each."""
    for curves in drawn:
        if curves.axis == "steps" or curves.start is None or curves.cold_start is None:
            continue
        if len(drawn) == 1:
            axes.axvspan(curves.start[0], curves.cold_start[0], color=SHADE, linewidth=0, zorder=0.5, gid="shade")
        else:
            axes.plot(
                *curves.cold_start,
                "|",
                color=color_of(curves.index),
                markersize=14,
                markeredgewidth=1.6,
                gid=f"cold-start {curves.group.label}",
            )


def draw_training(axes: Axes, groups: Sequence[Group], column: str, axis: Axis, spread: Spread) -> None:
    """Draw a column of the training steps, smoothed, and its value in the evaluations as points."""
    for index, group in enumerate(groups):
        color = color_of(index)
        raw = [series_of(run, "metrics", column, axis) for run in group.runs]
        window = smoothing_window(groups)
        if len(groups) == len(group.runs) == 1 and window > 1:
            axes.plot(raw[0].x, raw[0].y, color=color, alpha=0.3, linewidth=0.7, gid=f"raw {group.label}")
        curve = average([smooth(series, window) for series in raw], spread)
        if len(group.runs) > 1:
            axes.fill_between(curve.x, curve.low, curve.high, color=color, alpha=BAND_ALPHA, linewidth=0)
        if curve.x.size:
            axes.plot(curve.x, curve.mean, color=color, linewidth=1.5, gid=f"training {group.label}")
        evaluated = average([series_of(run, "evals", column, axis) for run in group.runs], spread)
        axes.plot(
            evaluated.x,
            evaluated.mean,
            marker_of(index),
            color=color,
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.6,
            gid=f"evaluated {group.label}",
            zorder=3,
            markevery=_mark_every(group, axis),
        )
    if column == "parsed":
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def smoothing_window(groups: Sequence[Group]) -> int:
    """Choose an odd number of steps, about a thirtieth of the longest run: light, one for the picture."""
    longest = max(run.metrics["step"].size for group in groups for run in group.runs)
    return 2 * (longest // 60) + 1


def spans_a_decade(drawn: Sequence[GroupCurves]) -> bool:
    """Tell whether the MAE changes by a factor of ten and is never 0, so that a log scale can show it."""
    values = np.concatenate([curves.main.mean for curves in drawn])
    return bool(drawn[0].measure == "mae" and values.size and values.min() > 0 and values.max() >= 10 * values.min())


def scale_evaluations(axes: Axes, drawn: Sequence[GroupCurves], yardsticks: Sequence[float], log: bool) -> None:
    """Set the y scale, its limits and its ticks; `yardsticks` are the errors that should be in view."""
    parts = [np.array(yardsticks), *(np.array([curves.start[1]]) for curves in drawn if curves.start)]
    for curves in drawn:
        parts += [curve.mean for curve in curves.curves.values()]
        parts += [curves.main.low, curves.main.high, *(tail.y for tail in curves.tails)]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    if drawn[0].measure == "reward":  # which may be of any size and sign
        low, high = values.min(initial=0.0), values.max(initial=0.0)
        margin = 0.05 * (high - low) or 1.0
        axes.set_ylim(low - margin, high + margin)
        return
    top = values.max(initial=0.0) or 1.0
    if not log or not (values > 0).any():
        axes.set_ylim(0, 1.1 * top)
        return
    lowest = min((curves.main.mean.min(initial=np.inf) for curves in drawn), default=np.inf)
    bottom = values[values > 0].min()
    if np.isfinite(lowest):
        # A median or a floor far below every MAE would squeeze the curve that the picture is about.
        bottom = max(bottom, lowest / 30)
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(bottom / 1.25, 1.5 * top)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if top < 2000 * bottom else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def finish_x(axes: Axes, groups: Sequence[Group], axis: Axis) -> None:
    """Set the limits and the label of the x axis: from 0 to the end of the longest run."""
    column = "step" if axis == "steps" else "seconds_total"
    ends = [
        table[column].max(initial=0.0, where=np.isfinite(table[column]))
        for group in groups
        for run in group.runs
        for table in (run.evals, run.metrics)
    ]
    end = max(ends) or 1.0
    axes.set_xlim(-0.02 * end, 1.02 * end)
    axes.set_xlabel(X_LABELS[axis])
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
