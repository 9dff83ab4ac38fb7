"""The figures of an evaluation, each with a bootstrap 95 % interval over its problems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.evaluation.bootstrap import Interval, interval, mean_draws, quantile_draws
from train.evaluation.grid import Grid, Row
from train.evaluation.statistics import best_at_k, majority_at_k, median_at_k, pass_at_k, require_k

SLACK = 1e-9
"""0.35 − 0.3 is a hair more than a tolerance of 0.05, and should count as within it."""


@dataclass(frozen=True)
class Scale:
    """What errors are held against."""

    chance: float | None = None
    """MAE of chance, taken as a constant: its own error is left out of the interval of skill."""
    tolerance: float | None = None
    """Errors of at most this are correct."""
    worst_error: float | None = None
    """The error of an answer that cannot be read."""
    period: float | None = None
    """Answers lie on a dial of this length."""
    ks: Sequence[int] = ()
    """How many of n sampled answers are taken."""


def figures(
    rows: Sequence[Row],
    *,
    chance: float | None,
    tolerance: float | None,
    worst_error: float | None,
    period: float | None,
    ks: Sequence[int] = (),
) -> dict[str, Interval | None]:
    """Everything that the answers of one condition come to, in the order to show it.

    Errors: `mae` is the mean over problems of the mean over samples; `median_error` and `p90_error` (90th percentile,
    interpolated linearly) are of all answers together; `skill` = 1 − MAE / MAE of chance. Rates: `exact` (error 0),
    `within` (error at most the tolerance), `parsed`. All of these strictly, and by the lenient reading as
    `lenient_...`. `reward` and its parts `reward/...`, `tokens`, `truncated` (the rate of answers that were cut off)
    and the parts of an error `error/...` are means over the answers that tell them. With several samples, for each k:
    the rates `pass@k` and `majority@k`, and the MAEs `median@k` and `best@k`, all of the strict reading. Of an even
    number of answers none is in the middle: for an even k there is the median of k − 1.

    Args:
        rows: of one condition, in any order; as many of each problem.
        chance: MAE of chance, taken as a constant; None or 0 leaves skill out.
        tolerance: errors of at most this are correct; None leaves out every rate that needs it.
        worst_error: the error of an answer that cannot be read; None leaves out `median@k`.
        period: the length of the dial that answers lie on; None for a line.
        ks: how many answers are taken; left out for one sample per problem.

    Returns:
        figures with intervals. What the rows do not tell is absent.

    Raises:
        ValueError: no rows, an answer twice, not as many of each problem, or a k above the number of samples.
    """
    scale = Scale(chance, tolerance, worst_error, period, ks)
    return {name: interval(draws) for name, draws in figure_draws(Grid(rows), scale).items()}


def figure_draws(grid: Grid, scale: Scale) -> dict[str, np.ndarray]:
    """The same figures as draws (1 + 2000,), see `train.evaluation.bootstrap`."""
    columns = _columns(grid, scale)
    means = mean_draws(list(columns.values())).T
    found: dict[str, np.ndarray] = {}
    for (name, values), draws in zip(columns.items(), means, strict=True):
        found[name] = draws
        if name in ("mae", "lenient_mae"):
            prefix = name.removesuffix("mae")
            quantiles = quantile_draws(values, (0.5, 0.9)).T
            found |= {f"{prefix}median_error": quantiles[0], f"{prefix}p90_error": quantiles[1]}
            if scale.chance:
                found[f"{prefix}skill"] = 1 - draws / scale.chance
    return found


def drops(asked: Sequence[Row], other: Sequence[Row], *, tolerance: float | None) -> dict[str, Interval | None]:
    """What another condition changes, problem by problem: its `mae`, `reward` and `within` minus those of asked.

    Args:
        asked: rows of the plain condition.
        other: rows of a control or a style, of the same problems or some of them; samples may differ in number.
        tolerance: errors of at most this are correct.

    Returns:
        differences with intervals; None for what is not told.

    Raises:
        ValueError: `other` has a problem that `asked` lacks.
    """
    others = Grid(other)
    plain = Grid(asked)
    if missing := set(others.seeds) - set(plain.seeds):
        raise ValueError(
            f"{len(missing)} of {len(others.seeds)} problems, such as {min(missing)}, were not asked plainly; "
            "pair the same problems"
        )
    before, after = (main_columns(grid, tolerance) for grid in (plain.of_seeds(others.seeds), others))
    changes: dict[str, Interval | None] = {}
    for name in ("mae", "reward", "within"):
        told = name in before and name in after
        changes[name] = interval(difference(*mean_draws([before[name], after[name]]).T)) if told else None
    return changes


def difference(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Draws of other − reference; what differs by rounding alone does not differ."""
    return np.where(np.isclose(other, reference, rtol=1e-12, atol=0), 0.0, other - reference)


def main_columns(grid: Grid, tolerance: float | None) -> dict[str, np.ndarray]:
    """The columns (P, n) `mae`, `reward` and `within`, as far as they are told."""
    errors, rewards = grid.told("error"), grid.told("reward")
    found = {} if errors is None else {"mae": errors}
    if rewards is not None:
        found["reward"] = rewards
    if errors is not None and tolerance is not None:
        found["within"] = is_within(errors, tolerance)
    return found


def is_within(errors: np.ndarray, tolerance: float) -> np.ndarray:
    """1 for each error of at most the tolerance, give or take rounding, else 0."""
    return (errors <= tolerance * (1 + SLACK)).astype(float)


def _columns(grid: Grid, scale: Scale) -> dict[str, np.ndarray]:
    """What means are taken of: columns (P, n), or (P, 1) for what k answers came to; NaN is not told."""
    parsed, reward, tokens = grid.told("parsed"), grid.told("reward"), grid.numbers("tokens")
    columns = _error_columns(grid, "", scale.tolerance)
    if parsed is not None:
        columns["parsed"] = parsed
    if reward is not None:
        columns["reward"] = reward
    columns |= {f"reward/{part}": values for part, values in grid.parts("parts").items()}
    if not np.isnan(tokens).all():
        columns["tokens"] = tokens
    if (truncated := grid.told("truncated")) is not None:
        columns["truncated"] = truncated
    if lenient := _error_columns(grid, "lenient_", scale.tolerance):
        columns |= lenient
        if scale.worst_error is not None:  # only a task reads leniently
            read = [row.get("lenient_read") is not None for row in grid.rows]
            columns["lenient_parsed"] = np.array(read, dtype=float).reshape(grid.shape)
    columns |= {f"error/{part}": values for part, values in grid.parts("error_parts").items()}
    return columns | _columns_at_k(grid, scale)


def _error_columns(grid: Grid, prefix: str, tolerance: float | None) -> dict[str, np.ndarray]:
    errors = grid.told(f"{prefix}error")
    if errors is None:
        return {}
    columns = {f"{prefix}mae": errors, f"{prefix}exact": (errors == 0).astype(float)}
    if tolerance is not None:
        columns[f"{prefix}within"] = is_within(errors, tolerance)
    return columns


def _columns_at_k(grid: Grid, scale: Scale) -> dict[str, np.ndarray]:
    """(P, 1) for each k and each way to make one of k answers."""
    n = grid.shape[1]
    for k in scale.ks:
        require_k(k, n)
    errors, reads = grid.told("error"), grid.reads()
    if n == 1 or errors is None:
        return {}
    correct = None if scale.tolerance is None else is_within(errors, scale.tolerance)
    numeric = scale.worst_error is not None and grid.told("truth_number") is not None
    columns: dict[str, np.ndarray] = {}
    for k in scale.ks:
        if correct is not None:
            columns[f"pass@{k}"] = pass_at_k(correct.sum(axis=1).astype(int), n, k)
            if reads is not None:
                columns[f"majority@{k}"] = majority_at_k(reads, correct, k, nothing=0.0)
        if numeric and scale.worst_error is not None:
            odd, numbers = k - 1 + k % 2, grid.numbers("read_number")
            columns[f"median@{odd}"] = median_at_k(numbers, errors, odd, scale.worst_error, scale.period)
        columns[f"best@{k}"] = best_at_k(errors, k)
    return {name: values[:, None] for name, values in columns.items()}
