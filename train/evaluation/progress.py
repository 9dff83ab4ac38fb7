"""What an evaluation shows while it goes: a live line on a terminal, a plain line per condition everywhere."""

import time
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from train.evaluation.session import Row


def shown(name: str, answers: Iterable[Sequence[Row]], problems: int, console: Console) -> Iterator[Sequence[Row]]:
    """Pass the answers on, and show how many there are and what they come to.

    Args:
        name: of the condition.
        answers: problem by problem.
        problems: how many there will be.
        console: not the one that results are printed to.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    begin, done, measured, errors, rewards = time.perf_counter(), 0, 0, 0.0, 0.0
    figure = ""
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        bar = bars.add_task(name, total=problems)
        for samples in answers:
            done += 1
            rewards += sum(row["reward"] for row in samples) / len(samples)
            figure = f"reward {rewards / done:.4g}"
            if all(row["error"] is not None for row in samples):
                measured += 1
                errors += sum(row["error"] for row in samples) / len(samples)
            if measured:
                figure = f"MAE {errors / measured:.4g}"
            bars.update(bar, completed=done, description=f"{name}  {figure}")
            yield samples
    console.print(f"{time.perf_counter() - begin:6.0f} s  {name:<12} {done} problems  {figure}", markup=False)
