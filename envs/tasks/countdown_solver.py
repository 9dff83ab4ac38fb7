"""Problems of Countdown: making one that can be solved, and solving any that has a few numbers."""

import functools
from fractions import Fraction
from math import inf

import numpy as np

from envs.expressions import combine

Part = tuple[Fraction, str]
"""A value, and the expression that makes it, in brackets where it is a calculation."""


def random_expression(rng: np.random.Generator, numbers: list[int], signs: str) -> Part | None:
    """Combine numbers two by two by chance, each exactly once, all results whole and above 0.

    Returns:
        The value and its expression; None where chance led to two numbers that no sign combines so.
    """
    parts = [(Fraction(number), str(number)) for number in numbers]
    while len(parts) > 1:
        first, second = (parts.pop(int(rng.integers(len(parts)))) for _ in range(2))
        fitting = [s for s in signs if _is_fit(first[0], s, second[0])]
        if not fitting:
            return None
        parts.append(_join(first, fitting[int(rng.integers(len(fitting)))], second))
    value, text = parts[0]
    return value, _bare(text)


def _is_fit(first: Fraction, sign: str, second: Fraction) -> bool:
    """Whether the result is whole and above 0."""
    if sign == "-":
        return first > second
    return sign != "/" or (first / second).denominator == 1


def _join(first: Part, sign: str, second: Part) -> Part:
    return combine(first[0], sign, second[0]), f"({first[1]} {sign} {second[1]})"


def _bare(text: str) -> str:
    """An expression without the brackets around all of it."""
    return text[1:-1] if text.startswith("(") else text


@functools.lru_cache(maxsize=65536)
def nearest(numbers: tuple[int, ...], target: int, signs: str = "+-*/") -> str:
    """The expression over all the numbers, each exactly once, that comes nearest to a target: exact where it can be.

    Every value of every subset of the numbers is made, fractions included, from the values of its two halves. Five
    numbers take a second, four some milliseconds.

    Args:
        numbers: From 1 up of them, each 0 or more.
        target: What to come near.
        signs: Which of `+-*/` may be used.
    """
    count = len(numbers)
    full = (1 << count) - 1
    made: list[dict[Fraction, str]] = [{} for _ in range(full + 1)]
    best, apart = "", inf
    for subset in range(1, full + 1):
        found = made[subset]
        if subset & (subset - 1) == 0:
            number = numbers[subset.bit_length() - 1]
            found[Fraction(number)] = str(number)
        half = (subset - 1) & subset
        while half:  # every way to cut the subset in two, in both orders
            for first in made[half].items():
                for second in made[subset ^ half].items():
                    for sign in signs:
                        if sign == "/" and not second[0]:
                            continue
                        if sign in "+*" and half < subset ^ half:
                            continue  # the other order comes to the same
                        value = combine(first[0], sign, second[0])
                        if subset != full:
                            if value not in found:
                                found[value] = f"({first[1]} {sign} {second[1]})"
                        elif abs(value - target) < apart:
                            best, apart = f"{first[1]} {sign} {second[1]}", float(abs(value - target))
                            if value == target:
                                return best
            half = (half - 1) & subset
    return best or str(numbers[0])
