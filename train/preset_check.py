"""`--preset check`: the reward fuzzer over the published settings."""

from collections.abc import Iterator, Mapping
from typing import Any

import envs
from envs.check import unasked_form
from envs.fields import required
from envs.registry import task_class
from train.presets import PRESETS, Preset


def check_presets(samples: int = 32) -> Iterator[tuple[str, list[str], str | None]]:
    """Hold each preset's task, and what it is paid, to the rules of `envs.check_task`.

    No data set is read: a task that makes up problems without its `source` is checked on those.

    Args:
        samples: how many problems of each, from 2 up.

    Yields:
        the preset's name, the rules that it breaks, and the form that it pays for unasked, if there is one.
    """
    for name, preset in PRESETS.items():
        task = envs.make_task(preset.env, **fields_of(preset))
        yield name, envs.check_task(task, samples), unasked_form(task)


def fields_of(preset: Preset) -> Mapping[str, Any]:
    """The fields of a preset's task, without a source that it can do without."""
    fields = {**preset.task, "rewards": dict(preset.rewards)}
    if "source" not in required(task_class(envs.resolve(preset.env))):
        fields.pop("source", None)
    return fields


def show_presets_checked() -> int:
    """Print what is found; the exit status, 1 if a rule is broken."""
    status = 0
    for name, broken, unasked in check_presets():
        print(f"{name}: {'; '.join(broken) or 'no broken rule'}", flush=True)
        if unasked:
            print(f"note: {unasked}")
        status = 1 if broken else status
    return status
