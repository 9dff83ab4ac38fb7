"""The cold start: teach the form of an answer, and nothing else, before GRPO (DeepSeek-R1's word for it)."""

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import torch
from accelerate import Accelerator

from agents.baselines import tagged
from agents.grpo import token_weights
from agents.qwen_vl import QwenVL
from train.config import Settings
from train.optimizer import BETAS, TOKEN_EMBEDDINGS, only_trainable
from train.seeds import problem_seeds

# A step: pictures, and random answers to each, taken from the others.
PROBLEMS, ANSWERS = 32, 8
# With Muon, that is from scratch; else the run's own.
LEARNING_RATE = 1e-2


def cold_start(
    policy: QwenVL,
    envs: gym.vector.VectorEnv,
    config: Settings,
    accelerator: Accelerator,
    on_step: Callable[[int, float], None],
    stopping: Callable[[], bool],
) -> None:
    """Supervised steps on random answers in the right form: each picture with some other problems' answers.

    Nothing about the pictures can be learned from it, so the error stays at chance. Only the token embeddings
    learn: training the rest on answers that have nothing to do with the picture teaches it to look away, and GRPO
    then needs far longer to begin to see (docs/RESULTS.md).

    Args:
        policy: what learns.
        envs: training environments that tell their `answer` in the reset's infos.
        config: `cold_start_steps`, `max_grad_norm` and `seed` count here.
        accelerator: runs the backward pass.
        on_step: told the number of steps done and the loss, after each.
        stopping: asked before each step whether to end early.
    """
    problems = min(PROBLEMS, envs.num_envs)
    answers = min(ANSWERS, problems - 1)  # never a picture's own
    rate = LEARNING_RATE if config.optimizer == "muon" else config.learning_rate
    embeddings = [p for name, p in policy.model.named_parameters() if TOKEN_EMBEDDINGS.search(name)]
    optimizer = torch.optim.AdamW(embeddings, rate, BETAS, weight_decay=0.0)
    with only_trainable(policy.model, embeddings):
        for step in range(config.cold_start_steps):
            if stopping():
                break
            seeds = np.resize(problem_seeds(config.seed, -1 - step, problems), envs.num_envs)
            observations, infos = envs.reset(seed=seeds.tolist())
            images = observations.get("image")
            prompts = policy.prepare(observations["prompt"][:problems], None if images is None else images[:problems])
            texts = [tagged(str(answer)) for answer in infos["answer"][:problems]]
            others = [texts[(i + 1 + k) % problems] for i in range(problems) for k in range(answers)]
            ids_BT, mask_BT = policy.encode(others)
            with accelerator.autocast():
                logp_BT, _ = policy.log_probabilities(prompts, ids_BT, mask_BT)
            loss = -(logp_BT * token_weights(mask_BT, "token")).sum()
            optimizer.zero_grad()
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(embeddings, config.max_grad_norm)
            optimizer.step()
            on_step(step + 1, loss.item())
    optimizer.zero_grad()
