import numpy as np
import pytest

from agents.__main__ import main
from agents.tiny import build_tiny
from tests.agents.fake_server import FakeServer
from tests.agents.serving import serving

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


@pytest.fixture
def fake(monkeypatch):
    """A server that does as it is told."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FakeServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A tiny model, exported by the command."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert main(["export", "--model", "tiny", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def server(exported):
    """The address of `transformers serve` with it."""
    with serving(exported) as address:
        yield address


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
