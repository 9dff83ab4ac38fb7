"""Primitives over pixels: what each covers, in which colour, one after another."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rendering.coverage import (
    ALPHA_BITS,
    NO_RUNS,
    NOTHING,
    Alphas,
    Floats,
    Ints,
    Runs,
    polygon_coverage,
    ranges,
    to_alpha,
)
from rendering.discs import LARGEST, disc_coverage
from rendering.rectangles import is_upright, rectangle_coverage
from rendering.scene import HOLES, Color, Disc, Label, Lines, Markers, Ring, Shape
from rendering.shapes import Frame, polygons
from rendering.text import mask

Bytes = NDArray[np.uint8]

LONG = 16  # pixels in a row that a shape hides, from which it pays to overwrite them rather than to blend
REMEMBERED_PIXELS = 512 * 512  # larger pictures are drawn anew each time: no cache holds more than 25 MB
REMEMBERED_COVERS = 256
REMEMBERED_COVER = 8192  # pixels of one cover

_GEOMETRY = {
    Disc: attrgetter("center", "radius", "opacity"),
    Ring: attrgetter("center", "radius", "width", "opacity"),
    Lines: attrgetter("segments", "width", "cap", "opacity"),
}
"""What decides which pixels a shape covers, for the kinds that many pictures share: dials, ticks, grids."""

_remembered: dict[tuple[Any, ...], Cover] = {}
_scratch = threading.local()


class Cover(NamedTuple):
    """The pixels that a shape covers: rows of bytes that it hides, and pixels with its opacity there.

    A pixel may be there several times, always with the same alpha: all are read before any is written.
    """

    hidden: list[slice]
    where: Ints
    alpha: Alphas


def draw(canvas: Bytes, primitives: Sequence[Shape | Label], frame: Frame) -> None:
    """Draws the primitives in order; what the shapes cover is computed before, all polygons in one pass."""
    covers = _covers([item for item in primitives if not isinstance(item, Label)], frame)
    pixels = canvas.reshape(-1).view("V3")  # numpy moves a pixel at once faster than three bytes
    memory = canvas.data.cast("B")
    for (is_text, color), group in groupby(primitives, lambda item: (isinstance(item, Label), item.color)):
        row = bytes(color) * frame.width
        for hidden, where, alpha in _write(group, frame) if is_text else [next(covers) for _ in group]:
            for run in hidden:
                memory[run] = row[: run.stop - run.start]
            below = pixels.take(where).view(np.uint8).reshape(-1, 3)
            pixels.put(where, blend(below, color, alpha).reshape(-1).view("V3"))


def blend(below: Bytes, color: Color, alpha: Alphas) -> Bytes:
    """Mixes a colour over the colours below, `(N, 3)`, by `alpha (N,)`."""
    change = np.empty((3, len(alpha)), dtype=np.int32)  # a channel at a time: numpy is slow along an axis of three
    change[:] = below.T
    np.subtract(np.array(color, dtype=np.int32)[:, None], change, out=change)
    change *= alpha
    change += 1 << ALPHA_BITS - 1
    change >>= ALPHA_BITS
    return np.add(change.T, below, dtype=np.uint8, casting="unsafe")


def _zeros(count: int) -> Floats:
    """Zeros to write into and to leave as zeros: this thread's own, for fresh memory costs more than the drawing."""
    zeros: Floats | None = getattr(_scratch, "zeros", None)
    if zeros is None or len(zeros) < count:
        zeros = np.zeros(count)
        if count <= REMEMBERED_PIXELS:
            _scratch.zeros = zeros
    return zeros


def _covers(shapes: Sequence[Shape], frame: Frame) -> Iterator[Cover]:
    """The cover of each shape, from memory where one of the same geometry was drawn before."""
    found: dict[int, Cover] = {}
    keys: dict[int, tuple[Any, ...]] = {}
    angular: list[int] = []
    zeros = _zeros(frame.height * frame.width)
    for index, shape in enumerate(shapes):
        geometry = _GEOMETRY.get(type(shape))
        if geometry is not None:
            key = (type(shape), geometry(shape), frame)
            cover = _remembered.get(key)
            if cover is not None:
                found[index] = cover
                continue
            keys[index] = key
        cover = _round(shape, frame, zeros)
        if cover is None:
            angular.append(index)
        else:
            found[index] = cover
    found.update(zip(angular, _angular([shapes[index] for index in angular], frame, zeros), strict=True))
    for index, key in keys.items():
        _remember(key, found[index])
    return (found[index] for index in range(len(shapes)))


def _remember(key: tuple[Any, ...], cover: Cover) -> None:
    if len(cover.where) <= REMEMBERED_COVER:
        while len(_remembered) >= REMEMBERED_COVERS:
            _remembered.pop(next(iter(tuple(_remembered))), None)  # the oldest
        # Copies, for these are parts of arrays that hold the pixels of other shapes too.
        _remembered[key] = Cover(cover.hidden, cover.where.copy(), cover.alpha.copy())


def _round(shape: Shape, frame: Frame, zeros: Floats) -> Cover | None:
    """The cover of round markers; None for other shapes, and for circles so large that they had better be polygons."""
    if not isinstance(shape, Markers) or shape.shape not in HOLES or not shape.points:
        return None
    radius = frame.side * shape.radius
    if radius > LARGEST:
        return None
    centers, inner = frame.move(frame.place_points(shape.points)), radius * HOLES[shape.shape]
    where, share = disc_coverage(centers, radius, inner, frame.height, frame.width)
    return Cover([], where, _together(shape, where, share, zeros))


def _angular(shapes: Sequence[Shape], frame: Frame, zeros: Floats) -> Iterator[Cover]:
    """The covers of shapes that are polygons: one pass for all upright rectangles, one for all others."""
    outlines = [frame.move(polygons(shape, frame)) for shape in shapes]
    kinds = [is_upright(outline) for outline in outlines]
    found: dict[int, Cover] = {}
    for kind in set(kinds):
        indices = [index for index, its in enumerate(kinds) if its is kind]
        mine = [outlines[index] for index in indices]
        counts = [len(outline) for outline in mine]
        points = np.concatenate([outline.ravel() for outline in mine])
        if kind:
            runs = rectangle_coverage(points.reshape(-1, 4), frame.height, frame.width)
        else:
            sizes = np.repeat([outline.shape[1] for outline in mine], counts)
            runs = polygon_coverage(points, sizes, frame.height, frame.width) if len(points) else NO_RUNS
        runs = runs._replace(bounds=runs.bounds[[0, *accumulate(counts)]])  # of shapes now, not of polygons
        covers = _of_runs([shapes[index] for index in indices], counts, runs, zeros)
        found.update(zip(indices, covers, strict=True))
    return (found[index] for index in range(len(shapes)))


def _of_runs(shapes: Sequence[Shape], counts: list[int], runs: Runs, zeros: Floats) -> Iterator[Cover]:
    """The cover of each shape from the runs of the polygons, `counts`, of which it is made."""
    begin, length, coverage, bounds = runs
    opaque = np.repeat([shape.opacity == 1.0 for shape in shapes], bounds[1:] - bounds[:-1])
    long = opaque & (length >= LONG) & (coverage > 1.0 - NOTHING)
    long_cuts = long.nonzero()[0].searchsorted(bounds).tolist()
    hidden, pixels = _separate(begin, length, long)
    length = np.where(long, 0, length)
    cuts = np.concatenate(([0], length.cumsum()))[bounds].tolist()
    coverage = coverage.repeat(length)
    for shape, count, long_cut, cut in zip(shapes, counts, pairwise(long_cuts), pairwise(cuts), strict=True):
        where, share = pixels[slice(*cut)], coverage[slice(*cut)]
        alpha = _together(shape, where, share, zeros) if count > 1 else to_alpha(share * shape.opacity)
        yield Cover(hidden[slice(*long_cut)], where, alpha)


def _separate(begin: Ints, length: Ints, long: NDArray[np.bool_]) -> tuple[list[slice], Ints]:
    """Runs of pixels: the long ones as slices of bytes, the pixels of the others one by one."""
    first, last = 3 * begin[long], 3 * (begin[long] + length[long])
    return list(map(slice, first.tolist(), last.tolist())), ranges(begin[~long], length[~long])[1]


def _together(shape: Shape, where: Ints, share: Floats, zeros: Floats) -> Alphas:
    """The alpha of pixels that several parts of a shape may cover: their shares add up, unless they are stacked."""
    try:
        if isinstance(shape, Markers) and shape.stacked:
            zeros[where] = 1.0
            np.multiply.at(zeros, where, 1.0 - shape.opacity * share)
            return to_alpha(1.0 - zeros[where])
        np.add.at(zeros, where, share)
        return to_alpha(np.minimum(zeros[where], 1.0) * shape.opacity)
    finally:
        zeros[where] = 0.0  # also when interrupted: the next picture counts on it


def _write(labels: Iterable[Any], frame: Frame) -> Iterator[Cover]:
    """The covers of labels of one colour; neighbours that lie apart are drawn as one, which takes less time."""
    boxes: list[tuple[int, int, int, int]] = []
    parts: list[Cover] = []
    for label in labels:
        box, cover = _text(label, frame)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in boxes):
            yield _joined(parts)
            boxes, parts = [], []
        boxes.append(box)
        parts.append(cover)
    yield _joined(parts)


def _joined(parts: list[Cover]) -> Cover:
    return Cover([], np.concatenate([part.where for part in parts]), np.concatenate([part.alpha for part in parts]))


def _text(label: Label, frame: Frame) -> tuple[tuple[int, int, int, int], Cover]:
    """The box of a label, (left, top, right, bottom) in pixels, and what it covers."""
    size = max(round(label.size * frame.side, 2), 1.0)
    glyphs = mask(label.text, size, (label.angle + frame.rotation) % 360.0, label.anchor)
    position = frame.move(frame.place(label.position))
    # Whole pixels: glyphs are sharpest as the font draws them. A tie must not hang on the last bit either.
    left = math.floor(position.real + glyphs.left + 0.5 + NOTHING)
    top = math.floor(position.imag + glyphs.top + 0.5 + NOTHING)
    box = (left, top, left + glyphs.width, top + glyphs.height)
    row, column, alpha = glyphs.row + top, glyphs.column + left, glyphs.alpha
    if left < 0 or top < 0 or box[2] > frame.width or box[3] > frame.height:
        inside = (row >= 0) & (row < frame.height) & (column >= 0) & (column < frame.width)
        row, column, alpha = row[inside], column[inside], alpha[inside]
    if label.opacity < 1.0:
        alpha = (alpha * label.opacity + 0.5).astype(np.int32)
    return box, Cover([], row * frame.width + column, alpha)
