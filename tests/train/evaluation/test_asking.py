import gymnasium as gym
import numpy as np
import pytest

import envs
from agents.baselines import Constant, Oracle
from agents.policy import Reply, pictures
from train.environments import make_eval_envs
from train.evaluation.asking import Evaluation, evaluate, full_summary, summarise


class Recorder:
    """Answers nothing and remembers what it was shown."""

    def respond(self, observations, infos, draws):
        self.observations = observations
        yield from enumerate([Reply("noon")] * len(observations["prompt"]))


@pytest.fixture
def clocks():
    return gym.make_vec("eyechart/Clock-v0", num_envs=5, split="eval", size=56)


def test_the_same_held_out_problems_each_time(clocks):
    first, second = evaluate(clocks, Oracle()), evaluate(clocks, Constant("03:00:00"))
    task = envs.make_task("clock", size=56)
    expected = [envs.problem(task, seed, "eval").answer for seed in range(5)]
    assert list(first.infos["answer"]) == list(second.infos["answer"]) == expected
    assert first.errors.tolist() == [0.0] * 5
    assert second.errors.tolist() == [task.error(task.read("03:00:00"), task.read(answer)) for answer in expected]


class Shuffled:
    """Answers its rows from the last to the first, and tells another number of tokens for each."""

    def respond(self, observations, infos, draws):
        for row in reversed(range(len(observations["prompt"]))):
            yield row, Reply(str(row), None if row == 2 else 10 + row)


def test_replies_are_put_in_order(clocks):
    seen = evaluate(clocks, Shuffled())
    assert seen.texts == ["0", "1", "2", "3", "4"]
    assert seen.tokens == [10, 11, None, 13, 14]


def test_blank_pictures_are_blank_and_nothing_else_changes(clocks):
    seeing, blind = Recorder(), Recorder()
    seen, blank = evaluate(clocks, seeing), evaluate(clocks, blind, blank=True)
    assert np.unique(blind.observations["image"]).tolist() == [128]
    assert blind.observations["image"].shape == seeing.observations["image"].shape
    assert np.unique(seeing.observations["image"]).size > 10
    assert list(blank.infos["answer"]) == list(seen.infos["answer"])


@pytest.mark.parametrize("env", ["stacked", "both", "some"])
def test_each_of_several_pictures_is_blanked(env):
    vector = make_eval_envs(envs.resolve(f"tests.train.foreign:{env}"), 4, {})
    seeing, blind = Recorder(), Recorder()
    evaluate(vector, seeing)
    evaluate(vector, blind, blank=True)
    assert blind.observations["prompt"] == seeing.observations["prompt"] == ("How bright?",) * 4
    seen, blank = pictures(seeing.observations), pictures(blind.observations)
    shapes = {"stacked": [(56, 56, 3)] * 2, "both": [(56, 56, 3), (56, 84, 3)]}
    for own, greyed in zip(seen, blank, strict=True):
        wanted = shapes.get(env, [(28, 28, 3)] * (own[0][0, 0, 0] // 28))
        assert [one.shape for one in own] == [one.shape for one in greyed] == wanted
        assert all((one == 128).all() for one in greyed)
        assert all((one != 128).any() for one in own)


class Sighted:
    """Answers rightly where there is something to see, and 3 o'clock, or nothing, where there is not."""

    def respond(self, observations, infos, draws):
        seen = observations["image"].std(axis=(1, 2, 3)) > 0
        blind = ["<answer>03:00:00</answer>", "", "", ""]
        texts = [f"<answer>{a}</answer>" if s else b for a, s, b in zip(infos["answer"], seen, blind, strict=True)]
        yield from enumerate(map(Reply, texts))


def test_the_blank_control_tells_seeing_from_guessing():
    clocks = gym.make_vec("eyechart/Clock-v0", num_envs=4, split="eval", size=56)
    seen, figures = full_summary(clocks, Sighted(), chance=180.0)
    task = envs.make_task("clock", size=56)
    first = task.error(task.read("03:00:00"), task.read(seen.infos["answer"][0]))
    assert (figures["mae"], figures["blank_parsed"]) == (0.0, 0.25)
    assert figures["blank_mae"] == pytest.approx((first + 3 * 360) / 4)


def test_summary_by_hand():
    infos = {
        "error": np.array([0.0, 10.0, 20.0, 360.0]),
        "lenient_error": np.array([0.0, 10.0, 20.0, 50.0]),
        "parsed": np.array([True, True, True, False]),
    }
    figures = summarise(Evaluation({}, infos, [""] * 4, np.array([1.0, 0.5, 0.5, 0.0])), chance=195.0)
    assert figures == {
        "mae": 97.5,
        "median_error": 15.0,
        "exact": 0.25,
        "parsed": 0.75,
        "reward": 0.5,
        "skill": 0.5,
        "lenient_mae": 20.0,
    }
    assert summarise(Evaluation({}, infos, [""] * 4, np.zeros(4)), chance=0.0)["skill"] is None
