"""The environments of a run, and the scale their errors are read on."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

import envs
from envs.foreign import make_vector
from envs.pictures import picture_spaces
from envs.registry import is_ours
from train.config import Settings, TrainConfig


def task_of(spec: EnvSpec, fields: Mapping[str, Any]) -> envs.Task | None:
    """The task that an environment is made from; None for one that knows nothing of tasks.

    Raises:
        ValueError: a field's bad value.
    """
    return envs.make_task(spec, **fields) if is_ours(spec) else None


def task_behind(vector: gym.vector.VectorEnv) -> envs.Task | None:
    """The task whose problems environments pose; None for those that know nothing of tasks."""
    task = getattr(vector.unwrapped, "task", None)
    return task if isinstance(task, envs.Task) else None


def training_rows(task: envs.Task | None, config: TrainConfig) -> int | None:
    """How many different training problems there are; None where they never run out, or nobody knows.

    Raises:
        ValueError: `epochs` of what has no end.
    """
    rows = None if task is None else task.num_problems("train")
    if config.epochs is not None and rows is None:
        raise ValueError(
            f"--epochs counts passes over data that run out, and {config.env or 'this environment'} does not; "
            "give --steps or --minutes"
        )
    return rows


def make_train_envs(
    settings: Settings, spec: EnvSpec, fields: Mapping[str, Any], processes: int = 1
) -> gym.vector.VectorEnv:
    """One process's training environments: P·G of them in all."""
    return make_envs(spec, settings.problems_per_step // processes * settings.group_size, "train", fields)


def make_eval_envs(spec: EnvSpec, size: int, fields: Mapping[str, Any]) -> gym.vector.VectorEnv:
    """`size` environments of the held-out split."""
    return make_envs(spec, size, "eval", fields)


def make_envs(spec: EnvSpec, number: int, split: str, fields: Mapping[str, Any]) -> gym.vector.VectorEnv:
    """Environments that rollouts can drive, made from a task or not."""
    if is_ours(spec):
        return gym.make_vec(spec.id, num_envs=number, split=split, **fields)
    return make_vector(spec, number, split)


def column(infos: Mapping[str, Any], name: str) -> np.ndarray | None:
    """The values (N,) of a name in infos of gymnasium's vector layout; None unless every environment gives one."""
    if name not in infos or not np.all(infos.get(f"_{name}", True)):
        return None
    return np.asarray(infos[name])


def mean(infos: Mapping[str, Any], name: str) -> float | None:
    """The mean of such a column; None where there is none."""
    values = column(infos, name)
    return None if values is None else float(np.mean(values))


def joined(parts: Sequence[Mapping[str, Any]], lengths: Sequence[int]) -> dict[str, Any]:
    """Infos of several vector environments as those of one; gymnasium's empty values where one of them tells nothing.

    Args:
        parts: infos in gymnasium's vector layout.
        lengths: how many environments each comes from.
    """
    whole: dict[str, Any] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        columns = [part.get(name) for part in parts]
        told = next(column for column in columns if column is not None)
        if isinstance(told, Mapping):
            whole[name] = joined([column or {} for column in columns], lengths)
            continue
        empty = None if told.dtype == object else np.zeros((), told.dtype)[()]
        filled = [
            np.full((length, *told.shape[1:]), empty, told.dtype) if column is None else column
            for column, length in zip(columns, lengths, strict=True)
        ]
        whole[name] = np.concatenate(filled)
    return whole


def measure_yardsticks(task: envs.Task | None) -> dict[str, Any] | None:
    """The task's yardsticks as plain values; None without a task."""
    return None if task is None else dataclasses.asdict(envs.yardsticks(task))


def chance_of(yardsticks: Mapping[str, Any] | None) -> float | None:
    """The MAE of chance among a run's yardsticks; None without any."""
    return None if yardsticks is None else yardsticks["chance"]


def image_shapes(vector: gym.vector.VectorEnv) -> list[tuple[int, int, int]]:
    """The different `(H, W, 3)` of the pictures; none where there are no pictures."""
    members = vector.single_observation_space.spaces
    spaces = [space for name in ("image", "images") if name in members for space in picture_spaces(members[name])]
    return sorted({space.shape for space in spaces})
