"""Every registered environment under Gymnasium's own tools: its checker, its vectors and autoreset, its wrappers."""

import re
import warnings
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics, RecordVideo, TimeLimit, TransformObservation

import envs
from envs.fields import required
from envs.registry import registered, task_class
from tests.envs.adapters.guide import snippets

MATHS = Path(__file__).parents[1] / "data" / "maths.jsonl"
GIVEN = {"source": str(MATHS)}
ALL = [spec.id for spec in registered() if spec.id.startswith("eyechart/")]
CLOCK = "eyechart/Clock-v0"


def fields_of(id):
    """What must be given to make an environment."""
    spec = gym.spec(id)
    return {name: GIVEN[name] for name in required(task_class(spec)) - spec.kwargs.keys()}


def vector(mode, autoreset=AutoresetMode.NEXT_STEP, **fields):
    """Two clocks in a vector of Gymnasium's own."""
    settings = {"autoreset_mode": autoreset} | ({"shared_memory": False} if mode == "async" else {})
    return gym.make_vec(CLOCK, num_envs=2, vectorization_mode=mode, vector_kwargs=settings, size=56, **fields)


def shows(observation, seed):
    """Whether an observation is that of a problem."""
    task = envs.make_task("clock", size=56)
    return np.array_equal(observation["image"], envs.question.draw(task, envs.problem(task, seed)))


def test_the_built_in_environments_are_here():
    assert {"eyechart/Clock-v0", "eyechart/Scatter-v0", "eyechart/GSM8K-v0", "eyechart/Maths-v0"} <= set(ALL)


@pytest.mark.parametrize("id", ALL)
def test_check_env_has_nothing_to_say(id):
    modes = ["rgb_array"] if envs.make_task(id, **fields_of(id)).image_shape else []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(id, render_mode=modes[0] if modes else None, **fields_of(id))
        assert env.metadata["render_modes"] == modes
        check_env(env.unwrapped)


@pytest.mark.parametrize("id", ALL)
def test_a_spec_survives_json(id):
    env = gym.make(id, split="eval", **fields_of(id))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.task == env.unwrapped.task
    ours, theirs = env.reset(seed=4), again.reset(seed=4)
    assert ours[1] == theirs[1]
    assert ours[0]["prompt"] == theirs[0]["prompt"]


@pytest.mark.parametrize("mode", ["vector_entry_point", "sync", "async"])
@pytest.mark.parametrize("id", ALL)
def test_every_kind_of_vector_poses_and_scores_the_same(id, mode):
    settings = {"shared_memory": False} if mode == "async" else {}
    env = gym.make_vec(id, num_envs=2, vectorization_mode=mode, vector_kwargs=settings, **fields_of(id))
    try:
        observation, infos = env.reset(seed=[3, 3])
        task = envs.make_task(id, **fields_of(id))
        posed = envs.problem(task, 3)
        assert observation["prompt"] == (posed.prompt,) * 2
        assert infos["answer"].tolist() == [posed.answer] * 2
        _, rewards, terminated, truncated, infos = env.step((f"<answer>{infos['best_answer'][0]}</answer>", "no idea"))
        assert rewards.tolist() == [pytest.approx(task.reward_bounds[1]), 0.0]
        assert (terminated.tolist(), truncated.tolist()) == ([True] * 2, [False] * 2)
        assert infos["error"].tolist() == [0.0, task.worst_error]
    finally:
        env.close()


def test_shared_memory_is_refused_not_garbled():
    with pytest.raises(ValueError, match="shared_memory=False"):
        gym.make_vec(CLOCK, num_envs=2, vectorization_mode="async")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_next_step_autoreset_spends_a_step_on_the_reset(mode):
    env = vector(mode)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    try:
        env.reset(seed=[5, 5])
        _, rewards, terminated, _, infos = env.step(("<answer>1:00:00</answer>",) * 2)
        assert rewards[0] == rewards[1] > 0
        assert terminated.all()
        assert infos["seed"].tolist() == [5, 5]
        observation, rewards, terminated, _, infos = env.step(("<answer>1:00:00</answer>",) * 2)  # not scored
        assert rewards.tolist() == [0.0, 0.0]
        assert not terminated.any()
        assert "error" not in infos
        (seed, same) = infos["seed"].tolist()
        assert seed == same != 5  # a group stays a group
        assert shows({"image": observation["image"][1]}, seed)
        assert env.step(("", ""))[4]["error"].tolist() == [360.0, 360.0]
    finally:
        env.close()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_same_step_autoreset_tells_the_next_question_at_once(mode):
    env = vector(mode, AutoresetMode.SAME_STEP)
    try:
        _, infos = env.reset(seed=[5, 5])
        right = f"<answer>{infos['answer'][0]}</answer>"
        observation, rewards, terminated, _, infos = env.step((right, "no idea"))
        assert rewards.tolist() == [1.0, 0.0]
        assert terminated.all()
        assert infos["final_info"]["error"].tolist() == [0.0, 360.0]
        assert infos["final_info"]["seed"].tolist() == [5, 5]
        assert all(shows(last, 5) for last in infos["final_obs"])
        (seed, same) = infos["seed"].tolist()
        assert seed == same != 5
        assert shows({"image": observation["image"][0]}, seed)
        task = envs.make_task("clock", size=56)
        assert infos["answer"].tolist() == [envs.problem(task, seed).answer] * 2
    finally:
        env.close()


@pytest.mark.filterwarnings("ignore:.*(ERROR|WARN)")  # in which a worker tells why it ends
@pytest.mark.parametrize("mode", ["vector_entry_point", "sync", "async"])
def test_without_autoreset_a_finished_question_raises(mode):
    disabled = mode == "vector_entry_point"
    env = gym.make_vec(CLOCK, num_envs=2, size=56) if disabled else vector(mode, AutoresetMode.DISABLED)
    assert env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    env.reset(seed=[5, 9])
    env.step(("", ""))
    observation, infos = env.reset(seed=[7, 7], options={"reset_mask": np.array([True, False])})
    assert infos["_seed"].tolist() == [True, False]
    assert [shows({"image": image}, seed) for image, seed in zip(observation["image"], (7, 9), strict=True)] == [
        True
    ] * 2
    env.reset(seed=[5, 9])
    env.step(("", ""))
    # Gymnasium's SyncVectorEnv asserts; its workers pass on what the environment raises
    with pytest.raises(AssertionError if mode == "sync" else ResetNeeded):
        env.step(("", ""))
    env.close(**{"terminate": True} if mode == "async" else {})


@pytest.mark.parametrize("id", ALL)
def test_a_finished_question_raises(id):
    env = gym.make(id, **fields_of(id))
    env.reset(seed=0)
    env.step("")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) before each step"):
        env.step("")


def test_episode_statistics():
    env = RecordEpisodeStatistics(gym.make(CLOCK, size=56))
    _, info = env.reset(seed=5)
    *_, info = env.step(info["answer"])
    assert (info["episode"]["r"], info["episode"]["l"]) == (0.9, 1)
    assert list(env.return_queue) == [0.9]


def test_a_time_limit_of_one_step_ends_what_has_ended():
    env = TimeLimit(gym.make(CLOCK, size=56), max_episode_steps=1)
    env.reset(seed=5)
    assert env.step("")[2:4] == (True, True)
    assert gym.make(CLOCK, size=56, max_episode_steps=1).spec.max_episode_steps == 1


def test_an_observation_may_be_transformed():
    base = gym.make(CLOCK, size=56)
    grey = gym.spaces.Box(0, 255, (56, 56), np.uint8)
    env = TransformObservation(base, lambda seen: seen["image"].mean(axis=-1).astype(np.uint8), grey)
    seen, _ = env.reset(seed=5)
    assert seen in env.observation_space
    whole, _ = base.reset(seed=5)
    assert np.array_equal(seen, whole["image"].mean(axis=-1).astype(np.uint8))
    limited = partial(TimeLimit, max_episode_steps=1)
    vectors = gym.make_vec(CLOCK, num_envs=2, vectorization_mode="sync", wrappers=[limited], size=56)
    assert vectors.reset(seed=1)[0]["image"].shape == (2, 56, 56, 3)


def test_a_video_is_recorded(tmp_path):
    pytest.importorskip("moviepy")
    import imageio.v3 as imageio

    env = RecordVideo(gym.make(CLOCK, size=64, render_mode="rgb_array"), str(tmp_path), episode_trigger=lambda _: True)
    for seed in (5, 6):
        env.reset(seed=seed)
        env.step("")
    env.close()
    videos = sorted(tmp_path.glob("*.mp4"))
    assert len(videos) == 2
    frames = imageio.imread(videos[1])
    assert frames.shape == (2, 64, 64, 3)  # when it is posed, and when it is answered
    task = envs.make_task("clock", size=64)
    picture = envs.question.draw(task, envs.problem(task, 6)).astype(int)
    assert np.abs(frames[0] - picture).mean() < 10  # grey levels, for the video loses some
    assert np.abs(frames[0] - imageio.imread(videos[0])[0].astype(int)).mean() > 2 * np.abs(frames[0] - picture).mean()


def test_the_guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    single, groups, wrapped, *videos = snippets("Gymnasium")
    for code in (single, groups, wrapped):
        exec(re.sub(r"num_envs=\d+", "num_envs=8", code), {"__name__": "guide"})
    for code in videos:
        pytest.importorskip("moviepy")
        exec(code, {})
        assert list(tmp_path.rglob("*.mp4"))
