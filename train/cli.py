"""From a command line to checked settings, before anything heavy is loaded or anything is written."""

from collections.abc import Mapping, Sequence
from typing import Any

import tyro
from gymnasium.envs.registration import EnvSpec

import envs
from envs.fields import read_fields, split_flags
from envs.registry import is_ours, registered
from train.config import TrainConfig


def parse(argv: Sequence[str]) -> tuple[TrainConfig, EnvSpec | None, dict[str, Any]]:
    """Read the flags of `python -m train`.

    Args:
        argv: the words after `python -m train`.

    Returns:
        the settings, the environment (None with `--resume`), and what `--task.FIELD VALUE` set.

    Raises:
        ValueError: an unknown environment or task field, a setting out of range.
        SystemExit: an unknown flag or a value of the wrong type; the message is on stderr.
    """
    texts, rest = split_flags(argv)
    config = tyro.cli(TrainConfig, args=rest, prog="python -m train")
    if config.resume is not None:
        if config.env or config.run or texts:
            raise ValueError("--resume goes on with a run as it was: give --steps or --minutes with it, nothing else")
        return config, None, {}
    if not config.env:
        known = ", ".join(spec.id for spec in registered())
        raise ValueError(f"which environment? Say --env NAME, for example --env clock. Registered: {known}")
    spec = envs.resolve(config.env)
    return config, spec, task_fields(spec, texts)


def task_fields(spec: EnvSpec, texts: Mapping[str, str]) -> dict[str, Any]:
    """The fields that `--task.FIELD VALUE` flags set, read and checked.

    Raises:
        ValueError: an unknown field, a value that does not fit, an environment that is not made from a task.
    """
    if not texts:
        return {}
    if not is_ours(spec):
        raise ValueError(f"{spec.id} is not made from a Task, so it has no --task.{next(iter(texts))}")
    fields = read_fields(type(envs.make_task(spec)), texts)
    envs.make_task(spec, **fields)  # complains about values out of range
    return fields
