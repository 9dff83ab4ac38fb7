"""`--preset NAME`: published settings under the flags; `--preset list`, which tells them, and `--preset check`."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

import envs
from envs.registry import is_ours
from train.algorithm_options import GRPO_ONLY, samples
from train.config import BOUNDS
from train.learning_options import WARMUPS, without_warmup
from train.loss_options import without_named
from train.preset_check import show_presets_checked
from train.presets import PRESETS, Preset
from train.progress import console

FLAG, CHECK, LIST, NONE = "--preset", "check", "list", "None"


def with_preset(words: Sequence[str], texts: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Put what `--preset NAME` stands for before the flags of a command line, which win.

    A bound (--steps, --minutes, --epochs) replaces the preset's bounds, either flag of the warm-up its warm-up, and
    --loss all that a loss is made of. What another --algorithm has no use for is left out, and said.

    Args:
        words: the command line without `--task.FIELD VALUE`, settings from a file included.
        texts: those, by field.

    Returns:
        both, with what the preset adds.

    Raises:
        ValueError: there is no such preset; it is for another environment than --env, or for one that is not there.
        SystemExit: `--preset list`, after the list; `--preset check`, after the check.
    """
    given = {name.replace("_", "-"): value for name, value in _flags(words).items()}
    name = given.get(FLAG, NONE)
    if name == LIST:
        console.print(listing(), soft_wrap=False)  # cut nothing off, wherever it is shown
        raise SystemExit(0)
    if name == CHECK:
        raise SystemExit(show_presets_checked())
    if name == NONE or "--resume" in given:  # who reads the flags refuses it there
        return list(words), dict(texts)
    _require_known(name)
    preset = PRESETS[name]
    _require_its_task(name, preset, given.get("--env"))
    settings = _fit_for_the_algorithm(name, preset.settings, given)
    if any(_flag(warmup) in given for warmup in WARMUPS):
        settings = without_warmup(settings)
    if any(f"--{bound}" in given for bound in BOUNDS):
        settings = {key: value for key, value in settings.items() if key not in BOUNDS}
    if "--loss" in given:
        settings = without_named(settings)
    spelled = {_flag(key): str(value) for key, value in {"env": preset.env, **settings}.items()}
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


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _require_known(name: str) -> None:
    """Raise ValueError for what is no preset."""
    known = [*PRESETS, CHECK, LIST]
    if name in known:
        return
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    got = "none" if not name or name.startswith("--") else f"{name!r:.80}"
    raise ValueError(f"{FLAG} takes one of {', '.join(known)} (which tells what each is), got {got}{hint}")


def _fit_for_the_algorithm(name: str, settings: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """A preset's settings without those that the algorithm has no use for, which are told."""
    algorithm = given.get("--algorithm", "grpo")
    texts = {key: given.get(_flag(key)) for key in ("data", "distill", "distill_texts")}
    unused = set() if algorithm == "grpo" else {*GRPO_ONLY}
    if not samples(SimpleNamespace(algorithm=algorithm, **texts)):
        unused |= {"group_size", "temperature"}
    left_out = [f"{_flag(key)} {value}" for key, value in settings.items() if key in unused and _flag(key) not in given]
    if left_out:
        console.print(f"note: {FLAG} {name} with --algorithm {algorithm} leaves out {', '.join(left_out)}")
    return {key: value for key, value in settings.items() if key not in unused}


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


def listing() -> Group:
    """Every preset as the flags that it stands for, and where they come from."""
    return Group(*(part for name, preset in PRESETS.items() for part in _told(name, preset)))


def _told(name: str, preset: Preset) -> list[Text | Padding]:
    """The paragraphs of a preset; flags stand as a command line has them."""
    fields = {f"task.{key}": value for key, value in preset.task.items()}
    flags = [f"{_flag(key)} {value}" for key, value in {"env": preset.env, **preset.settings, **fields}.items()]
    flags += [f"--reward {reward} {weight:g}" for reward, weight in preset.rewards]
    paragraphs = [f"{preset.origin}.", " ".join(flags)]
    paragraphs += [f"Assumed: {preset.assumed}."] if preset.assumed else []
    paragraphs += [f"Otherwise here: {preset.differs}."] if preset.differs else []
    return [Text(f"{FLAG} {name}", style="bold"), *(Padding(Text(text), (0, 0, 1, 4)) for text in paragraphs)]
