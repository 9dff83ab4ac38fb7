import json
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from envs import QuestionEnv, TextSpace, make_task, problem, register
from envs.question import draw
from tests.envs.test_task import Sum


@pytest.fixture
def env():
    return gym.make("eyechart/Clock-v0", size=56, render_mode="rgb_array")


@pytest.mark.parametrize("fields", [{}, {"second_hand": False, "size": 64}])
def test_gymnasium_finds_nothing_to_complain_about(fields):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("eyechart/Clock-v0", render_mode="rgb_array", **fields).unwrapped)


def test_text_tasks_pass_too(clean_registry):
    register("Sum-v0", Sum)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("Sum-v0").unwrapped)
    env = gym.make("Sum-v0")
    assert list(env.observation_space.spaces) == ["prompt"]
    observation, _ = env.reset(seed=1)
    assert list(observation) == ["prompt"]
    with pytest.raises(ValueError, match="text task"):
        QuestionEnv(Sum, render_mode="rgb_array")


def test_an_episode(env):
    observation, info = env.reset(seed=3)
    posed = problem(make_task("clock", size=56), 3)
    assert observation["prompt"] == posed.prompt
    assert observation["image"].shape == (56, 56, 3)
    assert observation["image"].dtype == np.uint8
    shown = {
        "best_answer": posed.answer,
        "best_reply": f"<answer>{posed.answer}</answer>",
        "demonstration": posed.solution,
    }
    assert info == {"seed": 3, "answer": posed.answer, **shown, **posed.info}
    assert observation in env.observation_space

    after, reward, terminated, truncated, last = env.step(f"<answer>{posed.answer}</answer>")
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert np.array_equal(after["image"], observation["image"])
    scored = {
        "error": 0.0,
        "lenient_error": 0.0,
        "parsed": True,
        "reward/accuracy": 1.0,
        "reward/format": 1.0,
    }
    assert last == info | scored
    assert np.array_equal(env.render(), observation["image"])


def test_a_question_is_answered_once(env):
    env.reset(seed=0)
    env.step("7:25")
    with pytest.raises(ResetNeeded):
        env.unwrapped.step("7:25")
    env.reset()
    env.step("7:25")


def test_nothing_works_before_reset():
    env = QuestionEnv("envs.tasks.clock:Clock", render_mode="rgb_array")
    with pytest.raises(ResetNeeded):
        env.step("7:25")
    with pytest.raises(ResetNeeded):
        env.render()


def test_unseeded_resets_report_a_seed_that_repeats_them(env):
    env.reset(seed=9)
    observations = [env.reset() for _ in range(3)]
    assert len({info["seed"] for _, info in observations}) == 3
    for observation, info in observations:
        again, same = env.reset(seed=info["seed"])
        assert same == info
        assert np.array_equal(again["image"], observation["image"])
    env.reset(seed=9)
    assert env.reset()[1] == observations[0][1]


def test_the_split_is_a_field_of_the_env():
    train = gym.make("eyechart/Clock-v0").reset(seed=1)[1]
    held_out = gym.make("eyechart/Clock-v0", split="eval").reset(seed=1)[1]
    assert train["answer"] == problem(make_task("clock"), 1).answer
    assert held_out["answer"] == problem(make_task("clock"), 1, "eval").answer
    assert train["answer"] != held_out["answer"]


def test_observations_are_not_shared(env):
    observation, info = env.reset(seed=3)
    observation["image"][:] = 0
    info["answer"] = "changed"
    env.render()[:] = 0
    after, *_, last = env.step("7:25")
    assert after["image"].max() == 255
    assert last["answer"] != "changed"


def test_the_spec_survives_json():
    env = gym.make("eyechart/Clock-v0", size=56, numerals=False)
    spec = EnvSpec.from_json(env.spec.to_json())
    assert json.loads(spec.to_json())["kwargs"]["task"] == "envs.tasks.clock:Clock"
    again = gym.make(spec)
    assert again.unwrapped.task == env.unwrapped.task == make_task("clock", size=56, numerals=False)
    assert np.array_equal(again.reset(seed=4)[0]["image"], env.reset(seed=4)[0]["image"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "test"}, "Unknown split 'test'"),
        ({"render_mode": "human"}, "Unknown render_mode 'human'; known: rgb_array"),
        ({"siez": 3}, "no field 'siez'. Did you mean 'size'"),
        ({"size": 3}, "from 28 pixels"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        QuestionEnv("envs.tasks.clock:Clock", **arguments)


def test_a_task_with_half_a_picture_is_told_so():
    with pytest.raises(ValueError, match="a scene but no field `size`"):
        draw(Sum(), problem(make_task("clock"), 0))
    with pytest.raises(ValueError, match="a field `size` but no scene"):
        draw(make_task("clock"), problem(Sum(), 0))


def test_text_space():
    space = TextSpace(max_length=5, seed=0)
    assert "été" in space
    assert "\ud800" in space
    assert "" in space
    assert "abcdef" not in space
    assert b"abc" not in space
    assert 3 not in space
    assert all(space.sample() in space for _ in range(100))
    assert space == TextSpace(5) != TextSpace(6)
    assert hash(space) == hash(TextSpace(5))
    assert repr(space) == "TextSpace(5)"
    assert not space.is_np_flattenable
    assert space.from_jsonable(space.to_jsonable(["a", "é"])) == ["a", "é"]
    with pytest.raises(ValueError, match="-1"):
        TextSpace(-1)


def test_text_space_batches_to_a_tuple():
    batch = gym.vector.utils.batch_space(TextSpace(seed=0), 3)
    assert isinstance(batch, gym.spaces.Tuple)
    assert ("a", "b", "") in batch
    assert batch.sample() in batch
