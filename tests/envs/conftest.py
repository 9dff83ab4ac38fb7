"""A user's own task in one file, outside the repository."""

import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

ROOT = Path(__file__).resolve().parents[2]

THERMOMETER = """
from dataclasses import dataclass
from typing import ClassVar

from envs import Problem, Task, register
from envs.answers import NUMBER
from rendering import Line, Scene


@dataclass(frozen=True)
class Thermometer(Task[float]):
    unit: ClassVar[str] = "K"
    worst_error: ClassVar[float] = 100.0
    pattern = NUMBER

    size: int = 56
    hottest: int = 100

    def generate(self, rng):
        heat = int(rng.integers(1, self.hottest + 1))
        column = Line((0.5, 0.1), (0.5, 0.1 + 0.008 * heat), 0.1, (200, 0, 0))
        return Problem("How warm? <answer>NUMBER</answer>", str(heat), Scene((column,)), info={"heat": heat})

    def read(self, text):
        return float(text)

    def error(self, answer, truth):
        return abs(answer - truth)


register("Thermometer-v0", Thermometer, hottest=80)
"""


@pytest.fixture
def clean_registry():
    """Gymnasium's registry, put back as it was afterwards."""
    before = dict(gym.registry)
    yield gym.registry
    gym.registry.clear()
    gym.registry.update(before)


@pytest.fixture
def thermometer(tmp_path, monkeypatch, clean_registry):
    """The name of a module in the current folder that registers `Thermometer-v0`."""
    (tmp_path / "my_thermometer.py").write_text(THERMOMETER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "my_thermometer"
    sys.modules.pop("my_thermometer", None)


@pytest.fixture
def run_python():
    """Runs Python in a fresh process, in any folder, with the repository importable."""

    def run(*arguments, cwd=ROOT, text=None, **environment):
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            input=text,
            env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
