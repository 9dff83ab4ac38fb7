import pytest

from envs.rewards import correct, numeric


def test_correct_or_not():
    assert correct("anything", correct=True) == 1.0
    assert correct("anything", correct=False) == 0.0


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
