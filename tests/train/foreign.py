"""Environments that know nothing of ours: only Gymnasium and NumPy are imported here."""

import gymnasium as gym
import numpy as np


class Brightness(gym.Env):
    """A grey picture; letters are wanted where it is bright, as many as the picture is bright."""

    observation_space = gym.spaces.Dict(
        image=gym.spaces.Box(0, 255, (28, 28, 3), np.uint8), prompt=gym.spaces.Text(60, charset="How bright?")
    )
    action_space = gym.spaces.Text(100)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.level = int(self.np_random.integers(1, 9))
        return self.observation(), {}

    def step(self, action):
        letters = sum(letter.isalpha() for letter in action)
        return self.observation(), -abs(letters - self.level) / 10, True, False, {"note": ["anything", {"at": self}]}

    def observation(self):
        return {"image": np.full((28, 28, 3), 28 * self.level, np.uint8), "prompt": "How bright?"}


class Stacked(Brightness):
    """Two grey pictures; as many letters are wanted as the first is bright."""

    images = gym.spaces.Box(0, 255, (2, 56, 56, 3), np.uint8)

    def __init__(self):
        self.observation_space = gym.spaces.Dict(images=self.images, prompt=Brightness.observation_space["prompt"])

    def observation(self):
        return {"images": self.shown(), "prompt": "How bright?"}

    def shown(self):
        return np.stack([np.full((56, 56, 3), grey, np.uint8) for grey in (28 * self.level, 20)])


class Both(Stacked):
    """The second is larger."""

    images = gym.spaces.Tuple(gym.spaces.Box(0, 255, (56, width, 3), np.uint8) for width in (56, 84))

    def shown(self):
        return np.full((56, 56, 3), 28 * self.level, np.uint8), np.full((56, 84, 3), 20, np.uint8)


class Some(Stacked):
    """As many pictures as the first is bright."""

    images = gym.spaces.Sequence(gym.spaces.Box(0, 255, (28, 28, 3), np.uint8))

    def shown(self):
        return tuple(np.full((28, 28, 3), 28 * self.level + i, np.uint8) for i in range(self.level))


class Echo(gym.Env):
    """A letter to be written, asked for in words alone; every second answer ends by truncation."""

    observation_space = gym.spaces.Text(20, charset="Write abc.")
    action_space = gym.spaces.Text(20)

    def __init__(self, letters="abc"):
        self.letters = letters

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.letter = str(self.np_random.choice(list(self.letters)))
        return f"Write {self.letter}.", self.tell()

    def tell(self):
        return {"answer": self.letter, "demonstration": self.letter, "error": "none so far"}

    def step(self, action):
        right = self.letter in action
        info = {"error": 1.0 - right, "parsed": True} if action else {}
        return "", np.float32(right), right, not right, info


class Vowels(Echo):
    """The share of an answer's characters that are vowels."""

    def step(self, action):
        return "", sum(letter in "aeiou" for letter in action) / max(1, len(action)), True, False, {}


class Trap(Echo):
    """It works until the fourth held-out problem."""

    def reset(self, *, seed=None, options=None):
        if seed == 2**31 + 3:
            raise OSError("the file is gone")
        return super().reset(seed=seed)


gym.register("tests/Brightness-v0", entry_point=Brightness)
gym.register("Stacked-v0", entry_point=Stacked)
gym.register("Both-v0", entry_point=Both)
gym.register("Some-v0", entry_point=Some)
gym.register("Echo-v0", entry_point="tests.train.foreign:Echo", kwargs={"letters": "ab"})
gym.register("Vowels-v0", entry_point=Vowels)
gym.register("Trap-v0", entry_point=Trap)
