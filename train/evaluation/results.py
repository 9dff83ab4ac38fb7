"""The results file: one JSON document with the figures, and a row per answer."""

import hashlib
import itertools
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.chat_format import data_uri
from train.storage import written_aside

FORMAT, VERSION = "eyechart evaluation", 1
"""Raise the version when a reader of the one before would misread the file."""
PARTIAL_SUFFIX = ".answers.jsonl"
REQUIRED = ("env", "task", "model", "name", "settings", "conditions", "rows", "images")


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
    return json.dumps(finite(value), allow_nan=False)


def finite(value: Any) -> Any:
    """The value as JSON can have it: numbers that are not finite become null, numpy's become Python's."""
    if isinstance(value, Mapping):
        return {str(name): finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [finite(inner) for inner in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def read_results(path: Path) -> dict[str, Any]:
    """Read a results file.

    Raises:
        ValueError: it is none, or a newer version's.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # no JSON, or no text
        hint = "; it is one of an unfinished evaluation" if path.name.endswith(PARTIAL_SUFFIX) else ""
        raise ValueError(f"{path} is no results file: {error}{hint}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path} is no results file of an evaluation; train.evaluate writes them")
    if not isinstance(document.get("version"), int) or document["version"] > VERSION:
        raise ValueError(
            f"{path} was written by a newer Eyechart (version {document.get('version')} of the file; this one reads "
            f"up to {VERSION}): upgrade Eyechart"
        )
    if missing := [name for name in REQUIRED if name not in document]:
        raise ValueError(f"{path} is broken: it has no {', '.join(missing)}")
    return document


def free_path(wanted: Path | None, name: str) -> Path:
    """Where the results go: `wanted`, or `evaluations/NAME.json`, numbered if there are results already.

    Raises:
        ValueError: there are results, or nothing can be written there.
    """
    if wanted is None:
        stem = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")
        paths = (Path("evaluations") / f"{stem}{f'-{n}' if n > 1 else ''}.json" for n in itertools.count(1))
        wanted = next(path for path in paths if not path.exists())
    if wanted.exists():
        raise ValueError(f"--out {wanted} exists; name another file, or delete it")
    nearest = next(path for path in wanted.absolute().parents if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ValueError(f"the results {wanted} cannot be written: {nearest} is no folder that may be written")
    return wanted
