"""A task whose answers are JSON: two digits, which a policy writes another way."""

import json
import re
from dataclasses import dataclass
from typing import ClassVar

from envs import Problem, Task, register


@dataclass(frozen=True)
class Pairs(Task[tuple[int, ...]]):
    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 20.0
    pattern = re.compile(r"[0-9] [0-9]")

    def generate(self, rng):
        digits = rng.integers(10, size=2).tolist()
        return Problem(f"Say {digits}. <answer>A B</answer>", json.dumps(digits))

    def read(self, text):
        return tuple(map(int, text.split()))

    def truth(self, answer):
        return tuple(json.loads(answer))

    def best_answer(self, answer):
        return "{} {}".format(*json.loads(answer))

    def error(self, answer, truth):
        return float(sum(abs(a - t) for a, t in zip(answer, truth, strict=True)))


register("Pairs-v0", Pairs)
