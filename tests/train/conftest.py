import csv

import pytest

from agents.loading import load_policy
from tests.envs.conftest import clean_registry, thermometer  # noqa: F401 (fixtures)
from tests.train.kills import kills, whole  # noqa: F401 (fixtures)
from tests.train.steps import make  # noqa: F401 (a fixture)
from train.__main__ import main

# The smallest run that goes through everything, on a task where an untrained model's answers differ in reward.
SMALL = (
    "--env tests.train.letters:letters --problems-per-step 4 --group-size 4 --max-new-tokens 12 --cold-start-steps 2"
    " --eval-size 6 --eval-every 2 --checkpoint-every 2 --samples 2"
).split()

# One that imitates.
SMALLEST = (
    "--env tests.train.letters:letters --problems-per-step 4 --eval-size 6 --eval-every 2 --checkpoint-every 2"
    " --samples 2"
).split()
SFT = [*SMALLEST, "--algorithm", "sft"]

TIMED = ("seconds_", "machine_")


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Runs `python -m train` in an empty folder; returns the exit status."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main([*arguments])


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def timeless(path):
    """The rows without the columns that clock and machine decide."""
    return [{k: v for k, v in row.items() if not k.startswith(TIMED)} for row in rows(path)]


@pytest.fixture
def base(tmp_path):
    """The folder of a tiny model, to put adapters on."""
    load_policy("tiny", 0).save(tmp_path / "model")
    return str(tmp_path / "model")


def refused(train, capsys, *arguments):
    capsys.readouterr()
    assert train(*arguments) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return " ".join(error.split())


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    """A run of SFT of four steps."""
    folder = tmp_path_factory.mktemp("sft") / "run"
    assert main([*SFT, "--steps", "4", "--run", str(folder)]) == 0
    return folder
