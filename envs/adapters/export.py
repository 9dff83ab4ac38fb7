"""Problems as a data set in files: Parquet, an Arrow folder of `datasets`, or JSON Lines, with a data card.

    export("clock", "clock-eval", 1000, file_format="parquet", split="eval", style="varied")

Row i is the problem of seed `seed + i`, so that the card alone makes every row again: `recreate(folder)`.
"""

import dataclasses
import hashlib
import json
import operator
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from envs.adapters.arguments import full_name
from envs.adapters.export_card import card
from envs.adapters.export_files import WRITERS, Plan, Row, features
from envs.adapters.export_manifest import CARD, SEED_LIMIT, alone_in, begin, read_manifest
from envs.adapters.export_source import describe_source, fields_with_source
from envs.adapters.files import write_whole
from envs.adapters.untrusted import task_from_data
from envs.check import check_task
from envs.question import draw
from envs.registry import make_task, resolve
from envs.task import SPLITS, Task, problem

COMPARED = 8
"""Rows whose digest the manifest has: a task that has changed since is noticed."""


def export(
    name: str,
    out: str | Path,
    num_rows: int = 1000,
    /,
    *,
    file_format: str = "parquet",
    split: str = "train",
    seed: int = 0,
    on_row: Callable[[], None] = lambda: None,
    **fields: Any,
) -> Path:
    """Write problems to a folder as a data set, a few rows in memory at a time.

    What was killed on the way is gone on with by the same call, and comes to the same bytes.

    Args:
        name: The environment: `clock`, `eyechart/Clock-v0`, `module:name`.
        out: The folder: new, empty, or with an export of the same rows that was not finished.
        num_rows: How many problems, from 1 up.
        file_format: "parquet"; "hf", a folder for `datasets.load_from_disk`; or "jsonl", with PNG files for pictures.
        split: "train" or "eval".
        seed: The first one's seed, from 0 up; the next ones follow.
        on_row: Called when a row was drawn.
        **fields: The task's fields.

    Returns:
        The folder.

    Raises:
        ValueError: For an argument out of range, a folder that holds something else or that another process
            exports to, or a task that breaks a rule.
        MissingExtraError: Parquet or Arrow without the libraries.
        OSError: If the folder cannot be written to.
    """
    folder = Path(out)
    _require_known("format", file_format, WRITERS)
    _require_known("split", split, SPLITS)
    spec = resolve(name)
    task = make_task(spec, **fields)
    require_rows(task, num_rows, seed, split)
    columns = _columns(task)
    if file_format != "jsonl":
        features(columns)  # a missing library is told before any work
    require_sound(task, name)
    source = describe_source(task)
    told_fields = {field: list(v) if isinstance(v, tuple) else v for field, v in dataclasses.asdict(task).items()}
    manifest = {
        "env": full_name(name, spec),
        "task": spec.kwargs["task"],
        "fields": told_fields if source is None else told_fields | {"source": source["name"]},
        **({} if source is None else {"source": source}),
        "split": split,
        "first_seed": seed,
        "num_rows": num_rows,
        "format": file_format,
        "columns": list(columns),
        "digest": _digest(rows_of(task, range(seed, seed + min(COMPARED, num_rows)), split)),
    }

    def drawn(start: int, stop: int) -> Iterator[Row]:
        for row in rows_of(task, range(seed + start, seed + stop), split):
            yield row
            on_row()

    def again(number: int) -> Row:
        return next(rows_of(task, [seed + number], split))

    with alone_in(folder):
        if not begin(folder, manifest):
            WRITERS[file_format](Plan(folder, num_rows, split, columns, drawn, again))
            write_whole(folder / CARD, card(task, read_manifest(folder)).encode())
    return folder


def rows_of(task: Task, seeds: Iterable[int], split: str) -> Iterator[dict[str, Any]]:
    """Problems as rows: `seed`, `image` (uint8 `(H, W, 3)`, for a task with pictures), and the texts below.

    `prompt`, which asks for the answer between tags; `answer`, for `task.score(text, answer)`; `best_answer`, what a
    perfect policy writes between the tags; `demonstration`, all that it writes; `info`, a JSON object.
    """
    for seed in seeds:
        posed = problem(task, seed, split)
        picture = draw(task, posed)
        yield {
            "seed": seed,
            **({} if picture is None else {"image": picture}),
            "prompt": posed.prompt,
            "answer": posed.answer,
            "best_answer": task.best_answer(posed.answer),
            "demonstration": task.demonstration(posed),
            "info": json.dumps(dict(posed.info), ensure_ascii=False),
        }


def recreate(folder: str | Path, *, source: str | Path | None = None, trust: bool = False) -> Iterator[dict[str, Any]]:
    """Draw the rows of an export again, as `rows_of` gives them, from its `export.json` and its source.

    Args:
        folder: The export's.
        source: Where the file or folder is that the rows were read from, for a task with a `source`; None for others.
        trust: Whether that file may name modules to import and reward functions to call, beside those of environments
            that are registered; see `envs.adapters.untrusted`.

    Raises:
        ValueError: If the folder is no export, its task makes other problems than it did then, or it names code and is
            not trusted, or for a source that is missing, needless or another one.
    """
    manifest = read_manifest(Path(folder))
    fields = fields_with_source(manifest.get("source"), manifest["fields"], source)
    task = task_from_data(manifest["env"], fields, trust=trust)
    first, split = manifest["first_seed"], manifest["split"]
    seeds = range(first, first + manifest["num_rows"])
    if _digest(rows_of(task, seeds[:COMPARED], split)) != manifest["digest"]:
        raise ValueError(
            f"{manifest['env']} makes other problems than those in {folder}, which eyechart {manifest['eyechart']} "
            "wrote: take that version."
        )
    yield from rows_of(task, seeds, split)


def require_rows(task: Task, num_rows: int, seed: int, split: str) -> None:
    """Refuse rows that there are not.

    Raises:
        ValueError: Saying how many there may be.
    """
    if operator.index(num_rows) < 1:
        raise ValueError(f"An export takes at least 1 row, got a size of {num_rows}.")
    if not 0 <= operator.index(seed) <= SEED_LIMIT - num_rows:
        raise ValueError(f"The seeds of {num_rows} rows must lie from 0 to 2^63 - 1, got a first one of {seed}.")
    there = task.num_problems(split)
    if there is not None and num_rows > there:
        raise ValueError(f"The split {split} has {there} problems: {num_rows} rows would repeat some; ask for fewer.")


def require_sound(task: Task, name: str) -> None:
    """Refuse a task that breaks a rule: of its problems a card could not be true.

    Raises:
        ValueError: With the first such rule.
    """
    broken = check_task(task)
    if broken:
        raise ValueError(f"{name} breaks a rule of tasks, and `envs check` tells which others: {broken[0]}")


def _columns(task: Task) -> tuple[str, ...]:
    image = () if task.image_shape is None else ("image",)
    return ("seed", *image, "prompt", "answer", "best_answer", "demonstration", "info")


def _require_known(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        close = get_close_matches(str(name), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"Unknown {what} {name!r}.{hint} Known: {', '.join(known)}.")


def _digest(rows: Iterable[Row]) -> str:
    """SHA-256 of some rows, pixels included."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps({name: value for name, value in row.items() if name != "image"}).encode())
        digest.update(row["image"].tobytes() if "image" in row else b"")
    return digest.hexdigest()
