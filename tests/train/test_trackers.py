"""What any tracker is told of a run; and that none of them can end it."""

import json

import pytest
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

from tests.train.conftest import SMALL
from tests.train.tracked import agree, latest
from train import setup, trackers
from train.cli import parse
from train.config import TrainConfig, resolved
from train.loop import Trainer
from train.optimization import TrainingError
from train.trackers import Trackers, caption, flat_settings, require_trackers


class Memory(GeneralTracker):
    """Keeps what it is told; fails where it is told to."""

    name = "memory"
    requires_logging_directory = False

    def __init__(self, fails=(), name="memory"):
        super().__init__()
        self.fails, self.name = set(fails), name
        self.settings, self.logged, self.finished = {}, [], 0

    @property
    def tracker(self):
        return self

    def _may(self, what):
        if what in self.fails:
            raise OSError(f"no {what}\nleft")

    def start(self):
        self._may("start")

    def store_init_configuration(self, values):
        self.settings = dict(values)

    def log(self, values, step=None, **kwargs):
        self._may("log")
        self.logged.append((step, values))

    def finish(self):
        self._may("finish")
        self.finished += 1


@pytest.fixture
def memory(monkeypatch):
    """Puts trackers in memory in the place of the real ones; returns them."""
    made = []

    def use(*given):
        monkeypatch.setattr(trackers, "make_trackers", lambda *arguments: list(given))
        monkeypatch.setattr(setup, "require_trackers", lambda names: None)  # the real ones need not be installed
        made.extend(given)
        return given[0]

    return use


def test_a_run_tells_all_that_its_folder_has(train, tmp_path, memory):
    tracker = memory(Memory())
    assert train(*SMALL, "--steps", "3", "--track", "wandb", "--run", "run") == 0
    agree(latest(tracker.logged), tmp_path / "run")
    assert tracker.finished == 1
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert tracker.settings["group_size"] == settings["group_size"] == 4
    assert tracker.settings["learning_rate"] == settings["learning_rate"] == 0.005
    assert (tracker.settings["env"], tracker.settings["track"]) == ("tests.train.letters:letters", "wandb")
    assert tracker.settings["task.size"] == 56
    assert None not in tracker.settings.values()


def test_what_is_none_is_left_out(tmp_path, memory):
    tracker = memory(Memory())
    run = Trackers(Accelerator(cpu=True), resolved(TrainConfig(track=("wandb",)), True, 9), tmp_path, print)
    run.start({"settings": {"steps": None, "seed": 0, "track": ["a", "b"]}, "task": None})
    run.log("train", {"step": 4, "loss": None, "reward": 0.5, "rollouts": 3, "phase": "end", "reward/form": 0.0})
    assert tracker.settings == {"seed": 0, "track": "a b"}
    assert tracker.logged == [(4, {"train/reward": 0.5, "train/rollouts": 3, "train/reward/form": 0.0})]
    assert flat_settings({"settings": {}, "task": {"fields": {"size": 9, "source": None}}}) == {"task.size": 9}


def test_nothing_is_tracked_unless_it_is_asked_for(train, tmp_path, memory):
    tracker = memory(Memory())
    assert train(*SMALL, "--steps", "1") == 0
    assert (tracker.logged, tracker.settings, tracker.finished) == ([], {}, 0)
    assert json.loads((tmp_path / "runs" / "letters" / "config.json").read_text())["tracker_id"] is None


def test_a_tracker_that_fails_is_told_no_more_and_the_others_are(train, tmp_path, memory, capsys):
    bad, good = Memory({"log", "finish"}, name="bad"), Memory(name="good")
    memory(bad, good)
    assert train(*SMALL, "--steps", "2", "--track", "wandb", "--run", "run") == 0
    output = capsys.readouterr().out
    assert output.count("note: bad ") == 1
    assert "note: bad fails and is told no more of this run, which goes on: OSError: no log left" in output
    agree(latest(good.logged), tmp_path / "run")
    assert (bad.logged, good.finished) == ([], 1)


def test_a_tracker_that_cannot_be_closed_is_said(train, memory, capsys):
    memory(Memory({"finish"}))
    assert train(*SMALL, "--steps", "1", "--track", "wandb") == 0
    assert "note: memory could not be closed: OSError: no finish left" in capsys.readouterr().out


def test_a_tracker_that_does_not_start_ends_it_before_any_work(train, tmp_path, memory, capsys):
    memory(Memory(), Memory({"start"}))
    assert train(*SMALL, "--steps", "1", "--track", "wandb", "tensorboard", "--run", "run") == 2
    assert "error: --track wandb tensorboard could not start: OSError: no start left" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TrainingError("it is over"), ZeroDivisionError()])
def test_trackers_are_closed_whatever_ends_the_run(train, monkeypatch, memory, error):
    def step(self):
        raise error

    monkeypatch.setattr(Trainer, "train_step", step)
    tracker = memory(Memory())
    if isinstance(error, ZeroDivisionError):
        with pytest.raises(ZeroDivisionError):
            train(*SMALL, "--steps", "1", "--track", "wandb")
    else:
        assert train(*SMALL, "--steps", "1", "--track", "wandb") == (1 if isinstance(error, TrainingError) else 130)
    assert tracker.finished == 1


def test_a_tracker_that_is_not_installed_is_named_at_once(train, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trackers, "get_available_trackers", lambda: ["tensorboard"])
    require_trackers(["tensorboard"])
    assert train(*SMALL, "--track", "tensorboard", "wandb") == 2
    assert (
        "error: --track wandb needs the package wandb: pip install wandb, or all three trackers with "
        "pip install 'eyechart[track]'" in capsys.readouterr().err
    )
    assert not (tmp_path / "runs").exists()


def test_other_trackers_are_unknown(capsys):
    with pytest.raises(SystemExit):
        parse([*SMALL, "--track", "mlflow"])
    assert "--track" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "track"),
    [
        ("track: wandb", ("wandb",)),
        ("track: [wandb, trackio]", ("wandb", "trackio")),
        ("track: []", ()),
        ('{"settings": {"env": "clock", "track": [], "steps": 3}, "versions": {}}', ()),
    ],
)
def test_trackers_come_from_a_file_too(tmp_path, text, track):
    (tmp_path / "settings").write_text(text)
    config, _, _ = parse(["--env", "clock", "--config", str(tmp_path / "settings")])
    assert config.track == track
    config, _, _ = parse(["--env", "clock", "--config", str(tmp_path / "settings"), "--track", "tensorboard"])
    assert config.track == ("tensorboard",)


def test_captions_hold_no_half_characters():
    row = {"prompt": "What \ud800?", "text": "<answer>\udfff", "answer": None, "reward": 0.0}
    assert caption(row) == "prompt: What ??\n\nanswer: <answer>?\n\nreward: 0.0"
