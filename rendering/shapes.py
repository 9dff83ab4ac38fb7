"""From primitives to polygons, in pixels: x right, y **down**, a point being the complex number x + iy.

A primitive becomes one or several polygons that together cover it. Several are kept apart where one would
span a large empty window (ticks, markers, the sectors of a ring); they may touch or overlap.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rendering.coverage import Points
from rendering.scene import HOLES, Disc, Line, Lines, Markers, Point, Polygon, Ring, Shape

Placed = TypeVar("Placed", Points, complex)

SAGITTA = 0.02  # pixels by which a chord may miss its circle; a pixel's coverage is off by less than that
MOST_EDGES = 4096  # enough for circles of 30,000 pixels
SECTOR = 8  # edges of a circle in one sector of a ring: small enough that a sector's window is small


class Frame(NamedTuple):
    """The size of the picture in pixels, and the motion of everything that is drawn in it."""

    height: int
    width: int
    rotation: float = 0.0
    shift: Point = (0.0, 0.0)

    @property
    def side(self) -> int:
        """What a length of 1 means, in pixels."""
        return min(self.height, self.width)

    def place(self, point: Point) -> complex:
        """One point of the unit square in pixels, before rotation and shift."""
        return complex(point[0] * self.width, (1.0 - point[1]) * self.height)

    def place_all(self, points: ArrayLike) -> Points:
        """Points `(..., 2)` of the unit square in pixels `(...)`, before rotation and shift."""
        pairs = np.array(points, dtype=np.float64)
        pairs[..., 1] = 1.0 - pairs[..., 1]
        pairs *= (self.width, self.height)
        return pairs.view(np.complex128)[..., 0]

    def place_points(self, points: Sequence[Point]) -> Points:
        """The same for a sequence of points `(N,)`, which is faster: there may be hundreds."""
        flat = np.fromiter(chain.from_iterable(points), np.float64, 2 * len(points))
        return self.place_all(flat.reshape(-1, 2))

    def move(self, points: Placed) -> Placed:
        """Turns points (pixels) counter-clockwise about the centre of the picture, then shifts them."""
        if self.rotation:
            center = complex(self.width, self.height) / 2
            points = (points - center) * cmath.rect(1.0, -math.radians(self.rotation)) + center
        return points + complex(self.shift[0] * self.width, -self.shift[1] * self.height)


def polygons(shape: Shape, frame: Frame) -> Points:
    """The polygons `(count, vertices)`, in pixels, whose union is the shape."""
    side = frame.side
    match shape:
        case Line():
            start, end = frame.place(shape.start), frame.place(shape.end)
            end_width = shape.width if shape.end_width is None else shape.end_width
            radii = 0.5 * side * shape.width, 0.5 * side * end_width
            return _stroke(start, end, *radii, _cap(shape.cap, _edges(max(radii)) // 2))[None]
        case Lines():
            if not shape.segments:
                return np.empty((0, 4), dtype=np.complex128)
            ends = frame.place_all(shape.segments)
            radius = 0.5 * side * shape.width
            return _strokes(ends[:, :1], ends[:, 1:], radius, _cap(shape.cap, _edges(radius) // 2))
        case Disc():
            radius = side * shape.radius
            return (frame.place(shape.center) + radius * _circle(_edges(radius)))[None]
        case Ring():
            radius = side * shape.radius
            return frame.place(shape.center) + _ring(radius, radius - side * shape.width)
        case Polygon():
            return frame.place_all(shape.points)[None]
        case Markers():
            if not shape.points:
                return np.empty((0, 4), dtype=np.complex128)
            radius, points = side * shape.radius, frame.place_points(shape.points)[:, None]
            match shape.shape:
                case "circle":
                    return points + radius * _circle(_edges(radius))
                case "ring":
                    sectors = _ring(radius, radius * HOLES["ring"])
                    return (points[..., None] + sectors).reshape(-1, sectors.shape[1])
                case other:
                    return points + radius * _OUTLINES[other]


def _stroke(start: complex, end: complex, start_radius: float, end_radius: float, cap: Points) -> Points:
    """The outline `(vertices,)` of a straight stroke: its end's cap, then its start's, turned round."""
    length = abs(end - start)
    cap = cap * ((end - start) / length if length else 1.0)
    return np.concatenate((end + end_radius * cap, start - start_radius * cap))


def _strokes(start: Points, end: Points, radius: float, cap: Points) -> Points:
    """Outlines `(count, vertices)` of many strokes of one width, from ends `(count, 1)`."""
    length = np.abs(end - start)
    none = length == 0.0
    caps = (end - start + none) / (length + none) * (radius * cap)
    return np.concatenate((end + caps, start - caps), axis=1)


def _ring(outer: float, inner: float) -> Points:
    """The sectors `(count, vertices)` of a ring about 0."""
    circle = _circle(_edges(outer))
    arcs = circle[(np.arange(0, len(circle), SECTOR)[:, None] + np.arange(SECTOR + 1)) % len(circle)]
    return np.concatenate((outer * arcs, inner * arcs[:, ::-1]), axis=1)


def _edges(radius: float) -> int:
    """How many edges make a circle of this radius (pixels) round: a multiple of `SECTOR`."""
    if radius <= SAGITTA:
        return SECTOR
    return min(SECTOR * math.ceil(math.pi / math.acos(1 - SAGITTA / radius) / SECTOR), MOST_EDGES)


@lru_cache(maxsize=256)
def _circle(edges: int) -> Points:
    """A regular polygon `(edges,)` of the unit circle's area (so on average neither inside nor outside)."""
    angle = 2 * math.pi / edges
    return _fixed([cmath.rect(math.sqrt(angle / math.sin(angle)), angle * k) for k in range(edges)])


@lru_cache(maxsize=256)
def _cap(cap: str, edges: int) -> Points:
    """The end of a stroke of half width 1 that runs along the real axis, from one side to the other."""
    if cap == "butt":
        return _fixed([-1j, 1j])
    return _fixed([cmath.rect(1.0, math.pi * (k / edges - 0.5)) for k in range(edges + 1)])


def _fixed(points: list[complex]) -> Points:
    array = np.array(points)
    array.flags.writeable = False  # shared by the caches
    return array


def _at(*degrees: float) -> Points:
    return _fixed([cmath.rect(1.0, -math.radians(angle)) for angle in degrees])


def _plus(angle: float) -> Points:
    """A plus, turned by `angle`, whose outer corners lie on the unit circle."""
    arm = 0.22  # half the width of an arm
    tip = math.sqrt(1 - arm * arm)
    corners = complex(tip, -arm), complex(tip, arm), complex(arm, arm)
    turns = [cmath.rect(1.0, math.radians(angle + quarter)) for quarter in (0, 90, 180, 270)]
    return _fixed([corner * turn for turn in turns for corner in corners])


_OUTLINES = {
    "square": _at(45, 135, 225, 315),
    "triangle": _at(90, 210, 330),
    "diamond": _at(0, 90, 180, 270),
    "plus": _plus(0),
    "cross": _plus(45),
}
