"""`python -m plots`: the curves of one run, or of several in one picture."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plots.curves import By, Scale, checked_out, draw_curves, save_figure
from plots.groups import Spread
from plots.runs import MEASURES, Run, RunError, read_run

# The hint stands where tyro would print an empty default.
RUNS_ARGUMENT = tyro.conf.arg(metavar="RUN [RUN ...]", help_behavior_hint="(one or more)")


@dataclass(frozen=True)
class Options:
    """Draw the curves of training runs. Runs that differ in their seed alone become one, mean and spread."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, RUNS_ARGUMENT]
    """The run folders, such as runs/clock; several need errors in the same unit."""

    out: Path | None = None
    """The picture to write: .png, .svg or .pdf. By default curves.png, in the folder of a single run or in
    the current folder for several."""

    by: By = "both"
    """What the errors are drawn against."""

    spread: Spread = "range"
    """What the band around the mean of several runs shows: lowest to highest, or one standard deviation."""

    scale: Scale = "auto"
    """The scale of the errors; auto is log once an MAE spans a factor of ten."""

    each: bool = False
    """Draw every run as a curve of its own, named after its folder."""


def main(arguments: Sequence[str] | None = None, prog: str = "python -m plots") -> None:
    """Draw, save, and print the path written and a table of errors.

    Args:
        arguments: the command line without the program's name; by default the process's own.
        prog: what usage and messages call the program.

    Raises:
        SystemExit: with code 2 and a message on stderr, for flags, runs or a file that cannot be used.

    """
    options = tyro.cli(Options, prog=prog, args=arguments)
    try:
        out = checked_out(options.out or _default_out(options.runs))
        runs = [read_run(folder) for folder in options.runs]
        figure = draw_curves(runs, by=options.by, spread=options.spread, scale=options.scale, each=options.each)
        save_figure(figure, out)
    except RunError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or out} cannot be read or written: {error.strerror or error}.")
    Console().print(_error_table(runs))
    print(f"Wrote {out}")


def _default_out(folders: Sequence[Path]) -> Path:
    return folders[0] / "curves.png" if len(folders) == 1 else Path("curves.png")


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
