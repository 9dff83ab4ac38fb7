import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics, TransformReward

import envs.question
from envs import QuestionVectorEnv, make_task, problem
from tests.envs.test_task import Sum


def make(num_envs, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return gym.make_vec("eyechart/Clock-v0", num_envs=num_envs, size=56, **kwargs)


@pytest.fixture
def rendered(monkeypatch):
    """The scenes that are rendered, in order."""
    scenes = []
    real = envs.question.render

    def counting(scene, size):
        scenes.append(scene)
        return real(scene, size)

    monkeypatch.setattr(envs.question, "render", counting)
    return scenes


def test_make_vec_gives_it_with_autoreset_disabled():
    env = make(3)
    assert type(env) is QuestionVectorEnv
    assert env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    assert env.num_envs == 3


def test_a_group_sees_one_picture_rendered_once(rendered):
    env = make(7)
    observation, infos = env.reset(seed=[5, 5, 5, 9, 9, 2, 5])
    assert len(rendered) == 3
    images = observation["image"]
    assert images.shape == (7, 56, 56, 3)
    assert images.dtype == np.uint8
    for i in (1, 2, 6):
        assert np.array_equal(images[i], images[0])
    assert np.array_equal(images[3], images[4])
    assert not np.array_equal(images[0], images[3])
    assert infos["seed"].tolist() == [5, 5, 5, 9, 9, 2, 5]
    assert infos["answer"].tolist() == [problem(env.task, s).answer for s in (5, 5, 5, 9, 9, 2, 5)]
    env.step(("",) * 7)
    assert len(rendered) == 3  # a step draws nothing
    env.reset(seed=[5] * 7)
    assert len(rendered) == 4


def test_pictures_of_a_group_are_not_shared():
    env = make(2)
    observation, _ = env.reset(seed=[5, 5])
    observation["image"][0] = 0
    assert observation["image"][1].max() == 255
    after, *_ = env.step(("", ""))
    assert after["image"][0].max() == 255


def test_a_step_scores_every_text():
    env = make(3)
    _, infos = env.reset(seed=[5, 5, 9])
    truth = infos["answer"][0]
    observation, rewards, terminated, truncated, infos = env.step((f"<answer>{truth}</answer>", truth, "no idea"))
    assert rewards.tolist() == [1.0, 0.9, 0.0]
    assert rewards.dtype == np.float64
    assert terminated.tolist() == [True] * 3
    assert truncated.tolist() == [False] * 3
    assert observation["prompt"] == (env.task.generate(np.random.default_rng(0)).prompt,) * 3
    assert infos["error"].tolist() == [0.0, 0.0, 360.0]
    assert infos["parsed"].tolist() == [True, True, False]
    assert infos["parsed"].dtype == bool
    assert infos["reward/format"].tolist() == [1.0, 0.0, 0.0]
    assert infos["hour"].dtype.kind == "i"
    assert all(infos[f"_{key}"].all() for key in infos if not key.startswith("_"))


def test_it_equals_single_envs_in_gymnasiums_own_vector():
    fast = make(4, split="eval")
    slow = gym.vector.SyncVectorEnv(
        [lambda: gym.make("eyechart/Clock-v0", size=56, split="eval")] * 4,
        autoreset_mode=AutoresetMode.DISABLED,
    )
    texts = ("7:25", "<answer>03:00:00</answer>", "", "99:99:99")
    for seed in (11, [3, 3, 8, 1]):
        seen, told = fast.reset(seed=seed)
        same_seen, same_told = slow.reset(seed=seed)
        assert np.array_equal(seen["image"], same_seen["image"])
        assert seen["prompt"] == same_seen["prompt"]
        ours, theirs = fast.step(texts), slow.step(texts)
        assert np.array_equal(ours[1], theirs[1])
        for mine, other in ((told, same_told), (ours[4], theirs[4])):
            assert mine.keys() == other.keys()
            for key in mine:
                assert mine[key].dtype == other[key].dtype, key
                assert mine[key].tolist() == other[key].tolist(), key


def test_an_int_seed_stands_for_consecutive_ones():
    assert make(3).reset(seed=7)[1]["seed"].tolist() == [7, 8, 9]


@pytest.mark.parametrize("seed", [7, [4, 4, 6]])
def test_unseeded_resets_follow_from_the_last_seed(seed):
    env = make(3)
    env.reset(seed=seed)
    drawn = env.reset()[1]["seed"].tolist()
    assert len(set(drawn)) == 3
    env.reset(seed=seed)
    assert env.reset()[1]["seed"].tolist() == drawn


def test_missing_seeds_are_drawn():
    seeds = make(3).reset(seed=[4, None, 4])[1]["seed"].tolist()
    assert seeds[0] == seeds[2] == 4
    assert seeds[1] != 4


def test_large_seeds_stay_exact():
    assert make(2).reset(seed=[2**70, 1])[1]["seed"].tolist() == [2**70, 1]


def test_a_question_is_answered_once():
    env = make(2)
    with pytest.raises(ResetNeeded):
        env.step(("", ""))
    env.reset(seed=0)
    env.step(("", ""))
    with pytest.raises(ResetNeeded):
        env.step(("", ""))


def test_some_envs_can_be_reset(rendered):
    env = make(3)
    env.reset(seed=[1, 2, 3])
    before = env.reset(seed=[1, 2, 3])[0]["image"]
    del rendered[:]
    observation, infos = env.reset(seed=[8, 8, 8], options={"reset_mask": np.array([False, True, False])})
    assert len(rendered) == 1
    assert np.array_equal(observation["image"][[0, 2]], before[[0, 2]])
    assert not np.array_equal(observation["image"][1], before[1])
    assert infos["_seed"].tolist() == [False, True, False]
    assert infos["seed"][1] == 8
    assert infos["answer"].tolist() == [None, problem(env.task, 8).answer, None]
    assert env.step(("", "", ""))[4]["seed"].tolist() == [1, 8, 3]
    env.reset(options={"reset_mask": np.array([True, True, False])})
    with pytest.raises(ResetNeeded):  # the third is still answered
        env.step(("", "", ""))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda env: env.reset(seed=[1]), "Expected 2 seeds, one per env, got 1"),
        (lambda env: env.reset(seed=[1, -2]), "A seed must be 0 or more, got -2"),
        (lambda env: env.reset(options={"reset_mask": np.ones(3, dtype=bool)}), "2 truth values"),
        (lambda env: (env.reset(seed=1), env.step(("a",))), "Expected 2 texts, one per env, got 1"),
        (lambda env: make(0), "num_envs must be 1 or more, got 0"),
        (lambda env: make(2, split="test"), "Unknown split 'test'"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(make(2))


def test_a_refused_reset_changes_nothing():
    env = make(2)
    env.reset(seed=[1, 1])
    with pytest.raises(ValueError, match="-2"):
        env.reset(seed=[1, -2])
    assert env.step(("", ""))[4]["seed"].tolist() == [1, 1]


def test_a_thousand_envs():
    env = make(1024)
    observation, infos = env.reset(seed=[seed for seed in range(16) for _ in range(64)])
    assert observation["image"].shape == (1024, 56, 56, 3)
    _, rewards, *_ = env.step(tuple(f"<answer>{answer}</answer>" for answer in infos["answer"]))
    assert rewards.tolist() == [1.0] * 1024


def test_spaces_hold_what_is_observed():
    env = make(3)
    observation, _ = env.reset(seed=1)
    assert observation in env.observation_space
    assert ("a", "b", "") in env.action_space
    assert env.action_space.sample() in env.action_space
    assert env.observation_space["image"].shape == (3, 56, 56, 3)
    assert env.single_observation_space["image"].shape == (56, 56, 3)


def test_gymnasiums_wrappers_work():
    env = RecordEpisodeStatistics(make(3))
    env.reset(seed=[5, 5, 9])
    *_, infos = env.step(("7:25", "7:25", "no idea"))
    assert infos["episode"]["l"].tolist() == [1, 1, 1]
    assert infos["episode"]["r"][0] == infos["episode"]["r"][1] > infos["episode"]["r"][2] == 0.0

    doubled = TransformReward(make(1), lambda reward: 2 * reward)
    _, infos = doubled.reset(seed=3)
    assert doubled.step((infos["answer"][0],))[1].tolist() == [1.8]

    listed = DictInfoToList(make(2))
    assert [info["seed"] for info in listed.reset(seed=3)[1]] == [3, 4]


def test_rendering():
    env = make(2, render_mode="rgb_array")
    with pytest.raises(ResetNeeded):
        env.render()
    observation, _ = env.reset(seed=[1, 2])
    assert np.array_equal(np.stack(env.render()), observation["image"])
    assert make(2).render() is None


def test_text_tasks():
    env = QuestionVectorEnv(2, Sum)
    observation, infos = env.reset(seed=[1, 1])
    assert list(observation) == ["prompt"]
    assert observation in env.observation_space
    assert env.step(tuple(infos["answer"]))[1].tolist() == [0.9, 0.9]
    assert env.render() is None


def test_the_spec_survives_json():
    env = make(3, split="eval")
    again = gym.make_vec(EnvSpec.from_json(env.spec.to_json()))
    assert again.num_envs == 3
    assert again.task == make_task("clock", size=56)
    assert again.split == "eval"
