"""Writing so that a kill, a power cut or a full disk leaves the old or the new, and never half of one."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What a name begins with while its file or folder is being written, or deleted.
PARTIAL = ".partial-"
# What the name of a folder ends with in the moment in which a new one takes its place.
BEFORE = "~"
RUST_ERROR = re.compile(r"\(os error (\d+)\)")


class WriteError(RuntimeError):
    """What the system refused to write: the disk is full, a quota is used up, a right is missing."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within this context what the system refuses is told with the path.

    Raises:
        WriteError: naming the path and the system's reason.
    """
    try:
        yield
    except Exception as error:
        # safetensors and tokenizers are written in Rust, and tell the system's error in their text alone
        told = RUST_ERROR.search(str(error))
        if not isinstance(error, OSError) and not told:
            raise
        number = int(told[1]) if told else getattr(error, "errno", None)
        raise WriteError(f"{path} could not be written: {os.strerror(number) if number else error}") from error


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A path, yet to be made a file or a folder, that takes the name `target` when all of it is on disk.

    Raises:
        WriteError: it could not be written; `target` is as it was, and what there was of the new one is deleted.
    """
    aside = target.with_name(PARTIAL + target.name)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if aside.exists():
            discard(aside)
        try:
            yield aside
            for path in (*aside.rglob("*"), aside):
                sync(path)
            _rename(aside, target)
        except BaseException:
            with suppress(OSError):
                discard(aside)
            raise


def _rename(aside: Path, target: Path) -> None:
    """Give a file or a folder the name of another, which goes."""
    before = target.with_name(target.name + BEFORE) if target.is_dir() else None
    if before:  # a folder with something in it cannot be replaced at once, as a file can
        discard(before)
        target.replace(before)
    aside.replace(target)
    sync(target.parent)
    if before:
        discard(before)


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file, or which names are in a folder."""
    if path.is_dir():
        with suppress(OSError):  # not every system can
            _sync(path, os.O_RDONLY)
    else:
        _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(path: Path) -> None:
    """Delete a file or a folder, if there is one; a folder loses its name first, so that no half of it bears that."""
    if path.is_dir():
        going = path if path.name.startswith(PARTIAL) else path.with_name(PARTIAL + path.name)
        if going != path:
            discard(going)
            path.replace(going)
        shutil.rmtree(going)
    else:
        path.unlink(missing_ok=True)


def discard_leftovers(folder: Path) -> None:
    """Delete what killed processes left half-written or half-deleted in a folder and those inside it."""
    for path in list(folder.rglob(f"{PARTIAL}*")):
        discard(path)
