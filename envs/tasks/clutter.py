"""What crowds the clocks of the style "busy": shapes behind the clock; texture, text and a sub-dial on its face."""

import math

import numpy as np

from envs.tasks.dial import Look
from envs.tasks.varied_dial import any_color, chance, pick
from rendering import Color, Disc, Label, Line, Lines, Noise, Point, Polygon, Ring
from rendering.scene import Shape

FAINT: Color = (150, 154, 164)
SOFT: Color = (112, 116, 128)
BRANDS = ("AURELIA", "NORDVIK", "TEMPORA", "HOLLIN", "KESTREL", "MERIDIAN", "SOLVANE", "PENDLE")
"""Made-up names."""

PIECES = 12
"""How many shapes stand behind the clock."""


def texture(rng: np.random.Generator) -> Noise:
    """A grained background."""
    return Noise(any_color(rng, (0.0, 0.6), (0.3, 0.9)), int(rng.integers(20, 50)), int(rng.integers(2**31)))


def behind(rng: np.random.Generator) -> tuple[Shape | Label, ...]:
    """Shapes of many colours all around, which the clock hides in part."""
    return tuple(_piece(rng, (k + rng.random()) / PIECES) for k in range(PIECES))


def _piece(rng: np.random.Generator, turn: float) -> Shape | Label:
    """One shape in the direction `turn` from the centre, near the edge of the picture."""
    color, radius = any_color(rng, (0.3, 1.0), (0.2, 1.0)), rng.uniform(0.04, 0.12)
    place = _around((0.5, 0.5), turn, rng.uniform(0.44, 0.6))
    kind = pick(rng, {"disc": 0.2, "ring": 0.2, "polygon": 0.3, "stripe": 0.2, "word": 0.1})
    if kind == "disc":
        return Disc(place, radius, color)
    if kind == "ring":
        return Ring(place, radius, 0.3 * radius, color)
    if kind == "polygon":
        corners, start = int(rng.integers(3, 6)), rng.random()
        return Polygon(tuple(_around(place, start + k / corners, radius) for k in range(corners)), color)
    if kind == "stripe":
        end = _around(place, rng.random(), 3.0 * radius)
        return Line(place, end, rng.uniform(0.01, 0.04), color, cap="round")
    return Label(str(rng.integers(100)), place, 1.4 * radius, color, angle=rng.uniform(-40.0, 40.0))


def on_face(rng: np.random.Generator, look: Look) -> tuple[Shape | Label, ...]:
    """Rays or rings, a maker's name, a date and a sub-dial with a hand of its own, all paler than the hands."""
    brand = BRANDS[int(rng.integers(len(BRANDS)))]
    small = look.at(0.5, 0.145) if chance(rng, 0.5) else look.at(0.75, 0.15)
    return (
        *_engraving(rng, look),
        *_sub_dial(rng, small, look.scale),
        Label(brand, look.at(0.0, 0.2), 0.045 * look.scale, SOFT),
        Label("AUTOMATIC", look.at(0.0, 0.15), 0.026 * look.scale, FAINT),
        *_date(rng, look.at(0.25, 0.19), look.scale),
    )


def _engraving(rng: np.random.Generator, look: Look) -> tuple[Shape, ...]:
    """Faint rays from the centre, or rings about it."""
    color = any_color(rng, (0.0, 0.8), (0.4, 0.8))
    if chance(rng, 0.5):
        rays = tuple((look.at(k / 40, 0.03), look.at(k / 40, 0.29)) for k in range(40))
        return (Lines(rays, 0.008 * look.scale, color, opacity=0.25),)
    return tuple(Ring(look.center, r * look.scale, 0.01 * look.scale, color, opacity=0.25) for r in (0.1, 0.17, 0.24))


def _sub_dial(rng: np.random.Generator, center: Point, scale: float) -> tuple[Shape, ...]:
    """A small dial with twelve ticks and one hand, which says nothing about the time."""
    radius = 0.075 * scale
    ticks = tuple((_around(center, k / 12, 0.75 * radius), _around(center, k / 12, 0.95 * radius)) for k in range(12))
    return (
        Disc(center, radius, (238, 239, 243)),
        Ring(center, radius, 0.07 * radius, FAINT),
        Lines(ticks, 0.06 * radius, FAINT),
        Line(center, _around(center, rng.random(), 0.7 * radius), 0.13 * radius, SOFT),
    )


def _date(rng: np.random.Generator, center: Point, scale: float) -> tuple[Shape | Label, ...]:
    """A window with the day of the month."""
    x, y, wide, high = *center, 0.042 * scale, 0.03 * scale
    frame = ((x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high))
    return Polygon(frame, (222, 224, 230)), Label(str(rng.integers(1, 32)), center, 0.05 * scale, SOFT)


def _around(center: Point, turn: float, radius: float) -> Point:
    """The point at `radius` from a centre, `turn` of a full turn clockwise from its top."""
    angle = 2.0 * math.pi * turn
    return center[0] + radius * math.sin(angle), center[1] + radius * math.cos(angle)
