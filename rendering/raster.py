"""From a `Scene` to pixels."""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Integral

import numpy as np

from rendering.coverage import to_alpha
from rendering.paint import REMEMBERED_PIXELS, Bytes, blend, draw
from rendering.scene import Background, Gradient, Label, Layer, Noise, Plain, Scene, Shape
from rendering.shapes import Frame


def render(scene: Scene, size: int | tuple[int, int]) -> Bytes:
    """Draws a scene.

    Args:
        scene: what to draw.
        size: pixels, as the side of a square or as (height, width).

    Returns:
        A fresh, writable `uint8` array `(H, W, 3)`; the same bytes for equal arguments, in every process.

    Raises:
        TypeError: `scene` is no `Scene`, or the size is no integer.
        ValueError: the size is below 1, or a label holds a character that the font lacks.
    """
    if not isinstance(scene, Scene):
        raise TypeError(f"render draws a Scene, got {type(scene).__name__}: {scene!r:.80}")
    frame = Frame(*_sides(size), scene.rotation, scene.shift)
    primitives = scene.primitives
    first = primitives[0] if primitives and isinstance(primitives[0], Layer) else None
    backdrop = _backdrop if frame.height * frame.width <= REMEMBERED_PIXELS else _backdrop.__wrapped__
    canvas: Bytes = backdrop(scene.background, first, frame).copy()
    flat: list[Shape | Label] = []
    for primitive in primitives[first is not None :]:
        flat.extend(primitive.primitives if isinstance(primitive, Layer) else (primitive,))
    draw(canvas, flat, frame)
    return canvas


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, Integral) for side in sides):
        raise TypeError(f"size must be an integer or (height, width), got {size!r}")
    if min(sides) < 1:
        raise ValueError(f"size must be at least 1 pixel each way, got {size!r}")
    return int(sides[0]), int(sides[1])


@lru_cache(maxsize=32)
def _backdrop(background: Background, layer: Layer | None, frame: Frame) -> Bytes:
    """The background with the layer that comes first over it; shared, so to be copied before drawing."""
    canvas = _background(background, frame)
    if layer is not None:
        draw(canvas, layer.primitives, frame)
    canvas.flags.writeable = False
    return canvas


def _background(background: Background, frame: Frame) -> Bytes:
    shape = (frame.height, frame.width, 3)
    match background:
        case Plain():
            canvas = np.empty(shape, dtype=np.uint8)
            canvas[0] = background.color
            canvas[1:] = canvas[0]  # copying rows is faster than repeating three bytes
            return canvas
        case Gradient():
            angle = math.radians(background.angle)
            cos, sin = math.cos(angle), math.sin(angle)
            x = (np.arange(frame.width) + 0.5) / frame.width - 0.5
            y = 0.5 - (np.arange(frame.height) + 0.5) / frame.height
            ramp = (cos * x + sin * y[:, None]) / (abs(cos) + abs(sin)) + 0.5
            start = np.full(shape, background.start_color, dtype=np.uint8)
            return blend(start.reshape(-1, 3), background.end_color, to_alpha(ramp.ravel())).reshape(shape)
        case Noise():
            # Raw words of a named generator: numpy keeps those the same from version to version, which it
            # does not promise for the distributions drawn from them.
            count = math.prod(shape)
            words = np.random.PCG64(background.seed).random_raw(-(-count // 8)).astype("<u8")
            grain = words.view(np.uint8)[:count].astype(np.int32).reshape(shape)
            grain = (grain * (2 * background.amplitude + 1) >> 8) - background.amplitude
            return np.clip(grain + background.color, 0, 255).astype(np.uint8)
