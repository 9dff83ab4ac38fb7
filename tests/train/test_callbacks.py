"""A user's own code beside a run."""

import json
import sys

import pytest

from tests.train.conftest import SMALL, rows, timeless
from train.callbacks import Callbacks, require_callbacks

LISTENER = """
import json

def write(event, values):
    with open("told.jsonl", "a") as file:
        file.write(json.dumps([event, values]) + "\\n")
    values.clear()

class Counter:
    def __init__(self):
        self.events = []

    def __call__(self, event, values):
        self.events.append(event)
        if event == "end":
            print("counted", len(self.events))

def fails(event, values):
    helper(values)

def helper(values):
    raise KeyError("\\x1b[31mloss")

def too_few(event):
    pass

class Broken:
    def __init__(self):
        raise OSError("no port")

number = 3
"""


@pytest.fixture
def listener(tmp_path, monkeypatch):
    """A user's module in the current folder, which is empty but for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "listener.py").write_text(LISTENER)
    yield "listener"
    sys.modules.pop("listener", None)


def test_a_run_tells_what_happens(listener, train, tmp_path, capsys):
    names = ("listener:write", "listener:fails", "listener:Counter")
    assert train(*SMALL, "--steps", "3", "--callback", *names, "--run", "run") == 0
    said = capsys.readouterr().out
    told = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    assert [event for event, _ in told] == [
        *("evaluation", "evaluation", "checkpoint", "step", "step", "evaluation", "checkpoint"),
        *("step", "evaluation", "checkpoint", "end"),
    ]
    steps = [values for event, values in told if event == "step"]
    for values, row in zip(steps, rows(tmp_path / "run" / "metrics.csv"), strict=True):
        assert list(values) == list(row)
        assert values["reward"] == pytest.approx(float(row["reward"]), rel=1e-6)
    assert [v["phase"] for e, v in told if e == "evaluation"] == ["start", "cold-start", "train", "end"]
    paths = [values["path"] for event, values in told if event == "checkpoint"]
    assert paths == [f"run/checkpoints/step-{step:06d}" for step in (0, 2, 3)]
    assert (tmp_path / paths[-1] / "model.safetensors").exists()
    assert told[-1][1] == {"step": 3, "complete": True, "folder": "run"}
    line = LISTENER.splitlines().index('    raise KeyError("\\x1b[31mloss")') + 1
    assert said.count("listener:fails") == 1
    assert f"note: the callback listener:fails fails at 'evaluation' (listener.py, line {line}) and is" in said
    assert "\x1b" not in said
    assert "counted 11" in said


def test_a_run_is_the_same_with_callbacks_and_tables(listener, train, tmp_path, capsys):
    train(*SMALL, "--steps", "2", "--run", "plain")
    capsys.readouterr()
    watched = ("--callback", "listener:write", "--show-samples", "1")
    train(*SMALL, "--steps", "2", "--samples", "0", *watched, "--run", "watched")
    assert timeless(tmp_path / "plain" / "metrics.csv") == timeless(tmp_path / "watched" / "metrics.csv")
    said = capsys.readouterr().out
    assert said.count("training problem") == 2
    assert "Write. <answer>TEXT</answer>" in said


def test_a_resumed_run_calls_them_again(listener, train, tmp_path):
    train(*SMALL, "--steps", "2", "--callback", "listener:write", "--run", "run")
    (tmp_path / "told.jsonl").unlink()
    assert train("--resume", "run", "--steps", "3") == 0
    events = [json.loads(line)[0] for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    assert events == ["step", "evaluation", "checkpoint", "end"]
    (tmp_path / "listener.py").unlink()
    sys.modules.pop("listener")
    before = (tmp_path / "run" / "metrics.csv").read_bytes()
    assert train("--resume", "run", "--steps", "4") == 2
    assert (tmp_path / "run" / "metrics.csv").read_bytes() == before


def test_callbacks_can_be_given_to_main(tmp_path, monkeypatch):
    from train.__main__ import main

    monkeypatch.chdir(tmp_path)
    told = []
    assert main([*SMALL, "--steps", "1"], callbacks=[lambda event, values: told.append((event, values["step"]))]) == 0
    assert told[-4:] == [("step", 1), ("evaluation", 1), ("checkpoint", 1), ("end", 1)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("listener", "takes MODULE:FUNCTION"),
        (":write", "takes MODULE:FUNCTION"),
        ("listner:write", "No module named 'listner'.*Did you mean listener:write"),
        ("listener:wite", "listener has no 'wite'. Did you mean listener:write?"),
        ("listener:zzz", "listener has no 'zzz'.$"),
        ("listener:number", "cannot be called: it is a int"),
        ("listener:too_few", r"is called as too_few\(event, values\), and takes \(event\)"),
    ],
)
def test_what_is_not_there_is_named(listener, name, message):
    with pytest.raises(ValueError, match=message):
        require_callbacks(["listener:write", name])


def test_it_is_refused_before_any_work(listener, train, tmp_path, capsys):
    assert train(*SMALL, "--callback", "listener:wite") == 2
    assert "Did you mean listener:write?" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_an_object_that_cannot_be_made_is_named(listener):
    line = LISTENER.splitlines().index('        raise OSError("no port")') + 1
    with pytest.raises(ValueError, match=rf"could not be made \(listener.py, line {line}\): OSError: no port"):
        Callbacks(["listener:Broken"], print)


def test_one_that_fails_is_told_once_and_the_others_go_on():
    said, told = [], []

    def divides(event, values):
        values["x"] / 0

    callbacks = Callbacks([], said.append)
    callbacks.add([divides, lambda event, values: told.append(values)])
    for _ in range(3):
        callbacks.tell("step", {"x": 1})
    assert told == [{"x": 1}] * 3
    (text,) = said
    assert "divides fails at 'step' (test_callbacks.py, line " in text
    assert text.endswith("which goes on: ZeroDivisionError: division by zero")
