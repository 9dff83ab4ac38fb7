"""Upright rectangles: literal pixels, and the same as the kernel for all polygons finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rendering.coverage import polygon_coverage
from rendering.rectangles import is_upright, rectangle_coverage

SIDE = st.floats(-3.0, 15.0)


def painted(runs, height, width):
    """One coverage picture per rectangle."""
    pictures = np.zeros((len(runs.bounds) - 1, height * width))
    for picture, first, last in zip(pictures, runs.bounds, runs.bounds[1:], strict=False):
        for begin, length, coverage in zip(*(part[first:last] for part in runs[:3]), strict=True):
            picture[begin : begin + length] += coverage
    return pictures.reshape(-1, height, width)


def corners(x0, y0, x1, y1):
    return np.array([complex(x0, y0), complex(x1, y0), complex(x1, y1), complex(x0, y1)])


def test_a_rectangle_by_hand():
    (picture,) = painted(rectangle_coverage(corners(0.5, 1.25, 3.25, 2.5)[None], 4, 4), 4, 4)
    assert picture.tolist() == [[0] * 4, [0.375, 0.75, 0.75, 0.1875], [0.25, 0.5, 0.5, 0.125], [0] * 4]


def test_within_one_pixel_and_outside():
    inside, beside, flat = corners(1.25, 1.5, 1.5, 1.75), corners(5, 0, 9, 9), corners(1, 2, 3, 2)
    pictures = painted(rectangle_coverage(np.stack((inside, beside, flat)), 4, 4), 4, 4)
    assert pictures[0, 1, 1] == 0.0625
    assert pictures.sum() == 0.0625


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), min_size=1, max_size=5))
def test_polygons_say_the_same(boxes):
    outlines = np.stack([corners(*box) for box in boxes])
    assert is_upright(outlines)
    expected = polygon_coverage(outlines.ravel(), np.full(len(boxes), 4), 12, 10)
    np.testing.assert_allclose(
        painted(rectangle_coverage(outlines, 12, 10), 12, 10), painted(expected, 12, 10), atol=2e-5
    )


@pytest.mark.parametrize(
    "outline",
    [
        [0, 1, 1 + 1j, 0.5j],
        [0, 1 + 1e-12j, 1 + 1j, 1j],
        [0, 1, 1 + 1j],
        [1, 1j, -1, -1j],
    ],
)
def test_what_is_no_upright_rectangle(outline):
    assert not is_upright(np.array([outline], dtype=complex))
    assert is_upright(np.array([[0, 1j, 2 + 1j, 2]], dtype=complex))
