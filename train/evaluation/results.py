"""The results file: one JSON document with the figures, and a row per answer."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.chat_format import data_uri
from plots.evaluations import read_evaluation
from train.storage import written_aside

PARTIAL_SUFFIX = ".answers.jsonl"
LONGEST_NAME = 150
MOST_NUMBERED = 1000


class Images:
    """Pictures as PNG data URIs, each kept once under a name made from its bytes."""

    def __init__(self) -> None:
        self.uris: dict[str, str] = {}

    def keep(self, picture: np.ndarray) -> str:
        """Keep a picture, uint8 (H, W, 3), and return its name."""
        uri = data_uri(picture)
        name = hashlib.sha256(uri.encode("ascii")).hexdigest()[:16]
        self.uris[name] = uri
        return name


def write_results(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document whole or not at all, a line per member, per row and per image.

    Raises:
        WriteError: it could not be written.
    """
    members = [f"{json.dumps(name)}: {_lines(value)}" for name, value in document.items()]
    with written_aside(path) as aside:
        aside.write_text("{\n" + ",\n".join(members) + "\n}\n", encoding="ascii")


def _lines(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(map(_json, value)) + "\n]"
    if isinstance(value, dict) and any(isinstance(inner, str) and len(inner) > 99 for inner in value.values()):
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {_json(inner)}" for name, inner in value.items()) + "\n}"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(jsonable(value), allow_nan=False)


def jsonable(value: Any) -> Any:
    """The value as JSON can have it: numbers that are not finite become null, numpy's become Python's."""
    if isinstance(value, Mapping):
        return {str(name): jsonable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [jsonable(inner) for inner in value]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def read_results(path: Path) -> dict[str, Any]:
    """Read a results file.

    Raises:
        ValueError: it is none, it is broken, or a newer version's; the message names the place.
    """
    if path.name.endswith(PARTIAL_SUFFIX):
        raise ValueError(f"{path} is of an unfinished evaluation; repeat its command to finish it")
    try:
        read_evaluation(path)  # which checks all of it
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error


def results_path(wanted: Path | None, name: str, resumes: Callable[[Path], bool]) -> Path:
    """Where the results go: `wanted`, or `evaluations/NAME.json`, numbered if that is taken.

    Args:
        wanted: as it was asked for.
        name: of the default, without its folder.
        resumes: whether an unfinished evaluation, of which this is the journal, is this one; it then goes on.

    Raises:
        ValueError: there are results or a report, or nothing can be written there.
    """
    path = wanted or _default(re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:LONGEST_NAME], resumes)
    try:
        for taken in (path, path.with_suffix(".html")):
            if taken.exists():
                raise ValueError(f"--out {path}: {taken} exists; name another file, or delete it")
        nearest = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:
        raise ValueError(f"--out {path} is no name for a file: {error.strerror or error}") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ValueError(f"the results {path} cannot be written: {nearest} is no folder that may be written")
    return path


def journal_path(results: Path) -> Path:
    """Where answers are kept until there are results."""
    return results.with_suffix(PARTIAL_SUFFIX)


def _default(stem: str, resumes: Callable[[Path], bool]) -> Path:
    """The first numbered path whose evaluation goes on, else the first at which there is nothing."""
    paths = [Path("evaluations") / f"{stem}{f'-{n}' if n > 1 else ''}.json" for n in range(1, MOST_NUMBERED)]
    going_on = (path for path in paths if not path.exists() and resumes(journal_path(path)))
    return next(going_on, None) or next((path for path in paths if not _taken(path)), paths[-1])


def _taken(path: Path) -> bool:
    journal = journal_path(path)
    begun = journal.exists() and journal.stat().st_size > 0  # an empty one keeps nothing
    return begun or path.exists() or path.with_suffix(".html").exists()
