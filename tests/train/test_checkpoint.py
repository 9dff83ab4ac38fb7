import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from agents.loading import STATE_FILE, latest_checkpoint, load_policy
from train import storage
from train.checkpoint import (
    CHECKSUMS_FILE,
    OPTIMIZER_FILE,
    checkpoints,
    flaw,
    load_trainer_state,
    save_checkpoint,
)
from train.config import TrainConfig, resolved
from train.optimizer import build_optimizers


@pytest.fixture(scope="module")
def policy():
    return load_policy("tiny", 0)


def optimizers(policy):
    return build_optimizers(policy.model, resolved(TrainConfig(env="clock"), small=True, answer_tokens=11))


def save(run, policy, step, keep=2):
    return save_checkpoint(run, policy, optimizers(policy), {"step": step, "seconds": 1.5}, keep)


def test_the_newest_are_kept(tmp_path, policy):
    for step in (0, 5, 100):
        save(tmp_path, policy, step)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000005", "step-000100"]
    newest = checkpoints(tmp_path)[-1]
    assert {"config.json", "model.safetensors", "tokenizer.json", STATE_FILE, OPTIMIZER_FILE} <= {
        path.name for path in newest.iterdir()
    }
    assert json.loads((newest / STATE_FILE).read_text()) == {"step": 100, "seconds": 1.5}


def test_an_unfinished_checkpoint_is_not_one(tmp_path, policy):
    save(tmp_path, policy, 5)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "checkpoints" / ".partial-step-000010").mkdir()
    (tmp_path / "checkpoints" / "step-000020.bak").mkdir()
    assert latest_checkpoint(tmp_path).name == "step-000005"
    assert save(tmp_path, policy, 10).name == "step-000010"
    assert not (tmp_path / "checkpoints" / ".partial-step-000010").exists()


def test_checkpoints_are_ordered_by_their_step(tmp_path):
    names = ("step-999999", "step-1000000~", "step-1000000", "step-000001")
    for name in names:
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    assert [path.name for path in checkpoints(tmp_path)] == [names[3], *names[:3]]


def test_a_checkpoint_is_written_again_in_place(tmp_path, policy):
    save(tmp_path, policy, 5)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [save(tmp_path, policy, 5).name]


def test_there_is_a_whole_checkpoint_at_every_moment(tmp_path, policy, monkeypatch):
    """Also while one of the same step takes its place, and while old ones go."""
    seen = []
    for name in ("replace", "unlink", "mkdir"):
        before = getattr(Path, name)

        def watched(self, *args, before=before, **kwargs):
            seen.append([flaw(path) for path in checkpoints(tmp_path)])
            return before(self, *args, **kwargs)

        monkeypatch.setattr(Path, name, watched)
    rmtree = shutil.rmtree

    def half_removed(folder, **kwargs):
        if (folder / STATE_FILE).exists():
            (folder / "model.safetensors").unlink()
        seen.append([flaw(path) for path in checkpoints(tmp_path)])
        rmtree(folder, **kwargs)

    monkeypatch.setattr(shutil, "rmtree", half_removed)
    save(tmp_path, policy, 5, keep=1)
    seen.clear()
    for step in (5, 6, 6, 7):
        save(tmp_path, policy, step, keep=1)
    assert len(seen) > 20
    assert all(flaws and set(flaws) == {None} for flaws in seen)


def test_a_checkpoint_is_on_disk_before_it_has_its_name(tmp_path, policy, monkeypatch):
    """A power cut leaves no name without its bytes."""
    synced, sync, replace = [], storage.sync, Path.replace

    def watched_sync(path):
        synced.append(path.name)
        sync(path)

    def watched_replace(path, target):
        synced.append(f"renamed to {target.name}")
        return replace(path, target)

    monkeypatch.setattr(storage, "sync", watched_sync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    folder = save(tmp_path, policy, 5)
    files = sorted(path.name for path in folder.iterdir())
    assert sorted(synced[: len(files)]) == files
    assert synced[len(files) :] == [".partial-step-000005", "renamed to step-000005", "checkpoints"]


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(ValueError, match="is not a run"):
        latest_checkpoint(tmp_path)


def test_checksums_are_those_of_sha256sum(tmp_path, policy):
    folder = save(tmp_path, policy, 5)
    sums = json.loads((folder / CHECKSUMS_FILE).read_text())
    assert set(sums) == {path.name for path in folder.iterdir()} - {CHECKSUMS_FILE}
    assert sums[STATE_FILE] == hashlib.sha256((folder / STATE_FILE).read_bytes()).hexdigest()
    assert flaw(folder) is None


def test_an_optimizer_of_another_model_is_named(tmp_path, policy):
    """What the checksums cannot tell: a checkpoint whose parts were put together by hand."""
    own = optimizers(policy)
    for optimizer in own:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        optimizer.zero_grad()
    folder = save_checkpoint(tmp_path, policy, own, {"step": 5}, 2)
    assert load_trainer_state(folder, optimizers(policy)) == {"step": 5}
    other = torch.nn.Linear(3, 2)
    with pytest.raises(
        ValueError, match=r"step-000005 cannot be used: the optimizer's state is another model's: 0\.0\."
    ):
        load_trainer_state(folder, build_optimizers(other, resolved(TrainConfig(env="clock"), True, 11)))
