"""Small real runs, through the command line's own entry point."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import envs
from agents.families import load_pretrained
from agents.policy import Draws, texts_of
from rendering import render
from tests.train.conftest import SMALL, TIMED, rows, timeless


def test_a_run_leaves_everything_behind(train, tmp_path):
    assert train(*SMALL, "--steps", "3") == 0
    run = tmp_path / "runs" / "letters"
    config = json.loads((run / "config.json").read_text())
    assert config["env"] == "Letters-v0"
    assert config["module"] == "tests.train.letters"
    assert config["settings"]["group_size"] == 4
    assert config["task"]["fields"]["size"] == 56
    assert config["yardsticks"]["chance"] == pytest.approx(4.98, abs=0.3)  # two of 15 even counts: (15² − 1) / 45
    assert config["versions"]["torch"] == torch.__version__.split("+")[0]
    metrics = rows(run / "metrics.csv")
    assert [int(row["step"]) for row in metrics] == [1, 2, 3]
    assert [int(row["rollouts"]) for row in metrics] == [16, 32, 48]
    assert all(float(row["logp_gap"]) < 1e-4 for row in metrics)
    assert all(int(row["groups_without_spread"]) == 0 for row in metrics)
    timed = [name for name in metrics[0] if name.startswith(TIMED)]
    assert list(metrics[0])[-len(timed) :] == timed  # they stand last
    assert timed == [
        *(f"machine_{name}" for name in ("samples_per_second", "memory_mib", "cuda_peak_mib", "cpu_percent")),
        *(f"seconds_{name}" for name in ("total", "rollout", "learn", "draw", "generate", "score")),
    ]
    for row in metrics:
        phases = [float(row[f"seconds_{name}"]) for name in ("draw", "generate", "score")]
        assert 0 < sum(phases) <= float(row["seconds_rollout"])
        assert min(phases) > 0
        assert float(row["machine_memory_mib"]) > 50
        assert float(row["reward_min"]) <= float(row["reward"]) <= float(row["reward_max"])
    evals = rows(run / "evals.csv")
    assert [(row["phase"], row["step"]) for row in evals] == [
        ("start", "0"),
        ("cold-start", "0"),
        ("train", "2"),
        ("end", "3"),
    ]
    assert [path.name for path in sorted((run / "checkpoints").iterdir())] == ["step-000002", "step-000003"]
    assert Image.open(run / "curves.png").size[0] > 500
    report = (run / "report.html").read_text(encoding="utf-8")
    assert report.count("data:image/png") >= 4  # two held-out letters, a training problem, and what was answered
    assert not [path for path in run.rglob("*") if path.suffix in {".pt", ".pkl", ".bin", ".pth"}]


def test_samples_are_what_was_asked_and_answered(train, tmp_path):
    train(*SMALL, "--steps", "1")
    run = tmp_path / "runs" / "letters"
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    samples = [sample for sample in samples if sample["phase"] != "rollout"]
    assert [sample["seed"] for sample in samples] == [0, 1] * 3
    task = envs.make_task("tests.train.letters:letters")
    for sample in samples:
        posed = envs.problem(task, sample["seed"], "eval")
        assert sample["answer"] == posed.answer
        score = task.score(sample["text"], posed.answer)
        assert (sample["reward"], sample["error"]) == (pytest.approx(score.reward), pytest.approx(score.error))
        assert np.array_equal(np.asarray(Image.open(run / sample["images"][0])), render(posed.scene, 56))


def test_the_same_seed_is_the_same_run(train, tmp_path):
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        train(*SMALL, "--steps", "2", "--seed", seed, "--run", name)
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(tmp_path / "a" / table) == timeless(tmp_path / "b" / table)
    assert timeless(tmp_path / "a" / "metrics.csv") != timeless(tmp_path / "c" / "metrics.csv")


@pytest.mark.parametrize("extra", [(), ("--kl-weight", "0.1", "--updates-per-batch", "2", "--optimizer", "adamw")])
def test_a_resumed_run_continues_the_same_numbers(train, tmp_path, extra):
    train(*SMALL, *extra, "--steps", "5", "--run", "whole")
    train(*SMALL, *extra, "--steps", "5", "--run", "cut")
    # as if killed after step 5, with the checkpoint of step 4 the newest
    remove(tmp_path / "cut" / "checkpoints" / "step-000005")
    assert train("--resume", "cut") == 0
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(tmp_path / "cut" / table) == timeless(tmp_path / "whole" / table)
    assert (tmp_path / "cut" / "samples.jsonl").read_bytes() == (tmp_path / "whole" / "samples.jsonl").read_bytes()


def remove(folder):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_a_finished_run_goes_on_with_a_larger_bound(train, tmp_path, capsys):
    train(*SMALL, "--steps", "2")
    assert train("--resume", "runs/letters") == 2
    assert "larger --steps, --minutes or --epochs" in capsys.readouterr().err
    assert train("--resume", "runs/letters", "--steps", "3") == 0
    assert [row["step"] for row in rows(tmp_path / "runs" / "letters" / "metrics.csv")] == ["1", "2", "3"]


def test_a_run_killed_before_its_first_step_goes_on_after_the_cold_start(train, tmp_path):
    train(*SMALL, "--steps", "3", "--run", "whole")
    train(*SMALL, "--steps", "3", "--run", "cut", "--keep-checkpoints", "9")
    for step in (2, 3):
        remove(tmp_path / "cut" / "checkpoints" / f"step-{step:06d}")
    assert train("--resume", "cut") == 0
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(tmp_path / "cut" / table) == timeless(tmp_path / "whole" / table)


def test_a_new_bound_replaces_the_old_ones_and_is_kept(train, tmp_path):
    train(*SMALL, "--steps", "2")
    run = tmp_path / "runs" / "letters"
    assert train("--resume", "runs/letters", "--minutes", "0.01") == 2  # it took longer already
    assert json.loads((run / "config.json").read_text())["settings"]["steps"] == 2
    assert train("--resume", "runs/letters", "--steps", "4") == 0
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert (settings["steps"], settings["minutes"]) == (4, None)


def test_a_broken_config_is_named(train, tmp_path, capsys):
    train(*SMALL, "--steps", "1")
    path = tmp_path / "runs" / "letters" / "config.json"
    document = json.loads(path.read_text())
    document["settings"]["warmth"] = 3
    path.write_text(json.dumps(document))
    assert train("--resume", "runs/letters", "--steps", "2") == 2
    assert "another version of Eyechart" in capsys.readouterr().err
    (tmp_path / "runs" / "letters" / "config.json").write_text('{"env": ')
    assert train("--resume", "runs/letters") == 2
    assert "config.json is broken" in capsys.readouterr().err


def test_ctrl_c_ends_with_a_checkpoint_and_the_curves(tmp_path):
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "train", *SMALL, "--steps", "100000", "--checkpoint-every", "100000"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    run = tmp_path / "runs" / "letters"
    deadline = time.monotonic() + 120
    while not ((run / "metrics.csv").exists() and len(rows(run / "metrics.csv")) >= 2):
        assert time.monotonic() < deadline, "no step was done"
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume runs/letters" in output
    last = rows(run / "metrics.csv")[-1]["step"]
    assert (run / "checkpoints" / f"step-{int(last):06d}" / "model.safetensors").exists()
    assert (run / "curves.png").exists()


def test_checkpoints_are_ordinary_folders(train, tmp_path):
    train(*SMALL, "--steps", "1")
    folder = tmp_path / "runs" / "letters" / "checkpoints" / "step-000001"
    policy = load_pretrained(str(folder))
    observations = {"prompt": ("What time is it?",), "image": np.zeros((1, 56, 56, 3), np.uint8)}
    assert texts_of(policy.respond(observations, {}, Draws.greedy([0])))
    # a run and a checkpoint are models too
    for name, model in (("from-run", "runs/letters"), ("from-folder", str(folder))):
        assert train(*SMALL, "--steps", "1", "--run", name, "--model", model, "--learning-rate", "1e-4") == 0
    assert timeless(tmp_path / "from-run" / "evals.csv") == timeless(tmp_path / "from-folder" / "evals.csv")


def test_micro_batches_change_nothing_but_rounding(train, tmp_path):
    for name, size in (("one", "100000"), ("many", "1")):
        train(*SMALL, "--steps", "1", "--run", name, "--micro-batch-tokens", size)
    one, many = (rows(tmp_path / name / "metrics.csv")[0] for name in ("one", "many"))
    for column in ("loss", "entropy", "grad_norm", "reward"):
        assert float(one[column]) == pytest.approx(float(many[column]), rel=1e-4)
