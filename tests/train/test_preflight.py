"""What is tried before the first step, and what it finds."""

import pytest
import torch

from agents.tiny import build_tiny
from tests.train.conftest import SMALL, timeless
from tests.train.steps import G, P
from train.memory import Memory, estimate
from train.preflight import Preflight, preflight, require_features, require_own_processor, size
from train.preparation import choose_what_learns


def test_one_problem_goes_all_the_way_and_changes_nothing(make):
    trainer = make(steps=1)
    before = [p.clone() for p in trainer.policy.model.parameters()]
    report = preflight(trainer.policy, trainer.envs, trainer.config)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.policy.model.parameters(), strict=True))
    assert all(p.grad is None for p in trainer.policy.model.parameters())
    assert not trainer.policy.model.training
    assert report.image_tokens == (56 // 28) ** 2  # one for each merged patch
    assert report.prompt.count("<|image_pad|>") == report.image_tokens
    assert report.prompt.startswith("<|im_start|>user\n<|vision_start|>")
    assert report.prompt.endswith("<|im_start|>assistant\n")
    assert report.gap < 1e-4 < report.grad_norm


def test_a_step_is_the_same_after_it(make):
    rows = []
    for looked in (False, True):
        trainer = make(env="Letters-v0", steps=1)
        if looked:
            preflight(trainer.policy, trainer.envs, trainer.config)
        trainer.train_step()
        rows.append(timeless(trainer.folder / "metrics.csv"))
        (trainer.folder / "metrics.csv").unlink()
    assert rows[0] == rows[1]
    assert len(rows[0]) == 1


def test_the_processor_of_another_family_is_refused():
    policy = build_tiny("tiny", 0)
    policy.patch_size = 16
    with pytest.raises(ValueError, match="the processor's patches are 16 wide and the model's 14"):
        require_own_processor(policy)


def test_image_tokens_and_features_are_counted(make):
    trainer = make()
    observations, _ = trainer.envs.reset(seed=[0] * P * G)
    prompts = trainer.policy.prepare(observations["prompt"][:2], observations["image"][:2])
    assert require_features(trainer.policy, prompts) == 8
    prompts.input_ids_PS[0, (prompts.input_ids_PS[0] == trainer.policy.model.config.image_token_id).nonzero()[0]] = 5
    with pytest.raises(ValueError, match="holds 7 image tokens and the vision tower makes 8 features"):
        require_features(trainer.policy, prompts)


def test_a_prompt_is_never_cut(make):
    trainer = make()
    trainer.policy.model.config.text_config.max_position_embeddings = 40
    with pytest.raises(ValueError, match=r"a prompt of 32 tokens and an answer of 11 need 43, and the model has .* 40"):
        preflight(trainer.policy, trainer.envs, trainer.config)


def test_broken_weights_are_found(make):
    trainer = make()
    with torch.no_grad():
        trainer.policy.model.get_input_embeddings().weight[3] = float("nan")
    with pytest.raises(ValueError, match="the gradient of the very first answer has the norm nan"):
        preflight(trainer.policy, trainer.envs, trainer.config)


def test_memory_by_hand(make):
    trainer = make(optimizer="adamw", learning_rate=1e-4, micro_batch_tokens=60, kl_weight=0.1)
    weights = 4 * sum(p.numel() for p in trainer.policy.model.parameters())
    parts = estimate(trainer.policy, trainer.config, prompt_tokens=32, teacher=build_tiny("tiny-half", 0)).parts
    assert parts["weights"] == parts["gradients"] == parts["reference"] == weights
    assert parts["teacher"] == 4 * 405_696
    assert parts["optimizer"] == 2 * weights
    # keys and values of 2 layers x 96 wide in float32, for P prompts of 32 and P·G answers of 11 tokens; and draws
    cache = 2 * 2 * 96 * 4 * (P * 32 + P * G * 11)
    assert parts["rollout"] == cache + P * G * 512 * (4 + 4 + 4 + 8)
    # one row of 32 + 44 tokens, which is not split; 34 bytes a unit in 16 bits; four copies of all answers' logits
    text = 76 * 96 * 2 * 34 * 2
    vision = 76 * 4 * 32 // 76 * 96 * 2 * 34 * 2
    assert parts["learner"] == text + vision + 4 * 4 * P * G * 11 * 512


def test_adapters_take_little(make):
    trainer = make(lora=True, optimizer="adamw", learning_rate=1e-4)
    choose_what_learns(trainer.policy, trainer.config)
    parts = estimate(trainer.policy, trainer.config, 32).parts
    # rank 16 on seven layers of two: 96 in and out, but for 288 in the feed-forward part
    adapter = 2 * 16 * (4 * (96 + 96) + 3 * (96 + 288))
    assert parts["gradients"] == 4 * adapter
    assert parts["optimizer"] == 8 * adapter
    assert parts["reference"] == 0


def test_rollout_and_learner_take_turns():
    assert Memory({"weights": 5, "rollout": 7, "learner": 9}).total == 14
    assert (size(3 * 2**30), size(14 * 2**20)) == ("3.0 GiB", "14 MiB")


def test_too_little_memory_is_said():
    report = Preflight("", 0, 1, "", 1.0, 0.0, Memory({"weights": 3 * 2**30, "rollout": 0, "learner": 0}), 2**30)
    assert "may need 3.0 GiB of memory, most of it for the weights, and there are 1.0 GiB" in report.shortage()
    assert Preflight("", 0, 1, "", 1.0, 0.0, Memory({"rollout": 1, "learner": 0}), 2).shortage() is None


def test_a_dry_run_writes_nothing(train, tmp_path, capsys):
    assert train(*SMALL, "--dry-run", "--run", "a") == 0
    assert list(tmp_path.iterdir()) == []
    shown = capsys.readouterr().out
    assert "<|im_start|>user" in shown
    assert "image tokens, as many features" in shown
    assert "of the" in shown.split("memory")[1]


def test_memory_that_runs_out_is_told_with_what_the_run_needs(make, monkeypatch):
    trainer = make()

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(trainer.policy, "generate", full)
    with pytest.raises(ValueError, match=r"out of memory with a single answer: the run needs about \d+ MiB \(weights"):
        preflight(trainer.policy, trainer.envs, trainer.config)


def test_every_prompt_needs_room(make):
    policy = make().policy
    room = policy.prepare(["Red?"]).input_ids_PS.shape[1] + policy.max_new_tokens
    policy.model.config.text_config.max_position_embeddings = room
    policy.prepare(["Red?"])
    with pytest.raises(ValueError, match=f"and the model has room for {room}"):
        policy.prepare(["Red?", "Is this one red too?"])
