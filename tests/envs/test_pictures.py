"""Environments that show several pictures."""

import gymnasium as gym
import numpy as np
import pytest

from envs.foreign import SingleTurn, UntrainableError, require_trainable
from envs.pictures import picture_spaces
from tests.envs.test_foreign import PICTURE, Count, number, spec_of


class Images(Count):
    """Two pictures in one array."""

    images = gym.spaces.Box(0, 255, (2, 4, 6, 3), np.uint8)

    def __init__(self):
        self.observation_space = gym.spaces.Dict(images=self.images, prompt=gym.spaces.Text(9))

    def look(self):
        return {"images": self.shown(), "prompt": "How many?"}

    def shown(self):
        return np.full((2, 4, 6, 3), self.number, np.uint8)


class OneAsSeveral(Images):
    images = PICTURE


class SeveralAsOne(Count):
    observation_space = gym.spaces.Dict(image=Images.images, prompt=gym.spaces.Text(9))


class StackedSequence(Images):
    images = gym.spaces.Sequence(PICTURE, stack=True)


class GreyAmongThem(Images):
    images = gym.spaces.Tuple([PICTURE, gym.spaces.Box(0, 255, (4, 6), np.uint8)])


class OneMissing(Images):
    images = gym.spaces.Tuple([PICTURE, PICTURE])

    def shown(self):
        return (np.zeros((4, 6, 3), np.uint8),)


class Lists(Images):
    images = gym.spaces.Sequence(PICTURE)

    def shown(self):
        return [[[[0] * 3] * 6] * 4]


UNFIT = {
    OneAsSeveral: "its `images` is Box(0, 255, (4, 6, 3), uint8); it must be a Box of uint8, (pictures, height, width",
    SeveralAsOne: "its `image` is Box(0, 255, (2, 4, 6, 3), uint8); it must be a Box of uint8, (height, width, 3)",
    StackedSequence: "or a Tuple or Sequence of Boxes of uint8, (height, width, 3)",
    GreyAmongThem: "or a Tuple or Sequence of Boxes of uint8, (height, width, 3)",
    OneMissing: "its images must be (uint8 (4, 6, 3), uint8 (4, 6, 3)), got (uint8 (4, 6, 3)) (seed 0)",
    Lists: "its images must be a tuple of uint8 (4, 6, 3), got [[[[0, 0, 0], ",
}


@pytest.mark.parametrize(("env", "message"), UNFIT.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_pictures_that_are_none_are_told(env, message):
    with pytest.raises(UntrainableError) as error:
        require_trainable(spec_of(env))
    assert message in str(error.value)
    assert len(str(error.value)) < 400


class Pair(Images):
    images = gym.spaces.Tuple([PICTURE, gym.spaces.Box(0, 255, (8, 8, 3), np.uint8)])

    def shown(self):
        return np.full((4, 6, 3), self.number, np.uint8), np.full((8, 8, 3), 1, np.uint8)


class Several(Images):
    images = gym.spaces.Sequence(PICTURE)

    def shown(self):
        return (np.full((4, 6, 3), self.number, np.uint8),) * (self.number % 3)


class ForgetsOne(Pair):
    """Of two pictures the second changes from reset to reset."""

    resets = 0

    def shown(self):
        self.resets += 1
        return super().shown()[0], np.full((8, 8, 3), self.resets, np.uint8)


def test_several_pictures():
    for env in (Images, Pair, Several):
        require_trainable(spec_of(env))
        observation, _ = SingleTurn(gym.make(spec_of(env))).reset(seed=7)
        assert {one[0, 0, 0] for one in observation["images"]} <= {number(7), 1}
    with pytest.raises(UntrainableError, match="shows one thing and then another"):
        require_trainable(spec_of(ForgetsOne))


def test_the_spaces_of_single_pictures():
    assert picture_spaces(PICTURE) == picture_spaces(gym.spaces.Sequence(PICTURE)) == [PICTURE]
    assert picture_spaces(Images.images) == [PICTURE] * 2
    assert picture_spaces(Pair.images) == [PICTURE, gym.spaces.Box(0, 255, (8, 8, 3), np.uint8)]
