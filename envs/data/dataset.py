"""Loading a data set: its rows in two splits that have no question in common, in a fixed random order."""

import functools
import logging
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from envs.data.files import HUB_ID, STEMS, Raw, files_of, look_for, read_hub, read_rows
from envs.data.formats import FORMATS, Columns, Format, Item, NoAnswerError, detected, format_named, named

EVERY = 10
"""Where a set has no held-out split, every so many rows are held out, from the first on."""


@dataclass(frozen=True)
class Choice:
    """How rows are to be read.

    Attributes:
        formats: The forms that are looked for, by name, the first that fits counting.
        format: The one to use; None looks for it.
        columns: Names of columns, for a set of no published form; None where they are the usual ones.
        accept: Called with a row's answer; a text that it returns says why the row is left out.
    """

    formats: tuple[str, ...]
    format: str | None = None
    columns: Columns | None = None
    accept: Callable[[str], str | None] | None = None

    def settled(self) -> Format | None:
        """The form, where it does not hang on the rows.

        Raises:
            ValueError: For an unknown name.
        """
        form = None if self.format is None else format_named(self.format, self.formats)
        if self.columns is not None and form in (None, FORMATS["problem"]):
            return named(self.columns)
        return FORMATS[self.formats[0]] if form is None and len(self.formats) == 1 else form

    @property
    def wanted(self) -> str:
        """What a row needs, in words."""
        form = self.settled()
        return "columns such as problem and answer" if form is None else form.wanted


@dataclass(frozen=True)
class DataSet:
    """The rows of both splits, each in a fixed random order: a sorted file must not make a lopsided evaluation.

    Attributes:
        splits: The rows under "train" and "eval".
    """

    splits: Mapping[str, tuple[Item, ...]]

    def item(self, seed: int, split: str) -> Item:
        """Row `seed` of a split, counted round and round."""
        rows = self.splits[split]
        return rows[seed % len(rows)]

    def draw(self, rng: np.random.Generator) -> Item:
        """A training row by chance."""
        rows = self.splits["train"]
        return rows[int(rng.integers(len(rows)))]

    def count(self, split: str) -> int:
        """How many rows a split has."""
        return len(self.splits[split])


def shuffled(splits: Mapping[str, Sequence[Item]]) -> DataSet:
    """Put rows in their fixed random order."""
    orders = {s: np.random.Generator(np.random.PCG64(len(rows))).permutation(len(rows)) for s, rows in splits.items()}
    return DataSet({split: tuple(rows[i] for i in orders[split]) for split, rows in splits.items()})


def identity(question: str) -> str:
    """What is the same in two writings of one question: its letters, signs and digits, case and spacing apart."""
    return "".join(unicodedata.normalize("NFKC", question).casefold().split())


def load(source: str, choice: Choice) -> Mapping[str, tuple[Item, ...]]:
    """Read the rows of both splits, in the order of the files.

    Training rows whose question is held out too, in whatever case and spacing, are left out, and so are rows without an
    answer that can be checked; warnings say how many, and which was the first. What is read is kept, for tasks are made
    more often than files change.

    Args:
        source: A folder with `train` and `test` files, `.jsonl` or `.parquet`, as they are or in the hub's numbered
            parts; one such file, of which every tenth row, from the first on, is held out; `hub` for the published set
            of the form, where there is but one; or the hub's `OWNER/NAME` or `OWNER/NAME:CONFIGURATION`.
        choice: How to read them.

    Raises:
        ValueError: Saying what cannot be read, and where.
    """
    choice.settled()  # an unknown name is told before anything is read
    path, is_folder, exists = look_for(source)
    if not exists:
        return _load_from_hub(*_hub_set(source, choice), choice)
    files = files_of(path) if is_folder else {"train": (path,)}
    try:
        versions = tuple((file.resolve(), file.stat().st_mtime_ns) for paths in files.values() for file in paths)
        return _load_files(source, tuple(files.items()), versions, choice)
    except OSError as error:
        raise ValueError(f"{error.filename or path} cannot be read: {error.strerror or error}.") from error


@functools.lru_cache(maxsize=4)
def _load_files(
    source: str, files: tuple[tuple[str, tuple[Path, ...]], ...], versions: tuple[tuple[Path, int], ...], choice: Choice
) -> Mapping[str, tuple[Item, ...]]:
    """Read the files of each split (`versions` tells those that have changed since)."""
    found = {}
    for split, paths in files:
        rows = chain.from_iterable(read_rows(path, choice.wanted) for path in paths)
        found[split] = _items(rows, choice, str(paths[0]))
    return _disjoint(found, source)


@functools.lru_cache(maxsize=2)
def _load_from_hub(name: str, config: str | None, choice: Choice) -> Mapping[str, tuple[Item, ...]]:
    found = read_hub(name, config)
    return _disjoint({split: _items(rows, choice, f"{name}, {split}") for split, rows in found.items()}, name)


def _disjoint(found: Mapping[str, tuple[Item, ...]], source: str) -> Mapping[str, tuple[Item, ...]]:
    """Both splits, without the training rows whose question is held out too."""
    rows = found if "eval" in found else _split_by_index(found["train"], source)
    held_out = {identity(row.question) for row in rows["eval"]}
    kept: list[Item] = []
    without: list[Item] = []
    for row in rows["train"]:
        (without if identity(row.question) in held_out else kept).append(row)
    if not kept:
        raise ValueError(f"Every training row of {source} is held out too: nothing is left to train on.")
    if without:
        logging.getLogger(__name__).warning(
            f"{len(without)} of {len(rows['train'])} training rows of {source} were left out, for their question is "
            f"held out too; the first, row {without[0].number}"
        )
    return {"train": tuple(kept), "eval": rows["eval"]}


def _split_by_index(rows: Sequence[Item], source: str) -> dict[str, tuple[Item, ...]]:
    if len(rows) < 2:
        raise ValueError(f"{source} has a single row: it takes two, one to train on and one to hold out.")
    return {"eval": tuple(rows[::EVERY]), "train": tuple(row for i, row in enumerate(rows) if i % EVERY)}


def _hub_set(source: str, choice: Choice) -> tuple[str, str | None]:
    """Name and configuration of a set on the hub."""
    form = choice.settled()
    published = None if form is None else form.published
    match = HUB_ID.fullmatch(published if source == "hub" and published else source)
    if match is None:
        takes = "'hub', OWNER/NAME" if published else "OWNER/NAME"
        raise ValueError(
            f"There is no file or folder {source!r} to read problems from: give a folder with "
            f"{' and '.join(f'{stems[0]}.jsonl' for stems in STEMS.values())} (or .parquet), one such file, "
            f"{takes} or OWNER/NAME:CONFIGURATION."
        )
    usual = published.partition(":")[2] if published else None
    return match[1], match[2] or usual or None


def _items(rows: Iterable[Raw], choice: Choice, source: str) -> tuple[Item, ...]:
    """The rows that can be used."""
    form, items, without = choice.settled(), [], []
    for number, place, document in rows:
        form = form or detected(document, choice.formats, place)
        try:
            item = form.item(document, number, place)
        except NoAnswerError as error:
            without.append(str(error))
            continue
        refused = choice.accept(item.answer) if choice.accept else None
        if refused is None:
            items.append(item)
        else:
            without.append(f"{place}: {refused}")
    if not items and not without:
        raise ValueError(f"{source} has no rows: it needs some with {choice.wanted}.")
    if without:
        told = f"{len(without)} of {len(items) + len(without)} rows of {source} were left out; the first, {without[0]}"
        if not items:
            raise ValueError(f"No row of {source} can be used; the first, {without[0]}")
        logging.getLogger(__name__).warning(told)
    return tuple(items)
