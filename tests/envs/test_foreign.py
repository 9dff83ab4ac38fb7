"""Environments written with Gymnasium alone."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from envs import TextSpace
from envs.__main__ import main
from envs.foreign import EVAL_SEEDS, SingleTurn, UntrainableError, gymnasiums_complaint, make_vector, require_trainable

PICTURE = gym.spaces.Box(0, 255, (4, 6, 3), np.uint8)


class Count(gym.Env):
    """The reward is the length of the answer minus a number that the seed fixes and the picture shows."""

    observation_space = gym.spaces.Dict(image=PICTURE, prompt=gym.spaces.Text(9, charset="How many?"))
    action_space = gym.spaces.Text(5, charset="0123456789")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.number = int(self.np_random.integers(200))
        return self.look(), {"answer": str(self.number), "error": 7.0}

    def look(self):
        return {"image": np.full((4, 6, 3), self.number, np.uint8), "prompt": "How many?"}

    def step(self, action):
        return self.look(), np.float32(len(action) - self.number), True, False, self.tell(action)

    def tell(self, action):
        return {"error": np.int64(3), "lenient_error": "?", "parsed": np.bool_(True), "junk": np.zeros(len(action))}


def spec_of(entry_point, **kwargs):
    return EnvSpec("tests/Count-v0", entry_point=entry_point, **kwargs)


def number(seed):
    """What `Count` draws for a seed, worked out beside it."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).integers(200)


def test_a_vector_of_them_has_the_form_of_ours():
    vector = make_vector(spec_of(Count), 4, "train")
    observations, infos = vector.reset(seed=[5, 5, 9, 9])
    assert observations["prompt"] == ("How many?",) * 4
    assert observations["image"].shape == (4, 4, 6, 3)
    assert observations["image"][:, 0, 0, 0].tolist() == [number(5)] * 2 + [number(9)] * 2
    assert infos["seed"].tolist() == [5, 5, 9, 9]
    assert infos["answer"].tolist() == [str(number(seed)) for seed in (5, 5, 9, 9)]
    assert "error" not in infos  # nothing is scored yet
    _, rewards, terminated, _, infos = vector.step(("", "7", "é漢 not in the action space", "\ud800"))
    lengths = np.array([0, 1, 26, 1])
    assert rewards.tolist() == (lengths - [number(seed) for seed in (5, 5, 9, 9)]).tolist()
    assert terminated.all()
    assert infos["error"].tolist() == [3.0] * 4
    assert infos["answer"].tolist() == [str(number(seed)) for seed in (5, 5, 9, 9)]  # as the reset told
    assert infos["parsed"].tolist() == [True] * 4
    assert not {"junk", "lenient_error"} & set(infos)
    vector.reset(seed=[1, 2, 3, 4])  # nothing was reset by itself: reset and step take turns


def test_the_two_splits_have_no_seed_in_common():
    for split, given, posed in (
        ("train", 2**32 - 1, 2**31 - 1),
        ("train", 2**31, 0),
        ("eval", 0, 2**31),
        ("eval", 2**31 + 3, 2**31 + 3),
    ):
        env = SingleTurn(gym.make(spec_of(Count)), split)
        observation, info = env.reset(seed=given)
        assert info["seed"] == posed
        assert observation["image"][0, 0, 0] == number(posed)
    assert EVAL_SEEDS == 2**31


def test_an_unseeded_reset_poses_something():
    observation, info = SingleTurn(gym.make(spec_of(Count))).reset()
    assert observation["prompt"] == "How many?"
    assert "seed" not in info


class Words(Count):
    observation_space = gym.spaces.Text(30)

    def look(self):
        return "Say something."


class OwnTexts(Count):
    observation_space = action_space = TextSpace()

    def look(self):
        return "Say something."


@pytest.mark.parametrize("env", [Words, OwnTexts])
def test_a_bare_text_is_the_prompt(env):
    vector = make_vector(spec_of(env), 2, "train")
    require_trainable(spec_of(env))
    observations, _ = vector.reset(seed=[1, 1])
    assert observations == {"prompt": ("Say something.",) * 2}
    assert vector.single_action_space == TextSpace()


class Unseeded(Count):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=None)


class Remembers(Count):
    number = 0

    def reset(self, *, seed=None, options=None):
        self.number += 1
        return self.look(), {}


class GoesOn(Count):
    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        return observation, reward, action == "7", False, info


class Reads(Count):
    def step(self, action):
        return self.look(), float(int(action)), True, False, {}


class NoNumber(Count):
    def step(self, action):
        return self.look(), float("nan"), True, False, {}


class NoReward(Count):
    def step(self, action):
        return self.look(), None, True, False, {}


class OldStep(Count):
    def step(self, action):
        return self.look(), 1.0, True, {}


class GreyPicture(Count):
    observation_space = gym.spaces.Dict(image=gym.spaces.Box(0, 255, (4, 6), np.uint8), prompt=gym.spaces.Text(9))


class FloatPicture(Count):
    observation_space = gym.spaces.Dict(image=gym.spaces.Box(0, 1, (4, 6, 3)), prompt=gym.spaces.Text(9))


class OtherPicture(Count):
    def look(self):
        return {"image": np.zeros((8, 8, 3), np.uint8), "prompt": "How many?"}


class PictureOnly(Count):
    observation_space = PICTURE


class PromptNumber(Count):
    def look(self):
        return {"image": np.zeros((4, 6, 3), np.uint8), "prompt": 3}


class PromptSurrogate(Count):
    def look(self):
        return {"image": np.zeros((4, 6, 3), np.uint8), "prompt": "\ud800?"}


class NoPrompt(Count):
    def look(self):
        return {"image": np.zeros((4, 6, 3), np.uint8)}


class NoPicture(Count):
    def look(self):
        return {"prompt": "How many?"}


class Nothing(Count):
    def look(self):
        return None


class NoInfo(Count):
    def tell(self, action):
        return None


class Needy(Count):
    def __init__(self, must_be_given):
        pass


class Falls(Count):
    def reset(self, *, seed=None, options=None):
        raise KeyError("data")


UNFIT = {
    Unseeded: "a group of answers must see one problem",
    Remembers: "reset(seed=0) shows one thing and then another",
    GoesOn: "the episode goes on after the text '' (seed 0), and only single-turn",
    Reads: "step raises ValueError: invalid literal for int() with base 10: '' on the text '' (seed 0)",
    NoNumber: "the reward of the text '' is nan",
    NoReward: "step raises TypeError",
    OldStep: "step raises ValueError: not enough values to unpack",
    GreyPicture: "its `image` is Box(0, 255, (4, 6), uint8); it must be a Box of uint8, (height, width, 3)",
    FloatPicture: "it must be a Box of uint8",
    OtherPicture: "its image must be uint8 (4, 6, 3), got uint8 (8, 8, 3) (seed 0)",
    PictureOnly: "they must be a text, or a Dict with a text `prompt`",
    PromptNumber: "its prompt must be a text that UTF-8 can hold, got 3",
    PromptSurrogate: "its prompt must be a text that UTF-8 can hold, got '\\ud800?' (seed 0)",
    NoPrompt: "its observation must hold prompt and image, got ['image'] (seed 0)",
    NoPicture: "its observation must hold prompt and image, got ['prompt'] (seed 0)",
    Nothing: "its observation must hold prompt and image, got None (seed 0)",
    NoInfo: "its info must be a dict, got None (seed 0)",
    Needy: "cannot be made: gymnasium.make raises TypeError",
    Falls: "reset(seed=0) raises KeyError: 'data'",
}


@pytest.mark.parametrize(("env", "message"), UNFIT.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_training_would_stumble_over_is_told(env, message):
    with pytest.raises(UntrainableError) as error:
        require_trainable(spec_of(env))
    assert str(error.value).startswith("tests/Count-v0 cannot be ")
    assert message in str(error.value)
    assert len(str(error.value)) < 400


def test_other_actions_are_refused():
    with pytest.raises(UntrainableError, match=r"its actions are Discrete\(4\); they must be texts"):
        require_trainable(gym.spec("FrozenLake-v1"))


class Crowded(Count):
    observation_space = gym.spaces.Dict({**Count.observation_space.spaces, "step": gym.spaces.Discrete(3)})

    def look(self):
        return {**super().look(), "step": 1}


def test_what_no_policy_sees_is_told():
    assert require_trainable(spec_of(Crowded)) == ["step"]
    assert require_trainable(spec_of(Count)) == []
    assert set(SingleTurn(gym.make(spec_of(Crowded))).reset(seed=1)[0]) == {"image", "prompt"}


def test_a_long_episode_is_cut_as_the_message_says():
    require_trainable(spec_of(GoesOn, max_episode_steps=1))


def test_gymnasiums_own_check_is_passed_on():
    assert gymnasiums_complaint(spec_of(Count)) is None
    assert "observation" in gymnasiums_complaint(spec_of(Words))  # a space and a full stop are no alphanumerics


def test_check_on_the_command_line(capsys):
    assert main(["check", "tests.train.foreign:brightness"]) == 0
    assert "tests/Brightness-v0 is not made from a Task" in capsys.readouterr().out
    assert main(["check", "tests.train.foreign:echo"]) == 0
    assert "note: gymnasium's check_env says" in capsys.readouterr().out
    assert main(["check", "FrozenLake-v1"]) == 1
    assert "broken: FrozenLake-v1 cannot be trained on: its actions are Discrete(4)" in capsys.readouterr().out
    assert main(["check", "FrozenLake-v1", "--task.size", "3"]) == 2
    assert "not made from a Task and takes no --task.size" in capsys.readouterr().err
