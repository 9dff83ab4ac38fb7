"""The kernel: literal pixels, areas, and what lies outside the picture."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rendering.coverage import polygon_coverage

from . import truth


def cover(*polygons, height=4, width=4):
    """One coverage picture per polygon, from vertices in pixels, y down."""
    points = np.array([complex(x, y) for polygon in polygons for x, y in polygon])
    runs = polygon_coverage(points, np.array([len(p) for p in polygons]), height, width)
    pictures = np.zeros((len(polygons), height * width))
    for picture, first, last in zip(pictures, runs.bounds, runs.bounds[1:], strict=False):
        for begin, length, coverage in zip(*(part[first:last] for part in runs[:3]), strict=True):
            assert begin // width == (begin + length - 1) // width  # a run stays in its row
            assert not picture[begin : begin + length].any()  # no pixel twice
            picture[begin : begin + length] = coverage
    return pictures.reshape(-1, height, width)


def area(points):
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True))) / 2


@st.composite
def stars(draw, low, high):
    """A simple polygon, convex or not: its corners in order of their angle about its centre."""
    x, y = draw(st.floats(low, high)), draw(st.floats(low, high))
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.05, 7.0), min_size=count, max_size=count))
    turn = draw(st.floats(0, 7))
    angles = [turn + 2 * math.pi * k / count for k in range(count)]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


def test_a_square_that_covers_a_quarter_of_one_pixel():
    (picture,) = cover([(1.0, 2.5), (1.5, 2.5), (1.5, 3.0), (1.0, 3.0)])
    assert np.argwhere(picture).tolist() == [[2, 1]]
    assert picture[2, 1] == 0.25


def test_a_right_triangle_by_hand():
    # Below the diagonal of a 2 x 2 square: whole at one corner, halves along the diagonal.
    (picture,) = cover([(0, 0), (0, 2), (2, 2)], height=2, width=2)
    assert picture.tolist() == [[0.5, 0.0], [1.0, 0.5]]


def test_a_flat_triangle_that_crosses_four_pixels_in_one_row():
    # Height falls from 1 to 0 over 4 pixels: trapezia of mean height 7/8, 5/8, 3/8, 1/8.
    (picture,) = cover([(0, 0), (4, 1), (0, 1)])
    assert picture[0].tolist() == [0.125, 0.375, 0.625, 0.875][::-1]
    assert not picture[1:].any()


@pytest.mark.parametrize("turn", [1, -1])
def test_both_directions_cover_the_same(turn):
    corners = [(0.3, 0.2), (3.1, 0.9), (1.4, 1.2), (2.0, 3.7)]
    np.testing.assert_allclose(cover(corners[::turn]), cover(corners), atol=1e-12)


def test_a_figure_of_eight_fills_both_lobes():
    (picture,) = cover([(0, 0), (2, 2), (2, 0), (0, 2)], height=2, width=2)
    assert picture.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_polygons_stay_apart():
    left, right = [(0, 0), (1, 0), (1, 4), (0, 4)], [(1, 0), (3, 0), (3, 2), (1, 2)]
    pictures = cover(left, right)
    np.testing.assert_array_equal(pictures[0], cover(left)[0])
    np.testing.assert_array_equal(pictures[1], cover(right)[0])
    assert pictures.sum(axis=(1, 2)).tolist() == [4.0, 4.0]


@settings(max_examples=100, deadline=None)
@given(stars(8, 24))
def test_total_coverage_is_the_area(points):
    assert cover(points, height=32, width=32).sum() == pytest.approx(area(points), abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(stars(-2, 18))
def test_a_picture_cuts_off_what_lies_outside_it(points):
    # The same polygon drawn in the middle of a larger picture, of which the middle is cut out.
    (whole,) = cover([(x + 16, y + 16) for x, y in points], height=48, width=44)
    (part,) = cover(points, height=16, width=12)
    np.testing.assert_allclose(part, whole[16:32, 16:28], atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(stars(4, 12))
def test_coverage_agrees_with_samples(points):
    unit = [(x / 16, 1 - y / 16) for x, y in points]
    (picture,) = cover(points, height=16, width=16)
    # 16 x 16 samples of an edge are off by a sample row at most, and no bias is left over the picture.
    assert np.abs(picture - truth.sampled(truth.polygon(unit), 16)).max() < 0.11
    assert np.abs(picture - truth.sampled(truth.polygon(unit), 16)).mean() < 0.005


@pytest.mark.parametrize("x", [-50.0, 50.0])
def test_a_polygon_beside_the_picture_covers_nothing(x):
    assert not cover([(x, 0), (x + 3, 0), (x + 3, 4), (x, 4)]).any()


def test_a_polygon_around_the_picture_covers_all_of_it():
    assert (cover([(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)]) == 1.0).all()


def test_a_left_edge_outside_still_counts():
    # From x = -3 to 1.5: the columns right of the edge of the picture are covered up to 1.5.
    (picture,) = cover([(-3, 1), (1.5, 1), (1.5, 3), (-3, 3)])
    assert picture.tolist() == [[0] * 4, [1, 0.5, 0, 0], [1, 0.5, 0, 0], [0] * 4]


def test_points_without_area_cover_nothing():
    assert not cover([(1, 1), (1, 1), (1, 1)], [(0, 0), (3, 3), (0, 0)]).any()
