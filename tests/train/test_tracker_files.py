"""What TensorBoard, Weights & Biases and Trackio wrote, read back."""

import io
import json
import os
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.train.conftest import SMALL
from tests.train.tracked import agree, latest
from train.trackers import caption

# -- TensorBoard -----------------------------------------------------------------------------------------------------


@pytest.fixture
def events():
    """Reads a run's events: scalars as {tag: [(step, value)]}, and the accumulator."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def events(run):
        found = accumulators.EventAccumulator(
            str(run / "tensorboard"),
            size_guidance=dict.fromkeys((accumulators.IMAGES, accumulators.SCALARS, accumulators.TENSORS), 0),
        )
        found.Reload()
        tags = found.Tags()
        return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in tags["scalars"]}, found

    return events


def test_tensorboard_has_the_numbers_and_the_pictures(train, tmp_path, events):
    assert train(*SMALL, "--steps", "3", "--track", "tensorboard", "--run", "run") == 0
    run = tmp_path / "run"
    scalars, found = events(run)
    agree({tag: dict(values) for tag, values in scalars.items()}, run)
    assert [step for step, _ in scalars["train/reward"]] == [1, 2, 3]
    assert [step for step, _ in scalars["eval/mae"]] == [0, 0, 2, 3]
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    assert sorted(found.Tags()["images"]) == ["samples/0", "samples/1"]
    for i in (0, 1):
        shown = found.Images(f"samples/{i}")
        assert [image.step for image in shown] == [0, 0, 2, 3]
        picture = np.asarray(Image.open(io.BytesIO(shown[-1].encoded_image_string)).convert("RGB"))
        assert np.array_equal(picture, np.asarray(Image.open(run / samples[-2 + i]["images"][0])))
        assert picture.shape == (56, 56, 3)
        (text,) = found.Tensors(f"samples/{i}/text_summary")[-1].tensor_proto.string_val
        assert text.decode() == caption(samples[-2 + i])
    # the settings lie beside, as accelerate writes them
    (hparams,) = (run / "tensorboard").glob("*/hparams.yml")
    assert "group_size: 4" in hparams.read_text()


def test_tensorboard_forgets_what_a_resumed_run_does_again(train, tmp_path, events):
    arguments = [*SMALL, "--track", "tensorboard", "--steps", "5"]
    assert train(*arguments, "--run", "whole") == 0
    assert train(*arguments, "--run", "cut") == 0
    last = tmp_path / "cut" / "checkpoints" / "step-000005"
    last.rename(tmp_path / "gone")
    assert train("--resume", "cut") == 0
    assert len(list((tmp_path / "cut" / "tensorboard").glob("events*"))) == 2
    whole, cut = (events(tmp_path / name)[0] for name in ("whole", "cut"))
    assert [step for step, _ in cut["train/reward"]] == [1, 2, 3, 4, 5]
    timeless = [tag for tag in whole if "seconds_" not in tag and "machine_" not in tag]
    assert {tag: cut[tag] for tag in timeless} == {tag: whole[tag] for tag in timeless}


def test_tensorboard_takes_tasks_without_pictures_and_any_text(train, tmp_path, events):
    words = ["--env", "tests.train.words:words", "--model", "tiny-qwen2"]
    assert train(*SMALL, *words, "--steps", "1", "--track", "tensorboard", "--run", "run") == 0
    scalars, found = events(tmp_path / "run")
    assert "eval/blank_mae" not in scalars
    assert found.Tags()["images"] == []
    assert found.Tensors("samples/0/text_summary")


# -- Weights & Biases, Trackio: in processes of their own, for they keep threads and global state -------------------


def command(tmp_path, *words, **environment):
    """Run `python -m train` with no network and no login."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-m", "train", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def wandb_records(path):
    """The records of a run-ID.wandb file: a LevelDB log, blocks of 32 KiB of chunks with headers of 7 bytes."""
    messages = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    data, at, body = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        body += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = messages.Record()
            record.ParseFromString(body)
            body = b""
            yield record


def items(several):
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in several}


def test_wandb_offline(tmp_path):
    pytest.importorskip("wandb")
    status, said = command(
        tmp_path,
        *SMALL,
        *"--steps 3 --track wandb --track-project p --track-name n --run run".split(),
        WANDB_MODE="offline",
        WANDB_API_KEY="",
    )
    assert status == 0, said
    run = tmp_path / "run"
    (path,) = (run / "wandb").glob("offline-run-*/run-*.wandb")
    found, started, settings = {}, None, {}
    for record in wandb_records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            started = record.run
            settings |= items(started.config.update)
        elif kind == "config":
            settings |= items(record.config.update)
        elif kind == "history":
            values = items(record.history.item)
            for name, value in values.items():
                found.setdefault(name, {})[values["_step"]] = value
    assert (started.project, started.display_name) == ("p", "n")
    assert started.run_id == json.loads((run / "config.json").read_text())["tracker_id"]
    assert settings["group_size"] == 4
    shown = {part: found.pop(f"samples/{part}") for part in ("captions", "filenames")}
    assert list(shown["captions"]) == list(shown["filenames"]) == [0, 2, 3]
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    assert shown["captions"][3] == [caption(row) for row in samples[-2:]]
    for name, row in zip(shown["filenames"][3], samples[-2:], strict=True):
        picture = np.asarray(Image.open(path.parent / "files" / name))
        assert np.array_equal(picture, np.asarray(Image.open(run / row["images"][0])))
    agree({name: steps for name, steps in found.items() if not name.startswith(("_", "samples/"))}, run)


def test_wandb_without_a_login_says_what_to_do(tmp_path):
    pytest.importorskip("wandb")
    status, said = command(
        tmp_path, *SMALL, *"--steps 1 --track wandb --run run".split(), WANDB_MODE="online", WANDB_API_KEY=""
    )
    assert status == 2
    assert "error: --track wandb could not start: UsageError: No API key configured." in said
    assert not (tmp_path / "run").exists()


def test_trackio_and_a_resumed_run(tmp_path):
    pytest.importorskip("trackio")
    names = "--track trackio --track-project p --track-name n --run run".split()
    directory = {"TRACKIO_DIR": str(tmp_path / "trackio")}
    status, said = command(tmp_path, *SMALL, "--steps", "2", *names, **directory)
    assert status == 0, said
    status, said = command(tmp_path, "--resume", "run", "--steps", "3", **directory)
    assert status == 0, said
    with sqlite3.connect(tmp_path / "trackio" / "p.db") as database:
        rows = database.execute("SELECT run_id, run_name, step, metrics FROM metrics ORDER BY id").fetchall()
        configs = database.execute("SELECT config FROM configs").fetchall()
    assert len({run_id for run_id, *_ in rows}) == 1
    assert {name for _, name, *_ in rows} == {"n"}
    agree(latest((step, json.loads(metrics)) for *_, step, metrics in rows), tmp_path / "run")
    assert json.loads(configs[0][0])["group_size"] == 4
