"""docs/REWARDS.md: its commands and examples, as they stand."""

import re
import shlex
import sys

import pytest

from envs import check_task, make_task
from envs.rewards import COMPONENTS
from tests.readme import ROOT
from train.cli import parse

PAGE = (ROOT / "docs" / "REWARDS.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def mymodule(tmp_path, monkeypatch):
    """The example of a reward of one's own, in the current folder."""
    (tmp_path / "mymodule.py").write_text(next(block for block in BLOCKS if "def brevity" in block))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("mymodule", None)


def test_training_commands_are_understood(mymodule):
    commands = re.findall(r"python -m train (--env [^\n]*)", PAGE)
    assert len(commands) == 3
    for command in commands:
        assert parse(shlex.split(command))[2]["rewards"]


def test_the_reward_of_ones_own(mymodule):
    task = make_task("clock", rewards={"mymodule:brevity": 0.2})
    assert task.score("<answer>07:25:30</answer>", "07:25:30").reward == pytest.approx(0.2 * 20 / 45)
    assert check_task(make_task("clock", rewards={"accuracy": 1, "mymodule:brevity": 0.2})) == []


def test_the_example_for_other_libraries_runs():
    scope = {}
    exec(next(block for block in BLOCKS if "reward_function" in block), scope)
    text = "<answer>07:25:30</answer>"
    assert [f([text], answer=["07:25:30"]) for f in scope["rewards"]] == [[1.0], [0.0]]


def test_the_table_has_every_component_with_its_bounds():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE, flags=re.M))
    assert set(rows) == {"accuracy", "format", *COMPONENTS}
    for name, known in COMPONENTS.items():
        told = tuple(float(bound.replace("−", "-")) for bound in re.split(" to | or ", rows[name].strip()))
        assert told == known.bounds(**known.defaults)
        section = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        mentioned = set(known.defaults) - {"style"}
        assert all(f"`{parameter}" in section for parameter in mentioned), mentioned
