"""The axes of a chart: data coordinates to the unit square, ticks at round numbers, labels, grid and frame.

>>> from rendering import Axes, Markers, Scene
>>> axes = Axes((0.0, 10.0), (-1.0, 1.0), x_label="time")
>>> scene = Scene((*axes.primitives(), Markers(axes.place([1.0, 2.0], [0.3, -0.5]), 0.013, (30, 90, 200))))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from rendering import checks
from rendering.scene import Color, Label, Lines, Point, Polygon, Shape

Grid: TypeAlias = Literal["none", "x", "y", "both"]
Border: TypeAlias = Literal["box", "open", "none"]

MINUS = "\N{MINUS SIGN}"
GLYPH_WIDTH = 0.66
"""Width of a digit as a fraction of the font's height, on the generous side."""

_WIDE = {MINUS: 0.86, ".": 0.34}


class Tick(NamedTuple):
    """A round number on an axis, and how it is written."""

    value: float
    label: str


class Box(NamedTuple):
    """The rectangle that data is drawn in, on the unit square."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True)
class AxesLook:
    """How axes look, whatever they measure. Lengths are fractions of the picture's shorter side.

    Attributes:
        ink: Colour of frame, ticks and text.
        face: Colour behind the data; None leaves the scene's background.
        grid: Which grid lines there are: `x` are the vertical ones.
        grid_color: Their colour.
        border: The frame: all round (`box`), left and bottom (`open`), or `none`.
        line_width: Of frame and ticks; grid lines are two thirds as wide.
        text_size: Height of the font of tick labels and axis labels; a title's is 1.15 times that.
        ticks: About how many ticks an axis has, 2 and up; fewer where their labels would touch.
    """

    ink: Color = (60, 62, 70)
    face: Color | None = None
    grid: Grid = "none"
    grid_color: Color = (222, 224, 228)
    border: Border = "box"
    line_width: float = 0.007
    text_size: float = 0.07
    ticks: int = 5

    def __post_init__(self) -> None:
        checks.color(self, "ink")
        checks.color(self, "grid_color")
        if self.face is not None:
            checks.color(self, "face")
        checks.choice(self, "grid", get_args(Grid))
        checks.choice(self, "border", get_args(Border))
        checks.number(self, "line_width", above=0.0)
        checks.number(self, "text_size", above=0.0, maximum=1.0)
        checks.integer(self, "ticks", minimum=2, maximum=50)


@dataclass(frozen=True)
class Axes:
    """Two linear axes.

    Attributes:
        x_range: Data values at the left and right of the box.
        y_range: Data values at the bottom and top of the box.
        x_label: What stands beneath, or "".
        y_label: What stands at the left, turned, or "".
        title: What stands on top, or "".
        look: Colours, sizes, grid and frame.
        area: The part of the unit square that all of it may fill: left, bottom, right, top.
    """

    x_range: Point
    y_range: Point
    x_label: str = ""
    y_label: str = ""
    title: str = ""
    look: AxesLook = AxesLook()
    area: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("x_range", "y_range"):
            checks.point(self, name)
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"Axes.{name} must rise, got {low:g} to {high:g}")
            if high - low <= 1e-9 * max(abs(low), abs(high)):
                raise ValueError(f"Axes.{name} must be wider, for its ends are almost equal: {low!r} to {high!r}")
        left, bottom, right, top = self.area
        if not (0.0 <= left < right <= 1.0 and 0.0 <= bottom < top <= 1.0):
            raise ValueError(f"Axes.area must be (left, bottom, right, top) in the unit square, got {self.area!r}")
        if min(self.box.right - self.box.left, self.box.top - self.box.bottom) <= 0.0:
            raise ValueError("Axes.area is too small for its text: enlarge it, shrink look.text_size or drop labels")

    @cached_property
    def y_ticks(self) -> tuple[Tick, ...]:
        """The ticks of the vertical axis."""
        return self._ticks(self.y_range, self._top - self._bottom, lambda ticks: 1.3 * self.look.text_size)

    @cached_property
    def x_ticks(self) -> tuple[Tick, ...]:
        """The ticks of the horizontal axis."""
        text = self.look.text_size
        return self._ticks(self.x_range, self.box.right - self.box.left, lambda ticks: _width(ticks, text) + 0.4 * text)

    def _ticks(self, data_range: Point, length: float, needed: Callable[[tuple[Tick, ...]], float]) -> tuple[Tick, ...]:
        """As many ticks as are wanted, but for what their labels need of the length of the axis."""
        low, high = data_range
        ticks: tuple[Tick, ...] = ()
        for about in range(self.look.ticks, 0, -1):
            ticks = nice_ticks(low, high, about)
            if len(ticks) < 2 or length * (ticks[1].value - ticks[0].value) / (high - low) >= needed(ticks):
                break
        return ticks

    @cached_property
    def box(self) -> Box:
        """Where the data is drawn: what the text around leaves of `area`."""
        text, (left, _, right, _) = self.look.text_size, self.area
        return Box(
            left + _width(self.y_ticks, text) + 0.75 * text + 1.2 * text * bool(self.y_label),
            self._bottom,
            right - 0.4 * text - 0.5 * _width(nice_ticks(*self.x_range, self.look.ticks)[-1:], text),
            self._top,
        )

    @property
    def _bottom(self) -> float:
        return self.area[1] + (1.6 + 1.3 * bool(self.x_label)) * self.look.text_size

    @property
    def _top(self) -> float:
        return self.area[3] - (0.6 + 1.4 * bool(self.title)) * self.look.text_size

    def place(self, x: ArrayLike, y: ArrayLike) -> tuple[Point, ...]:
        """Data as points of the unit square: an affine map of each axis, in and beyond the box.

        Args:
            x: `(N,)` in the unit of `x_range`.
            y: `(N,)` in the unit of `y_range`.
        """
        across = _along(np.asarray(x, dtype=np.float64), self.x_range, self.box.left, self.box.right)
        up = _along(np.asarray(y, dtype=np.float64), self.y_range, self.box.bottom, self.box.top)
        return tuple(zip(across.tolist(), up.tolist(), strict=True))

    def primitives(self) -> tuple[Shape | Label, ...]:
        """Everything but the data, to be drawn before it."""
        left, bottom, right, top = self.box
        x = [point[0] for point in self.place([t.value for t in self.x_ticks], [0.0] * len(self.x_ticks))]
        y = [point[1] for point in self.place([0.0] * len(self.y_ticks), [t.value for t in self.y_ticks])]
        look, shapes = self.look, list[Shape | Label]()
        if look.face is not None:
            shapes.append(Polygon(((left, bottom), (right, bottom), (right, top), (left, top)), look.face))
        grid = [((u, bottom), (u, top)) for u in x if look.grid in ("x", "both")]
        grid += [((left, v), (right, v)) for v in y if look.grid in ("y", "both")]
        if grid:
            shapes.append(Lines(tuple(grid), look.line_width * 2 / 3, look.grid_color))
        shapes += self._frame(x, y)
        return (*shapes, *self._texts(x, y))

    def _frame(self, x: list[float], y: list[float]) -> list[Shape | Label]:
        """Frame and ticks, as one shape."""
        left, bottom, right, top = self.box
        tick, half = 0.35 * self.look.text_size, 0.5 * self.look.line_width
        lines = [((u, bottom), (u, bottom - tick)) for u in x] + [((left, v), (left - tick, v)) for v in y]
        if self.look.border != "none":
            lines += [((left, bottom - half), (left, top + half)), ((left - half, bottom), (right + half, bottom))]
        if self.look.border == "box":
            lines += [((right, bottom - half), (right, top + half)), ((left - half, top), (right + half, top))]
        return [Lines(tuple(lines), self.look.line_width, self.look.ink)] if lines else []

    def _texts(self, x: list[float], y: list[float]) -> list[Shape | Label]:
        """Tick labels, axis labels and title."""
        box, text, ink = self.box, self.look.text_size, self.look.ink
        labels = [
            Label(tick.label, (u, box.bottom - 0.55 * text), text, ink, anchor="top")
            for u, tick in zip(x, self.x_ticks, strict=True)
        ]
        labels += [
            Label(tick.label, (box.left - 0.55 * text, v), text, ink, anchor="right")
            for v, tick in zip(y, self.y_ticks, strict=True)
        ]
        middle = (box.left + box.right) / 2, (box.bottom + box.top) / 2
        if self.x_label:
            labels.append(Label(self.x_label, (middle[0], self.area[1] + 0.35 * text), text, ink, anchor="bottom"))
        if self.y_label:
            labels.append(Label(self.y_label, (self.area[0] + 0.7 * text, middle[1]), text, ink, angle=90.0))
        if self.title:
            labels.append(Label(self.title, (middle[0], box.top + 0.5 * text), 1.15 * text, ink, anchor="bottom"))
        return list(labels)


@lru_cache(maxsize=256)
def nice_ticks(low: float, high: float, about: int) -> tuple[Tick, ...]:
    """Multiples of 1, 2 or 5 times a power of ten from `low` to `high`, the step that is nearest to what is wanted.

    Args:
        low: Where the axis begins.
        high: Where it ends, above `low`.
        about: How many steps are wanted, 1 and up.
    """
    wanted = (high - low) / about
    exponent = math.floor(math.log10(wanted))
    steps = [(digit, power) for power in (exponent, exponent + 1) for digit in (1, 2, 5)]
    digit, power = min(steps, key=lambda step: abs(math.log(step[0] * 10.0 ** step[1] / wanted)))
    step, slack = digit * 10.0**power, 1e-9
    first, last = math.ceil(low / step - slack), math.floor(high / step + slack)
    return tuple(_tick(k * digit, power) for k in range(first, last + 1))


def _tick(digits: int, power: int) -> Tick:
    """The number digits x 10^power, exact and written without the noise of binary fractions."""
    value = float(f"{digits}e{power}")
    if -4 <= power <= 4:
        return Tick(value, f"{value:.{max(-power, 0)}f}".replace("-", MINUS))
    return Tick(value, f"{digits}e{power}".replace("-", MINUS) if digits else "0")


def _width(ticks: tuple[Tick, ...], text_size: float) -> float:
    """Of the widest label, as a fraction of the side."""
    return max((sum(_WIDE.get(c, GLYPH_WIDTH) for c in tick.label) for tick in ticks), default=0.0) * text_size


def _along(values: np.ndarray, data_range: Point, start: float, end: float) -> np.ndarray:
    low, high = data_range
    return start + (values - low) * ((end - start) / (high - low))
