"""Read an analog clock: any second of a 12-hour dial."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from envs import answers
from envs.problems import Problem, Scalar
from envs.task import Task
from envs.tasks import dial, dial_styles
from envs.tasks.dial import HALF_DAY, Look
from rendering import Scene


@dataclass(frozen=True)
class Clock(Task[int]):
    """An analog clock, to be read to the second (to the minute without a second hand).

    Every second of the 12-hour dial is as likely as any other, and all hands move continuously. An answer is
    a number of seconds after 12 o'clock, 0 to 43,199, written `07:25:30` with hours from 01 to 12. What is
    read: `07:25:30`, `[7:25:30]` and `7:25` (0 seconds), hours 0 to 23 modulo 12. The error is the shorter
    way round the dial, in minutes.

    Attributes:
        size: Side of the picture in pixels, 28 to 4096.
        style: How the clock looks. "plain" is one look. "varied" draws colours, numerals (Arabic, Roman or none),
            ticks (60, 12 or 4), hands, rim, background, size and place anew for each problem, all of it legible
            (`envs.tasks.varied_dial` says how far). "mixed" lies anywhere between the two: train on it to read
            "varied", which is far harder to begin with. The others are the plain clock with one thing changed that
            "varied" never shows: "roman" has all twelve Roman numerals, turned with their feet to the centre and
            IIII for 4, where "varied" has XII, III, VI and IX, upright; "mirrored" runs anticlockwise, and so do
            its numerals; "no-ticks" has neither ticks nor numerals; "busy" is crowded, behind the clock and on
            its face; "tilted" is turned by 8 to 30 degrees, numerals and all; "inverted" has every colour's
            negative, light on dark. One seed has the same time, and one prompt, in every style.
        second_hand: Whether there is one; without it times are whole minutes, written `07:25`.
        every: Times are multiples of so many seconds, a divisor of 43,200: 3,600 leaves whole hours, 1 every second.
        variety: How far "varied" and "mixed" may stray from "plain", 0 to 1: each part of a varied look is that of the
            plain one but with this probability, size and place stray so far. The other styles have none but 1.
        numerals: False leaves the numbers off the dial in every style ("no-ticks" has none as it is). The styles
            "roman", "mirrored" and "tilted" refuse it: nothing but their numbers tells them from "plain".
    """

    unit: ClassVar[str] = "min"
    worst_error: ClassVar[float] = 360.0
    pattern = answers.TIME
    shifted_styles: ClassVar[tuple[str, ...]] = dial_styles.SHIFTED
    tolerance: ClassVar[float] = 1.0
    period: ClassVar[float] = 12.0
    unsliced: ClassVar[tuple[str, ...]] = ("look",)

    size: int = 112
    style: dial_styles.Style = "plain"
    second_hand: bool = True
    every: int = 1
    variety: float = 1.0
    numerals: bool = True

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: Where one has the wrong type or is out of range.
        """
        super().__post_init__()
        if not 28 <= self.size <= 4096:
            raise ValueError(f"Clock.size must be from 28 pixels, to be readable, to 4096, got {self.size}.")
        if self.every < 1 or HALF_DAY % self.every:
            raise ValueError(
                f"Clock.every must divide the {HALF_DAY} seconds of the dial, as 60, 300 and 3600 do, got {self.every}."
            )
        if not 0.0 <= self.variety <= 1.0:
            raise ValueError(f"Clock.variety must be from 0, the plain clock, to 1, got {self.variety}.")
        if self.variety < 1.0 and self.style not in dial_styles.STRAYING:
            raise ValueError(f"Clock.variety is for {' and '.join(dial_styles.STRAYING)}, and style is {self.style!r}.")
        if self.style in dial_styles.NUMBERED and not self.numerals:
            raise ValueError(
                f"Clock.numerals must be true in the style {self.style!r}, which only its numbers tell from 'plain'; "
                "take another style for a dial without them."
            )

    @property
    def _grain(self) -> int:
        """Seconds from one possible time to the next."""
        return self.every if self.second_hand else math.lcm(self.every, 60)

    def levels(self) -> "tuple[Clock, ...]":
        """Looks that stray farther and farther, where the style strays; else times that are finer and finer."""
        if self.style in dial_styles.STRAYING:
            shares = (share for share in (0.0, 0.25, 0.5, 0.75) if share < self.variety)
            return (*(dataclasses.replace(self, variety=share) for share in shares), self)
        coarser = (every for every in (3600, 900, 300, 60, 10) if every > self._grain)
        return (*(dataclasses.replace(self, every=every) for every in coarser), self)

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a time; see the class for its distribution. Then, where the style has many looks, draw one.

        Info has `hour`, `minute` and `second`, and `hands_angle`, the degrees between hour and minute hand, 0 to 180,
        to a tenth; where the look is drawn also `look`, its seed, and, to slice results by, `numerals` ("arabic",
        "roman" or "none"), `ticks` (how many) and `tilt` (degrees, clockwise).
        """
        time = self._grain * int(rng.integers(HALF_DAY // self._grain))
        form = "HH:MM:SS" if self.second_hand else "HH:MM"
        info: dict[str, Scalar] = {"hour": time // 3600 or 12, "minute": time // 60 % 60, "second": time % 60}
        info["hands_angle"] = hands_angle(time)
        look = self.look()
        if self.style in dial_styles.DRAWN:
            seed = int(rng.integers(2**31))
            look = self.look(seed)
            info |= {"look": seed} | dial_styles.described(look)
        return Problem(
            prompt=f"What time is it? {self.instruction(form)}",
            answer=self.write(time),
            scene=self._draw(look, time),
            solution=self._explain(time),
            info=info,
        )

    def _explain(self, time: int) -> str:
        """How one reads the hands, as reasoning, and the answer."""
        hour, minute, second = time // 3600 or 12, time // 60 % 60, time % 60
        hands = f"The short hand has passed {hour}, the long hand stands at minute {minute}"
        if self.second_hand:
            hands += f" and the thin hand at second {second}"
        return f"{answers.OPEN_THINK}{hands}.{answers.CLOSE_THINK}{answers.tagged(self.write(time))}"

    def write(self, time: int) -> str:
        """`time` seconds after 12 o'clock as `07:25:30`; without a second hand whole minutes are `07:25`."""
        text = f"{time // 3600 or 12:02d}:{time // 60 % 60:02d}"
        return f"{text}:{time % 60:02d}" if self.second_hand or time % 60 else text

    def read(self, text: str) -> int | None:
        """Seconds after 12 o'clock, 0 to 43,199; None for an impossible time such as 7:61."""
        time = answers.read_time(text)
        return None if time is None else time[0] % 12 * 3600 + time[1] * 60 + time[2]

    def error(self, answer: int, truth: int) -> float:
        """Minutes between two times by the shorter way round the dial, 0 to 360."""
        apart = abs(answer - truth) % HALF_DAY
        return min(apart, HALF_DAY - apart) / 60.0

    def error_parts(self, answer: int, truth: int) -> Mapping[str, float]:
        """How far off each hand was read, by the shorter way round its own dial.

        The minute hand, 0 to 30 minutes; the hour hand, 0 to 6 whole hours, for what the minute hand does not explain;
        the second hand, where there is one, 0 to 30 seconds. Exactly an hour off is 1 and 0 and 0; 8:00:10 for
        7:59:50 is 0 hours, 20 seconds = 0.33 minutes, and 20 seconds.
        """
        apart = abs(answer - truth) % HALF_DAY
        apart = min(apart, HALF_DAY - apart)
        minute = min(apart % 3600, -apart % 3600)
        parts = {"hour hand (h)": float((apart + 1799) // 3600), "minute hand (min)": minute / 60.0}
        return parts | ({"second hand (s)": float(min(apart % 60, -apart % 60))} if self.second_hand else {})

    def number(self, answer: int) -> float:
        """Hours after 12 o'clock, 0 <= h < 12."""
        return answer / 3600.0

    def from_number(self, number: float) -> int:
        """The possible time that is nearest to so many hours after 12 o'clock."""
        return round(number * 3600 / self._grain) * self._grain % HALF_DAY

    def floor(self) -> float:
        """0: truths are whole seconds (minutes), and so are answers, so nothing is lost to rounding.

        Nor to pixels. On the smallest picture, 28 pixels, the plain second hand's tip moves 1.3 pixels a second,
        and that of the smallest varied dial, which is three quarters as large and has the shortest hand, 0.85;
        coverage is drawn in 256 levels, so that every look has a picture of its own for every second.
        """
        return 0.0

    def look(self, seed: int = 0) -> Look:
        """What the clock looks like; `seed`, from 0 up, is of no account where the style has one look."""
        return dial_styles.look(self.style, seed, self.numerals, self.variety)

    def draw(self, time: int, look_seed: int = 0) -> Scene:
        """The clock at `time` seconds after 12 o'clock."""
        return self._draw(self.look(look_seed), time)

    def _draw(self, look: Look, time: int) -> Scene:
        return dial.draw(look, time, self.second_hand, shared=self.style not in dial_styles.DRAWN)

    def depict(self, problem: Problem, answer: str) -> Scene | None:
        """The problem's clock, with the look that it has, at the answered time; None if the answer is no time."""
        time = self.parse(answer)
        return None if time is None else self.draw(time, int(problem.info.get("look", 0)))


def hands_angle(time: int) -> float:
    """Degrees between hour and minute hand `time` seconds after 12 o'clock, 0 to 180, to a tenth.

    The minute hand gains 11 rounds in 12 hours.
    """
    gained = 11 * time % HALF_DAY
    return round(min(gained, HALF_DAY - gained) * 360 / HALF_DAY, 1)
