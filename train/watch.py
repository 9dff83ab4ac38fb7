"""Whatever watches a run: the machine, trends, answers in the terminal, a user's own code."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil
import torch

from agents.phases import Phases
from train.alerts import Alerts
from train.callbacks import Callback, Callbacks
from train.config import Settings
from train.distributed import Processes
from train.progress import console
from train.sample_table import sample_table
from train.samples import Samples, widest_group
from train.sampling import Batch

MIB = 2**20


class Watch:
    """What the main process does beside a run, which it does not change.

    Args:
        config: resolved settings.
        samples: what the run keeps of its answers.
        say: tells the user something.
        processes: those of the run.

    Raises:
        ValueError: a callback that cannot be had.
    """

    def __init__(self, config: Settings, samples: Samples, say: Callable[[str], None], processes: Processes) -> None:
        self.config, self.samples, self.say, self.processes = config, samples, say, processes
        task = samples.task
        best, worst_error = (None, None) if task is None else (task.reward_bounds[1], task.worst_error)
        self.alerts = Alerts(best, worst_error, config.algorithm == "distill")
        self.callbacks = Callbacks(config.callback if processes.main else (), say)
        self.process = psutil.Process()
        self.process.cpu_percent()  # the next call tells of the time since this one

    def machine(self, answers: int, begin: float) -> dict[str, float | None]:
        """The columns of `metrics.csv` that come from the machine, that of this process alone.

        Args:
            answers: of the step, those of all processes.
            begin: `time.perf_counter()` when it began.
        """
        cuda = self.processes.device.type == "cuda"
        return {
            "machine_samples_per_second": answers / (time.perf_counter() - begin),
            "machine_memory_mib": self.process.memory_info().rss / MIB,
            "machine_cuda_peak_mib": torch.cuda.max_memory_allocated(self.processes.device) / MIB if cuda else None,
            "machine_cpu_percent": self.process.cpu_percent(),
        }

    def add(self, callbacks: Sequence[Callback]) -> None:
        """Tell more callbacks, given as they are."""
        if self.processes.main:
            self.callbacks.add(callbacks)

    def catch_up(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Look at the rows that a resumed run has already, and say nothing of them again."""
        for row in rows:
            self.alerts.feed(row)

    def step(self, row: Mapping[str, Any], batch: Batch) -> None:
        """Look at a step: its row of `metrics.csv`, and the answers that were learned from, which may be shown."""
        every = self.config.show_samples
        if every and row["step"] % every == 0:
            self.show(row["step"], batch)
            self.samples.add_group(row["step"])
        self.look(row)

    def look(self, row: Mapping[str, Any]) -> None:
        """Look at a step's row of `metrics.csv` alone: say which trends to mind, and tell the callbacks."""
        for text in self.alerts.feed(row):
            self.say(text)
        self.tell("step", row)

    def show(self, step: int, batch: Batch) -> None:
        """Print the group of answers that `samples.jsonl` would keep of this step."""
        group = self.samples.latest or widest_group(batch, self.config)
        posed = self.samples.problem_of(group)
        told = (None, None) if posed is None else (posed.prompt, posed.answer)
        console.print(sample_table(group, step, *told), soft_wrap=False)

    def tell(self, event: str, values: Mapping[str, Any]) -> None:
        """Tell the callbacks of an event; those without a row get the run's folder and checkpoint too."""
        folder = self.samples.record.folder
        if event == "end":
            values = {**values, "folder": str(folder)}
        if event == "checkpoint":
            values = {**values, "path": str(folder / "checkpoints" / f"step-{values['step']:06d}")}
        self.callbacks.tell(event, values)


def seconds_by_phase(phases: Phases) -> dict[str, float]:
    """What a step took to draw, to generate and to score, as columns of `metrics.csv`; it is taken from the watch."""
    return {
        "seconds_draw": phases.taken("draw"),
        "seconds_generate": phases.taken("generate"),
        "seconds_score": phases.taken("score"),
    }
