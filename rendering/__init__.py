"""Pictures from data: a frozen `Scene` of primitives becomes pixels with `render`.

>>> from rendering import Disc, Scene, render
>>> render(Scene((Disc((0.5, 0.5), 0.4, (200, 30, 30)),)), 64).shape
(64, 64, 3)
"""

from rendering.axes import Axes, AxesLook
from rendering.raster import render
from rendering.scene import (
    Color,
    Disc,
    Gradient,
    Label,
    Layer,
    Line,
    Lines,
    Markers,
    Noise,
    Plain,
    Point,
    Polygon,
    Ring,
    Scene,
)

__all__ = [
    "Axes",
    "AxesLook",
    "Color",
    "Disc",
    "Gradient",
    "Label",
    "Layer",
    "Line",
    "Lines",
    "Markers",
    "Noise",
    "Plain",
    "Point",
    "Polygon",
    "Ring",
    "Scene",
    "render",
]
