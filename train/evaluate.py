"""Evaluation: greedy answers to the same problems of the eval split each time, and to blank pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from agents.policy import Policy

BLANK_GREY = 128


@dataclass(frozen=True)
class Evaluation:
    """What a policy answered to N problems, and what it scored."""

    observations: Mapping[str, Any]
    infos: Mapping[str, Any]
    """In gymnasium's vector layout, from the step that scored the answers."""
    texts: list[str]
    rewards: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Errors (N,) in the task's unit."""
        return np.asarray(self.infos["error"], dtype=float)


def evaluate(envs: gym.vector.VectorEnv, policy: Policy, blank: bool = False) -> Evaluation:
    """Ask a policy the first N problems of a split, N being the number of environments.

    Args:
        envs: single-turn environments of the split to evaluate on.
        policy: answers.
        blank: show an even grey instead of each picture. What can then still be answered is the prior.
    """
    observations, infos = envs.reset(seed=list(range(envs.num_envs)))
    if blank:
        observations = {**observations, "image": np.full_like(observations["image"], BLANK_GREY)}
    asked = dict(infos)
    texts = policy.respond(observations, infos)
    _, rewards, _, _, infos = envs.step(tuple(texts))
    return Evaluation(observations, {**asked, **infos}, texts, np.asarray(rewards, dtype=float))


def summarise(evaluation: Evaluation, chance: float | None) -> dict[str, float | None]:
    """The columns of `evals.csv` that come from the answers.

    Args:
        evaluation: the answers.
        chance: the task's MAE of chance, for skill = 1 − MAE / MAE of chance; None leaves it out.
    """
    errors = evaluation.errors
    mae = float(errors.mean())
    return {
        "mae": mae,
        "median_error": float(np.median(errors)),
        "parsed": float(np.mean(evaluation.infos["parsed"])),
        "reward": float(evaluation.rewards.mean()),
        "skill": None if not chance else 1 - mae / chance,
        "lenient_mae": float(np.mean(evaluation.infos["lenient_error"])),
    }
