"""A task that reads anything: how many letters a text has. Even untrained answers to it differ in reward."""

import re
from dataclasses import dataclass
from typing import ClassVar

from envs import Problem, Task, register
from rendering import Disc, Scene


@dataclass(frozen=True)
class Letters(Task[int]):
    unit: ClassVar[str] = "letters"
    worst_error: ClassVar[float] = 100.0
    pattern = re.compile(r".*", re.DOTALL)

    size: int = 56

    def generate(self, rng):
        count = int(rng.integers(5, 20))
        return Problem("Write. <answer>TEXT</answer>", "a" * count, draw(count), info={"count": count})

    def read(self, text):
        return sum(letter.isalpha() for letter in text)

    def error(self, answer, truth):
        return float(abs(answer - truth))

    def write(self, answer):
        return "a" * answer

    def depict(self, problem, answer):
        count = self.parse(answer)
        return draw(count) if count else None


def draw(count):
    return Scene((Disc((0.5, 0.5), 0.02 * count, (0, 0, 0)),))


register("Letters-v0", Letters)
