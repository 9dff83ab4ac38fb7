"""Read an analog clock: any second of a 12-hour dial."""

import functools
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from envs import answers
from envs.task import Problem, Task
from rendering import Color, Disc, Label, Layer, Line, Lines, Plain, Scene

HALF_DAY = 12 * 60 * 60
"""Seconds in one turn of the hour hand."""

CENTER = (0.5, 0.5)
INK = (24, 26, 32)
MINUTE_INK = (38, 84, 150)
SECOND_INK = (214, 40, 40)
FACE, RIM, BACKDROP = (255, 255, 255), (70, 74, 84), (226, 229, 234)


def _toward(turn: float, radius: float) -> tuple[float, float]:
    """The point at `radius` from the centre, `turn` of a full turn clockwise from 12."""
    angle = 2.0 * math.pi * turn
    return CENTER[0] + radius * math.sin(angle), CENTER[1] + radius * math.cos(angle)


@functools.cache
def _dial(numerals: bool) -> Layer:
    """Everything that does not move: the face, 60 ticks and, if wanted, the numerals."""
    outer = 0.455
    hours = tuple((_toward(i / 12, 0.402), _toward(i / 12, outer)) for i in range(12))
    minutes = tuple((_toward(i / 60, 0.432), _toward(i / 60, outer)) for i in range(60) if i % 5)
    face = (
        Disc(CENTER, 0.492, RIM),
        Disc(CENTER, 0.474, FACE),
        Lines(minutes, 0.006, INK),
        Lines(hours, 0.016, INK),
    )
    labels = tuple(Label(str(hour), _toward(hour / 12, 0.338), 0.082, INK) for hour in range(1, 13) if numerals)
    return Layer((*face, *labels))


def _hub(color: Color) -> tuple[Disc, Disc]:
    """The boss that covers where the hands meet."""
    return Disc(CENTER, 0.028, color), Disc(CENTER, 0.010, FACE)


_HUBS = {True: _hub(SECOND_INK), False: _hub(INK)}


def _hands(time: int, second_hand: bool) -> tuple[Line | Disc, ...]:
    """The hands at `time` seconds after 12 o'clock, the slowest first: it lies lowest."""
    hour, minute, second = time / HALF_DAY, time / 3600 % 1.0, time / 60 % 1.0
    hands: tuple[Line, ...] = (
        Line(_toward(hour, -0.05), _toward(hour, 0.245), 0.046, INK, end_width=0.032, cap="round"),
        Line(_toward(minute, -0.07), _toward(minute, 0.38), 0.026, MINUTE_INK, end_width=0.016, cap="round"),
    )
    if second_hand:
        hands += (
            Line(_toward(second, -0.06), _toward(second, 0.435), 0.010, SECOND_INK),
            Line(_toward(second, -0.12), _toward(second, -0.06), 0.022, SECOND_INK, cap="round"),
        )
    return (*hands, *_HUBS[second_hand])


@dataclass(frozen=True)
class Clock(Task[int]):
    """An analog clock, to be read to the second (to the minute without a second hand).

    Every second of the 12-hour dial is as likely as any other, and all hands move continuously. An answer is
    a number of seconds after 12 o'clock, 0 to 43,199, written `07:25:30` with hours from 01 to 12. What is
    read: `07:25:30`, `[7:25:30]` and `7:25` (0 seconds), hours 0 to 23 modulo 12. The error is the shorter
    way round the dial, in minutes.

    Attributes:
        size: Side of the picture in pixels, 28 to 4096.
        style: How the clock looks; so far there is "plain".
        second_hand: Whether there is one; without it times are whole minutes, written `07:25`.
        numerals: Whether the dial has the numbers 1 to 12.
    """

    unit: ClassVar[str] = "min"
    worst_error: ClassVar[float] = 360.0
    pattern = answers.TIME

    size: int = 112
    style: Literal["plain"] = "plain"
    second_hand: bool = True
    numerals: bool = True

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: Where one has the wrong type or is out of range.
        """
        super().__post_init__()
        if not 28 <= self.size <= 4096:
            raise ValueError(f"Clock.size must be from 28 pixels, to be readable, to 4096, got {self.size}.")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a time; see the class for its distribution."""
        time = int(rng.integers(HALF_DAY)) if self.second_hand else 60 * int(rng.integers(HALF_DAY // 60))
        form = "HH:MM:SS" if self.second_hand else "HH:MM"
        hour, minute, second = time // 3600 or 12, time // 60 % 60, time % 60
        return Problem(
            prompt=f"What time is it? Reply {answers.tagged(form)}",
            answer=self.write(time),
            scene=self.draw(time),
            solution=self._explain(time),
            info={"hour": hour, "minute": minute, "second": second},
        )

    def _explain(self, time: int) -> str:
        """How one reads the hands, ending in the answer."""
        hour, minute, second = time // 3600 or 12, time // 60 % 60, time % 60
        hands = f"The short hand has passed {hour}, the long hand stands at minute {minute}"
        if self.second_hand:
            hands += f" and the thin hand at second {second}"
        return f"{hands}: {answers.tagged(self.write(time))}"

    def write(self, time: int) -> str:
        """The answer for `time` seconds after 12 o'clock: `07:25:30`, or `07:25` without a second hand."""
        text = f"{time // 3600 or 12:02d}:{time // 60 % 60:02d}"
        return f"{text}:{time % 60:02d}" if self.second_hand else text

    def read(self, text: str) -> int | None:
        """Seconds after 12 o'clock, 0 to 43,199; None for an impossible time such as 7:61."""
        time = answers.read_time(text)
        return None if time is None else time[0] % 12 * 3600 + time[1] * 60 + time[2]

    def error(self, answer: int, truth: int) -> float:
        """Minutes between two times by the shorter way round the dial, 0 to 360."""
        apart = abs(answer - truth) % HALF_DAY
        return min(apart, HALF_DAY - apart) / 60.0

    def floor(self) -> float:
        """0: truths are whole seconds (minutes), and so are answers, so nothing is lost to rounding.

        Nor to pixels: the second hand's tip moves 1.3 pixels a second on the smallest picture, 28 pixels, and
        coverage is drawn in 256 levels; every second has a picture of its own.
        """
        return 0.0

    def draw(self, time: int) -> Scene:
        """The clock at `time` seconds after 12 o'clock."""
        return Scene((_dial(self.numerals), *_hands(time, self.second_hand)), Plain(BACKDROP))

    def depict(self, problem: Problem, answer: str) -> Scene | None:
        """The clock at the answered time; None if the answer is no time."""
        time = self.parse(answer)
        return None if time is None else self.draw(time)
