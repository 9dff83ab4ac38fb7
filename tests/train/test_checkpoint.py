import json

import pytest

from agents.loading import STATE_FILE, latest_checkpoint, load_policy
from train.checkpoint import (
    OPTIMIZER_FILE,
    checkpoints,
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
    (tmp_path / "checkpoints" / ".step-000010.partial").mkdir()
    (tmp_path / "checkpoints" / "step-000020").mkdir()
    assert latest_checkpoint(tmp_path).name == "step-000005"
    assert save(tmp_path, policy, 10).name == "step-000010"


def test_a_checkpoint_is_written_again_in_place(tmp_path, policy):
    save(tmp_path, policy, 5)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [save(tmp_path, policy, 5).name]


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(ValueError, match="is not a run"):
        latest_checkpoint(tmp_path)


def test_a_checkpoint_is_no_run(tmp_path, policy):
    folder = save(tmp_path / "run", policy, 5)
    with pytest.raises(ValueError, match=r"is a checkpoint; name its run, .*run$"):
        latest_checkpoint(folder)


@pytest.mark.parametrize("name", [OPTIMIZER_FILE, STATE_FILE])
def test_a_broken_checkpoint_is_named(tmp_path, policy, name):
    folder = save(tmp_path, policy, 5)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="step-000005 is broken"):
        load_trainer_state(folder, optimizers(policy))
