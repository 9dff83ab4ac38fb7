import numpy as np
import pytest

from envs import Problem, yardsticks
from envs.tasks.clock import Clock
from tests.envs.test_task import Sum


def test_the_clocks_yardsticks():
    sticks = yardsticks(Clock())
    # independent of the task's code: two random points on a circle are a quarter turn apart on average
    angles = np.random.default_rng(1).uniform(0, 2 * np.pi, size=(2, 200_000))
    simulated = np.abs(np.angle(np.exp(1j * (angles[0] - angles[1])))).mean() / np.pi * 360.0
    assert simulated == pytest.approx(180.0, abs=1.0)
    assert sticks.chance == pytest.approx(simulated, abs=6.0)
    assert sticks.best_constant == pytest.approx(180.0, abs=8.0)  # whatever the constant is
    assert Clock().parse(sticks.best_constant_answer) is not None
    assert sticks.oracle == 0.0
    assert sticks.floor == 0.0


class Coin(Sum):
    """The truth is 0 three times in four, otherwise 8."""

    def generate(self, rng):
        return Problem("0 or 8? <answer>NUMBER</answer>", "0" if rng.random() < 0.75 else "8")


def test_a_lopsided_prior_by_hand():
    sticks = yardsticks(Coin(), samples=8000)
    assert sticks.best_constant_answer == "0"
    assert sticks.best_constant == pytest.approx(0.25 * 8, abs=0.25)
    assert sticks.chance == pytest.approx(2 * 0.25 * 0.75 * 8, abs=0.25)


def test_they_are_repeatable():
    assert yardsticks(Clock(), samples=200) == yardsticks(Clock(), samples=200)
    assert yardsticks(Clock(), samples=200) != yardsticks(Clock(), samples=200, seed=1)


def test_a_handful_is_enough_to_run():
    assert yardsticks(Clock(), samples=4).oracle == 0.0
    with pytest.raises(ValueError, match="at least 4 samples, got 3"):
        yardsticks(Clock(), samples=3)


def test_answers_that_are_json():
    class Wrapped(Coin):
        """The answer is JSON, of which the policy writes the first part."""

        def generate(self, rng):
            posed = super().generate(rng)
            return Problem(posed.prompt, f'["{posed.answer}", "reason"]')

        def best_answer(self, answer):
            return answer.split('"')[1]

        def truth(self, answer):
            return float(self.best_answer(answer))

    sticks = yardsticks(Wrapped(), samples=400)
    assert sticks.oracle == 0.0
    assert sticks.best_constant_answer == "0"
