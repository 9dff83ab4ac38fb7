"""A disk that is full, or may not be written: the run says so, keeps its last checkpoint, and goes on afterwards."""

import errno
import os
import subprocess

import pytest

from tests.train.conftest import SMALL, timeless
from tests.train.kills import RUN, TINY, moments
from tests.train.test_kill import FIRST, require_equal
from train.checkpoint import checkpoints, flaw
from train.storage import WriteError

REASONS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)


def require_clear(folder, status, said, reason):
    """It was told in one line, nothing half-done is left, and the checkpoints are whole; returns the newest."""
    assert status == 1, said
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert f"could not be written: {reason}" in line
    assert not list((folder / RUN).rglob(".partial-*"))
    kept = checkpoints(folder / RUN)
    assert [flaw(path) for path in kept] == [None] * len(kept)
    if not kept:
        assert line.endswith(
            ("so nothing is kept: put that right, and begin again", "put that right, and start it again")
        )
        return None
    newest = f"{RUN}/checkpoints/{kept[-1].name}"
    assert line.endswith(f"; {newest} is kept: put that right, then go on with: python -m train --resume {RUN}")
    return kept[-1]


def some_moments(happened):
    """Writing settings, rows, samples, a picture, each part of a checkpoint; and putting things in their place."""
    tables, states = ("metrics.csv", "evals.csv", "samples.jsonl", ".png"), ("trainer_state.json", "config.json")
    weights = ("model.safetensors", "optimizer.safetensors", "processor_config.json")
    wanted = {
        "open": (*tables, *weights, *states),
        "os.rename": (" run/checkpoints/step-000002",),
        "os.mkdir": (".partial-step-000003",),
    }
    found = {
        max(i for i, moment in enumerate(happened) if moment.startswith(event) and moment.endswith(name))
        for event, names in wanted.items()
        for name in names
    }
    settings = happened.index(f"open {RUN}/.partial-config.json")
    return sorted({*found, settings, happened.index(FIRST)})


def test_a_disk_that_fills_up_is_told_and_the_run_goes_on_afterwards(kills, whole, tmp_path):
    happened = moments(whole)
    for i, at in enumerate(some_moments(happened)):
        folder, error = tmp_path / str(at), REASONS[i % len(REASONS)]
        status, said = kills.train(folder, TINY, at, half=True, error=error)
        newest = require_clear(folder, status, said, os.strerror(error))
        assert (newest is None) == (at <= happened.index(FIRST))
        if at == happened.index(FIRST):
            assert "name another folder" in kills.train(folder, TINY)[1]
        elif i % 2 == 0:
            status, said = kills.train(folder, ["--resume", RUN] if newest else TINY)
            assert status == 0, said
            require_equal(folder, whole)


def test_a_file_that_the_system_lets_grow_no_more(kills, whole, tmp_path):
    """The system's own error, while the weights are written: from safetensors, which knows no OSError."""
    status, said = kills.train(tmp_path, TINY, largest=1_000_000)
    assert require_clear(tmp_path, status, said, "File too large") is None
    folder = tmp_path / "begun"
    kills.train(folder, TINY, at=moments(whole).index(FIRST) + 1)
    status, said = kills.train(folder, ["--resume", RUN], largest=1_000_000)
    newest = require_clear(folder, status, said, "File too large")
    assert newest is not None
    assert newest.name == "step-000000"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 MB, and a function that makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only an administrator can mount a file system")
    yield disk, lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
    subprocess.run(["umount", disk], check=True)


def test_a_full_file_system(kills, whole, small_disk):
    disk, resize = small_disk
    status, said = kills.train(disk, TINY, largest=2**30)
    newest = require_clear(disk, status, said, "No space left on device")
    assert newest is not None
    assert newest.name < "step-000004"
    status, said = kills.train(disk, ["--resume", RUN], largest=2**30)  # still full
    require_clear(disk, status, said, "No space left on device")
    resize("128m")
    status, said = kills.train(disk, ["--resume", RUN])
    assert status == 0, said
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(disk / RUN / table) == timeless(whole / RUN / table)


def test_curves_that_cannot_be_drawn_end_nothing(make, capsys, monkeypatch):
    from train import loop

    trainer = make()
    trainer.draw()
    assert capsys.readouterr() == ("", "")  # nothing was evaluated
    trainer.record.evals.path.write_text("phase")
    trainer.draw()
    assert "note: no curves can be had: " in capsys.readouterr().err

    def full(_, path):
        path.write_text("half a picture")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loop, "write_curves", full)
    trainer.draw()
    assert "curves.png could not be written: No space left on device" in capsys.readouterr().err
    assert not list(trainer.folder.glob("*curves*"))


def test_a_report_that_cannot_be_written_ends_nothing(train, tmp_path, capsys, monkeypatch):
    from train import loop

    monkeypatch.setattr(loop, "write_report", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    assert train(*SMALL, "--steps", "1", "--run", "run") == 0
    assert "report.html could not be written: No space left" in capsys.readouterr().err
    assert (tmp_path / "run" / "curves.png").exists()
    assert not list((tmp_path / "run").glob("*report*"))


@pytest.mark.parametrize("words", [TINY, ["--resume", RUN]])
def test_a_run_that_cannot_begin_is_told(train, capsys, monkeypatch, words):
    from train import setup

    told = "run/config.json could not be written: No space left on device"

    def full(*_):
        raise WriteError(told)

    monkeypatch.setattr(setup, "new_trainer", full)
    monkeypatch.setattr(setup, "resumed_trainer", full)
    assert train(*words) == 1
    assert capsys.readouterr().err == f"error: {told}; put that right, and start it again\n"


def test_output_to_a_full_disk_is_told_too(train, capsys, monkeypatch):
    from train.progress import Progress

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Progress, "step", full)
    assert train(*TINY) == 1
    said = capsys.readouterr().err
    assert "No space left on device; run/checkpoints/step-000000 is kept: put that right, then go on with" in said
