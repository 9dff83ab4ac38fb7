"""`python -m plots`: runs and evaluations in one picture, or in a report."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plots.curves import METADATA, By, Scale, checked_out, draw_curves, save_figure
from plots.evaluations import EvaluationFile
from plots.groups import Spread
from plots.models import labels_of
from plots.points import draw_points
from plots.report import SUFFIX, read_sources, render_report, save_report
from plots.runs import MEASURES, Run, RunError
from plots.untrusted import short
from plots.words import called, ends, figure, percent

# The hint stands where tyro would print an empty default.
SOURCES_ARGUMENT = tyro.conf.arg(metavar="RUN|EVALUATION.json [...]", help_behavior_hint="(one or more)")


@dataclass(frozen=True)
class Options:
    """Draw training runs as curves and evaluations of models as lines beside them, or write a report about both.

    Runs that differ in their seed alone become one curve, mean and spread. Evaluations without a run are drawn as
    points. A report is one HTML file: curves, figures, where it fails, and the answers with their pictures.
    """

    sources: Annotated[tuple[Path, ...], tyro.conf.Positional, SOURCES_ARGUMENT]
    """Run folders, such as runs/clock, and evaluation files, of one environment."""

    out: Path | None = None
    """The file to write: .png, .svg or .pdf for a picture, .html for a report. By default a picture: curves.png in the
    folder of a single run, NAME.png beside a single evaluation file NAME.json, and curves.png (or evaluations.png,
    without a run) in the current folder for several."""

    by: By = "both"
    """What the errors are drawn against, in a picture of runs."""

    spread: Spread = "range"
    """What the band around the mean of several runs shows: lowest to highest, or one standard deviation."""

    scale: Scale = "auto"
    """The scale of the errors; auto is log once an MAE spans a factor of ten."""

    each: bool = False
    """Draw every run as a curve of its own, named after its folder."""


def main(arguments: Sequence[str] | None = None, prog: str = "python -m plots") -> None:
    """Draw or report, save, and print the path written and a table of errors.

    Args:
        arguments: the command line without the program's name; by default the process's own.
        prog: what usage and messages call the program.

    Raises:
        SystemExit: with code 2 and a message on stderr, for flags, inputs or a file that cannot be used.

    """
    options = tyro.cli(Options, prog=prog, args=arguments)
    try:
        if options.out is not None:
            checked_out(options.out, (*METADATA, SUFFIX))
        runs, evaluations = read_sources(options.sources)
        out = checked_out(options.out or _default_out(runs, evaluations), (*METADATA, SUFFIX))
        if out.suffix.lower() == SUFFIX or (evaluations and not runs):
            _refuse_curve_options(options, out)
        if out.suffix.lower() == SUFFIX:
            save_report(render_report(runs, evaluations), out)
        else:
            save_figure(_drawn(options, runs, evaluations), out)
    except RunError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or options.out} cannot be read or written: {error.strerror or error}.")
    console = Console()
    if runs:
        console.print(_error_table(runs))
    if evaluations:
        console.print(_evaluation_table(evaluations))
    print(f"Wrote {out}")


def _drawn(options: Options, runs: Sequence[Run], evaluations: Sequence[EvaluationFile]) -> Figure:
    if evaluations and not runs:
        return draw_points(evaluations)
    return draw_curves(
        runs,
        by=options.by,
        spread=options.spread,
        scale=options.scale,
        each=options.each,
        evaluations=evaluations,
    )


def _default_out(runs: Sequence[Run], evaluations: Sequence[EvaluationFile]) -> Path:
    if len(runs) + len(evaluations) == 1:
        return runs[0].folder / "curves.png" if runs else evaluations[0].path.with_suffix(".png")
    return Path("evaluations.png" if evaluations and not runs else "curves.png")


def _refuse_curve_options(options: Options, out: Path) -> None:
    """Raise a RunError for an option that would be of no account."""
    for field in fields(options):
        if field.name not in ("sources", "out") and getattr(options, field.name) != field.default:
            raise RunError(f"--{field.name} is for pictures of runs, which {out} is not: leave it out.")


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def _error_table(runs: Sequence[Run]) -> Table:
    unit, measured = runs[0].unit, MEASURES[runs[0].measure]
    table = Table(title=Text(f"{measured} ({unit})" if unit else measured), title_justify="left")
    table.add_column("run", overflow="fold")
    for heading in ("steps", "seconds", "first", "last", "best", "at step"):
        table.add_column(heading, justify="right")
    for run in runs:
        steps, seconds = run.evals["step"][-1], run.evals["seconds_total"][-1]
        table.add_row(Text(str(run.folder)), f"{steps:.0f}", f"{seconds:.0f}", *_cells(run))
    return table


def _evaluation_table(evaluations: Sequence[EvaluationFile]) -> Table:
    measure, unit = evaluations[0].measure, evaluations[0].unit
    table = Table(title=Text(short(evaluations[0].env)), title_justify="left")
    table.add_column("evaluation", overflow="fold")
    for heading in ("problems", called(measure, unit), "95% interval", "answers read"):
        table.add_column(Text(heading), justify="right")
    for name, evaluation in zip(labels_of(evaluations), evaluations, strict=True):
        measured, asked = evaluation.measured, evaluation.conditions[0]
        cells = ["-", "-"] if measured is None else [figure(measure, measured.value), ends(measure, measured)]
        parsed = asked.figures.get("parsed")
        table.add_row(Text(name), str(asked.problems), *cells, "-" if parsed is None else percent(parsed.value))
    return table


def _cells(run: Run) -> list[str]:
    """Format the first, last and best measure, and the step of the best; dashes where nothing was measured."""
    values = run.evals[run.measure]
    measured = np.flatnonzero(np.isfinite(values))
    if not measured.size:
        return ["-"] * 4
    best_first = values if run.measure == "mae" else -values
    first, last, best = measured[0], measured[-1], measured[np.argmin(best_first[measured])]
    return [*(f"{values[index]:.4g}" for index in (first, last, best)), f"{run.evals['step'][best]:.0f}"]


if __name__ == "__main__":
    main()
