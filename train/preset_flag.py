"""`--preset NAME`: published settings under the flags, and `--preset list`, which tells them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from rich.table import Table

import envs
from envs.registry import is_ours
from train.config import BOUNDS
from train.loss_options import without_named
from train.presets import PRESETS, Preset
from train.progress import console

FLAG, LIST = "--preset", "list"


def with_preset(words: Sequence[str], texts: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Put what `--preset NAME` stands for before the flags of a command line, which win.

    A bound (--steps, --minutes, --epochs) replaces the preset's bounds, and --loss all that a loss is made of.

    Args:
        words: the command line without `--task.FIELD VALUE`, settings from a file included.
        texts: those, by field.

    Returns:
        both, with what the preset adds.

    Raises:
        ValueError: the preset is for another environment than --env, or for one that is not there.
        SystemExit: `--preset list`, after the list.
    """
    given = {name.replace("_", "-"): value for name, value in _flags(words).items()}
    name = given.get(FLAG, "")
    if name == LIST:
        console.print(listing())
        raise SystemExit(0)
    if name not in PRESETS or "--resume" in given:  # who reads the flags says which there are, or refuses it
        return list(words), dict(texts)
    preset = PRESETS[name]
    _require_its_task(name, preset, given.get("--env"))
    settings = dict(preset.settings)
    if any(f"--{bound}" in given for bound in BOUNDS):
        settings = {key: value for key, value in settings.items() if key not in BOUNDS}
    if "--loss" in given:
        settings = without_named(settings)
    spelled = {f"--{key.replace('_', '-')}": str(value) for key, value in {"env": preset.env, **settings}.items()}
    more = [word for key, value in spelled.items() if key not in given for word in (key, value)]
    task = {key: str(value) for key, value in {**preset.task, **_paid(preset)}.items()}
    known = {key.replace("-", "_") for key in texts}
    return more + list(words), {key: value for key, value in task.items() if key not in known} | dict(texts)


def _flags(words: Sequence[str]) -> dict[str, str]:
    """The flags of a command line with the word behind each, which may belong to it."""
    found = {}
    for word, after in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            found[name] = value if equals else after
    return found


def _require_its_task(name: str, preset: Preset, wanted: str | None) -> None:
    """Raise ValueError if `--env` is given and is no environment of the preset's task."""
    if wanted is None or envs_alike(preset.env, wanted):
        return
    envs.resolve(wanted)  # one that is not there has a message of its own
    fitting = [known for known, one in PRESETS.items() if envs_alike(one.env, wanted)]
    hint = f"; for that there are {', '.join(fitting)}" if fitting else ""
    raise ValueError(f"{FLAG} {name} is for --env {preset.env}, got --env {wanted}{hint}")


def envs_alike(one: str, other: str) -> bool:
    """Whether two names mean environments of one task; False for what is not there."""
    try:
        specs = [envs.resolve(name) for name in (one, other)]
    except ValueError:
        return False
    return all(map(is_ours, specs)) and len({type(envs.make_task(spec)) for spec in specs}) == 1


def _paid(preset: Preset) -> dict[str, str]:
    """The field of the task that says what an answer is paid for."""
    return {"rewards": ",".join(f"{reward} {weight}" for reward, weight in preset.rewards)}


def listing() -> Table:
    """Every preset with its settings, and where they come from."""
    table = Table(show_lines=True, title="presets of python -m train --preset NAME")
    for head in ("preset", "settings", "rewards", "where from"):
        table.add_column(head)
    for name, preset in PRESETS.items():
        flags = {"env": preset.env, **preset.settings, **{f"task.{key}": value for key, value in preset.task.items()}}
        lines = "\n".join(f"--{key.replace('_', '-')} {value}" for key, value in flags.items())
        paid = "\n".join(f"{reward} {weight:g}" for reward, weight in preset.rewards)
        told = [preset.origin + "."]
        told += [f"Assumed: {preset.assumed}."] if preset.assumed else []
        told += [f"Otherwise here: {preset.differs}."] if preset.differs else []
        table.add_row(name, lines, paid, "\n\n".join(told))
    return table
