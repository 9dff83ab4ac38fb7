"""The rows of one condition as a grid: P problems by n samples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Row = Mapping[str, Any]


class Grid:
    """Rows of one condition, by problem seed and sample, whatever order they come in.

    Raises:
        ValueError: no rows, an answer twice, or not as many answers to each problem.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        if not rows:
            raise ValueError("there are no answers to make figures of")
        ordered = sorted(rows, key=lambda row: (row["seed"], row["sample"]))
        problems: dict[int, list[Row]] = {}
        for row in ordered:
            problems.setdefault(row["seed"], []).append(row)
        self.seeds = list(problems)
        self.problems = list(problems.values())
        first = self.problems[0]
        for seed, answers in problems.items():
            samples = [row["sample"] for row in answers]
            if len(set(samples)) < len(samples):
                raise ValueError(f"problem {seed} has one sample twice, of {samples}; give the rows of one condition")
            if len(answers) != len(first):
                raise ValueError(
                    f"problem {seed} has {len(answers)} answers and problem {self.seeds[0]} has {len(first)}; "
                    "each needs as many"
                )
        self.rows = ordered
        self.shape = len(self.problems), len(first)

    def of_seeds(self, seeds: Sequence[int]) -> "Grid":
        """The grid of some of its problems."""
        wanted = set(seeds)
        return self if wanted == set(self.seeds) else Grid([row for row in self.rows if row["seed"] in wanted])

    def numbers(self, name: str) -> np.ndarray:
        """A column of the rows (P, n) as numbers, NaN for what is null or not finite."""
        return np.array([finite(row.get(name)) for row in self.rows]).reshape(self.shape)

    def told(self, name: str) -> np.ndarray | None:
        """The same, or None unless every row tells it."""
        numbers = self.numbers(name)
        return None if np.isnan(numbers).any() else numbers

    def parts(self, name: str) -> dict[str, np.ndarray]:
        """The columns (P, n) of a mapping in the rows, NaN where a row's lacks one."""
        names = dict.fromkeys(part for row in self.rows for part in row.get(name) or {})
        mappings = [row.get(name) or {} for row in self.rows]
        return {
            part: np.array([finite(mapping.get(part)) for mapping in mappings]).reshape(self.shape) for part in names
        }

    def reads(self) -> np.ndarray | None:
        """Which answer each one is (P, n), integers, equal for equal answers; −1 unreadable.

        None where the environment does not tell how it read an answer.
        """
        parsed = self.told("parsed")
        texts = [row.get("read") for row in self.rows]
        unread = np.array([text is None for text in texts]).reshape(self.shape)
        if parsed is None or (unread & (parsed > 0)).any():
            return None
        codes = {text: code for code, text in enumerate(dict.fromkeys(text for text in texts if text is not None))}
        return np.array([-1 if text is None else codes[text] for text in texts]).reshape(self.shape)


def finite(value: Any) -> float:
    """A float; NaN for null, and for what is not finite or too large to be one."""
    try:
        number = math.nan if value is None else float(value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan
