import numpy as np
import pytest

from agents.tiny import build_tiny

QUESTIONS = [
    "What time is it?",
    "How many points rise from left to right? Reply <answer>NUMBER</answer>",
    "Red?",
]


@pytest.fixture
def policy():
    """The default tiny model, new for each test."""
    return tiny("tiny")


@pytest.fixture
def base(policy, tmp_path):
    """A tiny Qwen2.5-VL's folder."""
    policy.save(tmp_path / "base")
    return str(tmp_path / "base")


def tiny(name):
    policy = build_tiny(name, 0)
    policy.max_new_tokens = 6
    return policy


@pytest.fixture
def pictures():
    """Three noise pictures of two sizes: prompts of different lengths."""
    return noise_pictures(56, 84, 56)


def noise_pictures(*sides):
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in sides]
