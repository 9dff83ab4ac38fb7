"""The kernel for round shapes: exactly which share of every pixel a disc covers, for many discs at once.

A pixel's share is a difference of four areas, each the part of the disc to the left of and above a corner of
the pixel, and those have a closed form. Nothing is sampled and no circle becomes a polygon.
"""

from __future__ import annotations

import math

import numpy as np

from rendering.coverage import NOTHING, Floats, Ints, Points

LARGEST = 12.0  # pixels of radius from which polygons are faster: they look at the edge alone


def disc_coverage(centers: Points, radius: float, inner: float, height: int, width: int) -> tuple[Ints, Floats]:
    """Which pixels small discs (rings, if `inner` is not 0) of one radius cover, and how much of each.

    Args:
        centers: `(N,)`, x + iy in pixels, y down.
        radius: of all of them, in pixels; the work grows with its square, see `LARGEST`.
        inner: radius of the hole, in pixels; 0 for none.
        height: of the picture, in pixels; what lies outside is cut off.
        width: of the picture, in pixels.

    Returns:
        Flat indices `row * width + column` and the share (0 to 1) of each, disc after disc: a pixel that
        several discs cover is there several times.
    """
    count = math.ceil(2 * radius) + 1  # pixels each way that a disc can touch
    # The discs are the last axis everywhere: numpy is fastest along a long one.
    corner = np.floor([centers.real - radius, centers.imag - radius])  # (2, N): left and top
    steps = np.arange(count + 1)[:, None]
    across, down = steps - (centers.real - corner[0]), steps - (centers.imag - corner[1])  # of the edges of pixels
    share = _window(across, down, radius)
    if inner:
        share -= _window(across, down, inner)
    left, top = corner.astype(np.int64)
    row, column = (top + steps[:-1])[:, None], left + steps[:-1]
    if min(left.min(), top.min()) < 0 or left.max() + count > width or top.max() + count > height:
        share *= (row >= 0) & (row < height) & (column >= 0) & (column < width)
    share = share.ravel()
    kept = np.flatnonzero(share > NOTHING)
    return (row * width + column).ravel()[kept], share[kept]


def _window(across: Floats, down: Floats, radius: float) -> Floats:
    """The share `(count, count, N)` of each pixel between edges `(count + 1, N)`, from the centres of N discs."""
    x, y = (np.minimum(np.maximum(edges / radius, -1.0), 1.0) for edges in (across, down))
    area = _corner(x, y[:, None])
    area = area[1:] - area[:-1]
    return (area[:, 1:] - area[:, :-1]) * (radius * radius)


def _corner(x: Floats, y: Floats) -> Floats:
    """Area of the unit disc's part to the left of x and above y, both from -1 to 1 (y points down)."""
    xx, yy = x * x, y * y
    beside, above = _half(x, xx), _half(y, yy)  # to the left of x alone, above y alone
    right, below = (x >= 0.0).astype(np.float64), (y >= 0.0).astype(np.float64)
    outside = right * above
    outside += below * (beside - math.pi * right)
    inside = x * y
    inside += 0.5 * beside
    inside += 0.5 * above - math.pi / 4
    return np.where(xx + yy < 1.0, inside, outside)


def _half(x: Floats, xx: Floats) -> Floats:
    """Area of the unit disc's part to the left of x."""
    return x * np.sqrt(1.0 - xx) + np.arcsin(x) + math.pi / 2
