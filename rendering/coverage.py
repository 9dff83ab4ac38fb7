"""The kernel: exactly which share of every pixel a polygon covers.

It is the signed-area accumulation of FreeType's and font-rs's rasterisers: each edge adds, to the pixels it
crosses, the area between it and the pixel's right side; a running sum along the row then gives the share of
every pixel that lies inside. No samples, no supersampling, and the whole scene goes through in one pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.complex128]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Alphas = NDArray[np.int32]

ALPHA_BITS = 16  # colours blend in integers, so that no tie hangs on the last bit of a sum
NOTHING = 2.0**-17  # coverage below this is rounding, and would not change a byte


class Runs(NamedTuple):
    """Rows of neighbouring pixels that are covered alike, polygon by polygon.

    `begin` holds flat indices `row * width + column`, `length` counts the pixels from there to the right, and
    `coverage` is the share of each that is covered (0 to 1). Polygon k has `bounds[k]:bounds[k + 1]`.
    """

    begin: Ints
    length: Ints
    coverage: Floats
    bounds: Ints


NO_RUNS = Runs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.zeros(1, np.int64))


def polygon_coverage(points: Points, sizes: Ints, height: int, width: int) -> Runs:
    """Which pixels each polygon covers, and how much of each.

    Args:
        points: the vertices `(N,)` of all polygons, one after another: x + iy in pixels, y down.
        sizes: the number of vertices of each polygon.
        height: of the picture, in pixels; what lies outside is cut off.
        width: of the picture, in pixels.
    """
    x, y = points.real.copy(), points.imag.copy()
    last = sizes.cumsum() - 1
    first = last + 1 - sizes
    left = _clip(np.floor(np.minimum.reduceat(x, first)), 0, width)
    right = _clip(np.ceil(np.maximum.reduceat(x, first)), 0, width)
    top = _clip(np.floor(np.minimum.reduceat(y, first)), 0, height)
    bottom = _clip(np.ceil(np.maximum.reduceat(y, first)), 0, height)
    # A window per polygon, all in one flat buffer. Each row has one column more: what lies to the right of
    # the picture is collected there, so that a row's sum is zero and one running sum goes through them all.
    stride = right - left + 1
    # The buffer begins with a spare cell, for an x that rounding puts left of its window.
    begins = np.ones(len(sizes) + 1, dtype=np.int64)
    begins[1:] += (stride * (bottom - top)).cumsum()
    origin = begins[:-1] - top * stride - left  # where pixel (0, 0) would lie in the polygon's window

    edge, row, x0, x1, dy = _split_rows(x, y, first, last, height)
    polygon = np.arange(len(sizes)).repeat(sizes)[edge]
    piece, column, inside, dy = _split_columns(x0, x1, dy, width)
    cell = (origin[polygon] + row * stride[polygon])[piece] + column
    inside *= dy
    change = np.bincount(
        np.concatenate((cell, cell + 1)), np.concatenate((dy - inside, inside)), minlength=int(begins[-1]) + 2
    )
    # The sum changes only where an edge is, so pixels between edges need not be looked at one by one.
    begin = np.flatnonzero(change != 0.0)
    total = np.abs(change[begin].cumsum())
    covered = np.flatnonzero(total > NOTHING)  # never the last: there every sum is back at zero
    length = begin[covered + 1] - begin[covered]
    begin = begin[covered]
    bounds = begin.searchsorted(begins)
    polygon = np.arange(len(sizes)).repeat(bounds[1:] - bounds[:-1])
    row, column = np.divmod(begin - begins[polygon], stride[polygon])
    begin = row * width + column + (top * width + left)[polygon]
    return Runs(begin, length, np.minimum(total[covered], 1.0), bounds)


def to_alpha(coverage: NDArray[np.floating[Any]]) -> Alphas:
    """Coverage, or opacity, from 0 to 1 as integers of `ALPHA_BITS` bits."""
    return (coverage * (1 << ALPHA_BITS) + 0.5).astype(np.int32)


def _clip(values: Floats, low: int, high: int) -> Ints:
    return np.minimum(np.maximum(values, low), high).astype(np.int64)  # np.clip takes several times as long


def ranges(begin: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Counts up from each `begin`: the index of the range, and the number, for all ranges in a row."""
    ends = count.cumsum()
    index = np.arange(len(count)).repeat(count)
    return index, np.arange(len(index)) + (begin + count - ends).repeat(count)


def _split_rows(
    x: Floats, y: Floats, first: Ints, last: Ints, height: int
) -> tuple[Ints, Ints, Floats, Floats, Floats]:
    """Cuts the edges at whole y, and drops what lies above or below the picture.

    Returns:
        For each piece: the vertex at which its edge begins, its row, its x at both ends, and its height,
        negative where the edge goes up.
    """
    following = np.arange(1, len(x) + 1)
    following[last] = first
    x_next, y_next = x[following], y[following]
    begin = np.maximum(np.minimum(y, y_next), 0.0)
    end = np.minimum(np.maximum(y, y_next), height)
    kept = np.flatnonzero(end - begin > 1e-12)
    x, y, begin, end = x[kept], y[kept], begin[kept], end[kept]
    rise = y_next[kept] - y
    slope = (x_next[kept] - x) / rise

    row = begin.astype(np.int64)
    piece, row = ranges(row, np.ceil(end).astype(np.int64) - row)
    y0 = np.maximum(begin[piece], row)
    y1 = np.minimum(end[piece], row + 1)
    x, y, slope = x[piece], y[piece], slope[piece]
    return kept[piece], row, x + (y0 - y) * slope, x + (y1 - y) * slope, (y1 - y0) * np.sign(rise)[piece]


def _split_columns(x0: Floats, x1: Floats, dy: Floats, width: int) -> tuple[Ints, Ints, Floats, Floats]:
    """Cuts pieces of edges at whole x; what lies left or right of the picture stays one part.

    Returns:
        For each part: its piece, its column, the mean of its x within that pixel (0 to 1), and its height.
        Parts left of the picture count in full from column 0 on; parts right of it have column `width`.
    """
    low, high = np.minimum(x0, x1), np.maximum(x0, x1)
    begin = _clip(np.floor(low), -1, width)
    end = np.maximum(_clip(np.ceil(high), 0, width + 1) - 1, begin)
    slope = dy / np.maximum(high - low, 1e-300)
    whole = begin == end
    piece, column = ranges(begin, end - begin + 1)
    x0 = np.where(column == begin[piece], low[piece], column)
    x1 = np.where(column == end[piece], high[piece], column + 1)
    dy = np.where(whole[piece], dy[piece], (x1 - x0) * slope[piece])
    inside = 0.5 * (x0 + x1) - column
    inside[(column < 0) | (column >= width)] = 0.0
    return piece, np.maximum(column, 0), inside, dy
