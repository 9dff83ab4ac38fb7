"""Bootstrap intervals over problems, with one set of resamples for all figures.

The unit is the problem: the samples of one stay together, because they share its difficulty. Each resample draws as
many problems as there are, with replacement (Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3:
the percentile interval). It is kept as how often each problem was drawn, so that a mean is a product of matrices, and
two models that answered the same problems are resampled alike: their difference is a paired one.

An array of draws has the figure itself in its first place and that of each resample behind it.

The interval of a rate of exactly 0 or 1 has no width, nor has that of any other constant: no resample differs. That is
no certainty. After 0 of N, the rate may still be as large as 3/N (the rule of three: Hanley & Lippman-Hand 1983, If
nothing goes wrong, is everything all right?), and with a handful of problems every interval is too narrow.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

RESAMPLES = 2000
SEED = 0
LEVEL = 0.95
BLOCK = 2**21
"""Most entries of an intermediate array."""

Interval = dict[str, float]
"""`value`, and the `low` and `high` end of its 95 % interval."""


@lru_cache(maxsize=4)
def resamples(problems: int) -> np.ndarray:
    """How often each problem is drawn: integers (1 + 2000, P), in the first row all once. Fixed by P alone."""
    rng = np.random.default_rng(SEED)
    counts = np.ones((1 + RESAMPLES, problems), dtype=np.int32)
    for block in _blocks(RESAMPLES, problems):
        drawn = rng.integers(problems, size=(block.stop - block.start, problems))
        places = drawn + problems * np.arange(len(drawn))[:, None]
        counts[1 + block.start : 1 + block.stop] = np.bincount(places.ravel(), minlength=drawn.size).reshape(
            drawn.shape
        )
    counts.flags.writeable = False
    return counts


def mean_draws(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Means over the problems of the means over the samples.

    Where some values are not told (NaN), the mean over all that are.

    Args:
        columns: F arrays (P, n), n may differ between them.

    Returns:
        draws (1 + 2000, F); NaN for a resample in which nothing is told.
    """
    told = np.stack([(~np.isnan(column)).sum(axis=1) for column in columns], axis=1).astype(float)
    # Sorted, so that the order of the samples does not even change the rounding.
    sums = np.stack([np.nansum(np.sort(column, axis=1), axis=1) for column in columns], axis=1)
    counts = resamples(len(sums))
    draws = np.full((len(counts), len(columns)), np.nan)
    for block in _blocks(len(counts), counts.shape[1]):
        some = counts[block].astype(float)
        number = some @ told
        np.divide(some @ sums, number, out=draws[block], where=number > 0)
    for column, (total, number) in enumerate(zip(sums.T, told.T, strict=True)):
        means = total[number > 0] / number[number > 0]
        if means.size and means.min() == means.max():  # a constant has no spread, not even that of rounding
            draws[~np.isnan(draws[:, column]), column] = means[0]
    return draws


def quantile_draws(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles of all answers to the problems drawn, interpolated linearly as `numpy.quantile` does.

    Args:
        values: (P, n).
        levels: L of them, in [0, 1].

    Returns:
        draws (1 + 2000, L).
    """
    P, n = values.shape
    order = np.argsort(values, axis=None, kind="stable")
    ascending, problem = values.ravel()[order], order // n
    places = (P * n - 1) * np.asarray(levels)
    lower = np.floor(places).astype(int)
    ranks = np.concatenate([lower, np.minimum(lower + 1, P * n - 1)])
    counts = resamples(P)
    draws = np.empty((len(counts), len(levels)))
    for block in _blocks(len(counts), P * n):
        reached = np.cumsum(counts[block][:, problem], axis=1)
        at = np.stack([np.searchsorted(row, ranks, side="right") for row in reached])
        low, high = np.split(ascending[at], 2, axis=1)
        draws[block] = low + (high - low) * (places - lower)
    return draws


def interval(draws: np.ndarray) -> Interval | None:
    """The figure and its 95 % percentile interval, from draws (1 + 2000,); None where there is no figure.

    Resamples in which nothing was told are left out.
    """
    if np.isnan(draws[0]):
        return None
    told = draws[1:][~np.isnan(draws[1:])]
    low, high = np.quantile(told, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if told.size else (draws[0], draws[0])
    return {"value": float(draws[0]), "low": float(low), "high": float(high)}


def _blocks(rows: int, width: int) -> list[slice]:
    """Slices of rows that hold at most BLOCK entries each."""
    size = max(1, BLOCK // max(1, width))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
