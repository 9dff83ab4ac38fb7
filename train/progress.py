"""What a run shows while it goes: a live line on a terminal, a plain line per evaluation everywhere."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from train.config import Settings
from train.log_line import training_line
from train.schedule import fraction_done

console = Console(highlight=False, soft_wrap=True)


class Progress:
    """Shows a run's step, rate, reward, MAE and time left."""

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.rate: float | None = None
        self.latest: Mapping[str, Any] | None = None
        """The last step's row of metrics.csv, until it is printed."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self.bars = Bars(*columns, console=console, disable=not console.is_terminal)
        self.bar = self.bars.add_task("starting", total=1.0)

    def __enter__(self) -> "Progress":
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def cold_start(self, step: int, loss: float) -> None:
        """Show a step of the cold start."""
        self.bars.update(self.bar, description=f"cold start {step}/{self.config.cold_start_steps}  loss {loss:.2f}")

    def step(self, row: Mapping[str, Any]) -> None:
        """Show a step, a row of metrics.csv."""
        self.latest = row
        self.rate = 1 / (row["seconds_rollout"] + row["seconds_learn"])
        of = f"/{self.config.last_step}" if self.config.last_step else ""
        shown = {"loss": "loss {:.3f}", "token_accuracy": "right {:.1%}", "teacher_agreement": "agree {:.1%}"}
        if "reward" in row:
            shown = {"reward": "reward {:.3f}", "mae": "MAE {:.4g}"}
        figures = [form.format(row[name]) for name, form in shown.items() if row.get(name) is not None]
        self.bars.update(
            self.bar,
            completed=fraction_done(self.config, row["step"], row["seconds_total"]),
            description="  ".join([f"step {row['step']}{of}", f"{self.rate:.2f} steps/s", *figures]),
        )

    def note(self, text: str) -> None:
        """Print a line beside the bar."""
        console.print(f"note: {text}", markup=False)

    def evaluation(self, row: Mapping[str, Any]) -> None:
        """Print an evaluation, a row of evals.csv; what the environment does not tell is left out."""
        blank = "blank_reward" if row["mae"] is None else "blank_mae"
        shown = {"mae": "MAE {:.4g}", "median_error": "median {:.4g}"}
        shown |= {"exact": "exact {:.0%}", "parsed": "parsed {:.0%}", "reward": "reward {:.3f}", blank: "blank {:.4g}"}
        figures = [form.format(row[name]) for name, form in shown.items() if row[name] is not None]
        if self.rate is not None:
            figures.append(f"{self.rate:.2f} steps/s")
        console.print(f"{row['seconds_total']:6.0f} s  {row['phase']:<10}  step {row['step']:<5} " + "  ".join(figures))
        if self.latest is not None:
            console.print(f"{'':10}{training_line(self.latest)}")
            self.latest = None
