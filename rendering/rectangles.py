"""The kernel for upright rectangles (frames, ticks, grids, square markers): a pixel's share is width times height."""

from __future__ import annotations

import numpy as np

from rendering.coverage import Points, Runs, ranges


def is_upright(outlines: Points) -> bool:
    """Whether polygons `(count, vertices)` are all rectangles with upright sides, to the last digit."""
    if outlines.shape[1] != 4:
        return False
    x, y = outlines.real, outlines.imag
    tall_first = (x[:, 0] == x[:, 1]) & (x[:, 2] == x[:, 3]) & (y[:, 1] == y[:, 2]) & (y[:, 3] == y[:, 0])
    wide_first = (y[:, 0] == y[:, 1]) & (y[:, 2] == y[:, 3]) & (x[:, 1] == x[:, 2]) & (x[:, 3] == x[:, 0])
    return bool((tall_first | wide_first).all())


def rectangle_coverage(corners: Points, height: int, width: int) -> Runs:
    """Which pixels upright rectangles cover, and how much of each.

    Args:
        corners: `(N, 4)`, x + iy in pixels, y down.
        height: of the picture, in pixels; what lies outside is cut off.
        width: of the picture, in pixels.

    Returns:
        Three runs for each row of each rectangle: the pixel at its left, those in the middle, and the pixel at
        its right; some may be empty.
    """
    x, y = corners.real, corners.imag
    left, top, right, bottom = x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)
    left, right = (np.minimum(np.maximum(edge, 0.0), width) for edge in (left, right))
    top, bottom = (np.minimum(np.maximum(edge, 0.0), height) for edge in (top, bottom))
    first, end = left.astype(np.int64), np.ceil(right).astype(np.int64)
    last = np.maximum(end - 1, first)
    columns = np.stack((first, first + 1, last), axis=1)
    length = np.stack((end > first, np.maximum(last - first - 1, 0), last > first), axis=1)
    single = first == last
    share = np.stack((np.where(single, right, first + 1) - left, np.ones(len(left)), right - last), axis=1)

    begin = top.astype(np.int64)
    rows = np.ceil(bottom).astype(np.int64) - begin
    which, row = ranges(begin, rows)
    tall = np.minimum(bottom[which], row + 1) - np.maximum(top[which], row)
    bounds = np.concatenate(([0], 3 * rows.cumsum()))
    return Runs(
        ((row * width)[:, None] + columns[which]).ravel(),
        length[which].ravel().astype(np.int64),
        (tall[:, None] * share[which]).ravel(),
        bounds,
    )
