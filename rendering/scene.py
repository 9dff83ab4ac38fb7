"""What a picture shows, as data: primitives on the unit square, a background, a rotation and a shift.

Everything here is a frozen, hashable dataclass of plain values; nothing here draws. Coordinates run from
(0, 0) at the bottom left to (1, 1) at the top right, **y up**. Positions stretch with the picture; lengths
(widths, radii, font sizes) are fractions of its shorter side, so that a disc stays round whatever the shape
of the picture. Colours are (red, green, blue), integers from 0 to 255. Angles are degrees, counter-clockwise.

Points may be given as any sequence of pairs, arrays included; they are stored as tuples of floats.
Every constructor raises `ValueError` for a value out of range and `TypeError` for one of the wrong kind.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from rendering import checks

Color: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Cap: TypeAlias = Literal["butt", "round"]
MarkerShape: TypeAlias = Literal["circle", "ring", "square", "triangle", "diamond", "plus", "cross"]
Anchor: TypeAlias = Literal[
    "center", "left", "right", "top", "bottom", "top-left", "top-right", "bottom-left", "bottom-right"
]


HOLES = {"circle": 0.0, "ring": 0.64}
"""The round markers, with the radius of their hole as a fraction of their own."""


@dataclass(frozen=True)
class Line:
    """A straight stroke. `end_width` tapers it (0 ends in a point); `None` keeps `width` throughout."""

    start: Point
    end: Point
    width: float
    color: Color
    _: KW_ONLY
    end_width: float | None = None
    cap: Cap = "butt"
    opacity: float = 1.0

    def __post_init__(self) -> None:
        checks.point(self, "start")
        checks.point(self, "end")
        checks.number(self, "width", above=0.0)
        if self.end_width is not None:
            checks.number(self, "end_width", minimum=0.0)
        checks.choice(self, "cap", get_args(Cap))
        checks.look(self)


@dataclass(frozen=True)
class Lines:
    """Many strokes of one look (ticks, a grid), drawn as one shape: where they cross is not darker."""

    segments: tuple[tuple[Point, Point], ...]
    width: float
    color: Color
    _: KW_ONLY
    cap: Cap = "butt"
    opacity: float = 1.0

    def __post_init__(self) -> None:
        segments = []
        for segment in checks.items(self.segments, self, "segments"):
            ends = tuple(checks.items(segment, self, "segments"))
            if len(ends) != 2:
                raise ValueError(f"each of Lines.segments must be a pair (start, end), got {segment!r}")
            start, end = (checks.pair(point, self, "segments") for point in ends)
            segments.append((start, end))
        object.__setattr__(self, "segments", tuple(segments))
        checks.number(self, "width", above=0.0)
        checks.choice(self, "cap", get_args(Cap))
        checks.look(self)


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    center: Point
    radius: float
    color: Color
    _: KW_ONLY
    opacity: float = 1.0

    def __post_init__(self) -> None:
        checks.point(self, "center")
        checks.number(self, "radius", above=0.0)
        checks.look(self)


@dataclass(frozen=True)
class Ring:
    """The outline of a circle: `radius` is the outer one, and `width` reaches inwards from it."""

    center: Point
    radius: float
    width: float
    color: Color
    _: KW_ONLY
    opacity: float = 1.0

    def __post_init__(self) -> None:
        checks.point(self, "center")
        checks.number(self, "radius", above=0.0)
        checks.number(self, "width", above=0.0)
        if self.width > self.radius:
            raise ValueError(f"Ring.width must be at most its radius {self.radius:g}, got {self.width:g}")
        checks.look(self)


@dataclass(frozen=True)
class Polygon:
    """A filled polygon, closed by itself; it may be non-convex and turn either way."""

    points: tuple[Point, ...]
    color: Color
    _: KW_ONLY
    opacity: float = 1.0

    def __post_init__(self) -> None:
        checks.points(self, "points", at_least=3)
        checks.look(self)


@dataclass(frozen=True)
class Markers:
    """Many small shapes of one look. `radius` is that of the circle around a marker.

    They are drawn as one shape: where they overlap is not darker. Unless they are `stacked`: then each lies over
    those before it, and where translucent ones overlap is darker, as in a scatter plot.
    """

    points: tuple[Point, ...]
    radius: float
    color: Color
    _: KW_ONLY
    shape: MarkerShape = "circle"
    stacked: bool = False
    opacity: float = 1.0

    def __post_init__(self) -> None:
        checks.points(self, "points")
        checks.number(self, "radius", above=0.0)
        checks.choice(self, "shape", get_args(MarkerShape))
        checks.truth(self, "stacked")
        checks.look(self)


@dataclass(frozen=True)
class Label:
    """A line of text in DejaVu Sans. `size` is the font's height as a fraction of the shorter side.

    `anchor` names the point of the text that stands at `position`. Vertically the text reaches from its
    baseline ("bottom") to the top of its capitals ("top"), so that labels in a row share a baseline.
    """

    text: str
    position: Point
    size: float
    color: Color
    _: KW_ONLY
    anchor: Anchor = "center"
    angle: float = 0.0
    opacity: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"Label.text must be a string, got {self.text!r}")
        if any(ord(character) < 32 for character in self.text):
            raise ValueError(f"Label.text must be one line without control characters, got {self.text!r}")
        checks.point(self, "position")
        checks.number(self, "size", above=0.0, maximum=4.0)  # larger glyphs would only fill memory
        checks.number(self, "angle")
        checks.choice(self, "anchor", get_args(Anchor))
        checks.look(self)


Shape: TypeAlias = Line | Lines | Disc | Ring | Polygon | Markers


@dataclass(frozen=True)
class Layer:
    """Primitives that many scenes share (a dial, the axes of a chart).

    It draws exactly what its primitives would draw. First in a scene, its picture is remembered, so the next
    scene that begins with an equal layer only copies it. Build it once and share it: comparing is then free.
    """

    primitives: tuple[Shape | Label, ...]

    def __post_init__(self) -> None:
        checks.kinds(self, "primitives", Shape | Label)

    @cached_property
    def _hash(self) -> int:
        return hash(self.primitives)

    def __hash__(self) -> int:
        return self._hash  # computed once: a layer is long, and is looked up for every picture

    def __reduce__(self) -> tuple[type[Layer], tuple[tuple[Shape | Label, ...]]]:
        return Layer, (self.primitives,)  # strings hash differently in another process: leave the hash behind


Primitive: TypeAlias = Shape | Label | Layer


@dataclass(frozen=True)
class Plain:
    """One colour everywhere."""

    color: Color

    def __post_init__(self) -> None:
        checks.color(self)


@dataclass(frozen=True)
class Gradient:
    """A colour ramp across the picture in the direction `angle` (0 is left to right, 90 bottom to top)."""

    start_color: Color
    end_color: Color
    angle: float = 0.0

    def __post_init__(self) -> None:
        checks.color(self, "start_color")
        checks.color(self, "end_color")
        checks.number(self, "angle")


@dataclass(frozen=True)
class Noise:
    """A colour plus, per pixel and channel, a uniform integer from -amplitude to amplitude.

    The sum is clipped to 0..255. `seed` (a non-negative integer) fixes the grain.
    """

    color: Color
    amplitude: int
    seed: int

    def __post_init__(self) -> None:
        checks.color(self)
        checks.integer(self, "amplitude", maximum=255)
        checks.integer(self, "seed", maximum=math.inf)


Background: TypeAlias = Plain | Gradient | Noise


@dataclass(frozen=True)
class Scene:
    """A picture. Primitives are drawn in order, over the background.

    `rotation` (degrees, counter-clockwise, about the centre) and then `shift` (fractions of the picture's
    width and height, y up) move the primitives, labels included; the background stays.
    """

    primitives: tuple[Primitive, ...]
    background: Background = Plain((255, 255, 255))
    rotation: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        checks.kinds(self, "primitives", Primitive)
        if not isinstance(self.background, get_args(Background)):
            raise TypeError(f"Scene.background must be a Plain, Gradient or Noise, got {self.background!r}")
        checks.number(self, "rotation")
        checks.point(self, "shift")
