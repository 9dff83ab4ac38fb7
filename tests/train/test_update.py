"""What one step does to the policy, against plain computations and with the signs that make it learn."""

import dataclasses
import json
import time

import numpy as np
import pytest
import torch

import envs  # noqa: F401 (registers the clock)
from agents.grpo import group_advantages
from agents.loading import load_policy
from agents.qwen_vl import QwenVL
from tests.train import letters  # noqa: F401 (registers the letters)
from tests.train.steps import G, P, crafted, update
from train.__main__ import train
from train.cold_start import cold_start


def likelihoods(trainer, rollout):
    """The log-probability of each text, (P, G)."""
    answers = rollout.answers
    with torch.no_grad():
        logp_BT, entropy_BT = trainer.policy.log_probabilities(rollout.prompts, answers.ids_BT, answers.mask_BT)
    return logp_BT.sum(-1).view(P, G), entropy_BT[answers.mask_BT].mean().item()


@pytest.mark.parametrize(("optimizer", "rate"), [("adamw", 1e-4), ("muon", 1e-3)])
def test_the_rewarded_answers_become_likelier_than_the_others(make, optimizer, rate):
    trainer = make(optimizer=optimizer, learning_rate=rate, entropy_bonus=0.0)
    rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    before, _ = likelihoods(trainer, rollout)
    for _ in range(5):
        update(trainer, rollout)
    gained = likelihoods(trainer, rollout)[0] - before
    assert gained[0].argmax() == 0
    assert gained[1].argmax() == 3
    assert gained[0, 0] > 0


def test_the_entropy_bonus_raises_the_entropy(make):
    entropies = []
    for bonus in (0.0, 0.5):
        trainer = make(optimizer="adamw", learning_rate=1e-3, entropy_bonus=bonus, updates_per_batch=1)
        rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
        for _ in range(5):
            update(trainer, rollout)
        entropies.append(likelihoods(trainer, rollout)[1])
    assert entropies[1] > entropies[0]


@pytest.mark.parametrize("normalise", ["token", "sequence", "constant"])
@pytest.mark.parametrize("micro_batch_tokens", [1, 10_000])
def test_the_loss_is_the_plain_one(make, normalise, micro_batch_tokens):
    fields = {"normalise": normalise, "micro_batch_tokens": micro_batch_tokens, "temperature": 0.7}
    trainer = make(entropy_bonus=0.3, kl_weight=0.2, clip_high=0.1, **fields)
    trainer.learner.reference = load_policy("tiny", 1)
    rollout = crafted(trainer, [[1.0, 0.0, 0.5, 0.0], [0.2, 0.0, 0.0, 1.0]], old_shift=0.15)
    answers, prompts = rollout.answers, rollout.prompts
    arguments = (prompts, answers.ids_BT, answers.mask_BT, 0.7)
    with torch.no_grad():
        logp_BT, entropy_BT = trainer.policy.log_probabilities(*arguments)
        reference_BT, _ = trainer.learner.reference.log_probabilities(*arguments)
    advantages_B = group_advantages(rollout.rewards_PG).flatten()
    expected, tokens, kls = 0.0, int(answers.mask_BT.sum()), []
    for b, mask_T in enumerate(answers.mask_BT):
        length = int(mask_T.sum())
        for t in range(length):
            ratio, advantage = np.exp(0.15), advantages_B[b].item()
            log_r = (reference_BT[b, t] - logp_BT[b, t]).item()
            kls.append(np.exp(log_r) - log_r - 1)
            value = -min(ratio * advantage, min(ratio, 1.1) * advantage)
            value += -0.3 * entropy_BT[b, t].item() + 0.2 * kls[-1]
            weight = {"token": 1 / tokens, "sequence": 1 / length / (P * G), "constant": 1 / 11 / (P * G)}[normalise]
            expected += weight * value
    metrics = update(trainer, rollout)
    assert metrics["loss"] == pytest.approx(expected, rel=1e-4)
    # these are means over tokens, however the loss is normalised
    assert metrics["kl"] == pytest.approx(np.mean(kls), rel=1e-4)
    assert metrics["entropy"] == pytest.approx(entropy_BT[answers.mask_BT].mean().item(), rel=1e-4)
    positive = answers.mask_BT[advantages_B > 0].sum().item()
    assert metrics["clip_fraction"] == pytest.approx(positive / tokens)
    assert metrics["logp_gap"] == pytest.approx(0.15, abs=1e-3)


def test_the_replay_adds_the_cross_entropy_of_the_next_problems_answer(make):
    trainer = make(replay_weight=0.3, entropy_bonus=0.0, micro_batch_tokens=1)
    rollout = crafted(trainer, [[0.0] * G, [0.0] * G])  # without spread: nothing but the replay is left
    replies = ["<answer>01:02:03</answer>", "<answer>11:22:33</answer>"]
    rollout = dataclasses.replace(rollout, infos={"best_reply": np.repeat(replies, G)})
    ids_PT, mask_PT = trainer.policy.encode(replies[::-1])
    with torch.no_grad():
        logp_PT, _ = trainer.policy.log_probabilities(rollout.prompts, ids_PT, mask_PT)
    metrics = update(trainer, rollout, 0.5)
    assert metrics["loss"] == pytest.approx(-0.5 * 0.3 * logp_PT[mask_PT].mean().item(), rel=1e-4)
    assert metrics["logp_gap"] < 1e-4
    with torch.no_grad():
        after_PT, _ = trainer.policy.log_probabilities(rollout.prompts, ids_PT, mask_PT)
    assert after_PT.sum() > logp_PT.sum()


def test_the_learner_sees_what_was_sampled(make):
    rates = {"learning_rate": 0.01, "lr_warmup_steps": 0, "lr_decay_start": 0.0, "lr_final": 0.5}
    trainer = make(env="Letters-v0", temperature=0.7, **rates)
    trainer.state.step = 50
    trainer.train_step()
    (row,) = (line.split(",") for line in (trainer.folder / "metrics.csv").read_text().splitlines()[1:])
    names = (trainer.folder / "metrics.csv").read_text().splitlines()[0].split(",")
    metrics = dict(zip(names, row, strict=True))
    assert float(metrics["logp_gap"]) < 1e-4
    assert int(metrics["groups_without_spread"]) == 0
    # half of the steps are done, so the rate is halfway between its peak and half of it
    assert float(metrics["learning_rate"]) == pytest.approx(0.0075)
    assert [o.param_groups[0]["lr"] for o in trainer.learner.optimizers] == pytest.approx([0.0075, 3e-4 * 0.75])


def test_the_bounds_end_a_run(make):
    trainer = make(steps=3)
    assert [bool(trainer.finished()) for trainer.state.step in (0, 2, 3)] == [False, False, True]
    trainer = make(steps=None, minutes=2.0)
    trainer.state.closing_seconds = 30.0
    for ago, finished in ((80, False), (100, True)):
        trainer.started = time.perf_counter() - ago
        assert trainer.finished() == finished


def test_a_run_that_came_to_its_end_was_not_stopped(make, monkeypatch, capsys):
    """Even if its last evaluation was so quick that there would be time for another step."""
    trainer = make(env="Letters-v0")
    monkeypatch.setattr(trainer, "finished", lambda: not trainer.complete)
    assert train(trainer) == 0
    assert "stopped" not in capsys.readouterr().out


def test_the_time_kept_free_for_the_end_survives_a_checkpoint(make):
    trainer = make(env="Letters-v0", steps=1)
    trainer.run()
    state = json.loads((trainer.folder / "checkpoints" / "step-000001" / "trainer_state.json").read_text())
    assert state["closing_seconds"] == trainer.state.closing_seconds > 5.0


def test_ctrl_c_in_the_cold_start_keeps_nothing_and_says_so(make, monkeypatch, capsys):
    trainer = make(env="Letters-v0", cold_start="format", cold_start_steps=50)
    steps = []

    def interrupt(step, loss):
        steps.append(step)
        trainer.stopping = True

    monkeypatch.setattr(trainer.progress, "cold_start", interrupt)
    assert train(trainer) == 130
    assert steps == [1]
    assert "nothing is kept" in capsys.readouterr().out
    assert not (trainer.folder / "checkpoints").exists()
    assert (trainer.folder / "curves.png").exists()


def test_the_cold_start_teaches_form_alone(make, monkeypatch):
    trainer = make(cold_start="format", cold_start_steps=6)
    asked, losses, given = [], [], []
    reset, encode = trainer.envs.reset, QwenVL.encode

    def remember_answers(**arguments):
        observations, infos = reset(**arguments)
        asked.append(list(infos["answer"]))
        return observations, infos

    monkeypatch.setattr(trainer.envs, "reset", remember_answers)
    monkeypatch.setattr(QwenVL, "encode", lambda self, texts: given.append(list(texts)) or encode(self, texts))
    before = {name: p.clone() for name, p in trainer.policy.model.named_parameters()}
    cold_start(
        trainer.policy,
        trainer.envs,
        trainer.config,
        trainer.processes,
        lambda step, loss: losses.append(loss),
        lambda: False,
        lambda text: None,
    )
    after = dict(trainer.policy.model.named_parameters())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"model.language_model.embed_tokens.weight"}
    assert all(p.requires_grad for p in after.values())
    assert losses[-1] < losses[0]
    # eight pictures a step, seven answers to each: those of the others, and never its own
    for answers, texts in zip(asked, given, strict=True):
        for i, own in enumerate(answers):
            shown = [text.removeprefix("<answer>").removesuffix("</answer>") for text in texts[7 * i : 7 * i + 7]]
            assert sorted(shown) == sorted(answers[:i] + answers[i + 1 :])
            assert own not in shown


def test_worked_solutions_are_learned_by_every_weight(make, monkeypatch):
    trainer = make(env="Letters-v0", cold_start="answers", cold_start_steps=12, learning_rate=0.01)
    given, encode = [], QwenVL.encode
    monkeypatch.setattr(QwenVL, "encode", lambda self, texts: given.append(list(texts)) or encode(self, texts))
    asked, reset = [], trainer.envs.reset
    monkeypatch.setattr(trainer.envs, "reset", lambda **given: asked.append(reset(**given)) or asked[-1])
    before = {name: p.clone() for name, p in trainer.policy.model.named_parameters()}
    losses = []
    cold_start(
        trainer.policy,
        trainer.envs,
        trainer.config,
        trainer.processes,
        lambda step, loss: losses.append(loss),
        lambda: False,
        lambda text: None,
    )
    after = dict(trainer.policy.model.named_parameters())
    unchanged = {name for name in before if torch.equal(before[name], after[name])}
    assert not unchanged
    assert losses[-1] < 0.5 * losses[0]
    assert given == [list(infos["demonstration"]) for _, infos in asked]
    assert all(
        optimizer.state_dict()["state"] == {} for optimizer in trainer.learner.optimizers
    )  # GRPO begins with its own


def test_the_bonus_of_a_step_follows_the_entropy_of_the_one_before(make):
    trainer = make(env="Letters-v0", entropy_bonus=0.2, entropy_target=1.5, steps=2)
    trainer.train_step()
    trainer.train_step()
    rows = trainer.record.metrics.path.read_text().splitlines()
    header, first, second = (row.split(",") for row in rows)
    entropy, bonus = header.index("entropy"), header.index("entropy_bonus")
    assert float(first[bonus]) == 0.2
    expected = 0.2 * max(0.0, 1 + 2 * (1.5 - float(first[entropy])) / 1.5)
    assert float(second[bonus]) == pytest.approx(expected, rel=1e-4)
    assert expected != pytest.approx(0.2, rel=1e-2)
