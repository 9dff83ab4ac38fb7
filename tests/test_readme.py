"""The README's code and commands, as they stand."""

import re
import shlex
import subprocess
import sys

import pytest

from tests.readme import README, ROOT, example
from train.cli import parse

COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
]


def run(*words, cwd):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_environment_example_runs(tmp_path):
    done = run("-c", example("gym.make"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    reward, error, parsed = done.stdout.split()
    assert 0.1 <= float(reward) <= 1.0
    assert 0 <= float(error) <= 360
    assert parsed == "True"


def test_the_task_example_keeps_the_rules_and_trains(tmp_path):
    code = example("register(")
    assert len(code.splitlines()) < 40
    (tmp_path / "thermometer.py").write_text(code)
    done = run("-m", "envs", "check", "thermometer:thermometer", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    small = "--steps 1 --problems-per-step 2 --group-size 2 --eval-size 4 --cold-start-steps 1".split()
    done = run("-m", "train", "--env", "thermometer:thermometer", *small, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "runs" / "thermometer" / "evals.csv").exists()
    # what was registered by a module of the user's own can be resumed
    done = run("-m", "train", "--resume", "runs/thermometer", "--steps", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("python -m train --env clock")])
def test_training_commands_are_understood(command):
    config, spec, _ = parse(shlex.split(command)[3:])
    assert config.env == "clock"
    assert spec.id == "eyechart/Clock-v0"


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link
