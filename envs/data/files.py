"""Rows as they stand in files and on the hub, before anything is read into them: JSON Lines, Parquet, `datasets`."""

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

STEMS = {"train": ("train",), "eval": ("test", "validation", "eval")}
"""What the files of each split are called, and its splits on the hub; the first that is there counts."""

SUFFIXES = (".jsonl", ".parquet")

HUB_ID = re.compile(r"(\w[\w.-]*/[\w.-]+)(?::([\w.-]+))?")
"""`OWNER/NAME`, or `OWNER/NAME:CONFIGURATION`."""

_PARQUET = b"PAR1"
"""What every Parquet file begins and ends with."""

Raw = tuple[int, str, Any]
"""A row: its number, from 1 up; its place, as messages tell it; what stands there."""


def look_for(source: str) -> tuple[Path, bool, bool]:
    """Where a source is on this machine, whether that is a folder, and whether it exists at all.

    Raises:
        ValueError: If the system refuses to look there.
    """
    try:
        path = Path(source).expanduser()
        return path, bool(source) and path.is_dir(), bool(source) and path.exists()
    except (OSError, RuntimeError) as error:  # no such user, too long a name, a folder that may not be entered
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"The source {source!r:.80} cannot be read: {reason}.") from error


def files_of(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The files of each split in a folder: `train.jsonl`, `test.parquet`, `data/train-00000-of-00002.parquet`.

    Returns:
        Files under "train" and "eval"; without the latter where the training files are numbered parts, as of a set
        published without a test split.

    Raises:
        ValueError: If a split has no file.
    """
    found = {split: _find(folder, stems) for split, stems in STEMS.items()}
    missing = [split for split, files in found.items() if not files]
    numbered = [file for file in found["train"] if file.stem != "train"]
    if missing and not (missing == ["eval"] and numbered):
        names = [f"{STEMS[split][0]}.jsonl" for split in STEMS]
        lacks = " and ".join(f"{STEMS[split][0]}.jsonl" for split in missing)
        raise ValueError(
            f"The folder {folder} has no {lacks}: it needs {' and '.join(names)}, or the same as .parquet; "
            "a single file can be named itself."
        )
    return {split: files for split, files in found.items() if files}


def _find(folder: Path, stems: Sequence[str]) -> tuple[Path, ...]:
    for stem in stems:
        for place in (folder, folder / "data"):
            for suffix in SUFFIXES:
                whole = place / f"{stem}{suffix}"
                if whole.exists():
                    return (whole,)
                parts = sorted(place.glob(f"{stem}-*{suffix}"))
                if parts:
                    return tuple(parts)
    return ()


def read_rows(path: Path, wanted: str) -> Iterator[Raw]:
    """The rows of a JSON Lines or Parquet file; which of the two it is, its first bytes tell.

    Args:
        path: The file.
        wanted: What a row needs, in words, for messages.

    Raises:
        ValueError: For a file that is no such thing, that is empty, or that has a broken row; with file and line.
        OSError: For a file that cannot be read.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is neither a file nor a folder, but a device, a pipe or a socket.")
    with path.open("rb") as file:
        parquet = file.read(4) == _PARQUET
    if parquet:
        return read_parquet(path, wanted)
    if path.suffix == ".parquet":
        raise ValueError(f"{path} is no Parquet file: it does not begin with {_PARQUET.decode()}.")
    return read_json_lines(path, wanted)


def read_json_lines(path: Path, wanted: str) -> Iterator[Raw]:
    """The rows of a file with one JSON document on each line; lines of white space are passed over."""
    empty = True
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        empty, place = False, f"{path}, line {number}"
        try:
            document = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            whole = " The file looks like one JSON document: give it one row a line." if _is_whole(number, line) else ""
            raise ValueError(
                f"{place}: this is not JSON ({error}).{whole} A row is a JSON object with {wanted}."
            ) from error
        yield number, place, document
    if empty:
        raise ValueError(f"{path} is empty: it needs a JSON object with {wanted} on each line.")


def _is_whole(number: int, line: bytes) -> bool:
    return number == 1 and line.strip() in (b"[", b"{")


def read_parquet(path: Path, wanted: str) -> Iterator[Raw]:
    """The rows of a Parquet file, batch by batch."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError(f"Reading {path} takes pyarrow: pip install 'eyechart[data]'.") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(1024):
                for document in batch.to_pylist():
                    number += 1
                    yield number, f"{path}, row {number}", document
    except OSError:
        raise
    except Exception as error:  # pyarrow has a dozen errors for a broken file
        raise ValueError(f"{path} is no Parquet file that can be read: {first_line(error)}") from error
    if not number:
        raise ValueError(f"{path} is empty: it needs rows with {wanted}.")


def read_hub(name: str, config: str | None) -> dict[str, list[Raw]]:
    """The rows of a data set on the hub, under "train" and, where it has such a split, "eval".

    Args:
        name: `OWNER/NAME`.
        config: Which of its configurations; None where it has one.

    Raises:
        ValueError: Without the library, or saying why the set could not be loaded.
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise ValueError(
            f"There is no file or folder {name!r} here, and to load it from the hub takes the library datasets: "
            "pip install 'eyechart[data]'."
        ) from None
    try:
        data: Mapping[str, Iterable[Any]] = datasets.load_dataset(name, *([config] if config else []))
        theirs = {split: next((s for s in stems if s in data), None) for split, stems in STEMS.items()}
        if theirs["train"] is None:
            raise ValueError(f"it has no split train, but {', '.join(data)}.")
        rows = {split: list(enumerate(data[s], 1)) for split, s in theirs.items() if s is not None}
    except Exception as error:  # datasets, its hub client and its readers raise whatever they like
        raise ValueError(f"{name} could not be loaded from the hub: {first_line(error)}") from error
    return {
        split: [(number, f"{name}, {theirs[split]}, row {number}", document) for number, document in found]
        for split, found in rows.items()
    }


def first_line(error: Exception) -> str:
    """An error's message, as far as it fits a line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
