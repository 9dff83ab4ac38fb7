"""The files of an exported data set: JSON Lines with PNG files, Parquet, or the Arrow folder of `datasets`.

Whatever is killed on the way leaves whole rows behind: a file with many rows appears when it is complete, and of JSON
Lines a line that was cut off is dropped.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.adapters.extras import require
from envs.adapters.files import png, whole_file, write_batches, write_whole

Row = Mapping[str, Any]
"""A problem: `seed`, `image` (uint8 `(H, W, 3)`, for a task with pictures), and texts."""

ROWS_PER_FILE = 1000
"""Rows of one Parquet or Arrow file, and pictures of one folder: what is drawn again after a kill, at most."""

ROWS_AT_ONCE = 100
"""Rows that are held in memory, and that a row group has."""


@dataclass(frozen=True)
class Plan:
    """What is to be written, and where.

    Attributes:
        folder: The data set's.
        num_rows: How many rows.
        split: Their split, which files are named after.
        columns: Those of every row, in order.
        rows: Draws the rows from one number up to another: `rows(start, stop)`.
        row: Draws one row again, to compare it with what is there.
    """

    folder: Path
    num_rows: int
    split: str
    columns: tuple[str, ...]
    rows: Callable[[int, int], Iterator[Row]]
    row: Callable[[int], Row]

    @property
    def files(self) -> dict[str, tuple[int, int]]:
        """The files of a format with many rows each, by their hub-style number: first row, and the one after the last.

        Such as `{"00000-of-00002": (0, 1000), "00001-of-00002": (1000, 1500)}`.
        """
        starts = range(0, self.num_rows, ROWS_PER_FILE)
        return {
            f"{i:05d}-of-{len(starts):05d}": (start, min(start + ROWS_PER_FILE, self.num_rows))
            for i, start in enumerate(starts)
        }


def lines_file(plan: Plan) -> Path:
    """Where JSON Lines stand: `metadata.jsonl` beside pictures, as `datasets` looks for it, else `eval.jsonl`."""
    return plan.folder / ("metadata.jsonl" if "image" in plan.columns else f"{plan.split}.jsonl")


def write_json_lines(plan: Plan) -> None:
    """A line per row; a picture is a PNG of its own, which the line names in `file_name`."""
    path = lines_file(plan)
    with path.open("r+b" if path.exists() else "w+b") as file:
        done, last = _whole_lines(file)
        if done:
            row = plan.row(done - 1)
            picture = _picture_file(plan, done - 1, row)
            same = picture is None or (picture.exists() and picture.read_bytes() == png(row["image"]))
            _require_same(path, same and last == _line(plan, done - 1, row))
        for number, row in enumerate(plan.rows(done, plan.num_rows), done):
            picture = _picture_file(plan, number, row)
            if picture is not None:
                write_whole(picture, png(row["image"]))
            file.write(_line(plan, number, row))
            file.flush()  # after its picture, so that no line is without one


def _picture_file(plan: Plan, number: int, row: Row) -> Path | None:
    """Where the picture of a row stands, if it has one."""
    return plan.folder / f"images/{number // ROWS_PER_FILE:05d}/{row['seed']}.png" if "image" in row else None


def _line(plan: Plan, number: int, row: Row) -> bytes:
    """A row as a line, with the name of its picture for the picture."""
    picture = _picture_file(plan, number, row)
    named = {} if picture is None else {"file_name": picture.relative_to(plan.folder).as_posix()}
    texts = {name: value for name, value in row.items() if name not in ("seed", "image")}
    return json.dumps({"seed": row["seed"], **named, **texts}, ensure_ascii=False).encode() + b"\n"


def _require_same(path: Path, same: bool) -> None:
    """Refuse to add to rows that are drawn otherwise now.

    Raises:
        ValueError: If they are.
    """
    if not same:
        raise ValueError(
            f"The last row in {path} is not what is drawn for it now: the task or a library has changed since. Give "
            "another --out, or remove it."
        )


def _whole_lines(file: Any) -> tuple[int, bytes]:
    """Count the lines that end, cut off what follows them, and go there; the last of them comes with the count."""
    done, end, last = 0, 0, b""
    for line in file:
        if line.endswith(b"\n"):
            done, end, last = done + 1, end + len(line), line
    file.truncate(end)
    file.seek(end)
    return done, last


def features(columns: Iterable[str]) -> Any:
    """The columns as `datasets.Features`.

    Raises:
        MissingExtraError: Without the library.
    """
    datasets = require("datasets", "data")
    kinds = {"seed": datasets.Value("int64"), "image": datasets.Image()}
    return datasets.Features({name: kinds.get(name, datasets.Value("string")) for name in columns})


def write_parquet(plan: Plan) -> None:
    """Files `data/eval-00000-of-00002.parquet`, the pictures as PNG within, as the hub has them."""
    schema = features(plan.columns).arrow_schema
    parquet = require("pyarrow.parquet", "data")
    files = {plan.folder / "data" / f"{plan.split}-{number}.parquet": span for number, span in plan.files.items()}

    def last(path: Path) -> Row:
        with parquet.ParquetFile(path) as file:
            return file.read_row_group(file.num_row_groups - 1).to_pylist()[-1]

    _require_last(plan, files, last)
    for path, span in files.items():
        _write_file(plan, path, span, schema, lambda sink: parquet.ParquetWriter(sink, schema))


def write_arrow(plan: Plan) -> None:
    """The folder that `Dataset.save_to_disk` would write, for `datasets.load_from_disk`."""
    kinds = features(plan.columns)
    arrow, datasets = require("pyarrow", "data"), require("datasets", "data")
    schema, names = kinds.arrow_schema, [f"data-{number}.arrow" for number in plan.files]
    files = dict(zip((plan.folder / name for name in names), plan.files.values(), strict=True))

    def last(path: Path) -> Row:
        with arrow.memory_map(str(path)) as source:
            *_, batch = arrow.ipc.open_stream(source)
            return batch.to_pylist()[-1]

    _require_last(plan, files, last)
    for path, span in files.items():
        _write_file(plan, path, span, schema, lambda sink: arrow.ipc.new_stream(sink, schema))
    datasets.DatasetInfo(features=kinds).write_to_directory(str(plan.folder), pretty_print=True)
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        # what `datasets` names its cache of this set by: the same rows, the same name
        "_fingerprint": hashlib.sha256((plan.folder / "export.json").read_bytes()).hexdigest()[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": plan.split,
    }
    write_whole(plan.folder / "state.json", json.dumps(state, indent=2).encode())


def _require_last(plan: Plan, files: Mapping[Path, tuple[int, int]], last: Callable[[Path], Row]) -> None:
    """Compare the last row of the last file that is there with what is drawn now."""
    whole = [path for path in files if path.exists()]
    if whole:
        path = whole[-1]
        _require_same(path, last(path) == _encoded(plan.row(files[path][1] - 1)))


def _write_file(plan: Plan, path: Path, span: tuple[int, int], schema: Any, opened: Callable[[Path], Any]) -> None:
    """Write the rows of one file, unless it is there; some at a time, and under another name until it is whole."""
    if path.exists():
        return
    with whole_file(path) as part, opened(part) as writer:
        write_batches(writer, schema, map(_encoded, plan.rows(*span)), ROWS_AT_ONCE)


def _encoded(row: Row) -> Row:
    """The row with its picture as `datasets` keeps one."""
    return row if "image" not in row else {**row, "image": {"bytes": png(row["image"]), "path": None}}


WRITERS: dict[str, Callable[[Plan], None]] = {"parquet": write_parquet, "hf": write_arrow, "jsonl": write_json_lines}
"""The formats by name."""
