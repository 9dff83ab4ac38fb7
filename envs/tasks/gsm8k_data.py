"""Reading GSM8K, or a set of problems in its form, from JSON Lines files or from the Hugging Face hub.

A row has the fields `question` and `answer`; the answer is a worked solution that ends in `#### NUMBER`. The set is
that of Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021, https://arxiv.org/abs/2110.14168.
"""

import functools
import importlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs import answers

FILES = {"train": "train.jsonl", "eval": "test.jsonl"}
"""The file of each split, in a folder."""

HUB_SPLITS = {"train": "train", "eval": "test"}
HUB_SET, HUB_CONFIG = "openai/gsm8k", "main"
_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")

EVERY = 10
"""Of a single file every so many rows are held out, from the first on."""

MARK = "####"


@dataclass(frozen=True)
class Row:
    """One problem.

    Attributes:
        number: Where it stands in its file, from 1 up.
        question: As it stands there.
        solution: The field `answer`, as it stands there.
        answer: The number at its end, without commas and dollar sign.
    """

    number: int
    question: str
    solution: str
    answer: str


def load(source: str) -> Mapping[str, tuple[Row, ...]]:
    """Read the rows of both splits; training rows whose question is held out too are left out.

    Args:
        source: A folder with `train.jsonl` and `test.jsonl`, a JSON Lines file, `hub` for the original set, or the
            hub's `OWNER/NAME` of one in its form (configuration "main", splits "train" and "test").

    Raises:
        ValueError: Saying what cannot be read, and where.
    """
    path, is_folder, exists = _look_for(source)
    if is_folder:
        rows: Mapping[str, tuple[Row, ...]] = {split: _read_split(path / name) for split, name in FILES.items()}
    elif exists:
        rows = _split_by_index(path)
    elif source == "hub" or _HUB_ID.fullmatch(source):
        rows = _load_from_hub(HUB_SET if source == "hub" else source)
    else:
        raise ValueError(
            f"There is no file or folder {source!r} to read problems from: give a folder with "
            f"{' and '.join(FILES.values())}, a JSON Lines file, 'hub' or OWNER/NAME."
        )
    held_out = {row.question for row in rows["eval"]}
    kept = tuple(row for row in rows["train"] if row.question not in held_out)
    if not kept:
        raise ValueError(f"Every training row of {source} is held out too: nothing is left to train on.")
    return {"train": kept, "eval": rows["eval"]}


def _look_for(source: str) -> tuple[Path, bool, bool]:
    """Where a source is on this machine, whether that is a folder, and whether it exists at all."""
    try:
        path = Path(source).expanduser()
        return path, bool(source) and path.is_dir(), bool(source) and path.exists()
    except (OSError, RuntimeError) as error:  # no such user, too long a name, a folder that may not be entered
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"The source {source!r:.80} cannot be read: {reason}.") from error


def _read_split(path: Path) -> tuple[Row, ...]:
    if not path.exists():
        raise ValueError(
            f"The folder {path.parent} has no {path.name}: it needs {' and '.join(FILES.values())}; "
            "a single file can be named itself."
        )
    return _read_file(path)


def _split_by_index(path: Path) -> Mapping[str, tuple[Row, ...]]:
    if not path.is_file():
        raise ValueError(f"{path} is neither a file nor a folder, but a device, a pipe or a socket.")
    rows = _read_file(path)
    if len(rows) < 2:
        raise ValueError(f"{path} has a single row: it takes two, one to train on and one to hold out.")
    return {"eval": rows[::EVERY], "train": tuple(row for i, row in enumerate(rows) if i % EVERY)}


def _read_file(path: Path) -> tuple[Row, ...]:
    try:
        return _read_version(path.resolve(), path.stat().st_mtime_ns)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error


@functools.lru_cache(maxsize=4)
def _read_version(path: Path, modified: int) -> tuple[Row, ...]:
    """Read a file; kept, for tasks are made more often than files change (`modified` tells)."""
    lines = [(number, line) for number, line in enumerate(path.read_bytes().split(b"\n"), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{path} is empty: it needs a JSON object with question and answer on each line.")
    return tuple(_parse(line, number, f"{path}, line {number}") for number, line in lines)


def _parse(line: bytes, number: int, place: str) -> Row:
    try:
        document = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place}: this is not JSON ({error}).") from error
    return _row(document, number, place)


def _row(document: Any, number: int, place: str) -> Row:
    """Check a row.

    Raises:
        ValueError: Naming its place.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"{place}: a row is a JSON object with question and answer, got {str(document)[:60]!r}.")
    for field in ("question", "answer"):
        text = document.get(field)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{place}: the field {field!r} must be a text, got {text!r}. Fields: {list(document)}.")
        if not answers.is_unicode(text):
            raise ValueError(f"{place}: the field {field!r} holds half a character (a lone surrogate).")
    _, mark, last = document["answer"].rpartition(MARK)
    if not mark:
        raise ValueError(f"{place}: the answer must end in '{MARK} NUMBER', got {document['answer'][-60:]!r}.")
    if not answers.AMOUNT.fullmatch(last.strip()):
        raise ValueError(f"{place}: what follows {MARK} must be a number, got {last.strip()[:60]!r}.")
    return Row(number, document["question"], document["answer"], answers.plain_amount(last.strip()))


@functools.lru_cache(maxsize=2)
def _load_from_hub(name: str) -> Mapping[str, tuple[Row, ...]]:
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise ValueError(
            f"There is no file or folder {name!r} here, and to load it from the hub takes the library datasets: "
            "pip install 'eyechart[data]'."
        ) from None
    try:
        data = datasets.load_dataset(name, HUB_CONFIG)
        return {split: _rows_of(data[theirs], f"{name}, {theirs}") for split, theirs in HUB_SPLITS.items()}
    except Exception as error:  # datasets, its hub client and its readers raise whatever they like
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{name} could not be loaded from the hub: {reason}") from error


def _rows_of(documents: Iterable[Any], place: str) -> tuple[Row, ...]:
    rows = tuple(_row(row, number, f"{place}, row {number}") for number, row in enumerate(documents, 1))
    if not rows:
        raise ValueError(f"{place} has no rows.")
    return rows
