"""How exact the edges are: against 16 x 16 samples per pixel, and for steps of a tenth of a degree."""

import math

import numpy as np
import pytest

from rendering import Disc, Line, Scene, render

from . import truth

BLACK = (0, 0, 0)


def edge_error(shape, inside, size):
    """Mean error in grey levels over the pixels at the edge."""
    expected = truth.sampled(inside, size)
    edge = (expected > 0) & (expected < 1)
    drawn = render(Scene((shape,)), size)[..., 0]
    return np.abs(drawn - 255.0 * (1 - expected))[edge].mean()


@pytest.mark.parametrize("size", [112, 224])
@pytest.mark.parametrize("cap", ["butt", "round"])
def test_the_edge_of_a_hand_is_exact(cap, size):
    """The mean error stays below 4 grey levels, the target, and below 1, which is that of the samples."""
    errors = []
    for degrees in range(3, 360, 37):
        end = (0.5 + 0.4 * math.sin(math.radians(degrees)), 0.5 + 0.4 * math.cos(math.radians(degrees)))
        hand = Line((0.5, 0.5), end, 0.03, BLACK, end_width=0.012, cap=cap)
        errors.append(edge_error(hand, truth.stroke((0.5, 0.5), end, 0.03, 0.012, cap), size))
    assert max(errors) < 4.0
    assert np.mean(errors) < 1.0


def test_the_edge_of_a_disc_is_round():
    for radius in (0.01, 0.05, 0.2, 0.45):
        disc = Disc((0.503, 0.498), radius, BLACK)
        error = edge_error(disc, lambda x, y, r=radius: (x - 0.503) ** 2 + (y - 0.498) ** 2 <= r * r, 224)
        assert error < 2.0


@pytest.mark.parametrize("size", [112, 224])
def test_a_tenth_of_a_degree_shows(size):
    def picture(degrees):
        angle = math.radians(degrees)
        end = (0.5 + 0.42 * math.sin(angle), 0.5 + 0.42 * math.cos(angle))
        return render(Scene((Line((0.5, 0.5), end, 0.008, (210, 40, 40)),)), size)

    for degrees in range(0, 360, 7):
        changed = (picture(degrees) != picture(degrees + 0.1)).any(axis=2).sum()
        assert changed > 20
