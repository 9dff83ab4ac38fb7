import json
import random

import numpy as np
import pytest

from tests.train.evaluation.answers import foreign_row, row
from train.evaluation.bootstrap import resamples
from train.evaluation.figures import drops, figures

CLOCK = {"chance": 200.0, "tolerance": 1.0, "worst_error": 360.0, "period": 12.0}
FOREIGN = dict.fromkeys(CLOCK)
ERRORS = ["mae", "median_error", "p90_error", "skill", "exact", "within", "parsed"]


def values(found):
    return {name: one["value"] for name, one in found.items()}


def test_one_answer_each_by_hand():
    rows = [row(0, 0.0), row(1, 1.0), row(2, 9.0), row(3, None, lenient_error=30.0, lenient_read="08:00:00")]
    found = values(figures(rows, **CLOCK, ks=(1,)))
    parts = ["reward", "reward/accuracy", "reward/format", "tokens"]
    assert list(found) == [*ERRORS, *parts, *(f"lenient_{name}" for name in ERRORS), "error/hour hand (h)"]
    expected = {
        "mae": 92.5,
        "median_error": 5.0,
        "p90_error": 9 + 0.7 * 351,  # place 2.7 of 0..3
        "skill": 0.5375,
        "exact": 0.25,
        "within": 0.5,
        "parsed": 0.75,
        "reward": (3 - 10 / 360) / 4,
        "reward/accuracy": (3 - 10 / 360) / 4,
        "reward/format": 0.75,
        "tokens": 11.0,
        "lenient_mae": 10.0,
        "lenient_median_error": 5.0,
        "lenient_p90_error": 9 + 0.7 * 21,
        "lenient_skill": 0.95,
        "lenient_exact": 0.25,
        "lenient_within": 0.5,
        "lenient_parsed": 1.0,
        "error/hour hand (h)": 10 / 3 / 60,  # of the three that were read
    }
    assert found == pytest.approx(expected)


def test_several_answers_each_by_hand():
    rows = [
        *(
            row(0, error, i, read)
            for i, (error, read) in enumerate([(0.0, "a"), (60.0, "b"), (60.0, "b"), (None, None)])
        ),
        *(row(1, error, i, read) for i, (error, read) in enumerate([(1.0, "a"), (1.0, "a"), (120.0, "b"), (3.0, "c")])),
    ]
    found = values(figures(rows, **CLOCK, ks=(1, 4)))
    names = ["pass@1", "majority@1", "median@1", "best@1", "pass@4", "majority@4", "median@3", "best@4"]
    assert list(found)[-8:] == names
    assert found["mae"] == pytest.approx((480 / 4 + 125 / 4) / 2)
    assert found["within"] == found["pass@1"] == found["majority@1"] == 3 / 8
    assert found["median@1"] == found["best@1"] == pytest.approx(found["mae"])
    assert found["pass@4"] == 1.0
    assert found["majority@4"] == 0.5
    # three of truth, +1 h, +1 h and nothing: +1 h if it comes twice, else it ties with the truth, 30 min on average
    # three of +1 min, +1 min, +3 min and +2 h: +1 min if it comes twice, else +3 min
    assert found["median@3"] == pytest.approx(((60 + 60 + 30 + 30) / 4 + (1 + 1 + 3 + 3) / 4) / 2)
    assert found["best@4"] == 0.5
    assert not any("@" in name for name in figures(rows, **CLOCK))


def test_intervals_are_those_of_the_resampled_problems():
    rng = np.random.default_rng(0)
    errors = rng.exponential(30, (15, 3))
    rows = [row(p, float(errors[p, i]), i) for p in range(15) for i in range(3)]
    found = figures(rows, **CLOCK)
    several = [np.repeat(errors, drawn, axis=0) for drawn in resamples(15)[1:]]
    for name, statistic in (
        ("mae", np.mean),
        ("median_error", np.median),
        ("p90_error", lambda some: np.quantile(some, 0.9)),
        ("skill", lambda some: 1 - some.mean() / 200),
        ("within", lambda some: (some <= 1).mean()),
    ):
        low, high = np.quantile([statistic(some) for some in several], (0.025, 0.975))
        assert found[name] == pytest.approx({"value": statistic(errors), "low": low, "high": high})


def test_the_order_of_rows_changes_no_bit():
    rng = random.Random(0)
    rows = [row(p, rng.choice([0.0, 0.3, 7.7, None]), i, rng.choice("ab")) for p in range(9) for i in range(12)]
    asked = json.dumps(figures(rows, **CLOCK, ks=(4, 12)))
    other = [row(p, 100.1 * rng.random(), 0, condition="blank") for p in range(9)]
    drop = json.dumps(drops(rows, other, tolerance=1.0))
    for _ in range(3):
        rng.shuffle(rows)
        rng.shuffle(other)
        assert json.dumps(figures(rows, **CLOCK, ks=(4, 12))) == asked
        assert json.dumps(drops(rows, other, tolerance=1.0)) == drop


def test_a_tolerance_forgives_rounding():
    rows = [row(0, 0.35 - 0.3), row(1, 0.051)]
    assert rows[0]["error"] > 0.0499
    found = figures(rows, **CLOCK | {"tolerance": 0.05})
    assert found["within"]["value"] == 0.5
    assert figures([row(0, 0.1 + 0.2)], **CLOCK | {"tolerance": 0.3})["within"]["value"] == 1.0
    assert figures([row(0, 1e-12)], **CLOCK | {"tolerance": 0.0})["within"]["value"] == 0.0


def test_a_foreign_environment_tells_what_it_can():
    rows = [foreign_row(seed, reward, i) for seed in range(3) for i, reward in enumerate((1.0, 0.5))]
    assert values(figures(rows, **FOREIGN, ks=(1, 2))) == {"reward": 0.75}
    told = [foreign_row(0, 1.0, error=2.0, parsed=True, tokens=3), foreign_row(1, 0.0, error=4.0, parsed=False)]
    expected = {
        "mae": 3.0,
        "median_error": 3.0,
        "p90_error": 3.8,
        "exact": 0.0,
        "parsed": 0.5,
        "reward": 0.5,
        "tokens": 3.0,
    }
    assert values(figures(told, **FOREIGN)) == pytest.approx(expected)
    told[0]["error"] = None
    assert list(figures(told, **FOREIGN)) == ["parsed", "reward", "tokens"]


def test_a_vote_needs_to_know_what_was_read():
    rows = [row(0, 2.0, i, read_number=None, truth_number=None) for i in range(2)]
    assert list(figures(rows, **CLOCK, ks=(2,)))[-3:] == ["pass@2", "majority@2", "best@2"]
    assert list(figures([one | {"read": None} for one in rows], **CLOCK, ks=(2,)))[-2:] == ["pass@2", "best@2"]


def test_nothing_readable_is_the_worst_error():
    rows = [row(seed, None, i) for seed in range(2) for i in range(2)]
    found = values(figures(rows, **CLOCK, ks=(2,)))
    assert (found["majority@2"], found["median@1"], found["best@2"], found["parsed"]) == (0.0, 360.0, 360.0, 0.0)
    assert not any(name.startswith("error/") for name in found)


def test_no_skill_without_chance():
    for chance in (0.0, None):
        assert "skill" not in figures([row(0, 1.0)], **CLOCK | {"chance": chance})


@pytest.mark.parametrize(
    ("rows", "ks", "message"),
    [
        ([], (), "no answers"),
        ([row(0, 1.0), row(0, 2.0)], (), "problem 0 has one sample twice"),
        ([row(0, 1.0, 0), row(0, 2.0, 1), row(1, 2.0)], (), "problem 1 has 1 answers and problem 0 has 2"),
        ([row(0, 1.0, 0), row(0, 2.0, 1)], (4,), "k = 4 of n = 2"),
        ([row(0, 1.0)], (4,), "k = 4 of n = 1"),
    ],
)
def test_bad_rows_are_refused(rows, ks, message):
    with pytest.raises(ValueError, match=message):
        figures(rows, **CLOCK, ks=ks)


def test_drops_by_hand():
    asked = [row(0, 0.0), row(1, 10.0), row(2, 20.0)]
    blank = [row(seed, error, i, condition="blank") for seed in (0, 1) for i, error in enumerate((100.0, None))]
    found = drops(asked, blank, tolerance=1.0)
    # 230 on average in each of the two problems, against 0 and 10
    assert found["mae"] == {"value": 225.0, "low": 220.0, "high": 230.0}
    assert found["within"] == {"value": -0.5, "low": -1.0, "high": 0.0}
    assert found["reward"]["value"] == pytest.approx(-225 / 360)
    assert drops(asked, asked, tolerance=1.0) == {name: {"value": 0.0, "low": 0.0, "high": 0.0} for name in found}


def test_drops_are_paired():
    rng = np.random.default_rng(0)
    errors = rng.uniform(0, 100, 40)
    asked = [row(i, error) for i, error in enumerate(errors)]
    found = drops(asked, [row(i, error + 5) for i, error in enumerate(errors)], tolerance=1.0)["mae"]
    assert found == pytest.approx({"value": 5.0, "low": 5.0, "high": 5.0})  # whatever the problems are


def test_drops_of_what_is_not_told():
    rows = [foreign_row(seed, 0.25) for seed in range(3)]
    other = [foreign_row(seed, 0.0) for seed in range(3)]
    lost = {"value": -0.25, "low": -0.25, "high": -0.25}
    assert drops(rows, other, tolerance=None) == {"mae": None, "reward": lost, "within": None}
    with pytest.raises(ValueError, match="1 of 4 problems, such as 7, were not asked"):
        drops(rows, [*other, foreign_row(7, 0.0)], tolerance=None)


def test_one_sampling_in_another_order_is_no_difference():
    errors = [0.3, 0.7, 61.7]
    assert sum(errors) / 3 != sum(errors * 6) / 18  # by rounding
    asked = [row(p, error, i) for p in range(4) for i, error in enumerate(errors)]
    other = [row(p, error, i) for p in range(4) for i, error in enumerate(errors[::-1] * 6)]
    assert drops(asked, other, tolerance=1.0)["mae"] == {"value": 0.0, "low": 0.0, "high": 0.0}
