"""An independent rasteriser to compare with: 16 x 16 samples per pixel, each tested against a formula."""

import math

import numpy as np

SAMPLES = 16


def sampled(inside, size):
    """Coverage `(size, size)`: the share of samples at which `inside(x, y)` (unit square, y up) is true."""
    at = (np.arange(size * SAMPLES) + 0.5) / (size * SAMPLES)
    hits = inside(at[None, :], 1.0 - at[:, None])
    return hits.reshape(size, SAMPLES, size, SAMPLES).mean(axis=(1, 3))


def stroke(start, end, width, end_width, cap):
    """Whether a point lies in a straight stroke: by its distances along and across."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length

    def inside(x, y):
        along = (x - x0) * ux + (y - y0) * uy
        across = np.abs((y - y0) * ux - (x - x0) * uy)
        half = (width + (end_width - width) * along / length) / 2
        hit = (along >= 0) & (along <= length) & (across <= half)
        if cap == "round":
            hit |= (along < 0) & (along**2 + across**2 <= (width / 2) ** 2)
            hit |= (along > length) & ((along - length) ** 2 + across**2 <= (end_width / 2) ** 2)
        return hit

    return inside


def polygon(points):
    """Whether a point lies in a polygon, by the even-odd rule."""

    def inside(x, y):
        hit = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=bool)
        for (x0, y0), (x1, y1) in zip(points, (*points[1:], points[0]), strict=True):
            if y0 != y1:
                between = (y0 <= y) != (y1 <= y)
                hit ^= between & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        return hit

    return inside
