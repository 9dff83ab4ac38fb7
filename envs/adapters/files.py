"""Files that are there as a whole or not at all, and what stands in them: PNG pictures, rows in batches."""

import contextlib
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.adapters.extras import require


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 `(H, W, 3)`, as a PNG, which keeps every pixel."""
    from PIL import Image  # here, for only this needs it

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Another path, `NAME.part`, to write to: what stands there takes its place at the end, and goes if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    with whole_file(path) as part:
        part.write_bytes(content)


def write_batches(writer: Any, schema: Any, rows: Iterable[Mapping[str, Any]], at_once: int) -> None:
    """Write rows by one of Arrow's writers, `at_once` of them in memory at a time, which a row group of Parquet has."""
    arrow, rows = require("pyarrow", "data"), iter(rows)
    while batch := list(itertools.islice(rows, at_once)):
        writer.write_batch(arrow.RecordBatch.from_pylist(batch, schema=schema))
