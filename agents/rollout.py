"""From a vector environment to scored groups of answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from agents.batch import Answers, Prompts
from agents.fitting import answer
from agents.language_model import LanguageModel
from agents.phases import Phases
from agents.policy import pictures


@dataclass(frozen=True)
class Rollout:
    """P problems, G answers to each, and what they scored."""

    prompts: Prompts
    answers: Answers
    texts: list[str]
    """B = P·G answers, group after group."""
    rewards_PG: Tensor
    infos: Mapping[str, Any]
    """The last step's infos, in gymnasium's vector layout: a value per answer for each key."""


def sampling_noise(run_seed: int, step: int, seeds: Sequence[int], group_size: int, tokens: int) -> Tensor:
    """Uniform numbers (P·G, tokens), float64 in [0, 1), keyed by (run seed, step, problem, member) alone."""
    noise = [
        np.random.default_rng(np.random.SeedSequence((run_seed, step, seed))).random((group_size, tokens))
        for seed in seeds
    ]
    return torch.from_numpy(np.concatenate(noise))


def collect(
    envs: gym.vector.VectorEnv,
    policy: LanguageModel,
    seeds: Sequence[int],
    group_size: int,
    *,
    temperature: float,
    run_seed: int,
    step: int,
    rows: Sequence[int] | None = None,
    levels: Sequence[int] | None = None,
    phases: Phases | None = None,
) -> Rollout:
    """Pose P problems, answer each `group_size` times, score the answers.

    Args:
        envs: P·G single-turn environments with a `prompt`, and maybe pictures, in their observations.
        policy: answers.
        seeds: P reset seeds; the members of a group share theirs, and with it the picture.
        group_size: G.
        temperature: of sampling.
        run_seed: keys the sampling, with `step` and the problem's seed.
        step: see `run_seed`.
        rows: which of the problems are answered, and make up the rollout; None for all.
        levels: of the P problems, as a reset's option `level` takes them; None leaves it out.
        phases: what it takes to "draw" (to pose, with pictures), "generate" and "score" is added to it.
    """
    rows = range(len(seeds)) if rows is None else rows
    phases = phases or Phases()
    phases.begin()
    members = np.concatenate([np.arange(row * group_size, (row + 1) * group_size) for row in rows])
    options = None if levels is None else {"level": [level for level in levels for _ in range(group_size)]}
    observations, _ = envs.reset(seed=[seed for seed in seeds for _ in range(group_size)], options=options)
    images = pictures(observations)
    firsts = [row * group_size for row in rows]
    shown = None if images is None else [images[first] for first in firsts]
    prompts = policy.prepare([observations["prompt"][first] for first in firsts], shown)
    phases.end("draw")
    answered = [seeds[row] for row in rows]
    noise = sampling_noise(run_seed, step, answered, group_size, policy.max_new_tokens).to(policy.device)
    answers = answer(policy, prompts, group_size, temperature, noise)
    texts = policy.decode(answers)
    phases.end("generate")
    actions = np.full(envs.num_envs, "", dtype=object)
    actions[members] = texts
    _, rewards, _, _, infos = envs.step(tuple(actions))
    phases.end("score")
    rewards_PG = torch.as_tensor(rewards[members], dtype=torch.float32, device=policy.device).view(-1, group_size)
    return Rollout(prompts, answers, texts, rewards_PG, some_of(infos, members))


def some_of(infos: Mapping[str, Any], members: np.ndarray) -> dict[str, Any]:
    """The infos of some environments; gymnasium nests them where an environment does."""
    return {
        key: some_of(values, members) if isinstance(values, Mapping) else np.asarray(values)[members]
        for key, values in infos.items()
    }
