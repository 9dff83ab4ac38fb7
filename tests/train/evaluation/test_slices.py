import json
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.train.evaluation.answers import foreign_row, row
from train.evaluation.figures import figures
from train.evaluation.slices import round_edges, slices


def by(infos, unsliced=(), errors=None):
    rows = [row(i, 1.0 if errors is None else errors[i], info=info) for i, info in enumerate(infos)]
    return {one["by"]: one["slices"] for one in slices(rows, unsliced, tolerance=1.0)}


def test_values_by_hand():
    infos = [{"hour": 11, "look": "b"}, {"hour": 2, "look": "a"}, {"hour": 11, "look": "b"}]
    found = by(infos, errors=[0.0, 3.0, 10.0])
    assert list(found) == ["hour", "look"]
    two, eleven = found["hour"]
    assert (two["label"], two["low"], two["high"], two["problems"]) == ("2", 2, 2, 1)
    assert two["mae"] == {"value": 3.0, "low": 3.0, "high": 3.0}
    assert (eleven["label"], eleven["low"], eleven["high"], eleven["problems"]) == ("11", 11, 11, 2)
    assert eleven["mae"] == {"value": 5.0, "low": 0.0, "high": 10.0}
    assert eleven["within"] == {"value": 0.5, "low": 0.0, "high": 1.0}
    assert eleven["reward"]["value"] == pytest.approx(1 - 5 / 360)
    assert [(one["label"], one["low"], one["high"]) for one in found["look"]] == [("a", None, None), ("b", None, None)]
    assert list(by(infos, ("look",))) == ["hour"]


def test_a_slice_has_the_figures_of_its_problems():
    rng = np.random.default_rng(0)
    rows = [row(p, float(rng.exponential(3)), i, info={"even": p % 2 == 0}) for p in range(40) for i in range(3)]
    no, yes = slices(rows, tolerance=1.0)[0]["slices"]
    assert (no["label"], yes["label"], yes["low"], yes["problems"]) == ("no", "yes", None, 20)
    alone = figures(
        [one for one in rows if one["seed"] % 2], chance=None, tolerance=1.0, worst_error=360.0, period=12.0
    )
    for name in ("mae", "reward", "within"):
        assert no[name] == pytest.approx(alone[name])


def test_many_numbers_are_binned():
    found = by([{"minute": minute} for minute in (*range(0, 20), *range(30, 60))])["minute"]
    assert [(one["label"], one["problems"]) for one in found] == [
        ("0–10", 10),
        ("10–20", 10),
        ("30–40", 10),
        ("40–50", 10),
        ("50–60", 10),
    ]
    assert (found[2]["low"], found[2]["high"]) == (30.0, 40.0)
    angles = by([{"angle": angle} for angle in np.linspace(0.5, 180, 13)])["angle"]
    assert [one["label"] for one in angles] == ["0–30", "30–60", "60–90", "90–120", "120–150", "150–180"]
    assert angles[-1]["problems"] == 3  # 180 itself is in the last one
    signed = by([{"r": r} for r in np.linspace(-0.97, 0.98, 40)])["r"]
    assert signed[0]["label"] == "-1.2 to -0.8"
    assert signed[-1]["label"] == "0.8 to 1.2"


def test_twelve_values_are_not_binned_and_thirteen_words_are_not_sliced():
    assert [one["label"] for one in by([{"n": n / 2} for n in range(12)])["n"]][:3] == ["0", "0.5", "1"]
    assert len(by([{"n": n / 2} for n in range(13)])["n"]) == 6
    assert len(by([{"word": f"w{n}"} for n in range(12)])["word"]) == 12
    assert by([{"word": f"w{n}"} for n in range(13)]) == {}


def test_what_makes_no_slices():
    same = [{"same": 1, "list": [n], "nested": {"n": n}, "mixed": n or "zero"} for n in range(2)]
    assert by(same) == {}
    assert by([{}, {}]) == {}
    huge = [
        {"n": 10**400 + n, "inf": float("inf"), "near": 1e18 + 1000 * n, "far": (n - 7) * 2.4e307} for n in range(14)
    ]
    assert by(huge) == {}


def test_a_problem_without_the_key_is_in_no_slice():
    found = by([{"second": 1}, {"second": None}, {}, {"second": 2}, {"second": 2}])
    assert [(one["label"], one["problems"]) for one in found["second"]] == [("1", 1), ("2", 2)]
    binned = by([*({"second": n} for n in range(13)), {}])["second"]
    assert sum(one["problems"] for one in binned) == 13


def test_a_foreign_environment_has_rewards_only():
    rows = [foreign_row(n, n / 2, info={"n": n}) for n in range(2)]
    assert slices(rows, tolerance=None)[0]["slices"][1] == {
        "label": "1",
        "low": 1,
        "high": 1,
        "problems": 1,
        "mae": None,
        "reward": {"value": 0.5, "low": 0.5, "high": 0.5},
        "within": None,
    }


def test_the_order_of_rows_changes_no_bit():
    rng = random.Random(1)
    rows = [
        row(p, 50 * rng.random(), i, info={"hour": p % 12 + 1, "angle": p * 1.7}) for p in range(40) for i in range(2)
    ]
    expected = json.dumps(slices(rows, tolerance=1.0))
    rng.shuffle(rows)
    assert json.dumps(slices(rows, tolerance=1.0)) == expected


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e12))
def test_edges_are_round_and_hold_everything(lowest, span):
    assume(span > 1e-6 * abs(lowest))
    edges = round_edges(lowest, lowest + span, integers=False)
    assert len(edges) == 7
    width = (edges[-1] - edges[0]) / 6
    assert np.diff(edges) == pytest.approx(np.full(6, width), rel=1e-4)
    assert edges[0] <= lowest + 1e-6 * width
    assert edges[-1] >= lowest + span - 1e-6 * width
    assert width <= span * 5 / 6  # no more than needed: fewer than 2 widths are left over in all
    assert len(f"{width:.4g}".replace(".", "").replace("-", "").split("e")[0].strip("0")) <= 2


def test_integers_have_integer_edges():
    assert round_edges(0, 13, integers=True) == [0, 3, 6, 9, 12, 15, 18]
    assert round_edges(0, 13, integers=False) == [0, 2.5, 5, 7.5, 10, 12.5, 15]


def test_a_number_that_rounding_puts_below_its_edge():
    assert 0.3 / 0.1 < 3
    assert round_edges(0.3, 0.9, integers=False) == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    found = by([{"n": n / 20} for n in range(6, 19)])["n"]
    assert [one["problems"] for one in found] == [2, 2, 2, 2, 2, 3]
