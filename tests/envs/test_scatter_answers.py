"""How the scatter task writes answers, and what it tells of them."""

import pytest

from envs import problem
from envs.tasks.scatter import Scatter

SCATTER = Scatter()


@pytest.mark.parametrize(
    ("r", "text"),
    [
        (0.42, "+0.42"),
        (-0.4, "-0.40"),
        (1.0, "+1.00"),
        (0.0, "+0.00"),
        (-0.0, "+0.00"),
        (0.425, "+0.425"),
        (-1e-7, "-0.0000001"),
    ],
)
def test_answers_are_written_with_two_decimals_or_more(r, text):
    assert SCATTER.write(r) == text
    assert SCATTER.parse(text) == r


def test_every_hundredth_is_written_with_two_decimals():
    assert [SCATTER.write(k / 100) for k in range(-100, 101)] == [f"{k / 100:+.2f}" for k in range(-100, 101)]


def test_answers_are_their_own_numbers():
    assert SCATTER.number(-0.42) == -0.42
    assert (Scatter.tolerance, Scatter.period, Scatter.unsliced) == (0.05, None, ())
    assert SCATTER.error_parts(0.1, 0.2) == {}
    assert SCATTER.without_question(problem(SCATTER, 0)) is None
