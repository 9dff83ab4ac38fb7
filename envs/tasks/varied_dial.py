"""The styles "varied" and "mixed" of the clock: looks drawn at random, all of them legible.

What holds for every one of them: the whole clock lies in the picture, upright, and runs clockwise. Hands and
numbers are dark on a light face, with a contrast of at least `CONTRAST`; ticks and second hand of at least
`FAINT_CONTRAST`. The hour hand is at most 0.7 times as long as the minute hand, and wider; the second hand is
the longest and the thinnest. Every hour is marked by a tick or a number.
"""

import colorsys
import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from envs.tasks.dial import FULL_RADIUS, Hand, Look, Numerals, TickCount, Ticks
from rendering import Color, Gradient, Plain
from rendering.scene import Cap

CONTRAST, FAINT_CONTRAST = 4.5, 3.0
"""What WCAG 2.2 asks for: of text (1.4.3, level AA), and of graphics that have to be seen (1.4.11)."""

FACE_LUMINANCE = 0.6
"""The least of a face. Nothing lighter than such a face reaches `FAINT_CONTRAST`, so every ink is darker."""

SMALLEST = 0.75
"""The least `Look.scale`."""

HOUR_TO_MINUTE = (0.55, 0.7)
"""The length of the hour hand over that of the minute hand, at least and at most."""

THIN = 0.5
"""The most that the width of the second hand may be of that of the minute hand."""

PARTS = (
    ("background",),
    ("face",),
    ("ticks", "numerals"),
    ("hour", "minute", "second", "hub", "pin"),
    ("rim", "rim_width"),
)
"""What `mixed` takes from one clock or the other: fields of a `Look`, those together that are made for each other."""

Range = tuple[float, float]
Item = TypeVar("Item")


class Inks(NamedTuple):
    """The colours on a face."""

    hour: Color
    minute: Color
    second: Color
    ticks: Color
    numerals: Color


def luminance(color: Color) -> float:
    """Relative luminance of an sRGB colour, 0 for black to 1 for white, as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def any_color(rng: np.random.Generator, saturation: Range, value: Range) -> Color:
    """A colour of any hue."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    return round(255 * red), round(255 * green), round(255 * blue)


def chance(rng: np.random.Generator, share: float) -> bool:
    """True as often as `share` says."""
    return rng.random() < share


def pick(rng: np.random.Generator, shares: Mapping[Item, float]) -> Item:
    """One of the keys, each as often as its share says; the shares add up to 1."""
    left = rng.random()
    for item, share in shares.items():
        left -= share
        if left < 0.0:
            return item
    return item  # shares add up to 1 but for rounding


def varied(rng: np.random.Generator) -> Look:
    """Draw a look."""
    return _placed(rng, _centred(rng))


def mixed(rng: np.random.Generator, plain: Look, variety: float = 1.0) -> Look:
    """Draw a look that lies anywhere between `plain` and varied ones, or as far from it as `variety` lets it.

    So one batch of problems holds everything from the plain clock to wholly varied ones, and a policy that reads the
    former finds its way from there: on varied clocks alone it is long before anything is read.
    """
    return partly_varied(rng, plain, variety * rng.random())


def partly_varied(rng: np.random.Generator, plain: Look, share: float) -> Look:
    """Draw a look that lies between `plain`, share 0, and varied ones, share 1.

    Each of `PARTS` is that of a varied look with this probability, and size and place stray as far as this share of how
    far they may.
    """
    drawn = _centred(rng)
    names = [name for part in PARTS if chance(rng, share) for name in part]
    return _placed(rng, dataclasses.replace(plain, **{name: getattr(drawn, name) for name in names}), share)


def _centred(rng: np.random.Generator) -> Look:
    """All of a varied look but its size and place."""
    face = _face(rng)
    inks = _inks(rng, face)
    ticks, numerals = _marks(rng, inks)
    hour, minute, second = _hands(rng, inks)
    return Look(
        background=_background(rng),
        face=face,
        ticks=ticks,
        numerals=numerals,
        hour=hour,
        minute=minute,
        second=second,
        rim=any_color(rng, (0.0, 0.8), (0.1, 1.0)) if chance(rng, 0.75) else None,
        rim_width=rng.uniform(0.008, 0.05),
        hub=max(rng.uniform(0.018, 0.034), 0.6 * hour.width),
        pin=rng.uniform(0.006, 0.012) if chance(rng, 0.7) else 0.0,
    )


def _placed(rng: np.random.Generator, look: Look, share: float = 1.0) -> Look:
    """The look with a size and a place, so that all of it lies in the picture; `share` 0 has it fill the picture."""
    largest = min(1.0, FULL_RADIUS / look.radius)
    scale = rng.uniform(share * SMALLEST + (1.0 - share) * largest, largest)
    room = share * (0.5 - scale * look.radius)
    x, y = rng.uniform(-room, room), rng.uniform(-room, room)
    numerals = look.numerals and dataclasses.replace(look.numerals, size=_font_size(look.numerals.size, scale))
    return dataclasses.replace(look, numerals=numerals, scale=scale, center=(0.5 + x, 0.5 + y))


def _font_size(size: float, scale: float) -> float:
    """The nearest of a few sizes (in the picture), so that glyphs are drawn once and found again."""
    return round(448 * size * scale) / (448 * scale)


def _marks(rng: np.random.Generator, inks: Inks) -> tuple[Ticks, Numerals | None]:
    """Ticks and numbers; wherever there is no number for each hour, there are at least twelve ticks."""
    numbers = _numbers(rng, inks.numerals)
    all_twelve = numbers is not None and numbers.count == 12
    shares: Mapping[TickCount, float] = {60: 0.5, 12: 0.3, 4: 0.2} if all_twelve else {60: 0.6, 12: 0.4}
    count = pick(rng, shares)
    radius, length, width = rng.uniform(0.448, 0.466), rng.uniform(0.03, 0.06), rng.uniform(0.009, 0.02)
    minute = rng.uniform(0.35, 0.6) * length, rng.uniform(0.3, 0.6) * width
    ticks = Ticks(inks.ticks, count, radius, (length, width), minute)
    if numbers is None:
        return ticks, None
    gap = rng.uniform(0.6, 0.85) * numbers.size
    return ticks, dataclasses.replace(numbers, radius=radius - length - gap)


def _numbers(rng: np.random.Generator, ink: Color) -> Numerals | None:
    """Upright numbers, if any; Roman ones at 3, 6, 9 and 12 alone."""
    kind = rng.random()
    size = rng.uniform(0.07, 0.1)
    if kind < 0.3:
        return None
    if kind < 0.5:
        return Numerals(ink, "roman", 4, size=size)
    return Numerals(ink, "arabic", 12 if chance(rng, 0.8) else 4, size=size)


def _hands(rng: np.random.Generator, inks: Inks) -> tuple[Hand, Hand, Hand]:
    """The three hands; the two broad ones have one shape."""
    length, width = rng.uniform(0.34, 0.41), rng.uniform(0.032, 0.054)
    tails = (rng.uniform(0.03, 0.06), rng.uniform(0.04, 0.08)) if chance(rng, 0.5) else (0.0, 0.0)
    lengths = rng.uniform(*HOUR_TO_MINUTE) * length, length
    widths = width, rng.uniform(0.52, 0.75) * width
    shape = pick(rng, {"bar": 0.2, "tapered": 0.25, "rounded": 0.3, "lozenge": 0.25})
    tip = {"bar": 1.0, "tapered": rng.uniform(0.2, 0.6), "rounded": rng.uniform(0.6, 1.0), "lozenge": 0.0}[shape]
    belly = rng.uniform(0.15, 0.5) if shape == "lozenge" else None
    cap: Cap = "round" if shape == "rounded" else "butt"
    hour, minute = (
        Hand(lengths[i], widths[i], (inks.hour, inks.minute)[i], tails[i], tip * widths[i], cap, belly) for i in (0, 1)
    )
    thin = min(rng.uniform(0.007, 0.012), THIN * minute.width)
    longest = rng.uniform(max(0.39, length + 0.02), 0.455)
    tail = rng.uniform(0.04, 0.07) if chance(rng, 0.6) else 0.0
    weight = rng.uniform(0.014, 0.026) if tail and chance(rng, 0.5) else 0.0
    return hour, minute, Hand(longest, thin, inks.second, tail, thin, weight=weight)


def _face(rng: np.random.Generator) -> Color:
    """White, or a tint that is lightened as far as need be."""
    if chance(rng, 0.25):
        return 255, 255, 255
    face = any_color(rng, (0.0, 0.25), (0.88, 1.0))
    while luminance(face) < FACE_LUMINANCE:
        red, green, blue = ((part + 255) // 2 for part in face)
        face = red, green, blue
    return face


def _inks(rng: np.random.Generator, face: Color) -> Inks:
    """Colours that stand out from the face, some of them shared, as on most clocks."""
    hour = _ink(rng, face, CONTRAST)
    minute = hour if chance(rng, 0.6) else _ink(rng, face, CONTRAST)
    second = minute if chance(rng, 0.25) else _ink(rng, face, FAINT_CONTRAST, saturation=(0.7, 1.0), value=(0.6, 1.0))
    ticks = hour if chance(rng, 0.6) else _ink(rng, face, FAINT_CONTRAST)
    return Inks(hour, minute, second, ticks, hour if chance(rng, 0.6) else _ink(rng, face, CONTRAST))


def _ink(
    rng: np.random.Generator,
    face: Color,
    least: float,
    saturation: Range = (0.0, 1.0),
    value: Range = (0.05, 0.75),
) -> Color:
    """A colour, darkened until its contrast with the face is at least this."""
    ink = any_color(rng, saturation, value)
    while contrast(ink, face) < least:
        red, green, blue = (9 * part // 10 for part in ink)
        ink = red, green, blue
    return ink


def _background(rng: np.random.Generator) -> Plain | Gradient:
    first, second = (any_color(rng, (0.0, 0.6), (0.15, 1.0)) for _ in range(2))
    return Plain(first) if chance(rng, 0.6) else Gradient(first, second, rng.uniform(0.0, 360.0))
