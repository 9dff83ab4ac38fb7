"""One step of training on known answers."""

import time

import gymnasium as gym
import pytest
import torch

import envs  # noqa: F401 (registers the clock)
from agents.batch import Answers
from agents.grpo import group_advantages
from agents.loading import load_policy
from agents.rollout import Rollout
from tests.train import letters  # noqa: F401 (registers the letters)
from train.config import TrainConfig, resolved
from train.loop import Trainer

P, G = 2, 4
TEXTS = [f"<answer>0{hour}:{minute}0:00</answer>" for hour in (1, 2) for minute in (1, 2, 3, 4)]


@pytest.fixture
def make(tmp_path):
    """Makes a trainer on clocks of 56 pixels."""

    def make(env="eyechart/Clock-v0", **fields):
        fields = {"steps": 100, "problems_per_step": P, "group_size": G, "cold_start": "none", **fields}
        config = resolved(TrainConfig(env="clock", **fields), small=True, answer_tokens=11)
        policy = load_policy("tiny", 0)
        policy.max_new_tokens = config.max_new_tokens
        clocks = [gym.make_vec(env, num_envs=n, split=split, size=56) for n, split in ((P * G, "train"), (4, "eval"))]
        trainer = Trainer(config, policy, *clocks, tmp_path, 180.0, time.perf_counter())
        task = {"unit": "min", "worst_error": 360.0, "fields": {}}
        trainer.record.write_config({"env": env, "task": task, "yardsticks": None, "settings": {"model": "tiny"}})
        return trainer

    return make


def crafted(trainer, rewards, old_shift=0.0):
    """A rollout of known texts and rewards; `old_shift` moves the log-probabilities they were sampled with."""
    observations, _ = trainer.envs.reset(seed=[s for s in range(P) for _ in range(G)])
    prompts = trainer.policy.prepare(observations["prompt"][::G], observations["image"][::G])
    ids_BT, mask_BT = trainer.policy.encode(TEXTS)
    with torch.no_grad():
        logp_BT, _ = trainer.policy.log_probabilities(prompts, ids_BT, mask_BT, trainer.config.temperature)
    old_BT = (logp_BT - old_shift) * mask_BT
    return Rollout(prompts, Answers(ids_BT, mask_BT, old_BT), TEXTS, torch.tensor(rewards), {})


def update(trainer, rollout, factor=1.0):
    """One update on it, with the whole bonus."""
    advantages_B = group_advantages(rollout.rewards_PG).flatten()
    return trainer.learner.update(rollout, advantages_B, factor, trainer.config.entropy_bonus)
