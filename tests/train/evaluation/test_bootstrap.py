import warnings

import numpy as np
import pytest
from scipy import stats

from train.evaluation.bootstrap import interval, mean_draws, quantile_draws, resamples


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_each_resample_draws_as_many_problems_as_there_are():
    counts = resamples(30)
    assert counts.shape == (2001, 30)
    assert counts[0].tolist() == [1] * 30
    assert set(counts.sum(axis=1)) == {30}
    assert counts[1:].mean(axis=0) == pytest.approx(np.ones(30), abs=0.1)
    assert counts[1:].var() == pytest.approx(29 / 30, abs=0.03)  # binomial
    assert np.array_equal(counts, resamples.__wrapped__(30))


def test_many_problems_are_drawn_in_blocks():
    counts = resamples.__wrapped__(3000)
    assert set(counts.sum(axis=1)) == {3000}
    assert len({row.tobytes() for row in counts}) == 2001


def test_draws_equal_a_loop_over_the_same_resamples():
    rng = np.random.default_rng(0)
    values = rng.exponential(10, (12, 3)).round()  # with ties
    told = np.where(rng.random((12, 3)) < 0.3, np.nan, values)
    means = mean_draws([values, values[:, :1], told])
    quantiles = quantile_draws(values, (0.5, 0.9, 1.0))
    for drawn, mean, quantile in zip(resamples(12), means, quantiles, strict=True):
        chosen = np.repeat(values, drawn, axis=0)
        some = np.repeat(told, drawn, axis=0)
        assert mean == pytest.approx([chosen.mean(), chosen[:, 0].mean(), some[~np.isnan(some)].mean()])
        assert quantile == pytest.approx(np.quantile(chosen, (0.5, 0.9, 1.0)))


def test_interval_by_hand():
    draws = np.concatenate([[7.0], np.arange(2000.0)[::-1]])
    assert interval(draws) == {"value": 7.0, "low": pytest.approx(49.975), "high": pytest.approx(1949.025)}


def test_the_interval_is_that_of_scipy():
    values = np.random.default_rng(3).exponential(10, 200)
    ours = interval(mean_draws([values[:, None]])[:, 0])
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(4))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours["value"] == pytest.approx(values.mean())
    assert ours["low"] == pytest.approx(theirs.confidence_interval.low, abs=0.05 * width)
    assert ours["high"] == pytest.approx(theirs.confidence_interval.high, abs=0.05 * width)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    found = [interval(mean_draws([rng.normal(0, 1, (60, 1))])[:, 0]) for _ in range(400)]
    assert all(one["low"] < one["value"] < one["high"] for one in found)
    covered = np.mean([one["low"] <= 0 <= one["high"] for one in found])
    assert 0.91 <= covered <= 0.98


def test_samples_of_a_problem_stay_together():
    answers = np.repeat(np.random.default_rng(6).normal(0, 1, (50, 1)), 16, axis=1)
    together, once = mean_draws([answers, answers[:, :1]]).T
    assert together == pytest.approx(once)  # 16 equal answers are no more certain than one


@pytest.mark.parametrize("problems", [1, 3, 50])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_constant_has_an_interval_of_no_width(problems, samples):
    same = np.full((problems, samples), 0.1)
    first = interval(mean_draws([same])[:, 0])
    assert first["low"] == first["high"] == first["value"] == pytest.approx(0.1)
    assert interval(quantile_draws(same, (0.9,))[:, 0]) == {"value": 0.1, "low": 0.1, "high": 0.1}


def test_one_problem_has_an_interval_of_no_width():
    values = np.array([[1.0, 2.0, 6.0]])
    assert interval(mean_draws([values])[:, 0]) == {"value": 3.0, "low": 3.0, "high": 3.0}
    assert interval(quantile_draws(values, (0.5,))[:, 0]) == {"value": 2.0, "low": 2.0, "high": 2.0}


def test_what_nobody_tells_has_no_figure_and_what_few_tell_has():
    nothing, one = np.full((5, 2), np.nan), np.full((5, 2), np.nan)
    one[3, 1] = 4.0
    draws = mean_draws([nothing, one])
    assert interval(draws[:, 0]) is None
    assert np.isnan(draws[1:, 1]).mean() == pytest.approx(0.8**5, abs=0.03)  # the resamples without that problem
    assert interval(draws[:, 1]) == {"value": 4.0, "low": 4.0, "high": 4.0}


def test_the_order_of_samples_changes_no_bit():
    values = np.random.default_rng(7).normal(0, 1, (20, 9))
    assert np.array_equal(mean_draws([values]), mean_draws([values[:, ::-1]]))
