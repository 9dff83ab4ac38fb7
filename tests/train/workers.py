"""What each of several processes does in test_distributed.py: the same things as one process, which the test compares.

`torchrun --nproc-per-node 2 -m -- tests.train.workers FOLDER` writes to FOLDER what came of them.
"""

import dataclasses
import json
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from safetensors.torch import save_file

from agents.grpo import group_advantages
from agents.loading import load_policy
from agents.rollout import collect
from tests.train import letters  # noqa: F401 (registers the letters)
from train.config import TrainConfig, resolved
from train.distributed import Processes
from train.evaluation.asking import evaluate
from train.learner import Learner
from train.optimization import NotFiniteError, TrainingError
from train.sharding import Sharding, full

P, G, EVAL = 4, 3, 5
# Each says all that is computed over the whole batch in another way.
CASES = {
    "token": {"advantage_scale": "batch", "replay_weight": 0.3, "micro_batch_tokens": 1, "ratio_level": "sequence"},
    "sequence": {"normalise": "sequence", "kl_weight": 0.2},
    "constant": {
        "normalise": "constant",
        "advantage_scale": "none",
        "entropy_bonus": 0.3,
        "surrogate": "cispo",
        "old_policy": "learner",
    },
}


def make_learner(processes, **fields):
    """A learner on untrained weights."""
    fields = {
        "steps": 10,
        "problems_per_step": P,
        "group_size": G,
        "cold_start": "none",
        "optimizer": "adamw",
        **fields,
    }
    config = resolved(TrainConfig(env="letters", **fields), small=True, answer_tokens=6)
    policy = load_policy("tiny", 0)
    policy.max_new_tokens = 6
    processes.place(policy, config.dtype)
    learner = Learner(config, policy, processes, lambda text: None)
    if config.kl_weight:
        learner.reference = load_policy("tiny", 1)
        processes.place(learner.reference, config.dtype)
    return learner


def sampled(learner, processes):
    """A rollout of this process's share of P problems, with the answers of all processes."""
    envs = gym.make_vec("Letters-v0", num_envs=processes.size(P) * G, size=56)
    seeds = [11, 12, 13, 14][processes.share(P)]
    own = collect(envs, learner.policy, seeds, G, temperature=1.0, run_seed=0, step=0)
    return processes.whole(own)


def update(learner, rollout):
    """One update; returns what it reports, and the gradient it was made with, gathered."""
    kept = {}
    step = learner._step

    def keep(factor):
        kept.update({n: full(p.grad).clone() for n, p in learner.policy.model.named_parameters() if p.grad is not None})
        return step(factor)

    learner._step = keep
    advantages_B = group_advantages(rollout.rewards_PG, learner.config.advantage_scale).flatten()
    try:
        reported = learner.update(rollout, advantages_B, 1.0, learner.config.entropy_bonus)
    finally:
        learner._step = step
    return reported, kept


def outcomes(folder, processes, name, sharding, cases):
    """Write gradients and reports of some cases."""
    processes.sharding = sharding
    for case in cases:
        fields = CASES[case]
        learner = make_learner(processes, **fields)
        rollout = sampled(learner, processes)
        reported, gradient = update(learner, rollout)
        again, _ = update(learner, rollout)  # with the weights that the first one left
        if processes.main:
            save_file(gradient, folder / f"{name}-{case}.safetensors")
            answers = {"texts": rollout.texts, "rewards": rollout.rewards_PG.tolist()}
            (folder / f"{name}-{case}.json").write_text(json.dumps({**reported, "again": again["loss"], **answers}))
    processes.sharding = None


def evaluation(processes):
    """What is answered to the eval problems, as JSON."""
    policy = load_policy("tiny", 0).to(processes.device)
    policy.max_new_tokens = 6
    envs = gym.make_vec("Letters-v0", num_envs=processes.size(EVAL), split="eval", size=56)
    seen = evaluate(envs, policy, False, processes)
    infos = {key: np.asarray(value).tolist() for key, value in seen.infos.items()}
    return {"texts": seen.texts, "rewards": seen.rewards.tolist(), "infos": infos}


def failures(processes):
    """What befalls this process when something is wrong in the last one alone."""
    last = processes.index == processes.number - 1
    learner = make_learner(processes)
    rollout = sampled(learner, processes)
    before = [p.clone() for p in learner.policy.model.parameters()]
    logp_BT = rollout.answers.logp_BT.clone()
    logp_BT[-1] = float("nan") if last else logp_BT[-1]  # the last problem's last answer
    broken = dataclasses.replace(rollout, answers=dataclasses.replace(rollout.answers, logp_BT=logp_BT))
    told = {}
    try:
        update(learner, broken)
    except NotFiniteError as error:
        told["not finite"] = str(error)
    told["unchanged"] = all(torch.equal(a, b) for a, b in zip(before, learner.policy.model.parameters(), strict=True))
    told["forgotten"] = all(p.grad is None for p in learner.policy.model.parameters())

    def full_memory(*arguments):
        raise RuntimeError("CUDA out of memory.")

    plain = learner.policy.log_probabilities
    if last:
        learner.policy.log_probabilities = full_memory
    try:
        update(learner, rollout)
    except TrainingError as error:
        told["out of memory"] = str(error)
    learner.policy.log_probabilities = plain
    told["goes on"] = update(learner, rollout)[0]["loss"]
    return told


def main(folder):
    """All of it."""
    processes = Processes()
    outcomes(folder, processes, "whole", None, CASES)
    if processes.number > 1:
        outcomes(folder, processes, "sharded", Sharding(), CASES)
        outcomes(folder, processes, "kept", Sharding(reshard_after_forward=False), ["sequence"])
    found = {"evaluation": evaluation(processes), "failures": failures(processes), "number": processes.number}
    (folder / f"process-{processes.index}.json").write_text(json.dumps(found))
    processes.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
