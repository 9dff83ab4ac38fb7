import pytest

from train.__main__ import main

# The smallest run that goes through everything.
SMALL = [
    *("--env", "clock", "--task.size", "56", "--problems-per-step", "4", "--group-size", "2"),
    *("--cold-start-steps", "2", "--eval-size", "6", "--eval-every", "2", "--checkpoint-every", "2", "--samples", "2"),
]


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Runs `python -m train` in an empty folder; returns the exit status."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main([*arguments])
