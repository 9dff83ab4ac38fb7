"""`--config FILE`: settings from a file, under the flags."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from train.learning_options import WARMUPS, without_warmup
from train.loss_options import without_named

FLAG = "--config"
# What a run's config.json says of itself, and no file can say of another run.
OWN = {"run", "resume", "config"}
# Settings that a command line gives as several words.
SEVERAL = {"track", "callback"}


def with_config_file(words: Sequence[str], texts: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Put what `--config FILE` holds before the flags of a command line, which win.

    The file is YAML whose keys are the flags' names, with hyphens or underscores; under `task` the fields of the task,
    under `reward` weights by name. Or it is the `config.json` of a run, all of whose settings then count, those too
    that were defaults there.

    Args:
        words: the command line without `--task.FIELD VALUE`.
        texts: those, by field.

    Returns:
        both, with what the file adds.

    Raises:
        ValueError: the file cannot be read, or is no mapping of settings.
    """
    words, path = _without_flag(words)
    if path is None:
        return words, dict(texts)
    given = {word.partition("=")[0].removeprefix("--").replace("_", "-") for word in words if word.startswith("--")}
    given |= {name.removeprefix("no-") for name in given}
    if "resume" in given:
        raise ValueError(f"--resume goes on with a run as it was; leave out {FLAG}")
    document = _read(path)
    if {"settings", "versions"} <= document.keys():  # a run's config.json
        task = _by_name(document.get("task"), "task", path)
        settings = _by_name(document["settings"], "settings", path)
        settings, fields = {k: v for k, v in settings.items() if k not in OWN}, task.get("fields")
        if "loss" in given:  # else what that run resolved would hide it
            settings = without_named(settings)
    else:
        settings, fields = {k: v for k, v in document.items() if k != "task"}, document.get("task")
        for name in OWN & settings.keys():
            raise ValueError(f"{FLAG} {path}: {name} is for the command line; leave it out of the file")
    if given & {name.replace("_", "-") for name in WARMUPS}:
        settings = without_warmup(settings)
    fields = _by_name(fields, "task", path)
    if "reward" in settings:
        fields["rewards"] = settings.pop("reward")
    if isinstance(fields.get("rewards"), Mapping):  # weights by name
        fields["rewards"] = [f"{name} {weight}" for name, weight in fields["rewards"].items()]
    settings = {k.replace("_", "-"): v for k, v in _texts(settings, path).items()}
    fields = _texts(fields, path)
    more = [word for name, value in settings.items() if name not in given for word in _words(name, value)]
    known = {name.replace("-", "_") for name in texts}
    return more + words, {name: value for name, value in fields.items() if name not in known} | dict(texts)


def _without_flag(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """The command line without `--config FILE` or `--config=FILE`, and the file."""
    left, path, rest = [], None, iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name != FLAG:
            left.append(word)
            continue
        text = value if equals else next(rest, "")
        if not text or (not equals and text.startswith("--")):
            raise ValueError(f"{FLAG} needs a file: {FLAG} FILE")
        if path is not None:
            raise ValueError(f"{FLAG} stands there twice; give it once")
        path = Path(text)
    return left, path


def _read(path: Path) -> Mapping[str, Any]:
    """A file's YAML, of which JSON is a part."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{FLAG} {path} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # no text, an impossible date, a loop
        raise ValueError(f"{FLAG} {path} is no YAML: {' '.join(str(error).split())}") from error
    return _by_name(document, "the file", path)


def _by_name(values: Any, what: str, path: Path) -> dict[str, Any]:
    """A mapping by name, with underscores for hyphens; nothing for None.

    Raises:
        ValueError: it is something else, or a name stands there twice.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise ValueError(f"{FLAG} {path}: {what} must hold values by name, such as `size: 8`, got {values!r:.80}")
    found = {name.replace("-", "_"): value for name, value in values.items()}
    if len(found) < len(values):
        raise ValueError(f"{FLAG} {path}: {what} has a name twice, once with a hyphen: {', '.join(values)}")
    return found


def _texts(values: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Values as a command line has them; what is None is left out."""
    return {name: _text(name, value, path) for name, value in values.items() if value is not None}


def _words(name: str, text: str) -> list[str]:
    """A setting as a command line has it: a switch is its name alone, several values are several words."""
    switched = {"true": f"--{name}", "false": f"--no-{name}"}
    if name in SEVERAL:
        return [f"--{name}", *filter(None, text.split(","))]
    return [switched[text]] if text in switched else [f"--{name}", text]


def _text(name: str, value: Any, path: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and not any(isinstance(item, (list, Mapping)) for item in value):
        return ",".join(_text(name, item, path) for item in value)
    if isinstance(value, (list, Mapping)):
        raise ValueError(f"{FLAG} {path}: {name} must be one value or a list of some, got {value!r:.80}")
    return str(value)
