import gymnasium as gym
import numpy as np
import pytest

import envs
from agents.policy import pictures
from train.environments import make_eval_envs
from train.evaluation.conditions import CONTROLS, Condition, conditions, shown


def posed(env, name, seeds, problems, **fields):
    spec = envs.resolve(env)
    vector = make_eval_envs(spec, len(seeds), fields)
    task = envs.make_task(spec, **fields) if env in ("clock", "gsm8k") else None
    observations, infos = shown(
        Condition(name, "control", fields), task, lambda them: vector.reset(seed=list(them)), seeds, problems
    )
    return observations, infos, vector


def picture(seed, **fields):
    return gym.make("eyechart/Clock-v0", split="eval", **fields).reset(seed=seed)[0]["image"]


def test_shuffled_shows_the_next_problem_and_scores_its_own():
    observations, infos, vector = posed("clock", "shuffled", [3, 3, 4, 5], 6, size=56)
    for row, other in enumerate([4, 4, 5, 0]):
        assert np.array_equal(observations["image"][row], picture(other, size=56))
    task = envs.make_task("clock", size=56)
    answers = [envs.problem(task, seed, "eval").answer for seed in (3, 3, 4, 5)]
    assert list(infos["answer"]) == answers
    assert vector.step(tuple(answers))[4]["error"].tolist() == [0.0] * 4


@pytest.mark.parametrize("env", ["stacked", "both", "some"])
def test_several_pictures_are_shuffled_together(env):
    plain, _, _ = posed(f"tests.train.foreign:{env}", "asked", [0, 1, 2, 3], 4)
    other, _, _ = posed(f"tests.train.foreign:{env}", "shuffled", [0, 1, 2, 3], 4)
    kept, moved = pictures(plain), pictures(other)
    for row in range(4):
        assert len(moved[row]) == len(kept[(row + 1) % 4])
        assert all(np.array_equal(a, b) for a, b in zip(moved[row], kept[(row + 1) % 4], strict=True))


def test_blank_is_grey():
    observations, _, _ = posed("clock", "blank", [0, 1], 2, size=56)
    assert observations["image"].shape == (2, 56, 56, 3)
    assert np.unique(observations["image"]).tolist() == [128]


def test_without_its_question_a_word_problem_keeps_its_instruction():
    plain, _, _ = posed("gsm8k", "asked", [0, 1], 2)
    cut, _, _ = posed("gsm8k", "no-question", [0, 1], 2)
    assert cut["prompt"][0] == cut["prompt"][1]
    for whole, rest in zip(plain["prompt"], cut["prompt"], strict=True):
        assert whole.endswith(rest)
        assert len(whole) > len(rest) + 40
    assert "<answer>" in cut["prompt"][0]


def names(env, controls=CONTROLS, shifted=False, **fields):
    spec = envs.resolve(env)
    task = envs.make_task(spec, **fields) if env in ("clock", "gsm8k", "scatter") else None
    spaces = make_eval_envs(spec, 1, fields).single_observation_space
    return [condition.name for condition in conditions(task, fields, spaces, controls, shifted)]


def test_only_controls_that_mean_something():
    assert names("clock") == ["asked", "blank", "shuffled"]
    assert names("gsm8k") == ["asked", "no-question"]
    assert names("clock", controls=()) == ["asked"]
    assert names("clock", controls=("shuffled", "no-question")) == ["asked", "shuffled"]
    assert names("tests.train.foreign:some") == ["asked", "blank", "shuffled"]
    assert names("tests.train.foreign:echo") == ["asked"]


def test_shifted_styles_but_the_own():
    assert names("scatter", (), True) == ["asked", "outliers", "nonlinear", "dense", "tiny-axes"]
    assert names("scatter", (), True, style="dense") == ["asked", "outliers", "nonlinear", "tiny-axes"]
    task = envs.make_task("scatter", size=56)
    spaces = make_eval_envs(envs.resolve("scatter"), 1, {"size": 56}).single_observation_space
    last = conditions(task, {"size": 56}, spaces, (), True)[-1]
    assert (last.kind, last.fields) == ("style", {"size": 56, "style": "tiny-axes"})


def test_styles_that_cannot_be_had():
    with pytest.raises(ValueError, match="GSM8K has no shifted styles"):
        names("gsm8k", (), True)
    with pytest.raises(ValueError, match="this environment has no shifted styles"):
        names("tests.train.foreign:some", (), True)
    with pytest.raises(ValueError, match="numerals must be true"):
        names("clock", (), True, numerals=False)
