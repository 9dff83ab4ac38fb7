"""The picture of one run or several: error, reward and parsed answers."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from plots.evaluations import EvaluationFile
from plots.groups import Axis, Group, Spread, group_runs
from plots.legends import add_title_and_legends
from plots.models import ModelLine, check_evaluations, draw_model_lines, model_lines
from plots.panels import (
    draw_evaluations,
    draw_training,
    finish_x,
    group_curves,
    scale_evaluations,
    spans_a_decade,
)
from plots.runs import MEASURES, Run, RunError, read_run
from plots.style import house_style, literal
from plots.yardsticks import Yardstick, draw_yardsticks, label_yardsticks, merged_yardsticks

By = Literal["steps", "seconds", "both"]
Scale = Literal["auto", "linear", "log"]

WIDE, NARROW = (10, 7), (4.6, 8.5)  # inches
PARSED, LENGTH = ("parsed", "answers parsed"), ("answer_tokens", "tokens in an answer")
# Without the date, which two formats would add, the same runs give the same file.
METADATA: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def write_curves(
    run_folders: Sequence[str | Path],
    out: str | Path,
    *,
    by: By = "both",
    spread: Spread = "range",
    scale: Scale = "auto",
    each: bool = False,
) -> Path:
    """Read runs, draw their curves and save the picture.

    Args:
        run_folders: one or more run folders, finished or still going.
        out: the file to write, its suffix one of .png, .svg and .pdf; missing folders are made.
        by: see `draw_curves`, like the rest.
        spread: what the band shows.
        scale: the scale of the errors.
        each: whether every run is a curve of its own.

    Returns:
        The path written.

    Raises:
        RunError: a run cannot be read, runs cannot share a picture, or the suffix is none of the three.
        OSError: the file cannot be written.

    """
    out = checked_out(Path(out))
    runs = [read_run(folder) for folder in run_folders]
    return save_figure(draw_curves(runs, by=by, spread=spread, scale=scale, each=each), out)


def checked_out(out: Path, suffixes: Collection[str] = METADATA.keys()) -> Path:
    """Return `out` if a file can have that name; raise a RunError that says which names it can if not."""
    if out.suffix.lower() not in suffixes:
        raise RunError(f"{out} must end in one of {', '.join(suffixes)}: that is how the format is chosen.")
    if out.is_dir():
        raise RunError(f"{out} is a folder: give the name of a file.")
    return out


def save_figure(figure: Figure, out: Path) -> Path:
    """Save the figure in the format of the suffix of `out`, making missing folders; return `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with house_style():
        figure.savefig(out, dpi=160, metadata=METADATA[out.suffix.lower()])
    return out


def draw_curves(
    runs: Sequence[Run],
    *,
    by: By = "both",
    spread: Spread = "range",
    scale: Scale = "auto",
    each: bool = False,
    evaluations: Sequence[EvaluationFile] = (),
    narrow: bool = False,
) -> Figure:
    """Draw the errors of the held-out problems on top, reward and parsed answers of training below.

    Where the env tells no errors the rewards of the held-out problems are on top; where it does not say what could be
    read, the length of the answers stands in its place.

    Runs that differ in their seed alone are one curve, their mean, with a band for their spread. Artists
    carry a `gid` that says what they are, such as `mae GROUP`, `spread GROUP` or `yardstick chance`.

    Args:
        runs: one or more runs whose errors have one unit; or of one env that tells no errors.
        by: what the errors are drawn against; the lower row follows it (`both`: steps below).
        spread: the band: `range` from lowest to highest, `std` one standard deviation to either side.
        scale: the scale of the errors; `auto` is log once an MAE spans a factor of ten.
        each: draw every run as a curve of its own, named after its folder.
        evaluations: evaluations of other models on the same env, each a horizontal line with its interval.
        narrow: lay the panels below each other, for a phone.

    Returns:
        The figure, laid out, on an Agg canvas.

    Raises:
        RunError: no run, a run given twice, different units or envs, or a log scale for rewards.

    """
    groups = group_runs(runs, each)
    check_evaluations(evaluations, runs)
    if scale == "log" and runs[0].measure == "reward":
        raise RunError("A log scale is for errors, and these runs have none, only rewards: leave --scale out.")
    known = [(group.label, run.yardsticks) for group in groups for run in group.runs]
    yardsticks = merged_yardsticks(known, runs[0].unit)
    models = model_lines(evaluations, len(groups))
    lower: Axis = "seconds" if by == "seconds" else "steps"
    with house_style():
        figure = Figure(figsize=NARROW if narrow else WIDE, layout="constrained")
        FigureCanvasAgg(figure)
        upper, below = _panels(figure, by, lower, narrow)
        _draw_evaluation_panels(upper, groups, yardsticks, models, spread, scale)
        told = any(np.isfinite(run.evals["parsed"]).any() for run in runs if "parsed" in run.evals)
        for axes, (column, label) in zip(below, [("reward", "reward"), PARSED if told else LENGTH], strict=True):
            axes.set_ylabel(label)
            draw_training(axes, groups, column, lower, spread)
            finish_x(axes, groups, lower)
        add_title_and_legends(figure, _title(runs), groups, spread, columns=2 if narrow else 4)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # the yardsticks' names are placed by pixel: nothing may move now
        for axes in upper.values():
            label_yardsticks(axes, sorted([*yardsticks, *models], key=lambda line: -line.value))
    return figure


def _panels(figure: Figure, by: By, lower: Axis, narrow: bool) -> tuple[dict[Axis, Axes], list[Axes]]:
    """Place the panels: those of the evaluations by axis, and the two of training."""
    axes: list[Axis] = ["steps", "seconds"] if by == "both" else [lower]
    if narrow:
        grid = figure.add_gridspec(len(axes) + 2, 1, height_ratios=[1.25] * len(axes) + [1, 1])
        places = [grid[row, 0] for row in range(len(axes) + 2)]
    else:
        grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
        top = [grid[0, 0], grid[0, 1]] if by == "both" else [grid[0, :]]
        places = [*top, grid[1, 0], grid[1, 1]]
    panels = [figure.add_subplot(place) for place in places]
    return dict(zip(axes, panels, strict=False)), panels[-2:]


def _draw_evaluation_panels(
    panels: Mapping[Axis, Axes],
    groups: Sequence[Group],
    yardsticks: Sequence[Yardstick],
    models: Sequence[ModelLine],
    spread: Spread,
    scale: Scale,
) -> None:
    """Draw the evaluations against each axis, all on one y scale."""
    drawn = {axis: [group_curves(group, index, axis, spread) for index, group in enumerate(groups)] for axis in panels}
    together = [curves for of_axis in drawn.values() for curves in of_axis]
    log = scale == "log" or (scale == "auto" and spans_a_decade(together))
    unit = groups[0].runs[0].unit
    for axis, axes in panels.items():
        draw_evaluations(axes, drawn[axis])
        in_view = [line.value for line in (*yardsticks, *models)]
        scale_evaluations(axes, together, in_view, log)
        draw_yardsticks(axes, yardsticks)
        draw_model_lines(axes, models)
        finish_x(axes, groups, axis)
        remarks = ", ".join(filter(None, [unit, "log scale" if axes.get_yscale() == "log" else ""]))
        measured = MEASURES[groups[0].runs[0].measure]
        axes.set_ylabel(literal(f"{measured} ({remarks})" if remarks else measured))


def _title(runs: Sequence[Run]) -> str:
    """Name the env and the model; of several models, none: they name the groups."""
    envs = list(dict.fromkeys(run.env for run in runs))
    models = {str(run.settings.get("model", "")) for run in runs}
    # a figure that is passed on need not tell where on a disk the model lay
    shown = [Path(model).name if Path(model).is_absolute() else model for model in models]
    return " · ".join(filter(None, [" and ".join(envs), *(shown if len(shown) == 1 else ())]))
