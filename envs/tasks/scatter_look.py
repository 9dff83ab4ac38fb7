"""How scatter plots look: axes, markers and colours, plain or drawn at random."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from rendering import Axes, AxesLook, Layer, Markers, Plain, Scene
from rendering.scene import MarkerShape

Floats = NDArray[np.float64]
T = TypeVar("T")

REACH = 0.6
"""The plain axes reach 6 of these each way, in standard deviations, and more where a point lies farther out."""

RADIUS = 0.0135
"""Of plain markers, as a fraction of the side: 1.5 pixels of 112."""

BLUE, WHITE = (31, 100, 180), (255, 255, 255)
DARK_INK, LIGHT_INK = (52, 54, 62), (214, 216, 222)
INKS = ((31, 100, 180), (200, 60, 40), (40, 130, 70), (120, 70, 160), (20, 20, 26), (205, 105, 10), (0, 125, 135))
PASTELS = ((120, 190, 255), (255, 150, 120), (150, 225, 150), (250, 215, 110), (225, 170, 245), (240, 240, 245))
PAPERS = (WHITE, WHITE, (250, 248, 242), (238, 242, 247), (244, 240, 246))
FACES = (None, None, WHITE, (234, 236, 242), (243, 243, 240))
BOARDS = ((24, 26, 34), (38, 34, 44), (20, 38, 42))
TEXT_SIZES = (0.058, 0.063, 0.069, 0.075)  # few, for glyphs are remembered by their size
LARGER = {"plus": 1.25, "cross": 1.25, "ring": 1.2}
LABELS = (
    "x",
    "y",
    "age",
    "cost",
    "dose",
    "height",
    "hours",
    "income",
    "load",
    "mass",
    "price",
    "rate",
    "speed",
    "time",
)
TITLES = ("Results", "Trial 3", "Survey", "Sample", "2024", "Group B", "All data", "Sites")


def plain(x: Floats, y: Floats, _: np.random.Generator) -> Scene:
    """The same axes and markers every time: both axes in standard deviations, equally long."""
    axes, layer = _plain_axes(_reach(x, y))
    return Scene((layer, Markers(axes.place(x, y), RADIUS, BLUE)), Plain(WHITE))


def dense(x: Floats, y: Floats, _: np.random.Generator) -> Scene:
    """Plain, but translucent: so many points lie on top of each other."""
    axes, layer = _plain_axes(_reach(x, y))
    return Scene((layer, Markers(axes.place(x, y), RADIUS, BLUE, stacked=True, opacity=0.45)), Plain(WHITE))


def tiny_axes(x: Floats, y: Floats, rng: np.random.Generator) -> Scene:
    """Plain, but the axes fill only a part of the picture, somewhere in it."""
    side = float(rng.uniform(0.42, 0.58))
    left, bottom = (float(at) for at in rng.uniform(0.02, 0.98 - side, size=2))
    reach = _reach(x, y)
    look = AxesLook(text_size=0.055, ticks=3, line_width=0.006)
    axes = Axes((-reach, reach), (-reach, reach), look=look, area=(left, bottom, left + side, bottom + side))
    return Scene((*axes.primitives(), Markers(axes.place(x, y), 0.6 * RADIUS, BLUE)), Plain(WHITE))


def varied(x: Floats, y: Floats, rng: np.random.Generator) -> Scene:
    """Units, margins, colours, markers, opacity, grid, frame, labels and title at random."""
    dark = rng.random() < 0.15
    look = AxesLook(
        ink=LIGHT_INK if dark else DARK_INK,
        face=None if dark else _one_of(FACES, rng),
        grid=_one_of(("none", "none", "both", "both", "x", "y"), rng),
        grid_color=(70, 74, 86) if dark else (212, 215, 222),
        border=_one_of(("box", "box", "open", "none"), rng),
        line_width=float(rng.uniform(0.006, 0.010)),
        text_size=_one_of(TEXT_SIZES, rng),
        ticks=int(rng.integers(3, 7)),
    )
    x, x_range = _in_units(x, rng)
    y, y_range = _in_units(y, rng)
    x_label, y_label = (_one_of(LABELS, rng) if rng.random() < 0.5 else "" for _ in range(2))
    axes = Axes(x_range, y_range, x_label, y_label, _one_of(TITLES, rng) if rng.random() < 0.35 else "", look)
    shape: MarkerShape = _one_of(get_args(MarkerShape), rng)
    opacity = 1.0 if rng.random() < 0.5 else float(rng.uniform(0.45, 0.9))
    radius = float(rng.uniform(0.010, 0.019)) * LARGER.get(shape, 1.0)
    color = _one_of(PASTELS if dark else INKS, rng)
    markers = Markers(axes.place(x, y), radius, color, shape=shape, stacked=opacity < 1.0, opacity=opacity)
    return Scene((*axes.primitives(), markers), Plain(_one_of(BOARDS if dark else PAPERS, rng)))


LOOKS: dict[str, Callable[[Floats, Floats, np.random.Generator], Scene]] = {
    "plain": plain,
    "varied": varied,
    "outliers": plain,
    "nonlinear": plain,
    "dense": dense,
    "tiny-axes": tiny_axes,
}
"""The scene of points given in standard deviations, by style."""


def _reach(x: Floats, y: Floats) -> float:
    """How far plain axes reach, in steps, so that few are different and their layers are remembered."""
    farthest = 1.05 * max(float(np.abs(x).max()), float(np.abs(y).max()))
    return REACH * max(math.ceil(farthest / REACH), 6)


@functools.lru_cache(maxsize=16)
def _plain_axes(reach: float) -> tuple[Axes, Layer]:
    axes = Axes((-reach, reach), (-reach, reach))
    return axes, Layer(axes.primitives())


def _in_units(values: Floats, rng: np.random.Generator) -> tuple[Floats, tuple[float, float]]:
    """Standard deviations in a unit of somebody's, and the range of an axis that shows them all."""
    scale = 10.0 ** float(rng.uniform(-1.0, 2.5))
    values = scale * (values + float(rng.uniform(-2.0, 6.0)))
    low, high = float(values.min()), float(values.max())
    below, above = rng.uniform(0.05, 0.3, size=2) * (high - low)
    return values, (low - float(below), high + float(above))


def _one_of(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]
