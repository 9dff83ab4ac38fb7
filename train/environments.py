"""The environments of a run, and the scale their errors are read on."""

import dataclasses
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

import envs
from train.config import Settings


def make_train_envs(settings: Settings, spec: EnvSpec, fields: dict[str, Any]) -> gym.vector.VectorEnv:
    """The training environments, P·G of them."""
    return gym.make_vec(spec.id, num_envs=settings.problems_per_step * settings.group_size, **fields)


def make_eval_envs(spec: EnvSpec, size: int, fields: dict[str, Any]) -> gym.vector.VectorEnv:
    """`size` environments of the held-out split."""
    return gym.make_vec(spec.id, num_envs=size, split="eval", **fields)


def measure_yardsticks(task: envs.Task) -> dict[str, Any]:
    """The task's yardsticks as plain values."""
    return dataclasses.asdict(envs.yardsticks(task))
