"""Where a policy fails: figures by what the problems' info says of them."""

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from train.evaluation.bootstrap import Interval, interval, mean_draws
from train.evaluation.figures import main_columns
from train.evaluation.grid import Grid, Row, finite

MOST_VALUES = 12
BINS = 6
ROUNDING = 1e-9
"""Of a width, by which a number may miss an edge."""
STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
"""Widths of a bin, times a power of ten."""

Slice = tuple[str, float | None, float | None, list[int]]
"""Its label, its lower and upper edge where it has any, and the places of its problems."""


def slices(rows: Sequence[Row], unsliced: Collection[str] = (), *, tolerance: float | None) -> list[dict[str, Any]]:
    """The figures of each slice of the problems, by each key of their info.

    Words, truth values and numbers of at most 12 different values have a slice each; numbers with more fall into 6 bins
    of equal width between round edges, low ≤ number < high, the last one closed, empty ones left out. A key that is the
    same for all, a word with more values, and what is no plain value are left out; so is, of a key, a problem that
    lacks it.

    Args:
        rows: of one condition, in any order.
        unsliced: keys to leave out.
        tolerance: errors of at most this are correct.

    Returns:
        for each key, in the order of the infos, `{"by": key, "slices": [...]}`, ascending; each slice has `label`,
        `low` and `high` (numbers or None), `problems`, and the intervals `mae`, `reward` and `within`, None for what
        is not told. The resamples of a slice are of its problems alone.

    Raises:
        ValueError: as `Grid`.
    """
    grid = Grid(rows)
    columns = main_columns(grid, tolerance)
    infos = [answers[0].get("info") or {} for answers in grid.problems]
    found = []
    for key in dict.fromkeys(key for info in infos for key in info):
        if key in unsliced:
            continue
        values = [info.get(key) for info in infos]
        if several := _slices_of(values):
            found.append({"by": key, "slices": [_figures(one, columns) for one in several]})
    return found


def _figures(one: Slice, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    label, low, high, places = one
    told: dict[str, Interval | None] = {}
    if columns:
        draws = mean_draws([column[places] for column in columns.values()]).T
        told = dict(zip(columns, map(interval, draws), strict=True))
    measured = {name: told.get(name) for name in ("mae", "reward", "within")}
    return {"label": label, "low": low, "high": high, "problems": len(places), **measured}


def _slices_of(values: Sequence[Any]) -> list[Slice]:
    """The slices that the values of a key make of the problems; none where they make no sense."""
    told = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in told):
        return _by_value(values, {value: ("yes" if value else "no", None, None) for value in sorted(set(told))})
    if all(isinstance(value, str) for value in told):
        words = sorted(set(told))
        return _by_value(values, {word: (word, None, None) for word in words}) if len(words) <= MOST_VALUES else []
    if not all(isinstance(value, int | float) for value in told):
        return []
    numbers = [finite(value) for value in values]
    different = sorted({number for number in numbers if not math.isnan(number)})
    if len(different) > MOST_VALUES:
        return _by_bin(np.array(numbers), all(number.is_integer() for number in different))
    return _by_value(numbers, {number: (f"{number:.6g}", number, number) for number in different})


def _by_value(values: Sequence[Any], slices_: Mapping[Any, tuple[str, float | None, float | None]]) -> list[Slice]:
    """A slice for each different value, if there are several."""
    if len(slices_) < 2:
        return []
    places = {value: [i for i, other in enumerate(values) if other == value] for value in slices_}
    return [(*slices_[value], places[value]) for value in slices_]


def _by_bin(numbers: np.ndarray, integers: bool) -> list[Slice]:
    """A slice for each bin with something in it."""
    edges = round_edges(float(np.nanmin(numbers)), float(np.nanmax(numbers)), integers)
    if edges is None:
        return []
    at = np.where(np.isnan(numbers), -1, np.digitize(numbers, edges[1:-1]))
    between = " to " if edges[0] < 0 else "–"
    return [
        (f"{low:.6g}{between}{high:.6g}", low, high, np.flatnonzero(at == bin_).tolist())
        for bin_, (low, high) in enumerate(pairwise(edges))
        if (at == bin_).any()
    ]


def round_edges(lowest: float, highest: float, integers: bool) -> list[float] | None:
    """The edges of 6 bins of the smallest round width that hold everything from the lowest to the highest number.

    Args:
        lowest: of the numbers.
        highest: of the numbers, above the lowest.
        integers: whether the width has to be an integer.

    Returns:
        7 edges, multiples of the width; None for numbers too large, or too close to each other for their size.
    """
    span = highest - lowest
    if not 1e-9 * max(abs(lowest), abs(highest), 1e-290) < span < math.inf:
        return None
    scale = math.floor(math.log10(span / BINS))
    widths = (float(f"{step}e{power}") for power in (scale, scale + 1) for step in STEPS)
    for width in widths:
        first = math.floor(lowest / width + ROUNDING)
        if (width.is_integer() or not integers) and highest <= (first + BINS + ROUNDING) * width:
            return [float(f"{(first + i) * width:.12g}") for i in range(BINS + 1)]
    return None
