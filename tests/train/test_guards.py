"""What goes wrong on the way: steps that are not finite, memory that runs out, a learner that has drifted off."""

import csv
import json

import pytest
import torch

from tests.train.conftest import SMALL
from tests.train.steps import G, P, crafted, update
from train import sampling
from train.distributed import Processes
from train.learner import Learner
from train.optimization import NotFiniteError, TrainingError
from train.seeds import problem_seeds


@pytest.mark.parametrize("micro_batch_tokens", [1, 10_000])
def test_a_loss_that_is_no_number_changes_nothing(make, micro_batch_tokens):
    trainer = make(micro_batch_tokens=micro_batch_tokens)
    rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, float("nan")]])
    before = [p.clone() for p in trainer.policy.model.parameters()]
    with pytest.raises(NotFiniteError, match="its loss is nan"):
        update(trainer, rollout)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.policy.model.parameters(), strict=True))
    assert all(p.grad is None for p in trainer.policy.model.parameters())  # nor the next step


def test_a_gradient_that_is_no_number_changes_nothing(make):
    trainer = make()
    weight = trainer.policy.model.get_input_embeddings().weight
    before = weight.clone()
    weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NotFiniteError, match="the norm of its gradient is"):
        update(trainer, crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    assert torch.equal(weight, before)
    assert weight.grad is None


@pytest.fixture
def bad_rewards(monkeypatch):
    """Has the steps named in a set sample answers of which one is worth NaN."""
    bad = set()
    sampled = sampling.collect

    def collect(*args, step, **kwargs):
        rollout = sampled(*args, step=step, **kwargs)
        if step in bad:
            rollout.rewards_PG[1, 2] = float("nan")
        return rollout

    monkeypatch.setattr(sampling, "collect", collect)
    return bad


def read_metrics(trainer):
    with (trainer.folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_step_that_is_not_finite_is_skipped_counted_and_kept(make, bad_rewards, capsys):
    trainer = make(env="Letters-v0")
    bad_rewards.add(1)
    for _ in range(3):
        trainer.train_step()
    rows = read_metrics(trainer)
    assert [row["skipped_steps"] for row in rows] == ["0", "1", "1"]
    assert [row["loss"] == "" for row in rows] == [False, True, False]
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert "step 2 is skipped: its loss is nan" in capsys.readouterr().out
    kept = [json.loads(line) for line in (trainer.folder / "skipped.jsonl").read_text().splitlines()]
    assert len(kept) == P * G
    assert {(row["step"], row["reason"]) for row in kept} == {(2, "its loss is nan")}
    assert [row["reward"] for row in kept].index("nan") == G + 2
    assert [row["seed"] for row in kept] == [seed for seed in problem_seeds(0, 1, P) for _ in range(G)]


def test_what_was_learned_before_an_update_that_is_not_finite_is_told(make, monkeypatch):
    """With several updates a batch, the first one may be fine."""
    trainer = make(env="Letters-v0", updates_per_batch=3)
    plain, done = trainer.learner.update, []

    def fails_at_the_second(*args):
        if done:
            raise NotFiniteError("its loss is nan")
        done.append(plain(*args))
        return done[0]

    monkeypatch.setattr(trainer.learner, "update", fails_at_the_second)
    trainer.train_step()
    (row,) = read_metrics(trainer)
    assert row["skipped_steps"] == "1"
    assert float(row["loss"]) == pytest.approx(done[0]["loss"], rel=1e-5)


def test_skipped_steps_in_a_row_stop_the_run(make, bad_rewards):
    trainer = make(env="Letters-v0")
    bad_rewards |= {0, 1, 2, 3, 5, 6, 7, 8, 9}
    for _ in range(9):
        trainer.train_step()
    with pytest.raises(TrainingError, match="5 steps in a row were skipped"):
        trainer.train_step()
    assert trainer.state.skipped_steps == 9


def limited(policy, problems, monkeypatch, message="CUDA out of memory. Tried to allocate 20.00 MiB."):
    """Lets at most so many problems through the learner at once; returns how many were tried each time."""
    plain, tried = policy.log_probabilities, []

    def log_probabilities(prompts, *args):
        tried.append(len(prompts))
        if len(prompts) > problems:
            raise RuntimeError(message)
        return plain(prompts, *args)

    monkeypatch.setattr(policy, "log_probabilities", log_probabilities)
    return tried


def test_out_of_memory_halves_the_micro_batch(make, monkeypatch, capsys):
    results = []
    for problems in (2, 1):
        trainer = make(optimizer="adamw", learning_rate=1e-4)
        rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
        tried = limited(trainer.policy, problems, monkeypatch)
        results.append(update(trainer, rollout))
        update(trainer, rollout)
        assert tried == ([2, 2] if problems == 2 else [2, 1, 1, 1, 1])
    assert results[1] == pytest.approx(results[0], rel=1e-4, abs=1e-5)
    assert capsys.readouterr().out.count("out of memory; from here on 128 tokens go through") == 1


def test_a_gradient_that_memory_cut_short_is_not_counted_twice(make, monkeypatch):
    results = []
    for fails in (False, True):
        trainer = make(optimizer="adamw", learning_rate=1e-4)
        rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
        plain, calls = trainer.accelerator.backward, []

        def backward(loss, plain=plain, calls=calls, fails=fails):
            plain(loss)
            calls.append(loss)
            if fails and len(calls) == 1:
                raise RuntimeError("CUDA out of memory.")

        monkeypatch.setattr(trainer.accelerator, "backward", backward)
        results.append(update(trainer, rollout))
        assert len(calls) == (3 if fails else 1)
    assert results[1] == pytest.approx(results[0], rel=1e-4, abs=1e-5)


def test_a_resumed_run_keeps_the_smaller_micro_batch(train, tmp_path, monkeypatch):
    seen = []
    gradient = Learner._gradient

    def tight(self, parts, backward):
        seen.append(len(parts))
        if len(parts) < 4:
            raise RuntimeError("CUDA out of memory.")
        return gradient(self, parts, backward)

    monkeypatch.setattr(Learner, "_gradient", tight)
    assert train(*SMALL, "--steps", "1", "--run", "tight") == 0
    assert seen == [1, 2, 4]
    assert train("--resume", "tight", "--steps", "2") == 0
    assert seen[3] > 1  # how many parts depends on how long the answers of this step are


def test_out_of_memory_with_one_problem_ends_the_run(make, monkeypatch):
    trainer = make()
    rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    limited(trainer.policy, 0, monkeypatch)
    with pytest.raises(TrainingError, match="out of memory with one prompt and the answers behind it"):
        update(trainer, rollout)


def test_other_errors_are_not_taken_for_memory(make, monkeypatch):
    trainer = make()
    rollout = crafted(trainer, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    limited(trainer.policy, 0, monkeypatch, "mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        update(trainer, rollout)


def test_a_wide_gap_is_said_once(make, monkeypatch, capsys):
    trainer = make(env="Letters-v0")
    sampled = sampling.collect

    def collect(*args, **kwargs):
        rollout = sampled(*args, **kwargs)
        rollout.answers.logp_BT[0, 0] -= 0.3
        return rollout

    monkeypatch.setattr(sampling, "collect", collect)
    trainer.train_step()
    trainer.train_step()
    assert capsys.readouterr().out.count("rollout and learner differ by 0.3 in the log-probability") == 1


def test_what_accelerate_is_configured_with_changes_no_gradient(monkeypatch):
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    with pytest.raises(ValueError, match="accelerate is configured with 4 steps of gradient accumulation; set 1"):
        Processes("cpu")
    monkeypatch.delenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert Processes("cpu").accelerator.mixed_precision == "no"


def test_a_gap_is_said_again_when_it_has_doubled(make, monkeypatch, capsys):
    trainer = make(env="Letters-v0")
    sampled, gaps = sampling.collect, iter([0.3, 0.4, 0.9, 1.0])

    def collect(*args, **kwargs):
        rollout = sampled(*args, **kwargs)
        rollout.answers.logp_BT[0, 0] -= next(gaps)
        return rollout

    monkeypatch.setattr(sampling, "collect", collect)
    for _ in range(4):
        trainer.train_step()
    said = [line for line in capsys.readouterr().out.splitlines() if "rollout and learner differ" in line]
    assert ["differ by 0.3 " in said[0], "differ by 0.9 " in said[1], len(said)] == [True, True, 2]
