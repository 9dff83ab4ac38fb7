"""Whatever watches a run: the machine, trends, answers in the terminal, a user's own code."""

import time
from collections.abc import Callable

import psutil
import torch

from agents.phases import Phases
from train.config import Settings
from train.distributed import Processes
from train.samples import Samples

MIB = 2**20


class Watch:
    """What the main process does beside a run, which it does not change.

    Args:
        config: resolved settings.
        samples: what the run keeps of its answers.
        say: tells the user something.
        processes: those of the run.
    """

    def __init__(self, config: Settings, samples: Samples, say: Callable[[str], None], processes: Processes) -> None:
        self.config, self.samples, self.say, self.processes = config, samples, say, processes
        self.process = psutil.Process()
        self.process.cpu_percent()  # the next call tells of the time since this one

    def machine(self, phases: Phases, answers: int, begin: float) -> dict[str, float | None]:
        """The columns of `metrics.csv` that come from clock and machine, those of this process alone.

        Args:
            phases: of the rollouts of a step, which are taken from it.
            answers: of the step, those of all processes.
            begin: `time.perf_counter()` when it began.
        """
        cuda = self.processes.device.type == "cuda"
        return {
            "seconds_draw": phases.taken("draw"),
            "seconds_generate": phases.taken("generate"),
            "seconds_score": phases.taken("score"),
            "machine_samples_per_second": answers / (time.perf_counter() - begin),
            "machine_memory_mib": self.process.memory_info().rss / MIB,
            "machine_cuda_peak_mib": torch.cuda.max_memory_allocated(self.processes.device) / MIB if cuda else None,
            "machine_cpu_percent": self.process.cpu_percent(),
        }
