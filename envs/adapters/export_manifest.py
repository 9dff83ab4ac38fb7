"""`export.json`, which tells how the rows of an export are made."""

import contextlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from envs.adapters.export_files import WRITERS
from envs.adapters.files import write_whole
from envs.task import SPLITS

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

MANIFEST, CARD = "export.json", "README.md"
"""What tells how the rows are made, written first; and what tells it to people, written when all rows are there."""

SEED_LIMIT = 2**63
"""Seeds are kept as 64-bit integers."""


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value < SEED_LIMIT


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_source(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_text(value.get(name)) for name in ("name", "sha256"))


HOLDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "eyechart": ("a version", _is_text),
    "env": ("an environment", _is_text),
    "task": ("module:Class", _is_text),
    "fields": ("a JSON object", lambda value: isinstance(value, dict)),
    "split": (f"one of {', '.join(SPLITS)}", lambda value: value in SPLITS),
    "first_seed": ("a whole number, 0 or more", _whole(0)),
    "num_rows": ("a whole number, 1 or more", _whole(1)),
    "format": (f"one of {', '.join(WRITERS)}", lambda value: _is_text(value) and value in WRITERS),
    "columns": ("a list of names", lambda value: isinstance(value, list) and all(map(_is_text, value))),
    "digest": ("a SHA-256", _is_text),
}
"""What it holds: each entry in words, and whether a value is one."""

SOURCE = ("an object with name and sha256", _is_source)
"""What it holds beside that where rows are read from a file."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `export.json` says, all of `HOLDS`.

    Raises:
        ValueError: If there is none, or it is not as `export` writes it.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{folder} is no export: its {MANIFEST} cannot be read ({error}).") from None
    for name, (meant, fits) in (HOLDS | ({"source": SOURCE} if "source" in manifest else {})).items():
        if name not in manifest:
            raise ValueError(f"{folder} is no export: its {MANIFEST} lacks {name!r}, {meant}.")
        if not fits(manifest[name]):
            raise ValueError(
                f"{folder} is no export: {name!r} of its {MANIFEST} must be {meant}, got {manifest[name]!r:.80}."
            )
    return manifest


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other processes from exporting to it, where the system has such locks.

    The lock leaves no file behind, and ends with the process.

    Raises:
        ValueError: If another process exports to it, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: --out is a folder, a new one or one to go on with.")
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Another process exports to {folder}: wait for it or end it, or give another --out."
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


def begin(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Begin in an empty folder, or find what to go on with.

    Returns:
        Whether all is there already.

    Raises:
        ValueError: If it holds something else.
    """
    held = sorted(path.name for path in folder.iterdir())
    if set(held) - {f"{MANIFEST}.part"} == set():
        told = {"eyechart": version(), **manifest}
        write_whole(folder / MANIFEST, (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode())
        return False
    if MANIFEST not in held:
        raise ValueError(f"{folder} holds something else ({', '.join(held[:3])}): give a new or an empty --out.")
    before = read_manifest(folder)
    if before["eyechart"] != version():
        raise ValueError(
            f"{folder} holds an export by Eyechart {before['eyechart']}, and this is {version()}, which may draw other "
            "rows. Take that version, give another --out, or remove it."
        )
    for key, value in manifest.items():
        if before.get(key) != value:
            other, now = f"{key} {before.get(key)!r}", f", and not {value!r}"
            if key == "source" and before.get(key):
                other, now = "rows of other data: its source has changed since", ""
            if key == "digest":
                other, now = "other problems: the task has changed since", ""
            raise ValueError(f"{folder} holds an export with {other}{now}. Give another --out, or remove it.")
    return CARD in held


def version() -> str:
    """Which Eyechart this is."""
    try:
        return importlib.metadata.version("eyechart")
    except importlib.metadata.PackageNotFoundError:
        return "(source tree)"
