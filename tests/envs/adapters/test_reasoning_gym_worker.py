"""What the process that makes and scores reasoning-gym's problems does by itself; it takes no library."""

import pytest

from envs.adapters.reasoning_gym_worker import carry, require_formula, slide


@pytest.mark.parametrize(
    "text", ["2*x**2 + sin(x)/3.5", "-4*x*(1 + 3!)", "exp(2*X) + C", "(8 / 2) * 6", "1, 2", "2.", ".5"]
)
def test_a_formula(text):
    assert require_formula(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "exec(1)",
        "x.diff",
        "x . diff",
        "1..real",
        "2.x",
        "lambda",
        "x if y",
        "[x]",
        "'x'",
        "open(x)",
    ],
)
def test_no_formula(text):
    with pytest.raises(ValueError, match="no formula"):
        require_formula(text)


def test_sliding_a_car_out():
    assert slide("oooooo" * 2 + "AAoooo" + "oooooo" * 3) == "A+1 A+1 A+1 A+1"
    # a car of two in the fourth column, rows two and three: one square up, or two down
    moves = slide("oooooo" + "oooBoo" + "AAoBoo" + "oooooo" * 3).split()
    assert sorted(moves) == ["A+1", "A+1", "A+1", "A+1", "B-1"]
    assert moves.index("B-1") <= 1
    # the same under a wall: down, which takes two
    moves = slide("oooxoo" + "oooBoo" + "AAoBoo" + "oooooo" * 3).split()
    assert sorted(moves) == ["A+1", "A+1", "A+1", "A+1", "B+1", "B+1"]
    assert slide("oooooo" * 2 + "AAoxoo" + "oooooo" * 3) is None
    # a car does not leave its row by the edge
    assert slide("oooooo" + "BBBooo" + "xoAAox" + "oooooo" * 3) is None


def test_carrying_boxes():
    assert carry({"0.5_0.5": ["box_red", "target_red"]}) == [{"Agent[0.5, 0.5]": "move(box_red, target_red)"}]
    assert carry({"0.5_0.5": ["box_red"], "1.5_0.5": [], "0.5_1.5": [], "1.5_1.5": ["target_red"]}) == [
        {"Agent[0.5, 0.5]": "move(box_red, square[1.5, 0.5])"},
        {"Agent[1.5, 0.5]": "move(box_red, square[1.5, 1.5])"},
        {"Agent[1.5, 1.5]": "move(box_red, target_red)"},
    ]
