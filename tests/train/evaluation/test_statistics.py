from collections import Counter
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.statistics import best_at_k, default_ks, majority_at_k, median_at_k, pass_at_k, subsets

WORST = 100.0


@st.composite
def sampled(draw, values, largest=6):
    """Answers to one problem, and how many of them are taken."""
    answers = draw(st.lists(values, min_size=1, max_size=largest))
    return answers, draw(st.integers(1, len(answers)))


def mean_over_subsets(answers, k, worth):
    several = [worth(list(taken)) for taken in combinations(answers, k)]
    return sum(several) / len(several)


def voted(taken):
    """The mean error of the answers with most votes."""
    votes = Counter(read for read, _ in taken if read is not None)
    errors = dict(taken)
    winners = [errors[read] for read, count in votes.items() if count == max(votes.values())]
    return sum(winners) / len(winners) if winners else WORST


def central(taken, period=None):
    """The mean error of the different answers with the least sum of distances; integers, so exactly."""
    given_ = [(number, error) for number, error in taken if number is not None]

    def distance(one, other):
        apart = abs(one - other)
        return apart if period is None else min(apart % period, period - apart % period)

    sums = {number: sum(distance(number, other) for other, _ in given_) for number, _ in given_}
    errors = dict(given_)
    nearest = [errors[number] for number, total in sums.items() if total == min(sums.values())]
    return sum(nearest) / len(nearest) if nearest else WORST


def test_pass_at_k_by_hand():
    # of 4 answers 1 is right: two taken hold it in 3 of 6 cases; with 3 right no two are wrong
    assert pass_at_k(np.array([0, 1, 2, 3, 4]), 4, 2) == pytest.approx([0, 1 / 2, 5 / 6, 1, 1], abs=1e-15)
    assert pass_at_k(np.array([3]), 10, 1) == pytest.approx([0.3])
    assert pass_at_k(np.array([0, 1]), 5, 5).tolist() == [0.0, 1.0]


@given(sampled(st.booleans(), largest=8))
def test_pass_at_k_counts_the_subsets(drawn):
    answers, k = drawn
    expected = mean_over_subsets(answers, k, any)
    assert pass_at_k(np.array(sum(answers)), len(answers), k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_of_very_many():
    n, k = 2000, 700
    exact = [
        1 - comb(n - c, k) / comb(n, k) for c in (0, 1, 5, 1300, 1301, 2000)
    ]  # Python divides big integers rightly
    found = pass_at_k(np.array([[0, 1, 5], [1300, 1301, 2000]]), n, k)
    assert found.shape == (2, 3)
    assert found.ravel() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("k", [0, 5])
def test_k_is_one_of_the_samples(k):
    four = np.zeros((1, 4))
    for call in (
        lambda: pass_at_k(np.array([1]), 4, k),
        lambda: best_at_k(four, k),
        lambda: majority_at_k(four, four, k, 0.0),
        lambda: median_at_k(four, four, k, WORST),
    ):
        with pytest.raises(ValueError, match=f"k = {k} of n = 4"):
            call()


def test_counts_are_of_the_samples():
    with pytest.raises(ValueError, match="between 0 and 4 are correct, got 1 to 5"):
        pass_at_k(np.array([1, 5]), 4, 2)


def test_best_at_k_by_hand():
    # of {1, 2, 4}, two taken: {1, 2}, {1, 4}, {2, 4}
    assert best_at_k(np.array([[4.0, 1.0, 2.0]]), 2) == pytest.approx([4 / 3])
    assert best_at_k(np.array([[4.0, 1.0, 2.0]]), 1) == pytest.approx([7 / 3])
    assert best_at_k(np.array([[4.0, 1.0, 2.0]]), 3).tolist() == [1.0]


@given(sampled(st.integers(0, 50), largest=8))
def test_best_at_k_is_the_mean_over_subsets(drawn):
    errors, k = drawn
    assert best_at_k(np.array(errors), k) == pytest.approx(mean_over_subsets(errors, k, min))


@pytest.mark.parametrize("k", [1, 2, 400, 799, 800])
def test_best_at_k_of_very_many(k):
    # the smallest of k of the numbers 1..n is (n + 1) / (k + 1) on average
    assert best_at_k(np.arange(1, 801)[::-1], k) == pytest.approx(801 / (k + 1), rel=1e-12)


def test_majority_by_hand():
    reads = np.array([[0, 0, 1], [0, 1, 2], [-1, -1, 1], [-1, -1, -1]])
    errors = np.array([[3.0, 3.0, 9.0], [3.0, 6.0, 9.0], [100.0, 100.0, 9.0], [100.0, 100.0, 100.0]])
    # two to one; a tie of three; two abstain; nobody votes
    assert majority_at_k(reads, errors, 3, 70.0).tolist() == [3.0, 6.0, 9.0, 70.0]
    # two taken: {3, 3}, {3, 9} twice; all pairs tie; of three pairs one has no vote
    assert majority_at_k(reads, errors, 2, 70.0) == pytest.approx([(3 + 6 + 6) / 3, 6.0, (70 + 9 + 9) / 3, 70.0])


@given(sampled(st.sampled_from([None, 0, 1, 2])))
def test_majority_is_the_mean_over_subsets(drawn):
    reads, k = drawn
    errors = {None: WORST, 0: 0.0, 1: 5.0, 2: 17.0}
    expected = mean_over_subsets([(read, errors[read]) for read in reads], k, voted)
    codes = np.array([[-1 if read is None else read for read in reads]])
    found = majority_at_k(codes, np.array([[errors[read] for read in reads]]), k, WORST)
    assert found == pytest.approx([expected])


@given(st.permutations(range(7)), st.integers(1, 7))
def test_the_order_of_samples_does_not_matter(order, k):
    reads = np.array([[0, 0, 1, 1, 2, -1, 3]])
    errors = np.array([[5.0, 5.0, 1.0, 1.0, 9.0, 360.0, 2.0]])
    numbers = np.array([[1.0, 1.0, 11.5, 11.5, 6.0, np.nan, 0.25]])
    for found, shuffled in (
        (majority_at_k(reads, errors, k, 360.0), majority_at_k(reads[:, order], errors[:, order], k, 360.0)),
        (
            median_at_k(numbers, errors, k, 360.0, 12.0),
            median_at_k(numbers[:, order], errors[:, order], k, 360.0, 12.0),
        ),
    ):
        assert shuffled == pytest.approx(found, rel=1e-12)


def test_median_on_a_line_by_hand():
    numbers = np.array([[1.0, 2.0, 10.0], [1.0, 1.0, 10.0], [np.nan, 4.0, 6.0], [np.nan] * 3])
    errors = np.array([[8.0, 7.0, 1.0], [8.0, 8.0, 1.0], [100.0, 5.0, 3.0], [100.0] * 3])
    assert median_at_k(numbers, errors, 3, WORST).tolist() == [7.0, 8.0, 4.0, 100.0]
    # two taken tie: {8, 7}, {8, 1}, {7, 1}
    assert median_at_k(numbers, errors, 2, WORST)[0] == pytest.approx((7.5 + 4.5 + 4.0) / 3)


def test_equal_answers_are_one_when_they_tie():
    # {1, 1, 2, 3}: 1 and 2 have the same sum of distances, 3; 1 was said twice and is one answer
    assert median_at_k(np.array([[1.0, 1.0, 2.0, 3.0]]), np.array([[10.0, 10.0, 20.0, 30.0]]), 4, WORST) == [15.0]


def test_ties_on_a_dial_outlive_rounding():
    minutes = np.array([[23.0, 29.0, 94.0, 100.0]])  # 29 and 94 tie, at 142 minutes in all
    assert median_at_k(minutes / 60, np.array([[1.0, 2.0, 4.0, 8.0]]), 4, WORST, period=12.0) == [3.0]


def test_an_absurd_answer_does_not_move_the_median():
    numbers = np.array([[1.0, 2.0, 3.0, 4.0, 1e300]])
    assert median_at_k(numbers, np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), 5, WORST) == [3.0]


def test_ten_to_and_ten_past_twelve_are_near_each_other():
    dial = np.array([[11 + 50 / 60, 10 / 60, 20 / 60]])  # 11:50, 12:10, 12:20
    errors = np.array([[10.0, 30.0, 40.0]])
    assert median_at_k(dial, errors, 3, 360.0, period=12.0).tolist() == [30.0]  # 12:10 lies between
    assert median_at_k(dial, errors, 3, 360.0).tolist() == [40.0]  # on a line, 12:20 would
    assert median_at_k(dial[:, :2], errors[:, :2], 2, 360.0, period=12.0).tolist() == [20.0]
    with pytest.raises(ValueError, match="positive, got 0"):
        median_at_k(dial, errors, 3, 360.0, period=0.0)


@given(sampled(st.sampled_from([None, *range(24)])), st.sampled_from([None, 24]))
def test_median_is_the_mean_over_subsets(drawn, period):
    hours, k = drawn
    answers = [(hour, WORST if hour is None else (hour * hour) % 31) for hour in hours]
    numbers = np.array([[np.nan if hour is None else float(hour) for hour in hours]])
    found = median_at_k(numbers, np.array([[float(error) for _, error in answers]]), k, WORST, period)
    assert found == pytest.approx([mean_over_subsets(answers, k, lambda taken: central(taken, period))])


@given(st.lists(st.floats(0, 12, exclude_max=True), min_size=1, max_size=9))
def test_the_circular_median_is_as_good_as_any_point_of_the_dial(hours):
    numbers = np.array([hours])

    def total(points):
        apart = np.abs(points[:, None] - numbers)
        return np.minimum(apart, 12 - apart).sum(axis=1)

    chosen = total(np.array(hours)).min()
    found = median_at_k(numbers, total(np.array(hours))[None], len(hours), 360.0, period=12.0)
    assert found == pytest.approx([chosen], abs=1e-6)
    assert chosen <= total(np.linspace(0, 12, 4001)).min() + 1e-9


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9).filter(lambda numbers: len(numbers) % 2))
def test_on_a_line_an_odd_number_has_its_median(numbers):
    one = np.array([numbers])
    assert median_at_k(one, one, len(numbers), WORST) == pytest.approx([np.median(numbers)], rel=1e-9, abs=1e-300)


def test_all_subsets_or_256_of_them():
    assert subsets(4, 2).T.tolist() == [
        [1, 1, 0, 0],
        [1, 0, 1, 0],
        [1, 0, 0, 1],
        [0, 1, 1, 0],
        [0, 1, 0, 1],
        [0, 0, 1, 1],
    ]
    assert subsets(256, 1).shape == (256, 256)
    many = subsets(16, 4)
    assert many.shape == (16, 256)
    assert set(many.sum(axis=0)) == {4.0}
    assert many.sum(axis=1) == pytest.approx(np.full(16, 64), abs=25)  # each answer in a quarter of them


def test_drawn_subsets_come_near_all_of_them():
    rng = np.random.default_rng(1)
    reads = rng.integers(-1, 3, (200, 16))
    correct = (reads == 0).astype(float)
    found = majority_at_k(reads, correct, 4, 0.0)
    answers = [
        [(None if read < 0 else read, right) for read, right in zip(*two, strict=True)]
        for two in zip(reads, correct, strict=True)
    ]
    exact = [
        mean_over_subsets(several, 4, lambda t: 0.0 if all(r is None for r, _ in t) else voted(t))
        for several in answers[:20]
    ]
    assert found[:20] == pytest.approx(exact, abs=0.12)  # four standard errors of 256 draws
    assert np.mean(found[:20]) == pytest.approx(np.mean(exact), abs=0.03)


def test_blocks_of_problems_do_not_show():
    rng = np.random.default_rng(2)
    numbers, errors = rng.uniform(0, 12, (700, 16)), rng.uniform(0, 360, (700, 16))
    found = median_at_k(numbers, errors, 4, 360.0, 12.0)  # two blocks
    assert found[-3:].tolist() == median_at_k(numbers[-3:], errors[-3:], 4, 360.0, 12.0).tolist()


def test_default_ks():
    assert default_ks(1) == (1,)
    assert default_ks(8) == (1, 2, 4, 8)
    assert default_ks(12) == (1, 2, 4, 8, 12)
