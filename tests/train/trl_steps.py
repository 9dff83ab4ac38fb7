"""One step of TRL 1.16's GRPOTrainer on answers that are known: its own scoring, masks, advantages and loss.

Its methods run on a stand-in for the trainer, with the settings that a `train.config.Settings` means to it. Only what
would ask a model is put in: the answers, their rewards, log-probabilities and entropies.
"""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch

from tests.train.steps import G

# What TRL calls them. It measures CISPO's bound from 0, and has no REINFORCE++.
LOSSES = {
    "grpo": {"loss_type": "grpo"},
    "dr_grpo": {"loss_type": "dr_grpo"},
    "dapo": {"loss_type": "dapo"},
    "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence"},
    "cispo": {"loss_type": "cispo", "epsilon_high": 5.0},
}


REFERENCE = object()


@pytest.fixture(scope="session")
def trl():
    return pytest.importorskip("trl.trainer.grpo_trainer", reason="this compares with TRL: pip install -e '.[bench]'")


def stand_in(trainer, rollout, name, entropy_bonus=0.0):
    """Who takes the place of TRL's trainer, and whose log-probabilities have gradients of ours."""
    config, answers, policy = trainer.config, rollout.answers, trainer.policy
    reference = trainer.learner.reference
    arguments = (rollout.prompts, answers.ids_BT, answers.mask_BT)

    def asked(model, *_, **__):
        if model is REFERENCE:
            with torch.no_grad():
                return reference.log_probabilities(*arguments)[0], None, None
        return *policy.log_probabilities(*arguments), None

    texts = [ids[mask].tolist() for ids, mask in zip(answers.ids_BT, answers.mask_BT, strict=True)]
    ones = [[0]] * len(texts)  # no token of a prompt reaches a loss
    values = {
        "_generate": lambda prompts: (ones, texts, None, rollout.texts, None, {}, None, None),
        "_calculate_rewards": lambda *_: rollout.rewards_PG.flatten()[:, None],
        "_get_per_token_logps_and_entropies": asked,
        "_metrics": defaultdict(lambda: defaultdict(list)),
        "_logs": defaultdict(list, rewards=defaultdict(list), extra=defaultdict(list)),
        "_tokenizer": SimpleNamespace(pad_token_id=policy.pad_id),
        "eos_token_ids": list(policy.end_ids),
        "model": SimpleNamespace(training=True, is_gradient_checkpointing=False),
        "ref_model": REFERENCE,
        "beta": config.kl_weight,
        "scale_rewards": config.advantage_scale,
        "mask_truncated_completions": config.overlong == "masked",
        "max_completion_length": config.max_new_tokens,
        "epsilon_low": config.clip_low,
        "epsilon_high": config.clip_high,
        "importance_sampling_level": config.ratio_level,
        "entropy_coef": entropy_bonus,
        "_entropy_bonus_enabled": entropy_bonus != 0.0,
        "use_adaptive_entropy": False,
        "num_generations": G,
        "reward_weights": torch.ones(1),
        "reward_func_names": ["reward"],
        "multi_objective_aggregation": "sum_then_normalize",
        "num_iterations": 1,
        "current_gradient_accumulation_steps": 1,
        "top_entropy_quantile": 1.0,
        "args": SimpleNamespace(
            per_device_train_batch_size=len(texts),
            gradient_checkpointing_kwargs=None,
            gradient_accumulation_steps=1,
            steps_per_generation=1,
            use_bias_correction_kl=False,
            delta=None,
        ),
        "accelerator": SimpleNamespace(
            device=torch.device("cpu"),
            process_index=0,
            num_processes=1,
            sync_gradients=True,
            gather=lambda value: value,
            reduce=lambda value, reduction: value,
        ),
        "_pending_extra_logs": {},
        "_pending_metrics": {},
    }
    unused = ("environment_factories", "environments", "tools", "pad_to_multiple_of", "off_policy_mask_threshold")
    no = dict.fromkeys(("use_vllm", "aux_loss_enabled", "log_multimodal", "_is_vlm"), False)
    return SimpleNamespace(**{**dict.fromkeys(unused), **no, **values, **LOSSES[name]})


def scored(trl, stand):
    """What TRL makes of the answers before its loss: masks, advantages, the number of tokens."""
    prompts = len(stand._generate(None)[1])
    return trl.GRPOTrainer._generate_and_score_completions(stand, [{"prompt": "?"}] * prompts)


def theirs(trl, trainer, rollout, name, entropy_bonus=0.0):
    """TRL's loss on a rollout, from its rewards on."""
    stand = stand_in(trainer, rollout, name, entropy_bonus)
    inputs = scored(trl, stand)
    return trl.GRPOTrainer._compute_loss(stand, None, {**inputs, "old_per_token_logps": rollout.answers.logp_BT})
