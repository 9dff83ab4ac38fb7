"""From a command line to checked settings, before anything heavy is loaded or anything is written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tyro
from gymnasium.envs.registration import EnvSpec

import envs
from envs.check import unasked_form
from envs.fields import flag_of, read_fields, require_used, split_flags
from envs.foreign import require_trainable
from envs.registry import is_ours, registered, task_class
from train.callbacks import require_callbacks
from train.config import BOUNDS, TrainConfig, flag
from train.config_file import with_config_file
from train.preset_flag import with_preset
from train.record import require_new

# What may be said of a run that goes on.
BESIDE_RESUME = tuple(flag(name) for name in ("resume", *BOUNDS))


def parse(argv: Sequence[str], prog: str = "python -m train") -> tuple[TrainConfig, EnvSpec | None, dict[str, Any]]:
    """Read the flags of `python -m train`.

    Args:
        argv: the words after `python -m train`.
        prog: what usage and messages call the program.

    Returns:
        the settings, the environment (None with `--resume`), and what `--task.FIELD VALUE` and `--reward NAME WEIGHT`
        set.

    Raises:
        ValueError: an unknown environment or task field, a setting out of range, a callback that is not there.
        SystemExit: an unknown flag or a value of the wrong type; the message is on stderr.
    """
    texts, rest = split_flags(argv)
    rest, texts = with_preset(*with_config_file(rest, texts))
    config = tyro.cli(TrainConfig, args=rest, prog=prog)
    if config.resume is not None:
        refuse_others([*rest, *map(flag_of, texts)])
        return config, None, {}
    if not config.env:
        known = ", ".join(spec.id for spec in registered())
        raise ValueError(f"which environment? Say --env NAME, for example --env clock. Registered: {known}")
    spec = find_env(config.env)
    fields = task_fields(spec, texts)
    require_callbacks(config.callback)
    if config.run is not None:
        require_new(config.run)
    return config, spec, fields


def refuse_others(words: Iterable[str]) -> None:
    """Refuse flags beside `--resume` that a run cannot change on its way, whatever they say.

    Raises:
        ValueError: naming them.
    """
    names = [word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")]
    changed = [name for name in names if name not in BESIDE_RESUME]
    if changed:
        raise ValueError(
            "--resume goes on with a run as it was, under --steps, --minutes or --epochs; "
            f"leave out {', '.join(changed)}"
        )


def find_env(name: str) -> EnvSpec:
    """The environment that a name means: one made from a `Task`, or any whose actions are texts.

    Raises:
        ValueError: it is unknown, or cannot be trained on.
    """
    spec = envs.resolve(name)
    if not is_ours(spec):
        unseen = require_trainable(spec)
        if unseen:
            print(f"note: of its observations the policy sees the prompt and pictures alone, not {', '.join(unseen)}")
    return spec


def task_fields(spec: EnvSpec, texts: Mapping[str, str]) -> dict[str, Any]:
    """The fields that `--task.FIELD VALUE` and `--reward NAME WEIGHT` set, read and checked.

    Raises:
        ValueError: an unknown field, a value that does not fit, an environment that has no fields, a
            task that breaks the rules.
    """
    if not is_ours(spec):
        if texts:
            raise ValueError(
                f"{flag_of(next(iter(texts)))} cannot be set: {spec.id} is not made from a Task, registered by "
                "envs.register; give its options where it is registered, gymnasium.register(..., kwargs={...})"
            )
        return {}
    fields = read_fields(task_class(spec), texts)
    task = envs.make_task(spec, **fields)
    require_used(task, fields, spec.kwargs)
    broken = envs.check_task(task)
    if broken:
        raise ValueError(f"{spec.id} breaks a rule of tasks, and `envs check` tells which others: {broken[0]}")
    if unasked := unasked_form(task):
        print(f"note: {unasked}")
    return fields
