"""Read the correlation of a scatter plot: the sample Pearson r of the points as drawn."""

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from envs import answers
from envs.problems import Problem
from envs.task import Task
from envs.tasks.scatter_look import LOOKS, Floats
from rendering import Markers, Scene

CORRELATION = re.compile(
    r"(?<![0-9.,])(?:(?<![A-Za-z])[Rr] ?[=:] ?)?[+\-\u2212]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})"
    r"(?![0-9%]|[.,][0-9]|[eE][+-]?[0-9])"
)
"""A plain number, perhaps after `r =`, its minus sign ASCII's or U+2212; no exponent, no percentage, no comma."""

DENSITY = 4
"""How many times as many points the style "dense" has."""


@dataclass(frozen=True)
class Scatter(Task[float]):
    """A scatter plot, whose correlation coefficient is to be read.

    The truth is the sample Pearson r of the very points that are drawn, not that of a distribution they come
    from. It is a hundredth, every one from `low` to `high` as likely as any other, and the points are made to
    have it exactly; so the answer, two decimals such as `+0.42` or `-1.00`, loses nothing. What is read:
    `-0.42`, `−0.42` (U+2212), `+0.42`, `.42`, `r = 0.42`, with any number of decimals. What is not: numbers
    beyond 1, percentages, `0,42` (which in a list would be two numbers), NaN. The error is |answer - r|.

    Styles: "plain" (both axes in standard deviations), "varied" (any units, markers, colours, grid, labels),
    and four that "varied" never shows, each plain but for one thing: "outliers" (a few points far from the
    rest), "nonlinear" (a curve; the nearer |r| is to 1, the flatter it has to be), "dense" (four times as many
    points, translucent) and "tiny-axes". A seed stands for the same r in every style.

    Attributes:
        size: Side of the picture in pixels, 56 to 4096.
        style: How the plot looks, see above.
        low: The lowest r, -1 to 1.
        high: The highest r, -1 to 1.
        every: Truths are multiples of so many hundredths, 1 to 100.
        min_points: The fewest points, 3 and up.
        max_points: The most points, up to 1,000.
        reward_sharpness: Of the "log" reward: 1 - ln(1 + 50 e) / ln 101. Set it along with another shape.
    """

    unit: ClassVar[str] = "r"
    worst_error: ClassVar[float] = 2.0
    pattern = CORRELATION
    shifted_styles: ClassVar[tuple[str, ...]] = ("outliers", "nonlinear", "dense", "tiny-axes")
    tolerance: ClassVar[float] = 0.05

    size: int = 112
    style: Literal["plain", "varied", "outliers", "nonlinear", "dense", "tiny-axes"] = "plain"
    low: float = -1.0
    high: float = 1.0
    every: int = 1
    min_points: int = 20
    max_points: int = 200
    reward_sharpness: float | None = 100.0

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: Where one has the wrong type or is out of range.
        """
        super().__post_init__()
        if not 56 <= self.size <= 4096:
            raise ValueError(f"Scatter.size must be from 56 pixels, to be readable, to 4096, got {self.size}.")
        for name in ("low", "high"):
            if not -1.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"Scatter.{name} must be a correlation from -1 to 1, got {getattr(self, name)}.")
        if self.low > self.high:
            raise ValueError(f"Scatter.low must not be above Scatter.high, got {self.low} and {self.high}.")
        if not 1 <= self.every <= 100:
            raise ValueError(f"Scatter.every must be from 1 to 100 hundredths, got {self.every}.")
        if not self._hundredths:
            what = "hundredth, and truths are hundredths" if self.every == 1 else f"multiple of {self.every} hundredths"
            raise ValueError(
                f"Between Scatter.low = {self.low} and Scatter.high = {self.high} lies no {what}: widen the range."
            )
        if not 3 <= self.min_points <= self.max_points <= 1000:
            raise ValueError(
                "Scatter.min_points must be 3 or more, and Scatter.max_points at least that and at most 1000, "
                f"got {self.min_points} and {self.max_points}."
            )

    @property
    def _hundredths(self) -> range:
        """The truths, times 100; a hair of slack, for 0.29 * 100 is 28.999999999999996."""
        low, high = math.ceil(100 * self.low - 1e-9), math.floor(100 * self.high + 1e-9)
        return _multiples(low, high, self.every)

    def levels(self) -> "tuple[Scatter, ...]":
        """Truths that lie closer and closer; first those as far apart as the range lets them be."""
        coarse = [every for every in (100, 50, 20, 10, 5) if every > self.every]
        lowest, highest = self._hundredths[0], self._hundredths[-1]
        fit = [every for every in coarse if len(_multiples(lowest, highest, every)) > 1]
        return (*(dataclasses.replace(self, every=every) for every in fit), self)

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw r, the number of points, the points, and how they look."""
        r = self._hundredths[int(rng.integers(len(self._hundredths)))] / 100
        count = int(rng.integers(self.min_points, self.max_points + 1)) * (DENSITY if self.style == "dense" else 1)
        x, y = cloud(r, count, self.style, rng)
        answer = self.write(r)
        return Problem(
            prompt=f"What is the correlation r? {self.instruction('±0.00')}",
            answer=answer,
            scene=LOOKS[self.style](x, y, rng),
            solution=f"{answers.OPEN_THINK}{_in_words(r)}.{answers.CLOSE_THINK}{answers.tagged(answer)}",
            info={"r": r, "points": count},
        )

    def write(self, r: float) -> str:
        """The answer for r: a sign and two decimals, or as many as it takes to write what is no hundredth."""
        return answers.plain_number(r, decimals=2, sign=True)

    def read(self, text: str) -> float | None:
        """A correlation, -1 to 1; None for a number beyond."""
        r = float(text.lstrip("Rr=: ").replace("\u2212", "-"))
        return r if -1.0 <= r <= 1.0 else None

    def error(self, answer: float, truth: float) -> float:
        """How far off the answer is, 0 to 2."""
        return abs(answer - truth)

    def floor(self) -> float:
        """0: truths are hundredths, which the answer has room for, and points stand where they are to the last digit.

        That is for a reader who can tell points apart that overlap. One who only adds up ink, where overlapping
        points count for less, is off by 0.008 on average (plain, 112 pixels).
        """
        return 0.0

    def depict(self, problem: Problem, answer: str) -> Scene | None:
        """The same cloud at the answered r: same x, same noise, otherwise mixed. None if the answer is no r."""
        r, scene = self.parse(answer), problem.scene
        if r is None or scene is None or r == self.truth(problem.answer):
            return scene if r is not None else None
        *rest, drawn = scene.primitives
        if not isinstance(drawn, Markers):
            return None
        x, y = np.array(drawn.points).T
        z = _standardise(x)
        noise = _residual(y, z)
        if np.abs(noise).max() < 1e-6 * y.std():  # all on a line: there is none to be found again
            noise = _bell(len(z), np.random.Generator(np.random.PCG64(0)))
        other = mix(r, z, noise)
        room = min(np.ptp(y) / np.ptp(other), y.std())  # stay inside the axes
        other = np.clip(y.min() + room * (other - other.min()) + 0.5 * (np.ptp(y) - room * np.ptp(other)), 0.0, 1.0)
        points = tuple(zip(x.tolist(), other.tolist(), strict=True))
        return dataclasses.replace(scene, primitives=(*rest, dataclasses.replace(drawn, points=points)))


def _multiples(low: int, high: int, every: int) -> range:
    """The multiples of a number from `low` to `high`."""
    return range(every * math.ceil(low / every), high + 1, every)


def cloud(r: float, count: int, style: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Points `(count,)` each way, of mean 0 and standard deviation 1, whose sample correlation is r.

    Args:
        r: From -1 to 1.
        count: From 3 up.
        style: "outliers" puts a few points far out, "nonlinear" puts them along a curve; the others do neither.
        rng: The source of chance.
    """
    x, noise = _bell(count, rng), _bell(count, rng)
    if style == "outliers":
        few = rng.choice(count, size=max(count // 25, 1), replace=False)
        for values in (x, noise):
            values[few] += rng.choice([-1.0, 1.0], size=len(few)) * rng.uniform(3.0, 6.0, size=len(few))
    elif style == "nonlinear":
        noise = 0.25 * noise + _CURVES[int(rng.integers(len(_CURVES)))](x)
    z = _standardise(x)
    return z, mix(r, z, noise)


def mix(r: float, z: Floats, noise: Floats) -> Floats:
    """What has the sample correlation r with z: r z + sqrt(1 - r^2) e, e being the part of the noise without z.

    Args:
        r: From -1 to 1.
        z: `(N,)`, of mean 0 and standard deviation 1; N is 3 or more.
        noise: `(N,)`.

    Returns:
        `(N,)`, of mean 0 and standard deviation 1.
    """
    rest = _standardise(_residual(_standardise(_residual(noise, z)), z))  # twice: the second takes away the rounding
    return _standardise(r * z + math.sqrt(1.0 - r * r) * rest)


_CURVES = (
    lambda x: x * x,
    lambda x: -x * x,
    lambda x: x * x * x,
    lambda x: np.abs(x),
    lambda x: 1.5 * np.sin(2.5 * x),
)
"""The shapes of the style "nonlinear", of x in units of about a standard deviation."""


def _bell(count: int, rng: np.random.Generator) -> Floats:
    """Numbers from a bell curve without tails, the sum of four uniform ones: within 3.5 standard deviations."""
    return math.sqrt(3.0) * (rng.random((4, count)).sum(axis=0) - 2.0)


def _standardise(values: Floats) -> Floats:
    centred = values - values.mean()
    return centred / math.sqrt(float(centred @ centred) / len(values))


def _residual(values: Floats, z: Floats) -> Floats:
    """What is left of values without their mean and without z, which is standardised."""
    centred = values - values.mean()
    return centred - float(centred @ z) / len(z) * z


def _in_words(r: float) -> str:
    """What one sees, roughly."""
    if abs(r) == 1.0:
        return f"All points lie on a line that {'rises' if r > 0 else 'falls'}"
    if abs(r) < 0.1:
        return "The cloud neither rises nor falls"
    strength = "narrow" if abs(r) > 0.8 else "rather wide" if abs(r) > 0.4 else "wide"
    return f"The cloud {'rises' if r > 0 else 'falls'} from left to right and is {strength}"
