"""The styles of the clock: the look that a style's name and a seed stand for.

Each shifted style is the plain clock with one thing changed. "varied" never shows what is changed, and does
surround the rest of the plain clock: what a policy loses on such a style, it loses by that one thing.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from envs.tasks import clutter
from envs.tasks.dial import Hand, Look, Numerals, Ticks
from envs.tasks.varied_dial import mixed, partly_varied, varied
from rendering import Color, Plain

Style = Literal["plain", "varied", "mixed", "roman", "mirrored", "no-ticks", "busy", "tilted", "inverted"]

INK: Color = (24, 26, 32)

PLAIN = Look(
    background=Plain((226, 229, 234)),
    face=(255, 255, 255),
    ticks=Ticks(INK),
    numerals=Numerals(INK),
    hour=Hand(0.245, 0.046, INK, tail=0.05, tip_width=0.032, cap="round"),
    minute=Hand(0.38, 0.026, (38, 84, 150), tail=0.07, tip_width=0.016, cap="round"),
    second=Hand(0.435, 0.010, (214, 40, 40), tail=0.06, tip_width=0.010, weight=0.022),
    rim=(70, 74, 84),
)

TILT = (8, 30)
"""By how many whole degrees "tilted" turns a dial, at least and at most, either way."""


def _negative(value: Any) -> Any:
    """A look, or a part of it, with the negative of every colour."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return dataclasses.replace(value, **{name: _negative(getattr(value, name)) for name in names})
    if isinstance(value, tuple) and [type(part) for part in value] == [int, int, int]:
        return tuple(255 - part for part in value)
    return value


def _varied(rng: np.random.Generator, variety: float) -> Look:
    return varied(rng) if variety == 1.0 else partly_varied(rng, PLAIN, variety)


def _busy(rng: np.random.Generator) -> Look:
    """Smaller than plain, or nothing behind it would be seen."""
    look = dataclasses.replace(PLAIN, scale=0.82, background=clutter.texture(rng), behind=clutter.behind(rng))
    return dataclasses.replace(look, on_face=clutter.on_face(rng, look))


def _tilted(rng: np.random.Generator) -> Look:
    degrees = int(rng.integers(TILT[0], TILT[1] + 1))
    return dataclasses.replace(PLAIN, tilt=float(degrees if rng.random() < 0.5 else -degrees))


CONSTANT: Mapping[str, Look] = {
    "plain": PLAIN,
    "roman": dataclasses.replace(PLAIN, numerals=Numerals(INK, "roman", radial=True)),
    "mirrored": dataclasses.replace(PLAIN, anticlockwise=True),
    "no-ticks": dataclasses.replace(PLAIN, ticks=None, numerals=None),
    "inverted": _negative(PLAIN),
}
"""The styles that have one look."""

DRAWN: Mapping[str, Callable[[np.random.Generator, float], Look]] = {
    "varied": _varied,
    "mixed": lambda rng, variety: mixed(rng, PLAIN, variety),
    "busy": lambda rng, _: _busy(rng),
    "tilted": lambda rng, _: _tilted(rng),
}
"""The styles of which each seed has a look of its own, drawn from a generator and the clock's `variety`."""

STRAYING = ("varied", "mixed")
"""The styles that stray from "plain" as far as `variety` lets them."""

SHIFTED = ("roman", "mirrored", "no-ticks", "busy", "tilted", "inverted")
"""What a policy that was trained on "varied" is tested on."""

NUMBERED = ("roman", "mirrored", "tilted")
"""The styles that nothing but their numbers tells from "plain"."""


def look(style: Style, seed: int = 0, numerals: bool = True, variety: float = 1.0) -> Look:
    """The look of a style that a seed stands for.

    Args:
        style: Which style.
        seed: Any whole number from 0 up; of no account to the styles that have one look.
        numerals: False takes the numbers away. A dial whose ticks stand at the quarters alone then gets twelve.
        variety: How far from the plain clock those that stray from it may be, 0 to 1.
    """
    drawn = CONSTANT[style] if style in CONSTANT else DRAWN[style](np.random.Generator(np.random.PCG64(seed)), variety)
    if numerals or drawn.numerals is None:
        return drawn
    ticks = drawn.ticks and dataclasses.replace(drawn.ticks, count=max(drawn.ticks.count, 12))
    return dataclasses.replace(drawn, numerals=None, ticks=ticks)


def described(look: Look) -> dict[str, str | int | float]:
    """What is worth slicing results by: `numerals` and `ticks` ("none" and 0 for none) and `tilt` in degrees."""
    numerals = look.numerals.script if look.numerals else "none"
    return {"numerals": numerals, "ticks": look.ticks.count if look.ticks else 0, "tilt": look.tilt}
