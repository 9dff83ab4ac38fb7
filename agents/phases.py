"""How long the parts of a step take."""

import time
from collections import defaultdict


class Phases:
    """A stopwatch that adds up seconds by name, over as many laps as there are."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.last = time.perf_counter()

    def begin(self) -> None:
        """Start a lap: what passed since the last one ended counts for nothing."""
        self.last = time.perf_counter()

    def end(self, name: str) -> None:
        """End a lap under a name, and begin the next."""
        now = time.perf_counter()
        self.seconds[name] += now - self.last
        self.last = now

    def taken(self, name: str) -> float:
        """The seconds under a name since they were last taken, which are forgotten."""
        return self.seconds.pop(name, 0.0)
