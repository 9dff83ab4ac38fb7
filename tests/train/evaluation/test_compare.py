import json
import random

import numpy as np
import pytest

from tests.train.evaluation.answers import CLOCK, document, foreign_row, row
from train.evaluation.compare import Shares, compare, excludes_zero
from train.evaluation.figures import drops

ZERO = {"value": 0.0, "low": 0.0, "high": 0.0}


def asked(errors, **more):
    return [row(seed, error, **more) for seed, error in enumerate(errors)]


def test_differences_by_hand():
    plain, better = document(asked([10.0, 20.0, 0.0, None]), "plain"), document(asked([4.0, 14.0, 6.0, 0.0]), "new")
    found = compare([plain, better])
    assert (found.names, found.models, found.problems, found.samples) == (
        ("plain", "new"),
        ("runs/plain", "runs/new"),
        4,
        (1, 1),
    )
    assert [one["value"] for one in found.figures["mae"]] == [97.5, 6.0]
    (change,) = found.differences["mae"]
    # of -6, -6, 6 and -360, four drawn: three of -360 with a -6 at the low end, three of 6 with a -6 at the high
    assert change == pytest.approx({"value": -91.5, "low": -271.5, "high": 3.0})
    assert found.differences["parsed"][0]["value"] == 0.25
    assert found.differences["skill"][0]["value"] == pytest.approx(91.5 / 180)
    assert found.differences["p90_error"][0]["value"] == pytest.approx(14 - 0.3 * 8 - (360 - 0.3 * 340))
    assert (found.judged_by, found.shares) == ("mae", (Shares(0.75, 0.25, 0.0),))


def test_a_difference_is_paired():
    errors = np.random.default_rng(0).exponential(50, 60)
    found = compare([document(asked(errors), "a"), document(asked(errors + 2), "b")])
    (change,) = found.differences["mae"]
    assert change == pytest.approx({"value": 2.0, "low": 2.0, "high": 2.0})
    assert found.figures["mae"][1]["high"] - found.figures["mae"][1]["low"] > 10
    assert excludes_zero(change)
    assert found.differences["tokens"] == (ZERO,)
    assert not excludes_zero(ZERO)
    assert not excludes_zero(None)
    assert [drops(asked(errors), asked(errors + 2), tolerance=1.0)["mae"]] == [pytest.approx(change)]


def test_with_itself_nothing_differs():
    rng = np.random.default_rng(1)
    rows = [
        row(p, rng.choice([0.0, 0.3, 61.7, None]), i, str(rng.choice(["a", "b"]))) for p in range(20) for i in range(4)
    ]
    one = document(rows, ks=(1, 2, 4))
    found = compare([one, one, one])
    assert found.names == ("model", "model (2)", "model (3)")
    assert list(found.figures) == list(one["conditions"][0]["figures"])
    assert all(changes == (ZERO, ZERO) for changes in found.differences.values())
    assert found.shares == (Shares(0.0, 0.0, 1.0),) * 2


def test_each_has_the_figures_of_its_own_file():
    rng = np.random.default_rng(2)
    rows = [row(p, float(rng.exponential(5)), i, str(i)) for p in range(12) for i in range(4)]
    four, one = document(rows, "four", ks=(1, 4)), document([row for row in rows if row["sample"] == 0], "one")
    found = compare([four, one])
    assert {name: both[0] for name, both in found.figures.items()} == {
        name: pytest.approx(figure) for name, figure in four["conditions"][0]["figures"].items()
    }
    assert found.samples == (4, 1)
    assert found.figures["pass@4"][1] is None
    assert found.differences["pass@4"] == (None,)
    assert found.differences["mae"][0]["value"] == pytest.approx(
        np.mean([row["error"] for row in one["rows"]]) - np.mean([row["error"] for row in rows])
    )


def test_only_the_plain_condition_is_compared():
    rows = asked([1.0, 2.0])
    both = document([*rows, *asked([300.0, 300.0], condition="blank")], "both")
    assert compare([document(rows), both]).differences["mae"] == (ZERO,)


def test_the_order_of_rows_changes_no_bit():
    rng = random.Random(3)
    rows = [[row(p, 50 * rng.random(), i) for p in range(30) for i in range(3)] for _ in range(2)]
    expected = compare([document(rows[0], "a"), document(rows[1], "b")])
    for several in rows:
        rng.shuffle(several)
    found = compare([document(rows[0], "a"), document(rows[1], "b")])
    assert found == expected
    assert json.dumps(found.differences) == json.dumps(expected.differences)


def test_foreign_environments_are_judged_by_their_reward():
    one, two = (
        [foreign_row(seed, reward) for seed, reward in enumerate(rewards)] for rewards in ((0, 0.5, 1), (1, 0.5, 1))
    )
    found = compare([document(one, task=None), document(two, task=None)])
    assert found.shares == (Shares(1 / 3, 0.0, 2 / 3),)
    assert found.judged_by == "reward"
    assert list(found.figures) == ["reward"]


def test_a_foreign_environment_has_the_tolerance_that_was_asked_for():
    rows = [foreign_row(seed, 1.0, i, error=seed + i, parsed=True) for seed in range(3) for i in range(2)]
    one = document(rows, task=None, settings={"tolerance": 1.0, "k": [2]})
    found = compare([one, one])
    assert found.figures["within"][0]["value"] == 0.5
    assert found.figures["best@2"][0]["value"] == 1.0
    with pytest.raises(ValueError, match=r"tolerance is 1.0 in 'model' and None in 'model \(2\)'"):
        compare([one, one | {"settings": {}}])


def test_a_file_without_yardsticks_has_no_skill():
    one = {
        name: value for name, value in document(asked([1.0])).items() if name not in ("yardsticks", "drops", "slices")
    }
    assert "skill" not in compare([one, one]).figures


OTHER_FIELDS = CLOCK | {"fields": {"size": 56, "style": "roman"}}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"env": "eyechart/Scatter-v0"}, "'eyechart/Clock-v0' and 'b' on 'eyechart/Scatter-v0'"),
        ({"task": OTHER_FIELDS}, "size is 112 in 'a' and 56 in 'b'; style is None in 'a' and 'roman' in 'b'"),
        ({"task": CLOCK | {"tolerance": 2.0}}, "tolerance is 1.0 in 'a' and 2.0 in 'b'"),
        ({"rows": asked([1.0, 2.0, 3.0])}, "'a' has answers to 2 problems and 'b' to 3; .*--eval-size"),
        ({"rows": [row(0, 1.0), row(5, 1.0)]}, "1 problem seeds of 'a', such as 1, are not in 'b'"),
        ({"rows": [row(0, 1.0), row(1, 1.0, prompt="How late?")]}, "another prompt for 1 problems, such as seed 1"),
        ({"rows": [row(0, 1.0, answer="01:00:00"), row(1, 1.0)]}, "another answer for 1 problems, such as seed 0"),
        ({"rows": []}, "no answers"),
    ],
)
def test_what_cannot_be_paired_is_refused(other, message):
    pair = [document(asked([1.0, 2.0]), "a"), document(asked([1.0, 2.0]), "b") | other]
    with pytest.raises(ValueError, match=message) as refusal:
        compare(pair)
    assert "\n" not in str(refusal.value)


def test_two_are_needed():
    with pytest.raises(ValueError, match="at least two evaluations, got 1"):
        compare([document(asked([1.0]))])
