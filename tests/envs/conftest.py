"""A user's own task in one file, outside the repository."""

import os
import subprocess
import sys

import gymnasium as gym
import pytest

from tests.readme import ROOT, example

THERMOMETER = example("register(")


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

    def run(*arguments, cwd=ROOT, text=None, timeout=120, **environment):
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            input=text,
            env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
