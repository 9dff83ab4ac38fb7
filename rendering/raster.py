"""From a `Scene` to pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rendering.coverage import NOTHING, Ints, polygon_coverage, ranges
from rendering.scene import Background, Color, Gradient, Label, Layer, Noise, Plain, Scene, Shape
from rendering.shapes import Frame, polygons
from rendering.text import mask

Bytes = NDArray[np.uint8]
Alphas = NDArray[np.int32]

ALPHA_BITS = 16  # colours blend in integers, so that no tie hangs on the last bit of a sum
LONG = 16  # pixels in a row that a shape hides, from which it pays to overwrite them rather than to blend
REMEMBERED_PIXELS = 512 * 512  # larger backdrops are drawn anew each time: the cache stays below 25 MB


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
    _draw(canvas, flat, frame)
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
        _draw(canvas, layer.primitives, frame)
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
            return _blend(start, background.end_color, _alpha(ramp))
        case Noise():
            # Raw words of a named generator: numpy keeps those the same from version to version, which it
            # does not promise for the distributions drawn from them.
            count = math.prod(shape)
            words = np.random.PCG64(background.seed).random_raw(-(-count // 8)).astype("<u8")
            grain = words.view(np.uint8)[:count].astype(np.int32).reshape(shape)
            grain = (grain * (2 * background.amplitude + 1) >> 8) - background.amplitude
            return np.clip(grain + background.color, 0, 255).astype(np.uint8)


def _draw(canvas: Bytes, primitives: Sequence[Shape | Label], frame: Frame) -> None:
    """Draws the primitives in order; the coverage of all shapes is computed in one pass before."""
    covered = _cover([item for item in primitives if not isinstance(item, Label)], frame)
    pixels = canvas.reshape(-1).view("V3")  # numpy moves a pixel at once faster than three bytes
    for item in primitives:
        if isinstance(item, Label):
            _write(canvas, item, frame)
            continue
        hidden, where, alpha = next(covered)
        color = np.void(bytes(item.color))
        for run in hidden:
            pixels[run] = color
        if item.opacity < 1.0:
            alpha = (alpha * item.opacity + 0.5).astype(np.int32)
        below = pixels.take(where).view(np.uint8).reshape(-1, 3)
        pixels.put(where, _blend(below, item.color, alpha).reshape(-1).view("V3"))


def _cover(shapes: list[Shape], frame: Frame) -> Iterator[tuple[list[slice], Ints, Alphas]]:
    """For each shape: the runs of pixels that it hides; the others that it covers, and how much of each."""
    outlines = [polygons(shape, frame) for shape in shapes]
    counts = [len(outline) for outline in outlines]
    if not sum(counts):
        yield from (([], np.empty(0, np.int64), np.empty(0, np.int32)) for _ in shapes)
        return
    points = frame.move(np.concatenate([outline.ravel() for outline in outlines]))
    sizes = np.repeat([outline.shape[1] for outline in outlines], counts)
    begin, length, coverage, bounds = polygon_coverage(points, sizes, frame.height, frame.width)
    bounds = bounds[[0, *accumulate(counts)]]  # of shapes now, not of polygons
    opaque = np.repeat([shape.opacity == 1.0 for shape in shapes], bounds[1:] - bounds[:-1])
    hidden = opaque & (length >= LONG) & (coverage > 1.0 - NOTHING)
    long = np.flatnonzero(hidden)
    first, last = begin[long], begin[long] + length[long]
    runs = list(map(slice, first.tolist(), last.tolist()))
    length[long] = 0
    run, pixels = ranges(begin, length)
    coverage = coverage[run]
    alpha = _alpha(coverage)
    run_cuts = pairwise(long.searchsorted(bounds).tolist())
    pixel_cuts = pairwise(run.searchsorted(bounds).tolist())
    for count, run_cut, pixel_cut in zip(counts, run_cuts, pixel_cuts, strict=True):
        part = slice(*pixel_cut)
        where, mine = pixels[part], alpha[part]
        if count > 1 and len(where):  # polygons of one shape may touch or overlap: their shares add up
            total = np.bincount(where, coverage[part])
            where = np.flatnonzero(total > NOTHING)
            mine = _alpha(np.minimum(total[where], 1.0))
        yield runs[slice(*run_cut)], where, mine


def _alpha(opacity: NDArray[np.floating[Any]]) -> Alphas:
    """Opacities from 0 to 1 as integers."""
    return (opacity * (1 << ALPHA_BITS) + 0.5).astype(np.int32)


def _blend(below: Bytes, color: Color, alpha: Alphas) -> Bytes:
    """Mixes a colour over the colours below, `(..., 3)`, by `alpha (...)`."""
    change = np.subtract(np.array(color, dtype=np.int32), below, dtype=np.int32)
    change *= alpha[..., None]
    change += 1 << ALPHA_BITS - 1
    change >>= ALPHA_BITS
    change += below
    return change.astype(np.uint8)


def _write(canvas: Bytes, label: Label, frame: Frame) -> None:
    size = max(round(label.size * frame.side, 2), 1.0)
    glyphs = mask(label.text, size, (label.angle + frame.rotation) % 360.0, label.anchor)
    position = frame.move(frame.place(label.position))
    # Whole pixels: glyphs are sharpest as the font draws them. A tie must not hang on the last bit either.
    left = math.floor(position.real + glyphs.left + 0.5 + NOTHING)
    top = math.floor(position.imag + glyphs.top + 0.5 + NOTHING)
    height, width = glyphs.coverage.shape
    rows = slice(max(top, 0), max(top + height, 0))
    columns = slice(max(left, 0), max(left + width, 0))
    below = canvas[rows, columns]
    coverage = glyphs.coverage[rows.start - top :, columns.start - left :][: below.shape[0], : below.shape[1]]
    canvas[rows, columns] = _blend(below, label.color, _alpha(label.opacity / 255 * coverage))
