"""Runs that are killed with SIGKILL, and go on: the files are those of a run that was never interrupted."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.readme import ROOT
from tests.train.conftest import rows, timeless
from tests.train.kills import RUN, TINY, moments

KILLED = -signal.SIGKILL
FIRST = f"os.rename {RUN}/checkpoints/.partial-step-000000 {RUN}/checkpoints/step-000000"
LAST = FIRST.replace("step-000000", "step-000004")


def require_equal(folder, whole):
    """All that a run tells is the same, but for the time that it took; and nothing half-done is left."""
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(folder / RUN / table) == timeless(whole / RUN / table)
    weights = [f"checkpoints/step-000004/{name}.safetensors" for name in ("model", "optimizer")]
    for name in ("samples.jsonl", "images/eval-000000.png", *weights):
        assert (folder / RUN / name).read_bytes() == (whole / RUN / name).read_bytes()
    files, others = ({str(path.relative_to(run)) for path in (run / RUN).rglob("*")} for run in (folder, whole))
    assert {name.removeprefix(RUN) for name in files} == {name.removeprefix(RUN) for name in others}


def kill_and_go_on(kills, folder, whole, at, half):
    """Kill a new run in one of its moments, resume it, and compare."""
    happened = moments(whole)
    status, said = kills.train(folder, TINY, at, half)
    assert status == KILLED, said
    status, said = kills.train(folder, ["--resume", RUN])
    if at <= happened.index(FIRST):
        assert status == 2, said
        assert "is not a run" in said or "it ended before the first one, so nothing is kept; begin again" in said
    elif at > happened.index(LAST):
        assert status == 2, said
        assert "is at its bound, after 4 steps" in said
        for table in ("metrics.csv", "evals.csv"):
            assert timeless(folder / RUN / table) == timeless(whole / RUN / table)
    else:
        assert status == 0, said
        require_equal(folder, whole)


def some_moments(happened):
    """Every twelfth one, and the first and the last time that each table and picture is written."""
    chosen = set(range(2, len(happened), 12))
    for name in ("metrics.csv", "evals.csv", "samples.jsonl", ".png"):
        written = [i for i, moment in enumerate(happened) if moment.startswith("open") and moment.endswith(name)]
        chosen |= {written[0], written[-1]}
    renamed = [i for i, moment in enumerate(happened) if moment.startswith("os.rename")]
    return sorted({*chosen, *renamed[-3:], happened.index(FIRST), happened.index(FIRST) + 1})


def test_a_run_killed_at_many_moments_goes_on_as_if_it_had_not_been(kills, whole, tmp_path):
    happened = moments(whole)
    chosen = some_moments(happened)
    assert len(chosen) >= 25
    for at in chosen:
        kill_and_go_on(kills, tmp_path / str(at), whole, at, half=True)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_as_if_it_had_not_been(kills, whole, tmp_path):
    for at, moment in enumerate(moments(whole)):
        for half in (False, True) if moment.startswith("open") else (False,):
            kill_and_go_on(kills, tmp_path / f"{at}-{half}", whole, at, half)
            shutil.rmtree(tmp_path / f"{at}-{half}")


@pytest.fixture(scope="module")
def killed(kills, whole, tmp_path_factory):
    """The folder of a run killed in the middle of its fourth checkpoint: later rows, half a folder, one of a step."""
    folder = tmp_path_factory.mktemp("killed")
    at = moments(whole).index(f"open {RUN}/checkpoints/.partial-step-000003/optimizer.safetensors")
    assert kills.train(folder, TINY, at, half=True)[0] == KILLED
    assert [row["step"] for row in rows(folder / RUN / "metrics.csv")] == ["1", "2", "3"]
    return folder


@pytest.mark.parametrize("words", [[RUN], [f"{RUN}/checkpoints/step-000001"]], ids=["newest", "named"])
def test_a_resume_that_is_killed_is_resumed(kills, whole, killed, tmp_path, words):
    """Also one that goes back behind the newest checkpoint: a new start finds rows and checkpoints that fit."""
    shutil.copytree(killed, tmp_path / "once")
    status, said = kills.train(tmp_path / "once", ["--resume", *words])
    assert status == 0, said
    happened = moments(tmp_path / "once")
    trained = next(i for i, moment in enumerate(happened) if "samples.jsonl" in moment and "rename" in moment) + 1
    changes = [
        i for i, moment in enumerate(happened[: trained + 1]) if RUN in moment
    ]  # but no file of a folder that goes
    assert len(changes) > 10
    for at in changes[:: 1 if words == [RUN] else 3]:
        folder = tmp_path / str(at)
        shutil.copytree(killed, folder)
        status, said = kills.train(folder, ["--resume", *words], at, half=True)
        assert status == KILLED, said
        status, said = kills.train(folder, ["--resume", RUN])
        assert status == 0, said
        require_equal(folder, whole)


@pytest.mark.parametrize("delay", [0.4, *(pytest.param(0.08 * i, marks=pytest.mark.slow) for i in range(16))])
def test_a_process_killed_by_another_goes_on(whole, tmp_path, delay):
    """The same without any of the apparatus: the command itself, and a clock that begins with the first rows."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command, options = [sys.executable, "-m", "train"], {"cwd": tmp_path, "env": environment}
    process = subprocess.Popen([*command, *TINY], **options)
    while process.poll() is None and not (tmp_path / RUN / "evals.csv").exists():
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    process.wait()
    begun = any((tmp_path / RUN / "checkpoints").glob("step-*"))
    done = subprocess.run([*command, "--resume", RUN], **options, capture_output=True, text=True)
    if not begun:
        assert done.returncode == 2
        assert "nothing is kept; begin again" in done.stderr
    else:
        assert done.returncode == 0 or "is at its bound" in done.stderr, done.stderr
        for table in ("metrics.csv", "evals.csv"):
            assert timeless(tmp_path / RUN / table) == timeless(whole / RUN / table)
