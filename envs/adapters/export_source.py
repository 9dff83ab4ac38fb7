"""The file that rows are read from, where a task has a `source`: told by its name and its bytes, not by its place."""

import hashlib
from pathlib import Path
from typing import Any

from envs.data.files import files_of, look_for
from envs.data.sourced import SourcedTask
from envs.task import Task

Told = dict[str, str]
"""What a manifest tells of a file or folder: `name` and `sha256`."""


def describe_source(task: Task) -> Told | None:
    """The name and SHA-256 of the file or folder that a task reads; None for made-up problems, and sets on the hub."""
    if not isinstance(task, SourcedTask) or task.source is None:
        return None
    path, _, exists = look_for(task.source)
    return {"name": path.name, "sha256": checksum(path)} if exists else None


def checksum(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of the lines which `sha256sum` prints for the files that are read."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted({file for files in files_of(path).values() for file in files})
    lines = (f"{checksum(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def fields_with_source(told: Told | None, fields: dict[str, Any], source: str | Path | None) -> dict[str, Any]:
    """The fields of a manifest, with the place of the file that they name here.

    Args:
        told: What the manifest tells of a file.
        fields: The task's, as the manifest has them.
        source: Where the file or folder is here; None where there is none.

    Raises:
        ValueError: For a file that is missing, has changed, or is not needed.
    """
    if told is None:
        if source is not None:
            raise ValueError(f"These rows are read from no file: leave the source {str(source)!r} out.")
        return fields
    if source is None:
        raise ValueError(
            f"These rows are read from {told['name']} (SHA-256 {told['sha256']}), which is not in the export: tell "
            "where it is, recreate(folder, source=PATH)."
        )
    path, _, exists = look_for(str(source))
    if not exists:
        raise ValueError(f"There is no file or folder {source}, which should be {told['name']} of these rows.")
    found = checksum(path)
    if found != told["sha256"]:
        raise ValueError(
            f"{source} has changed, or is another file: its SHA-256 is {found}, and that of {told['name']}, which "
            f"these rows are read from, is {told['sha256']}."
        )
    return fields | {"source": str(path)}
