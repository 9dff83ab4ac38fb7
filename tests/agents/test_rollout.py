import gymnasium as gym
import numpy as np
import pytest

import envs
from agents.baselines import Chance, Constant, Oracle
from agents.policy import Draws, texts_of
from agents.qwen_vl import QwenVL
from agents.rollout import collect, sampling_noise, some_of


@pytest.fixture
def clocks():
    return gym.make_vec("eyechart/Clock-v0", num_envs=6, size=56)


def test_noise_is_keyed_by_run_step_problem_and_member():
    noise = sampling_noise(0, 5, [11, 22], group_size=3, tokens=4)
    assert noise.shape == (6, 4)
    assert noise.unique().numel() == 24
    # the same problem elsewhere in the batch, in a larger group, draws the same
    moved = sampling_noise(0, 5, [22, 33, 11], group_size=5, tokens=4)
    assert moved[10:13].equal(noise[:3])
    assert moved[:3].equal(noise[3:])
    for other in (sampling_noise(1, 5, [11, 22], 3, 4), sampling_noise(0, 6, [11, 22], 3, 4)):
        assert not np.intersect1d(other.numpy(), noise.numpy()).size


def test_a_group_answers_one_problem(policy, clocks):
    rollout = collect(clocks, policy, [5, 9], group_size=3, temperature=1.0, run_seed=0, step=1)
    assert rollout.infos["seed"].tolist() == [5, 5, 5, 9, 9, 9]
    assert rollout.rewards_PG.shape == (2, 3)
    assert len(rollout.prompts) == 2


def test_rewards_belong_to_the_texts(policy, clocks):
    rollout = collect(clocks, policy, [5, 9], group_size=3, temperature=1.0, run_seed=0, step=1)
    task = envs.make_task("clock", size=56)
    answers = [envs.problem(task, seed).answer for seed in (5, 5, 5, 9, 9, 9)]
    expected = [task.score(text, answer).reward for text, answer in zip(rollout.texts, answers, strict=True)]
    assert rollout.rewards_PG.flatten().tolist() == pytest.approx(expected)


def test_the_policy_sees_each_problems_picture(policy, clocks, monkeypatch):
    seen = {}
    prepare = QwenVL.prepare
    monkeypatch.setattr(
        QwenVL, "prepare", lambda self, p, images: seen.update(images=images) or prepare(self, p, images)
    )
    collect(clocks, policy, [5, 9], group_size=3, temperature=1.0, run_seed=0, step=1)
    task = envs.make_task("clock", size=56)
    for seed, (image,) in zip((5, 9), seen["images"], strict=True):
        expected = gym.make("eyechart/Clock-v0", size=56).reset(seed=seed)[0]["image"]
        assert np.array_equal(image, expected)
        assert image.shape == task.image_shape


def test_baselines(clocks):
    observations, infos = clocks.reset(seed=list(range(6)))
    draws = Draws.greedy(range(6))
    assert clocks.step(texts_of(Oracle().respond(observations, infos, draws)))[4]["error"].tolist() == [0.0] * 6
    clocks.reset(seed=list(range(6)))
    texts = texts_of(Constant("03:00:00").respond(observations, infos, draws))
    assert texts == ["<answer>03:00:00</answer>"] * 6
    chance = Chance(["01:00:00", "02:00:00"])
    many = Draws([(1, seed, member) for seed in range(30) for member in range(10)])
    drawn = texts_of(chance.respond({}, {}, many))
    assert texts_of(chance.respond({}, {}, many.some(range(5, 9)))) == drawn[5:9]
    assert set(drawn) == {"<answer>01:00:00</answer>", "<answer>02:00:00</answer>"}
    assert 100 < drawn.count("<answer>01:00:00</answer>") < 200
    with pytest.raises(ValueError, match="got none"):
        Chance([])


def test_some_of_the_infos_also_where_they_are_nested():
    infos = {"seed": np.arange(4), "_seed": np.ones(4, bool), "more": {"length": np.arange(4) * 10}}
    some = some_of(infos, np.array([3, 1]))
    assert (some["seed"].tolist(), some["more"]["length"].tolist()) == ([3, 1], [30, 10])
