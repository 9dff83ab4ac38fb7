"""A task without pictures: how many letters a text has, as in letters.py."""

import re
from dataclasses import dataclass
from typing import ClassVar

from envs import Problem, Task, register
from tests.train.letters import Letters


@dataclass(frozen=True)
class Words(Task[int]):
    unit: ClassVar[str] = "letters"
    worst_error: ClassVar[float] = 100.0
    pattern = re.compile(r".*", re.DOTALL)
    read = Letters.read
    error = Letters.error

    def generate(self, rng):
        return Problem("Write. <answer>TEXT</answer>", "a" * int(rng.integers(5, 20)))


register("Words-v0", Words)
