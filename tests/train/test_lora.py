"""Training low-rank adapters: from the command line to a merged model."""

import json

import pytest
import torch
from safetensors.torch import load_file

from agents.loading import load_policy
from tests.train.conftest import SMALL, timeless
from tests.train.steps import crafted, update
from train.preparation import choose_what_learns

LORA = (*SMALL, "--lora", "--lora-rank", "4", "--lora-targets", "q_proj,o_proj", "--cold-start", "none")


def test_only_the_adapter_is_trained_and_kept(train, tmp_path, base):
    assert train(*LORA, "--model", base, "--steps", "3", "--run", "a") == 0
    last = tmp_path / "a" / "checkpoints" / "step-000003"
    assert not (last / "model.safetensors").exists()
    assert not (tmp_path / "a" / "base").exists()  # a folder is there already
    adapter = load_file(last / "adapter_model.safetensors")
    assert len(adapter) == 2 * 2 * 2
    assert any(value.abs().max() > 0 for name, value in adapter.items() if "lora_B" in name)
    assert json.loads((last / "adapter_config.json").read_text())["base_model_name_or_path"] == base
    trained = load_policy(str(tmp_path / "a"), 0, adapter="merged").model.state_dict()
    before = load_policy(base, 0).model.state_dict()
    changed = {name for name, value in trained.items() if not torch.equal(value, before[name])}
    assert changed == {
        f"model.language_model.layers.{i}.self_attn.{name}.weight" for i in (0, 1) for name in ("q_proj", "o_proj")
    }


def test_resumed_it_is_the_same_run(train, tmp_path, base):
    flags = (*LORA, "--model", base, "--kl-weight", "0.1", "--lr-schedule", "constant")
    assert train(*flags, "--steps", "4", "--run", "whole") == 0
    assert train(*flags, "--steps", "2", "--run", "halved") == 0
    assert train("--resume", "halved", "--steps", "4") == 0
    assert timeless(tmp_path / "halved" / "metrics.csv") == timeless(tmp_path / "whole" / "metrics.csv")
    assert not (tmp_path / "halved" / "reference").exists()  # the reference is the model with its adapter off


def test_weights_that_lie_nowhere_are_kept_beside_their_adapter(train, tmp_path):
    assert train(*LORA, "--steps", "2", "--run", "a") == 0
    (tmp_path / "a").rename(tmp_path / "b")  # and move with it
    assert load_policy(str(tmp_path / "b"), 0).adapter is not None
    assert train(*LORA, "--model", "b", "--steps", "2", "--run", "c") == 0  # an adapter on a merged one
    assert (tmp_path / "c" / "base" / "model.safetensors").exists()


def test_the_divergence_is_from_the_model_without_its_adapter(make):
    trainer = make(optimizer="adamw", learning_rate=1e-3, lora=True, kl_weight=1.0, entropy_bonus=0.0)
    policy, config = trainer.policy, trainer.config
    rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    reference = rollout.answers.logp_BT
    choose_what_learns(policy, config)
    trainer.learner = type(trainer.learner)(config, policy, trainer.processes, print)
    trainer.keep_reference()
    assert trainer.learner.reference is policy
    assert update(trainer, rollout)["kl"] == pytest.approx(0.0, abs=1e-9)
    with torch.no_grad():
        now, _ = policy.log_probabilities(rollout.prompts, rollout.answers.ids_BT, rollout.answers.mask_BT)
    difference = (reference - now)[rollout.answers.mask_BT]
    expected = (difference.exp() - difference - 1).mean()
    assert expected > 1e-6
    assert update(trainer, rollout)["kl"] == pytest.approx(float(expected), rel=1e-3)


def test_what_cannot_be_is_said_before_anything_is_written(train, tmp_path, capsys):
    assert train(*SMALL, "--lora", "--lora-targets", "qproj", "--run", "a") == 2
    assert "--lora-targets qproj: no layer is named qproj; there are down_proj" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_other_weights_under_the_adapter_are_noticed(train, tmp_path, base, capsys):
    assert train(*LORA, "--model", base, "--steps", "1", "--run", "a") == 0
    load_policy("tiny", 1).save(tmp_path / "model")
    assert train("--resume", "a", "--steps", "2") == 2
    assert "the weights under its adapter are not those that it began with" in capsys.readouterr().err


def test_a_run_s_checkpoint_is_copied_for_the_run_may_delete_it(train, tmp_path):
    assert train(*SMALL, "--steps", "2", "--run", "a") == 0
    point = "a/checkpoints/step-000002"
    assert train(*LORA, "--model", point, "--steps", "1", "--run", "b") == 0
    assert (tmp_path / "b" / "base" / "model.safetensors").exists()


def test_memory_that_runs_out_in_a_step_ends_the_run(train, tmp_path, base, capsys, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    assert train(*LORA, "--model", base, "--steps", "1", "--run", "a") == 1
    said = capsys.readouterr().err
    assert "error: out of memory; --dry-run tells what the run takes" in said
    assert "Traceback" not in said
