import pytest

from envs import make_task
from envs.rewards import correct, numeric, readable


def test_correct_or_not():
    assert correct("anything", correct=True) == 1.0
    assert correct("anything", correct=False) == 0.0


@pytest.mark.parametrize(
    ("text", "paid"),
    [
        ("<answer>07:25:30</answer>", 0.5),
        ("<answer>11:11:11</answer>", 0.5),  # right or wrong
        ("7:25", 0.5),
        ("<answer>7.25</answer>", 0.0),
        ("<answer>7:61</answer>", 0.0),
        ("<answer>7:25</answer><answer>7:25</answer>", 0.0),
        ("at 7:25", 0.0),
        ("", 0.0),
    ],
)
def test_readable_or_not(text, paid):
    task = make_task("clock", rewards={"correct": 1, "readable": 0.5})
    assert task.score(text, "03:00:00").reward == paid
    assert readable(text, parsed=paid > 0) == float(paid > 0)


@pytest.mark.parametrize(
    ("text", "number", "whole"),
    [
        ("<answer>18</answer>", 1, 1),
        ("<think>a</think>\n<answer>\n18\n</answer>", 1, 1),
        ("18", 1, 1),
        ("-3.5", 1, 0),
        ("18.0", 1, 1),
        ("1,234", 1, 1),
        ("$18.50", 1, 0),
        ("<answer>eighteen</answer>", 0, 0),
        ("<answer>18 eggs</answer>", 0, 0),
        ("<answer>18</answer><answer>18</answer>", 0, 0),
        ("<answer></answer>", 0, 0),
        ("it is 18", 0, 0),
        ("²", 0, 0),  # str.isdigit says that it is a digit
        ("١٨", 0, 0),
        ("nan", 0, 0),
        ("inf", 0, 0),
        ("1e5", 0, 0),
        ("1" * 16, 0, 0),
        ("", 0, 0),
    ],
)
def test_numbers(text, number, whole):
    assert numeric(text) == number
    assert numeric(text, whole=True) == whole


def test_numbers_behind_a_label():
    assert numeric("Answer: 18") == 0.0
    assert numeric("Answer: 18", committed="18") == 1.0
    assert numeric("18", committed="") == 0.0
