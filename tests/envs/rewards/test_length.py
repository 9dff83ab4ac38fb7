import math

import pytest

from envs.rewards import cosine, log_length, overlong
from tests.envs.test_task import Sum


@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [
        (0, 1.0, -0.5),
        (250, 0.8 + 0.2 * (2 + math.sqrt(2)) / 4, -0.1 - 0.4 * (2 + math.sqrt(2)) / 4),  # cos 45° = √2 / 2
        (500, 0.9, -0.3),
        (1000, 0.8, -0.1),
        (2000, 0.8, -0.1),  # where a cosine would be back at its start
        (1_000_000, 0.8, -0.1),
    ],
)
def test_cosine(length, right, wrong):
    assert cosine("x" * length, correct=True) == pytest.approx(right, abs=1e-12)
    assert cosine("x" * length, correct=False) == pytest.approx(wrong, abs=1e-12)


def test_the_ends_of_the_cosine():
    ends = {"short_correct": 2.0, "long_correct": 1.0, "short_wrong": -10.0, "long_wrong": 0.0, "max_length": 100}
    assert cosine("x" * 50, correct=True, **ends) == pytest.approx(1.5)
    assert cosine("x" * 50, correct=False, **ends) == pytest.approx(-5.0)


def test_the_cosine_is_trls():
    pytest.importorskip("math_verify")
    trl = pytest.importorskip("trl.rewards")
    theirs = trl.get_cosine_scaled_reward(1000, -0.5, -0.1, 0.8, 1.0)
    for length in (3, 250, 999, 3000):
        for said, right in (("1", True), ("2", False)):
            content = [[{"content": rf"\boxed{{{said}}}"}]]
            (value,) = theirs(content, ["$1$"], [[0] * length])
            assert cosine("x" * length, correct=right) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("123456789", 0.5),  # ln 10 / ln 100
        ("  123456789\n<answer>" + "x" * 500, 0.5),  # what is answered does not count
        ("x" * 99, 1.0),
        ("x" * 100_000, 1.0),
        ("<answer>7</answer>" + "x" * 99, 0.0),
    ],
)
def test_log_length(text, expected):
    assert log_length(text, enough=99) == pytest.approx(expected)


def test_what_trails_an_answer_behind_a_label_is_no_reasoning():
    assert log_length("Answer: 18\n" + 1000 * "x", style="labels") == 0.0
    assert log_length("123456789\nAnswer: 18\n" + 1000 * "x", enough=99, style="labels") == pytest.approx(0.5)
    assert log_length("<answer>18</answer>\nAnswer: 18" + 1000 * "x", style="labels") == 0.0  # tags come first
    assert log_length("the Answer: 18\n" + 1000 * "x", style="labels") == 1.0  # no label: it begins no line
    assert Sum(form="labels", rewards={"log_length": 1}).score("Answer: 18\n" + 1000 * "x", "18").reward == 0.0


@pytest.mark.parametrize(("length", "expected"), [(0, 0), (80, 0), (81, -0.05), (90, -0.5), (100, -1), (101, -1)])
def test_overlong(length, expected):
    assert overlong("x" * length, max_length=100, cache=20) == pytest.approx(expected)


def test_overlong_without_a_slope():
    assert overlong("x" * 100, max_length=100, cache=0) == 0.0
    assert overlong("x" * 101, max_length=100, cache=0) == -1.0


def test_overlong_is_trls():
    trl = pytest.importorskip("trl.rewards")
    theirs = trl.get_soft_overlong_punishment(max_completion_len=100, soft_punish_cache=30)
    for length in range(0, 140):
        assert overlong("x" * length, max_length=100, cache=30) == pytest.approx(theirs([[0] * length])[0])


@pytest.mark.parametrize(
    ("function", "parameters", "message"),
    [
        (cosine, {"max_length": 0}, "max_length must be 1 or more, got 0"),
        (cosine, {"short_wrong": float("nan")}, "the ends must be finite, got nan"),
        (log_length, {"enough": 0}, "enough must be 1 or more, got 0"),
        (overlong, {"max_length": 0, "cache": 0}, "max_length must be 1 or more"),
        (overlong, {"max_length": 10, "cache": 11}, "cache must be from 0 to max_length 10, got 11"),
    ],
)
def test_bad_parameters(function, parameters, message):
    with pytest.raises(ValueError, match=message):
        function("", **({"correct": True} if function is cosine else {}), **parameters)
