"""Accuracy: an error becomes a number from 0 to 1, along one of several shapes.

An accuracy shape turns an error into a number that is 1 at error 0 and falls as the error grows. All of them
take the error as a fraction of the worst one, `x = error / worst_error`, and a `sharpness` without a unit, so
that one shape serves minutes, correlations and counts alike:

    linear        1 - x                                       bounds [0, 1]
    exponential   exp(-k x)                                   bounds [exp(-k), 1],  k = 12
    log           1 - ln(1 + k x) / ln(1 + k)                 bounds [0, 1],        k = 720
    mixture       (linear + exponential) / 2                  bounds [exp(-k)/2, 1], k = 12

On the clock (worst error 360 minutes) the default `log` is `1 - ln(1 + 2 e) / ln 721` with e in minutes: half
of it is still to be earned at 13 minutes, so there is a slope to climb from hours down to seconds.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

RewardShape = Literal["linear", "exponential", "log", "mixture"]


def _fraction(error: float, worst_error: float) -> float:
    """The error as a fraction of the worst, clipped to [0, 1]."""
    return min(max(error / worst_error, 0.0), 1.0)


def linear(error: float, worst_error: float, sharpness: float = 1.0) -> float:
    """`1 - x`: the same slope everywhere. Bounds [0, 1]; `sharpness` changes nothing."""
    return 1.0 - _fraction(error, worst_error)


def exponential(error: float, worst_error: float, sharpness: float = 12.0) -> float:
    """`exp(-k x)`: nearly all of it is earned below `worst_error / k`. Bounds [exp(-k), 1]."""
    return math.exp(-sharpness * _fraction(error, worst_error))


def log(error: float, worst_error: float, sharpness: float = 720.0) -> float:
    """`1 - ln(1 + k x) / ln(1 + k)`: halving the error pays alike at every scale. Bounds [0, 1]."""
    return 1.0 - math.log1p(sharpness * _fraction(error, worst_error)) / math.log1p(sharpness)


def mixture(error: float, worst_error: float, sharpness: float = 12.0) -> float:
    """The mean of `linear` and `exponential`: a slope everywhere, steeper near. Bounds [exp(-k)/2, 1]."""
    return 0.5 * (linear(error, worst_error) + exponential(error, worst_error, sharpness))


SHAPES: dict[str, Callable[..., float]] = {
    "linear": linear,
    "exponential": exponential,
    "log": log,
    "mixture": mixture,
}
assert set(SHAPES) == set(get_args(RewardShape))


def accuracy(shape: RewardShape, error: float, worst_error: float, sharpness: float | None = None) -> float:
    """What an error earns under a named shape.

    Args:
        shape: One of `linear`, `exponential`, `log`, `mixture`.
        error: In the task's unit, 0 and up; clipped at `worst_error`.
        worst_error: The largest error there is, above 0.
        sharpness: `k` of the formulas, above 0; None takes the shape's own default.

    Returns:
        1 at error 0, falling to the shape's lower bound at `worst_error`.
    """
    if sharpness is None:
        return SHAPES[shape](error, worst_error)
    return SHAPES[shape](error, worst_error, sharpness)
