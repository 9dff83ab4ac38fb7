"""What n sampled answers to a problem come to when k of them are taken: pass@k, best@k, majority vote and median.

Each is an expectation over which k of the n answers are taken, without replacement. Pass@k and best@k have it in closed
form. The other two are averaged over subsets: all of them up to 256, beyond that 256 drawn with a fixed seed, each
uniformly and independently of the others, so that the estimate stays unbiased.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations

import numpy as np

SUBSETS = 256
SUBSET_SEED = 0
ROUNDING = 1e-9
"""Sums of distances that differ by less, relatively, are the same."""
BLOCK = 2**21
"""Most entries of an intermediate array."""

Costs = Callable[[slice, np.ndarray], tuple[np.ndarray, np.ndarray]]


def pass_at_k(correct: np.ndarray, n: int, k: int) -> np.ndarray:
    """The probability that at least one of k answers is correct, without bias.

    pass@k = 1 − C(n − c, k) / C(n, k), computed as a product, so that no binomial coefficient is ever formed
    (Chen et al. 2021, Evaluating Large Language Models Trained on Code, https://arxiv.org/abs/2107.03374, eq. 1).

    Args:
        correct: how many of each problem's n answers are correct, integers 0..n of any shape.
        n: answers to each problem.
        k: answers taken, 1..n.

    Returns:
        probabilities in [0, 1], in the shape of `correct`.

    Raises:
        ValueError: k is not in 1..n, or a count not in 0..n.
    """
    require_k(k, n)
    correct = np.asarray(correct)
    if correct.size and not 0 <= correct.min() <= correct.max() <= n:
        raise ValueError(f"of {n} answers between 0 and {n} are correct, got {correct.min()} to {correct.max()}")
    c = np.arange(n)
    # C(n − c − 1, k) / C(n − c, k) = (n − k − c) / (n − c), and 0 once fewer than k wrong answers are left.
    factors = np.maximum(n - k - c, 0) / (n - c)
    return 1 - np.concatenate([[1.0], np.cumprod(factors)])[correct]


def best_at_k(errors: np.ndarray, k: int) -> np.ndarray:
    """The expected smallest error among k answers.

    Σ_i e_(i) C(n − i, k − 1) / C(n, k) with e_(1) ≤ … ≤ e_(n): the i-th smallest is the smallest of the k taken if it
    is one of them and the others come from the n − i larger ones. The weights follow from one another
    (w_1 = k/n, w_{i+1} = w_i (n − i − k + 1)/(n − i)), which is stable for any n.

    Args:
        errors: (..., n).
        k: answers taken, 1..n.

    Returns:
        expected errors (...).

    Raises:
        ValueError: k is not in 1..n.
    """
    errors = np.sort(np.asarray(errors, dtype=float), axis=-1)
    n = errors.shape[-1]
    require_k(k, n)
    i = np.arange(1, n)
    weights = k / n * np.concatenate([[1.0], np.cumprod(np.maximum(n - i - k + 1, 0) / (n - i))])
    return errors @ weights


def majority_at_k(reads: np.ndarray, values: np.ndarray, k: int, nothing: float) -> np.ndarray:
    """The expected worth of the answer that most of k answers agree on (self-consistency).

    Wang et al. 2022, Self-Consistency Improves Chain of Thought Reasoning in Language Models,
    https://arxiv.org/abs/2203.11171. Unreadable answers abstain. A tie counts as the mean over the tied answers, so
    that it does not matter which was sampled first.

    Args:
        reads: (P, n) which answer each one is, as integers that are equal for equal answers; negative: unreadable.
        values: (P, n) what each answer is worth, its error or 1 for correct and 0 for wrong.
        k: answers taken, 1..n.
        nothing: the worth of k answers none of which can be read.

    Returns:
        expected worths (P,).

    Raises:
        ValueError: k is not in 1..n.
    """
    reads = np.asarray(reads)

    def costs(block: slice, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        votes = (reads[block, :, None] == reads[block, None, :]) @ members
        return -votes, votes

    return _mean_over_subsets(costs, reads >= 0, values, k, nothing)


def median_at_k(
    numbers: np.ndarray, errors: np.ndarray, k: int, worst_error: float, period: float | None = None
) -> np.ndarray:
    """The expected error of the median of k answers: the one nearest to the others, by the sum of distances.

    On a line and for an odd number of answers that is the median. On a dial the distance is the shorter arc, and the
    minimum over all points of the dial is the circular median (Fisher 1993, Statistical Analysis of Circular Data,
    section 2.3.2; Mardia & Jupp 2000, Directional Statistics, section 2.2.2); here it is one of the answers given,
    so its error is known. Tied answers count as the mean of their errors, answers without a number abstain.

    Args:
        numbers: (P, n) the answers as numbers; NaN has none.
        errors: (P, n) their errors.
        k: answers taken, 1..n.
        worst_error: the error of k answers none of which has a number.
        period: the length of the dial, in the unit of `numbers`; None is a line.

    Returns:
        expected errors (P,).

    Raises:
        ValueError: k is not in 1..n, or the period not positive.
    """
    if period is not None and not period > 0:
        raise ValueError(f"the period of a dial is positive, got {period}")
    numbers = np.asarray(numbers, dtype=float)
    given = ~np.isnan(numbers)
    numbers = np.where(given, numbers, 0.0)

    def costs(block: slice, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        one, other = numbers[block, :, None], numbers[block, None, :]
        pairs = given[block, :, None] & given[block, None, :]
        copies = (pairs & (one == other)) @ members
        if period is None:  # as many on either side: the same minimum, which no far-off answer can round away
            below, above = (pairs & (other < one)) @ members, (pairs & (other > one)) @ members
            return np.maximum(below, above), copies
        arcs = np.abs(np.remainder(one, period) - np.remainder(other, period))
        return np.where(pairs, np.minimum(arcs, period - arcs), 0.0) @ members, copies

    return _mean_over_subsets(costs, given, errors, k, worst_error)


def default_ks(n: int) -> tuple[int, ...]:
    """The powers of two up to n, and n itself."""
    return tuple(sorted({n, *(2**i for i in range(n.bit_length()) if 2**i <= n)}))


def require_k(k: int, n: int) -> None:
    """Raise ValueError unless k of n answers can be taken."""
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} of n = {n} answers cannot be taken: k is at least 1 and at most n; sample more")


@lru_cache(maxsize=16)
def subsets(n: int, k: int) -> np.ndarray:
    """Which k of n answers are taken: 0/1 indicators (n, S), a column for each of the S ≤ 256 subsets."""
    if math.comb(n, k) <= SUBSETS:
        members = list(combinations(range(n), k))
    else:
        rng = np.random.default_rng(SUBSET_SEED)
        members = [tuple(rng.choice(n, k, replace=False)) for _ in range(SUBSETS)]
    indicators = np.zeros((n, len(members)))
    for column, some in enumerate(members):
        indicators[list(some), column] = 1
    indicators.flags.writeable = False
    return indicators


def _mean_over_subsets(costs: Costs, candidates: np.ndarray, values: np.ndarray, k: int, nothing: float) -> np.ndarray:
    """The mean over subsets of the value of each subset's cheapest answer.

    Args:
        costs: from some of the problems and the subsets' indicators to (p, n, S): what choosing each answer costs,
            and how many answers of the subset are equal to it.
        candidates: (P, n) which answers may be chosen.
        values: (P, n).
        k: size of a subset.
        nothing: the value of a subset without candidates.
    """
    values = np.asarray(values, dtype=float)
    P, n = values.shape
    require_k(k, n)
    members = subsets(n, k)
    size = max(1, BLOCK // (n * max(members.shape)))
    means = np.empty(P)
    for start in range(0, P, size):
        block = slice(start, start + size)
        cost, copies = costs(block, members)
        cost = np.where(candidates[block, :, None] & (members > 0), cost, np.inf)
        cheapest = cost.min(axis=1, keepdims=True)
        chosen = np.isfinite(cost) & (cost <= cheapest + ROUNDING * np.abs(cheapest))
        weights = chosen / np.maximum(copies, 1)  # equal answers are one
        total = weights.sum(axis=1)
        worth = (weights * values[block, :, None]).sum(axis=1) / np.maximum(total, ROUNDING)
        means[block] = np.where(total > 0, worth, nothing).mean(axis=1)
    return means
