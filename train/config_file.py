"""`--config FILE`: settings from a file, under the flags."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

FLAG = "--config"
# What a run's config.json says of itself; not what another run should do.
OWN = ("run", "resume", "config")


def with_config_file(words: Sequence[str], texts: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Put what `--config FILE` holds before the flags of a command line, which win.

    The file is YAML whose keys are the flags' names, with hyphens or underscores, and under `task` the fields of the
    task; or the `config.json` of a run, whose settings and task are then those of the new one.

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
    if any(word.partition("=")[0] == "--resume" for word in words):
        raise ValueError(f"--resume goes on with a run as it was; leave out {FLAG}")
    document = _read(path)
    settings, fields = (_of_a_run if "settings" in document else _of_yaml)(document, path)
    given = {word.partition("=")[0].removeprefix("--").replace("_", "-") for word in words if word.startswith("--")}
    more = [word for name, value in settings.items() if name not in given for word in (f"--{name}", value)]
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
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{FLAG} {path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, Mapping) or not all(isinstance(key, str) for key in document):
        raise ValueError(f"{FLAG} {path} must hold settings by name, such as `group-size: 8`, got {document!r:.80}")
    return document


def _of_yaml(document: Mapping[str, Any], path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Settings and task fields of a file that somebody wrote."""
    task = document.get("task") or {}
    if not isinstance(task, Mapping):
        raise ValueError(f"{FLAG} {path}: `task` must hold the task's fields by name, got {task!r:.80}")
    settings = {name.replace("_", "-"): value for name, value in document.items() if name != "task"}
    return _texts(settings, path), _texts({str(name).replace("-", "_"): value for name, value in task.items()}, path)


def _of_a_run(document: Mapping[str, Any], path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Settings and task fields of a run's `config.json`."""
    task, settings = document.get("task") or {}, document["settings"]
    if not isinstance(settings, Mapping) or not isinstance(task, Mapping):
        raise ValueError(f"{FLAG} {path} is no run's config.json: its settings or its task are broken")
    asked = {name.replace("_", "-"): value for name, value in settings.items() if name not in OWN}
    return _texts(asked, path), _texts(task.get("fields") or {}, path)


def _texts(values: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Values as a command line has them; what is None is left out."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            raise ValueError(f"{FLAG} {path}: {name} must be one value, got {value!r:.80}")
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)
