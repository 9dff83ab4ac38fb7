"""The published losses by name, against their formulas and against TRL's own code on the same numbers."""

import dataclasses
import gc
import weakref

import pytest
import torch

from agents.loading import load_policy
from tests.train import letters  # noqa: F401 (registers the letters)
from tests.train.steps import G, P, crafted
from tests.train.trl_steps import LOSSES as TRL
from tests.train.trl_steps import scored, stand_in, theirs, trl  # noqa: F401 (a fixture)
from train.config import TrainConfig, resolved
from train.replay import advantages_of, learner_batch

REWARDS = [[1.0, 0.0, 0.5, 0.0], [0.2, 0.0, 0.0, 0.9]]
B = P * G


def shifted(trainer, scale):
    """A rollout by a policy that differs a little, token by token; its second answer was cut, two others are short."""
    T = trainer.policy.encode(["<answer>01:10:00</answer>"])[0].shape[1]
    moved_BT = scale * torch.randn(B, T, generator=torch.Generator().manual_seed(0))
    rollout = crafted(trainer, REWARDS, moved_BT)
    answers = rollout.answers
    answers.ids_BT[1, answers.mask_BT[1].sum() - 1] = 65
    for row, length in ((3, 4), (6, 7)):
        answers.ids_BT[row, length - 1] = trainer.policy.end_ids[0]
        answers.ids_BT[row, length:], answers.mask_BT[row, length:] = trainer.policy.pad_id, False
    with torch.no_grad():
        logp_BT, _ = trainer.policy.log_probabilities(rollout.prompts, answers.ids_BT, answers.mask_BT)
    logp_BT = (logp_BT - moved_BT) * answers.mask_BT
    return dataclasses.replace(rollout, answers=dataclasses.replace(answers, logp_BT=logp_BT))


def settings_of(name, **fields):
    fields = {"optimizer": "adamw", "learning_rate": 1e-4, "entropy_bonus": 0.0, "old_policy": "rollout", **fields}
    return {"loss": name, **fields}


def log_probabilities(trainer, rollout):
    """Of the answers: under the policy, with a gradient, and under the reference."""
    arguments = (rollout.prompts, rollout.answers.ids_BT, rollout.answers.mask_BT)
    with torch.no_grad():
        reference_BT = trainer.learner.reference.log_probabilities(*arguments)[0] if trainer.learner.reference else None
    return trainer.policy.log_probabilities(*arguments)[0], reference_BT


def gradient_of(loss, trainer):
    """Its norm, as `grad_norm` is that of ours."""
    parameters = list(trainer.policy.model.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.stack([g.norm() for g in gradients if g is not None]).norm().item()


@pytest.mark.parametrize("micro_batch_tokens", [1, 10_000])
@pytest.mark.parametrize("name", TRL)
def test_trl_computes_the_same_loss_and_gradient(trl, make, name, micro_batch_tokens):  # noqa: F811
    """From the rewards on: advantages, what was cut, ratio, clip, divergence, averages."""
    scale = {"gspo": 2e-3, "cispo": 2.0}.get(name, 0.4)  # so that some are clipped
    trainer = make(**settings_of(name, micro_batch_tokens=micro_batch_tokens))
    if trainer.config.kl_weight:
        trainer.learner.reference = load_policy("tiny", 1)
    rollout = shifted(trainer, scale)
    loss = theirs(trl, trainer, rollout, name)
    gradient = gradient_of(loss, trainer)
    advantages_B = advantages_of(rollout, trainer.config).flatten()
    ours = trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
    assert gradient > 1e-3
    assert ours["loss"] == pytest.approx(loss.item(), rel=1e-4, abs=1e-6)
    assert ours["grad_norm"] == pytest.approx(gradient, rel=1e-3)
    assert 0 < ours["clip_fraction"] < 1


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "gspo", "cispo"])
def test_trl_leaves_out_what_was_cut_alike_whatever_the_average(trl, make, name):  # noqa: F811
    trainer = make(**settings_of(name, overlong="masked", kl_weight=0.0))
    rollout = shifted(trainer, 0.1)
    loss = theirs(trl, trainer, rollout, name).item()
    counted = make(**settings_of(name, overlong="counted", kl_weight=0.0))
    ours = trainer.learner.update(rollout, advantages_of(rollout, trainer.config).flatten(), 1.0, 0.0)
    assert ours["loss"] == pytest.approx(loss, rel=1e-4, abs=1e-6)
    assert abs(theirs(trl, counted, rollout, name).item() - loss) > 1e-3


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_trl_makes_the_same_advantages_of_rewards(trl, make, scale):  # noqa: F811
    """But for "batch": there TRL divides by the deviation of the rewards, we by that of the centred ones."""
    trainer = make(**settings_of(None, advantage_scale=scale))
    rollout = shifted(trainer, 0.0)
    ours_B = advantages_of(rollout, trainer.config).flatten()
    theirs_B = scored(trl, stand_in(trainer, rollout, "dapo"))["advantages"]
    if scale == "batch":
        rewards = torch.tensor(REWARDS)
        within = (rewards - rewards.mean(1, keepdim=True)).std()
        assert not torch.allclose(ours_B, theirs_B, rtol=1e-3)
        theirs_B = theirs_B * (rewards.std() + 1e-4) / (within + 1e-4)
    torch.testing.assert_close(ours_B, theirs_B, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", TRL)
def test_trl_pays_for_entropy_alike_where_tokens_are_averaged_alike(trl, make, name):  # noqa: F811
    """Ours is averaged as the rest of the loss is, TRL's always over tokens; what differs is that, and nothing else."""
    bonus, settings = 0.3, settings_of(name, kl_weight=0.0, overlong="counted")
    trainer = make(**settings)
    trainer.policy.model.get_output_embeddings().weight.data.mul_(4)  # so that entropies differ
    rollout = shifted(trainer, 0.1)
    loss = theirs(trl, trainer, rollout, name, bonus)
    gradient = gradient_of(loss, trainer)
    advantages_B = advantages_of(rollout, trainer.config).flatten()
    with torch.no_grad():
        answers = rollout.answers
        _, entropy_BT = trainer.policy.log_probabilities(rollout.prompts, answers.ids_BT, answers.mask_BT)
    weights_BT = learner_batch(rollout, advantages_B, trainer.config, trainer.policy, 0.0).weights_BT
    apart = bonus * ((weights_BT * entropy_BT).sum() - entropy_BT[answers.mask_BT].mean()).item()
    ours = trainer.learner.update(rollout, advantages_B, 1.0, bonus)
    assert ours["loss"] == pytest.approx(loss.item() - apart, rel=1e-4, abs=1e-5)
    assert abs(apart) < 1e-5 if trainer.config.normalise == "token" else abs(apart) > 1e-3
    if trainer.config.normalise == "token":
        assert ours["grad_norm"] == pytest.approx(gradient, rel=1e-3)


def test_trl_mixes_a_reference_alike():
    callbacks = pytest.importorskip("trl.trainer.callbacks", reason="this compares with TRL")
    from train.reference import changed_reference

    policy, ours, trls = load_policy("tiny", 0), load_policy("tiny", 1), load_policy("tiny", 1)
    config = resolved(TrainConfig(kl_weight=0.1, reference="mixed", reference_every=3, reference_mix=0.6), True, 11)
    changed_reference(ours, policy, config, 6)
    callbacks.SyncRefModelCallback._sync_target_model(policy.model, trls.model, 0.6)
    for one, other in zip(ours.model.parameters(), trls.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_reinforce_plus_plus_by_its_formula(make):
    trainer = make(**settings_of("reinforce++"))
    trainer.learner.reference = load_policy("tiny", 1)
    rollout = shifted(trainer, 0.1)
    with torch.no_grad():
        logp_BT, reference_BT = log_probabilities(trainer, rollout)
    rewards = torch.tensor(REWARDS)
    centred = rewards - rewards.mean(1, keepdim=True)
    advantages_B = (centred / (centred.square().sum() / (B - 1)).sqrt()).flatten()
    expected, tokens = 0.0, int(rollout.answers.mask_BT.sum())
    for b, mask_T in enumerate(rollout.answers.mask_BT):
        for t in range(int(mask_T.sum())):
            ratio = (logp_BT[b, t] - rollout.answers.logp_BT[b, t]).exp()
            advantage = advantages_B[b]
            value = -torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
            expected += (value + 0.001 / 2 * (logp_BT[b, t] - reference_BT[b, t]) ** 2).item() / tokens
    advantages_B = advantages_of(rollout, trainer.config).flatten()
    assert trainer.learner.update(rollout, advantages_B, 1.0, 0.0)["loss"] == pytest.approx(expected, rel=1e-3)


def test_the_divergence_in_the_reward_by_its_formula(make):
    trainer = make(**settings_of("reinforce++", kl_in="reward", kl_weight=0.3))
    trainer.learner.reference = load_policy("tiny", 1)
    rollout = shifted(trainer, 0.1)
    with torch.no_grad():
        logp_BT, reference_BT = log_probabilities(trainer, rollout)
    answers = rollout.answers
    advantages_B = advantages_of(rollout, trainer.config).flatten()
    expected, tokens, divergence = 0.0, int(answers.mask_BT.sum()), 0.0
    for b, mask_T in enumerate(answers.mask_BT):
        length = int(mask_T.sum())
        for t in range(length):
            ratio = (logp_BT[b, t] - answers.logp_BT[b, t]).exp()
            left = sum(answers.logp_BT[b, i] - reference_BT[b, i] for i in range(t, length))
            advantage = advantages_B[b] - 0.3 * left
            expected -= torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).item() / tokens
            divergence += 0.5 * (logp_BT[b, t] - reference_BT[b, t]).square().item() / tokens
    told = trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
    assert told["loss"] == pytest.approx(expected, rel=1e-3)
    assert told["kl"] == pytest.approx(divergence, rel=1e-3)
    bare = make(**settings_of("reinforce++", kl_weight=0.0)).learner.update(rollout, advantages_B, 1.0, 0.0)
    assert abs(bare["loss"] - told["loss"]) > 0.01


def test_the_first_update_of_a_batch_is_on_policy_whatever_was_sampled(make):
    """The ratio is taken to the learner's own log-probabilities, and shows what the update itself moved."""
    trainer = make(**settings_of("gspo", old_policy="learner", learning_rate=1e-3, lr_warmup_steps=0))
    rollout = shifted(trainer, 0.4)
    advantages_B = advantages_of(rollout, trainer.config).flatten()
    first = trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
    second = trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
    assert first["clip_fraction"] == 0.0
    assert first["loss"] == pytest.approx(-advantages_B.mean().item(), abs=1e-6)
    assert first["logp_gap"] > 0.4  # still that to what was sampled
    assert second["clip_fraction"] > 0.0
    again = dataclasses.replace(rollout)  # another batch
    assert trainer.learner.update(again, advantages_B, 1.0, 0.0)["clip_fraction"] == 0.0


def test_a_batch_that_is_learned_from_is_let_go(make):
    """With its pictures: what the first update found is all that later ones need."""
    trainer = make(**settings_of("gspo", old_policy="learner"))
    rollout = shifted(trainer, 0.0)
    advantages_B = advantages_of(rollout, trainer.config).flatten()
    trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
    kept = weakref.ref(rollout), weakref.ref(rollout.prompts.pixel_values)
    del rollout
    gc.collect()
    assert [one() for one in kept] == [None, None]


def test_the_ratio_is_computed_once(make, monkeypatch):
    from train import learner

    computed, compute = [], learner.importance_ratio
    monkeypatch.setattr(learner, "importance_ratio", lambda *a: computed.append(1) or compute(*a))
    trainer = make(**settings_of("cispo", micro_batch_tokens=10_000))
    rollout = shifted(trainer, 0.4)
    trainer.learner.update(rollout, advantages_of(rollout, trainer.config).flatten(), 1.0, 0.0)
    assert len(computed) == 1


@pytest.mark.parametrize("normalise", ["token", "sequence"])
def test_answers_that_were_cut_leave_the_loss_and_not_the_baseline(make, normalise):
    losses, logged = [], []
    for overlong in ("counted", "masked"):
        trainer = make(**settings_of(None, overlong=overlong, normalise=normalise))
        rollout = shifted(trainer, 0.0)  # every ratio is 1
        advantages_B = advantages_of(rollout, trainer.config).flatten()
        told = trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
        losses.append(told["loss"])
        logged.append(told["entropy"])
    lengths_B = rollout.answers.mask_BT.sum(-1)
    kept_B = torch.arange(B) != 1
    expected = []
    for mask_B in (torch.ones(B, dtype=torch.bool), kept_B):
        of_tokens_B = lengths_B * mask_B / (lengths_B * mask_B).sum()
        weights_B = of_tokens_B if normalise == "token" else mask_B / B
        expected.append(-(weights_B * advantages_B).sum().item())
    assert losses == [pytest.approx(value, abs=1e-5) for value in expected]
    assert abs(expected[1] - expected[0]) > 0.05
    assert logged[0] == pytest.approx(logged[1])  # what is logged is of all answers
