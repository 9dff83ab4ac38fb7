"""Round markers: against samples, at the border, and at once against one by one."""

from typing import get_args

import numpy as np
import pytest

from rendering import Markers, Scene, render
from rendering.scene import HOLES, MarkerShape

from . import truth

BLACK, RED = (0, 0, 0), (255, 0, 0)


@pytest.mark.parametrize("shape", ["circle", "ring"])
def test_round_markers_agree_with_samples(shape):
    # At any offset within a pixel, at sizes from below a pixel to where they become polygons.
    hole = HOLES[shape]
    for radius in (0.4, 1.3, 3.14, 9.0, 11.9, 12.1, 15.0):
        x, y = 0.5 + 0.37 / 64 * radius, 0.5 - 0.11 / 64 * radius
        picture = render(Scene((Markers(((x, y),), radius / 64, BLACK, shape=shape),)), 64)[..., 0]

        def inside(u, v, x=x, y=y, r=radius / 64):
            away = (u - x) ** 2 + (v - y) ** 2
            return (away <= r * r) & (away >= (hole * r) ** 2)

        error = np.abs(255 - picture - 255.0 * truth.sampled(inside, 64))
        assert error.max() < 9.0  # 16 x 16 samples of an edge are themselves off by that much
        assert error[error > 0].mean() < 1.5


def test_markers_at_the_border_are_cut_off():
    whole = render(Scene((Markers(((0.5, 0.5),), 4 / 32, BLACK),)), 32)
    for dx, dy in ((16, 0), (-16, 0), (0, 16), (0, -16), (16, 16), (40, 3)):
        spot = ((16 + dx) / 32, (16 - dy) / 32)
        expected = np.full_like(whole, 255)
        for row, column in np.argwhere(whole[..., 0] < 255):
            if 0 <= row + dy < 32 and 0 <= column + dx < 32:
                expected[row + dy, column + dx] = whole[row, column]
        np.testing.assert_array_equal(render(Scene((Markers((spot,), 4 / 32, BLACK),)), 32), expected)


def test_markers_drawn_at_once_are_those_drawn_one_by_one():
    spots = tuple((0.1 + 0.2 * k + 0.013 * k * k, 0.1 + 0.17 * k) for k in range(5))
    for shape in get_args(MarkerShape):
        at_once = Scene((Markers(spots, 0.03, RED, shape=shape),))
        singly = Scene(tuple(Markers((spot,), 0.03, RED, shape=shape) for spot in spots))
        np.testing.assert_array_equal(render(at_once, 112), render(singly, 112))
