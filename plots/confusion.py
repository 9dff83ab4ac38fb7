"""The confusion picture: what was read against what was true, round the dial where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from plots.curves import checked_out, save_figure
from plots.evaluations import ASKED, EvaluationFile, read_evaluation
from plots.rows import Row
from plots.runs import RunError
from plots.style import BAND_ALPHA, COLORS, DASHES, INK, QUIET, SHADE, house_style, literal
from plots.untrusted import short

BINS = 24  # of the dial, for the mean error
MARGIN = 1 / 24  # of the dial, shown again beyond either end
MOST_POINTS = 2000


@dataclass(frozen=True, eq=False)
class Readings:
    """Answers that were read, as numbers, beside their truths; each array of shape (N,).

    Attributes:
        truth: the truths.
        read: what was read; on a dial both lie in [0, period).
        error: the errors, in `unit`.
        unread: how many answers could not be read.
        unit: the unit of the errors.
        tolerance: the error that counts as correct, in the unit of the numbers.
        period: the length of the dial, in the unit of the numbers; None without one.

    """

    truth: np.ndarray
    read: np.ndarray
    error: np.ndarray
    unread: int
    unit: str
    tolerance: float
    period: float | None


def readings(
    rows: Sequence[Row],
    unit: str,
    tolerance: float = 0.0,
    period: float | None = None,
    worst_error: float | None = None,
) -> Readings:
    """Gather the answers that have numbers.

    Args:
        rows: the answers.
        unit: the unit of the errors and of `tolerance`.
        tolerance: the error that counts as correct.
        period: the length of the dial.
        worst_error: half the way round the dial in `unit`, which tells how the two units compare.

    """
    known = [row for row in rows if row.truth_number is not None]
    read = [row for row in known if row.read_number is not None]
    scale = period / 2 / worst_error if period and worst_error else 1.0
    return Readings(
        truth=np.array([row.truth_number for row in read], dtype=np.float64),
        read=np.array([row.read_number for row in read], dtype=np.float64),
        error=np.array([np.nan if row.error is None else row.error for row in read], dtype=np.float64),
        unread=len(known) - len(read),
        unit=unit,
        tolerance=tolerance * scale,
        period=period,
    )


def readings_of(evaluation: EvaluationFile) -> Readings:
    """Gather the readings of the problems as they were asked."""
    rows = [row for row in evaluation.rows if row.condition == ASKED]
    return readings(rows, evaluation.unit, evaluation.tolerance, evaluation.period, evaluation.worst_error)


def write_confusion(evaluation: str | Path, out: str | Path) -> Path:
    """Draw an evaluation file's confusion picture and save it as .png, .svg or .pdf.

    Raises:
        RunError: the file cannot be read, no answer of it has a number, or the suffix is none of the three.
        OSError: the picture cannot be written.

    """
    out = checked_out(Path(out))
    file = read_evaluation(evaluation)
    found = readings_of(file)
    if not found.read.size:
        raise RunError(f"{file.path} has no answer that could be read as a number: there is nothing to draw.")
    return save_figure(draw_confusion(found, short(file.name)), out)


def draw_confusion(found: Readings, title: str = "", color: str = COLORS[0], narrow: bool = False) -> Figure:
    """Draw what was read against what was true.

    On a dial there are two panels: a square whose margins repeat the other end, so that an answer just past the top
    is near the diagonal, and the dial itself with the mean error by true position, clockwise from the top. Parallels
    to the diagonal are answers that are off by the same way everywhere, such as an hour. Otherwise there is one square;
    answers beyond its edges are triangles there.

    Args:
        found: the readings; of more than 2,000 only the first are drawn, and the title says so.
        title: what to call them.
        color: of the points.
        narrow: put a dial's two panels below each other, for a phone.

    Returns:
        The figure, on an Agg canvas.

    """
    remarks = [f"{found.unread} not read"] if found.unread else []
    if found.read.size > MOST_POINTS:
        remarks.append(f"the first {MOST_POINTS} of {found.read.size} drawn")
    with house_style():
        size = (4.4, 4.4) if not found.period else (4.4, 8.6) if narrow else (7.6, 4)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(2, 1) if narrow else figure.add_gridspec(1, 2)
        axes = figure.add_subplot(grid[0] if found.period else grid[:], aspect="equal", xlabel="true", ylabel="read")
        if found.period:
            _draw_dial_square(axes, found, found.period, color)
            dial = figure.add_subplot(grid[1], projection="polar")
            assert isinstance(dial, PolarAxes)
            _draw_mean_errors(dial, found, found.period, color)
        else:
            _draw_square(axes, found, color)
        heading = " · ".join(filter(None, [literal(title), *remarks]))
        if heading:
            figure.suptitle(heading, fontsize=10)
    return figure


def _draw_dial_square(axes: Axes, found: Readings, period: float, color: str) -> None:
    low, high = -MARGIN * period, (1 + MARGIN) * period
    ends = np.array([low, high])
    for shift in (-period, 0.0, period):
        _draw_diagonal(axes, ends, shift, found.tolerance)
    for start, end in ((low, 0.0), (period, high)):
        for span in (axes.axvspan, axes.axhspan):
            span(start, end, color=SHADE, linewidth=0, zorder=0.5, alpha=0.7)
    truth, read = found.truth[:MOST_POINTS] % period, found.read[:MOST_POINTS] % period
    copies = [(truth + i * period, read + j * period) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    x, y = (np.concatenate(values) for values in zip(*copies, strict=True))
    shown = (low <= x) & (x <= high) & (low <= y) & (y <= high)
    _draw_points(axes, x[shown], y[shown], color)
    axes.set(xlim=ends, ylim=ends)
    ticks = np.linspace(0, period, 5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])


def _draw_square(axes: Axes, found: Readings, color: str) -> None:
    truth, read = found.truth[:MOST_POINTS], found.read[:MOST_POINTS]
    low, high = truth.min(initial=np.inf), truth.max(initial=-np.inf)
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 1.0
    margin = 0.15 * (high - low) or max(1.0, abs(high)) * 0.15
    ends = np.array([low - margin, high + margin])
    _draw_diagonal(axes, ends, 0.0, found.tolerance)
    inside = (ends[0] <= read) & (read <= ends[1])
    _draw_points(axes, truth[inside], read[inside], color)
    for beyond, edge, marker in ((read > ends[1], ends[1], "^"), (read < ends[0], ends[0], "v")):
        if beyond.any():
            axes.plot(truth[beyond], np.full(beyond.sum(), edge), marker, color=color, markersize=5, alpha=0.6,
                      linestyle="", clip_on=False, gid=f"beyond {marker}")  # fmt: skip
    axes.set(xlim=ends, ylim=ends)


def _draw_diagonal(axes: Axes, ends: np.ndarray, shift: float, tolerance: float) -> None:
    if tolerance:
        axes.fill_between(ends, ends + shift - tolerance, ends + shift + tolerance, color=DASHES, alpha=BAND_ALPHA,
                          linewidth=0, zorder=1, gid="tolerance")  # fmt: skip
    axes.plot(ends, ends + shift, color=DASHES, linewidth=0.9, zorder=1.2, gid="diagonal")


def _draw_points(axes: Axes, x: np.ndarray, y: np.ndarray, color: str) -> None:
    alpha = float(np.clip(12 / np.sqrt(max(1, x.size)), 0.25, 0.75))
    axes.plot(x, y, "o", color=color, markersize=3.2, alpha=alpha, markeredgewidth=0, gid="readings", zorder=3)


def mean_errors(found: Readings, bins: int = BINS) -> np.ndarray:
    """The mean error of the answers whose truth lies in each of `bins` equal parts of the dial, shape (bins,).

    A part without answers is nan.
    """
    if not found.period:
        raise ValueError("mean_errors needs a dial: these readings have no period")
    known = np.isfinite(found.error)
    place = np.floor(found.truth[known] % found.period / found.period * bins).astype(int).clip(0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=found.error[known], minlength=bins)
    return np.divide(sums, counts, out=np.full(bins, np.nan), where=counts > 0)


def _draw_mean_errors(axes: PolarAxes, found: Readings, period: float, color: str) -> None:
    means = mean_errors(found)
    angles = (np.arange(BINS) + 0.5) * 2 * np.pi / BINS
    known = np.isfinite(means)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.bar(angles[known], means[known], width=2 * np.pi / BINS * 0.86, color=color, alpha=0.75, gid="mean error")
    hours = np.arange(0, 12, 3) / 12 * period
    axes.set_xticks(hours / period * 2 * np.pi, [f"{hour or period:g}" for hour in hours])
    axes.set_rlabel_position(67.5)
    axes.set_rticks(MaxNLocator(4).tick_values(0, float(means[known].max(initial=1e-9)))[1:])
    axes.tick_params(axis="y", labelcolor=QUIET)
    axes.spines["polar"].set_color(INK)
    unit = f" ({short(found.unit, 24)})" if found.unit else ""
    axes.set_title(literal(f"mean error{unit} by true position"), fontsize=9, pad=12)
