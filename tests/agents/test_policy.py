import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Sequence, Text, Tuple

from agents.policy import pictures

PICTURE = Box(0, 255, (4, 5, 3), np.uint8)


class Album(gym.Env):
    """Observations with K pictures, each filled with 10·seed + its place."""

    action_space = Text(1)

    def __init__(self, space, count):
        self.observation_space = Dict(prompt=Text(9), **space)
        self.count = count

    def reset(self, *, seed=None, options=None):
        shown = [np.full((4, 5, 3), 10 * seed + k, np.uint8) for k in range(self.count or seed)]
        images = np.stack(shown) if isinstance(self.observation_space.spaces.get("images"), Box) else tuple(shown)
        seen = {"images": images} if "images" in self.observation_space.spaces else {"image": shown[0]}
        return {"prompt": "Which", **seen}, {}


def observed(space, count, envs):
    vector = gym.vector.SyncVectorEnv([lambda: Album(space, count)] * envs)
    return vector.reset(seed=list(range(1, envs + 1)))[0]


@pytest.mark.parametrize("envs", [1, 2, 3])
@pytest.mark.parametrize(
    ("space", "count"),
    [
        ({"image": PICTURE}, 1),
        ({"images": Box(0, 255, (2, 4, 5, 3), np.uint8)}, 2),
        ({"images": Tuple([PICTURE] * 2)}, 2),
        ({"images": Tuple([PICTURE] * 3)}, 3),
        ({"images": Sequence(PICTURE)}, None),
    ],
    ids=["image", "box", "tuple of two", "tuple of three", "sequence"],
)
def test_pictures_in_every_form_that_gymnasium_batches(space, count, envs):
    found = pictures(observed(space, count, envs))
    assert all(picture.shape == (4, 5, 3) for several in found for picture in several)
    shades = [[int(picture[0, 0, 0]) for picture in several] for several in found]
    assert shades == [[10 * seed + k for k in range(count or seed)] for seed in range(1, envs + 1)]


def test_no_pictures():
    assert pictures({"prompt": ("a", "b")}) is None
    assert pictures({"prompt": ("a", "b"), "images": ((), ())}) == [[], []]


def test_a_wrong_number_is_refused():
    with pytest.raises(ValueError, match="2 prompts came with pictures for 3"):
        pictures({"prompt": ("a", "b"), "image": np.zeros((3, 4, 5, 3), np.uint8)})
