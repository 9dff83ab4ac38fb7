"""What learns, in which precision, and what the backward pass keeps."""

import pytest
import torch

from agents.loading import load_policy
from tests.train.steps import crafted
from train.config import TrainConfig, resolved
from train.preparation import choose_what_learns, load_for_training


def gradients(trainer, **fields):
    """The gradient of a crafted batch, before any step, flattened."""
    rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 1.0]])
    kept = []
    trainer.learner._step = lambda factor: kept.extend(
        p.grad.flatten().clone() for p in trainer.policy.model.parameters() if p.grad is not None
    )
    advantages_B = rollout.rewards_PG.flatten() - 0.3
    trainer.learner.update(rollout, advantages_B, 1.0, 0.05)
    return torch.cat(kept)


def relative(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("normalise", ["token", "sequence", "constant"])
def test_accumulated_gradients_are_those_of_one_big_batch(make, normalise):
    whole = gradients(make(normalise=normalise, micro_batch_tokens=10**6))
    parts = gradients(make(normalise=normalise, micro_batch_tokens=1))
    assert relative(parts, whole) < 1e-5
    assert whole.norm() > 1e-3


@pytest.mark.parametrize("k", [4, 2, 1])
def test_checkpointed_gradients_are_the_plain_ones(make, monkeypatch, k):
    from agents import packing

    monkeypatch.setattr(packing, "MAX_PACKED_TOKENS", 14 * k)
    plain = gradients(make())
    trainer = make(gradient_checkpointing="always")
    choose_what_learns(trainer.policy, trainer.config)
    layers = trainer.policy.model.model.language_model.layers
    passes = []
    layers[0].mlp.register_forward_pre_hook(lambda *_: passes.append(1))
    assert relative(gradients(trainer), plain) < 1e-5
    assert len(passes) == 4  # two of the crafted batch's own, prompt and answers; two of the learner's
    assert not trainer.policy.model.training  # the rollout needs its cache


def settings(small=True, gpu=False, **fields):
    return resolved(TrainConfig(env="clock", **fields), small, 11, gpu)


def test_defaults_follow_model_and_device():
    assert settings().vision == "trained"
    assert settings(lora=True).vision == "frozen"
    assert settings(lora=True, vision="trained").vision == "trained"
    kinds = {(small, gpu): settings(small, gpu).dtype for small in (True, False) for gpu in (True, False)}
    assert [key for key, dtype in kinds.items() if dtype == "bfloat16"] == [(False, True)]
    assert (settings().gradient_checkpointing, settings(False).gradient_checkpointing) == ("never", "always")
    assert settings(lora=True).optimizer == "adamw"
    assert settings(False, lora=True).learning_rate == pytest.approx(10 * settings(False).learning_rate)


def test_a_frozen_vision_tower_does_not_learn():
    policy = load_policy("tiny", 0)
    choose_what_learns(policy, settings(vision="frozen"))
    learning = {name.split(".")[1] for name, p in policy.model.named_parameters() if p.requires_grad}
    assert learning == {"language_model"}


def test_weights_that_learn_are_in_full_precision(base):
    halves = settings(lora=True, dtype="bfloat16", model=base)
    policy = load_for_training(halves, base)
    assert {p.dtype for p in policy.model.parameters()} == {torch.bfloat16}
    choose_what_learns(policy, halves)
    assert {p.dtype for p in policy.model.parameters() if p.requires_grad} == {torch.float32}
    whole = load_for_training(settings(dtype="bfloat16", model=base), base)
    assert {p.dtype for p in whole.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("lora", [False, True])
def test_in_half_precision_rollout_and_learner_agree(make, lora):
    trainer = make(dtype="bfloat16", lora=lora, optimizer="adamw", learning_rate=1e-4)
    if lora:
        trainer.policy.cast(torch.bfloat16)
        choose_what_learns(trainer.policy, trainer.config)
        trainer.learner = type(trainer.learner)(trainer.config, trainer.policy, trainer.processes, print)
    trainer.train_step()
    (row,) = (trainer.folder / "metrics.csv").read_text().splitlines()[1:]
    names = (trainer.folder / "metrics.csv").read_text().splitlines()[0].split(",")
    gap = float(dict(zip(names, row.split(","), strict=True))["logp_gap"])
    assert 0 < gap < 0.1
