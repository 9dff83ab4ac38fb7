import json

import pytest

from train.checkpoint import OPTIMIZER_FILE, STATE_FILE, checkpoints, latest_checkpoint, save_checkpoint
from train.config import TrainConfig, resolved
from train.optimizer import build_optimizers
from train.setup import load_policy


@pytest.fixture(scope="module")
def policy():
    return load_policy("tiny", 0)


def save(run, policy, step, keep=2):
    optimizers = build_optimizers(policy.model, resolved(TrainConfig(env="clock"), answer_tokens=11))
    return save_checkpoint(run, policy, optimizers, {"step": step, "seconds": 1.5}, keep)


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
