import itertools
import math
from typing import get_args

import pytest

from envs.rewards import SHAPES, RewardShape, accuracy


@pytest.mark.parametrize(
    ("shape", "error", "expected"),
    [
        ("linear", 90.0, 0.75),
        ("linear", 360.0, 0.0),
        ("exponential", 30.0, 0.36787944117144233),  # 1 / e
        ("exponential", 360.0, 6.14421235332821e-06),  # e ** -12
        ("log", 13.0, 1 - math.log(27) / math.log(721)),
        ("log", 0.5, 1 - math.log(2) / math.log(721)),
        ("log", 360.0, 0.0),
        ("mixture", 30.0, (11 / 12 + 0.36787944117144233) / 2),
        ("mixture", 360.0, 3.072106176664105e-06),
    ],
)
def test_known_values_on_the_clock(shape, error, expected):
    assert accuracy(shape, error, 360.0) == pytest.approx(expected, abs=1e-12)


def test_half_of_the_log_shape_is_earned_at_13_minutes():
    assert accuracy("log", 12.93, 360.0) == pytest.approx(0.5, abs=1e-3)


def test_sharpness_is_k_of_the_formula():
    # correlations: worst error 2, so 1 - ln(1 + 50 e) / ln 101
    assert accuracy("log", 0.1, 2.0, 100.0) == pytest.approx(1 - math.log(6) / math.log(101))
    assert accuracy("exponential", 1.0, 2.0, 4.0) == pytest.approx(math.exp(-2))


@pytest.mark.parametrize("shape", get_args(RewardShape))
def test_shapes_are_one_at_zero_fall_and_stay_bounded(shape):
    values = [accuracy(shape, error, 360.0) for error in range(0, 361)]
    assert values[0] == 1.0
    assert all(near > far for near, far in itertools.pairwise(values))
    assert all(0.0 <= value <= 1.0 for value in values)
    assert accuracy(shape, 1e9, 360.0) == values[-1]  # clipped


def test_every_shape_has_a_function():
    assert set(SHAPES) == set(get_args(RewardShape))
