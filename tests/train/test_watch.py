from types import SimpleNamespace

import psutil
import pytest
import torch

import envs
from agents.phases import Phases
from tests.train.conftest import SMALL
from tests.train.test_loop import remove
from train.watch import Watch, seconds_by_phase

NO_TASK = SimpleNamespace(task=None)
CUT = "of the answers are cut off at step 10; a larger --max-new-tokens gives them room"


@pytest.fixture
def watch():
    config = SimpleNamespace(algorithm="grpo", callback=(), show_samples=0)
    return Watch(config, NO_TASK, print, SimpleNamespace(main=True, device=torch.device("cpu")))


def test_columns_of_the_machine(watch, monkeypatch):
    monkeypatch.setattr("time.perf_counter", lambda: 14.0)
    found = watch.machine(1024, 10.0)
    assert found["machine_samples_per_second"] == 256.0
    assert found["machine_cuda_peak_mib"] is None
    assert found["machine_memory_mib"] == pytest.approx(psutil.Process().memory_info().rss / 2**20, rel=0.2)


def test_columns_of_the_phases():
    phases = Phases()
    phases.seconds.update(draw=0.5, generate=2.0)
    assert seconds_by_phase(phases) == {"seconds_draw": 0.5, "seconds_generate": 2.0, "seconds_score": 0.0}
    assert not phases.seconds  # the next step begins at 0


def test_other_processes_call_no_callback(tmp_path):
    told = []
    watch = Watch(
        SimpleNamespace(algorithm="grpo", callback=("no_such_module:f",)),
        NO_TASK,
        print,
        SimpleNamespace(main=False, device=None),
    )
    watch.add([lambda event, values: told.append(event)])
    watch.callbacks.tell("step", {})
    assert told == []


def test_alerts_know_what_the_task_pays_and_how_far_off_one_can_be():
    task = envs.make_task("clock", accuracy_weight=1.5, format_weight=0.5)
    config, processes = SimpleNamespace(algorithm="grpo", callback=()), SimpleNamespace(main=True, device=None)
    alerts = Watch(config, SimpleNamespace(task=task), print, processes).alerts
    assert (alerts.best, alerts.worst_error) == (2.0, 360.0)


def test_a_resumed_run_says_what_the_whole_one_says(train, tmp_path, capsys):
    """Untrained answers are cut off, and told of at the tenth step."""
    words = (*SMALL, "--cold-start", "none", "--checkpoint-every", "5", "--eval-every", "50", "--keep-checkpoints", "9")
    train(*words, "--steps", "12", "--run", "run")
    whole = capsys.readouterr().out
    assert whole.count("cut off at step") == whole.count(CUT) == 1
    remove(tmp_path / "run" / "checkpoints" / "step-000012")
    train("--resume", "run")
    assert "cut off at step" not in capsys.readouterr().out  # it goes on after the tenth
    remove(tmp_path / "run" / "checkpoints" / "step-000012")
    remove(tmp_path / "run" / "checkpoints" / "step-000010")
    train("--resume", "run")
    said = capsys.readouterr().out
    (note,) = [line for line in whole.splitlines() if CUT in line]
    assert note in said.splitlines()
    assert said.count("cut off at step") == 1
