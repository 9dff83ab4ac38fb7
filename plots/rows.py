"""One answer: a row of an evaluation file, or of a run's `samples.jsonl`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plots.fields import number, numbers, optional, required, texts
from plots.runs import RunError

ROLLOUT = "rollout"


@dataclass(frozen=True, eq=False)
class Row:
    """One answer to one problem; every text in it is untrusted, and what a file did not tell is None or empty.

    Attributes:
        condition: how the problem was posed (`asked`, `blank`, ...), or the phase of the run (`end`, `rollout`, ...).
        step: the training step, of a run's row.
        seed: the problem's seed.
        sample: which of the answers to the problem, from 0.
        prompt: what was asked.
        answer: the truth, as a text.
        text: what was answered.
        tokens: how many tokens that took.
        reward: what it was rewarded with.
        advantage: the reward's advantage in its group.
        parsed: whether the strict reading found an answer.
        error: the error of the strict reading, in the task's unit.
        read: what the strict reading found.
        lenient_error: the error of the lenient reading.
        lenient_read: what that found.
        parts: the reward's parts.
        error_parts: the error's parts, such as that of the hour hand.
        truth_number: the truth as a number.
        read_number: what the strict reading found, as a number.
        info: what describes the problem.
        images: the pictures shown: ids in an evaluation file, paths in a run.
        depicted: the picture that the answer would be, likewise.

    """

    condition: str
    step: int | None
    seed: int
    sample: int
    prompt: str
    answer: str | None
    text: str
    tokens: float | None
    reward: float | None
    advantage: float | None
    parsed: bool | None
    error: float | None
    read: str | None
    lenient_error: float | None
    lenient_read: str | None
    parts: Mapping[str, float]
    error_parts: Mapping[str, float]
    truth_number: float | None
    read_number: float | None
    info: Mapping[str, Any]
    images: tuple[str, ...]
    depicted: str | None


def row_of(document: Any, where: str, condition: str = "condition") -> Row:
    """Check a row.

    Args:
        document: the row, as JSON told it.
        where: the place, for messages.
        condition: the field that says how the problem was posed: `condition`, or `phase` in a run.

    Raises:
        RunError: it has no condition, seed or text, or a field of the wrong kind.

    """
    if not isinstance(document, dict):
        raise RunError(f"{where} is not an object.")
    return Row(
        condition=required(document, condition, str, where),
        step=optional(document, "step", int, where),
        seed=required(document, "seed", int, where),
        sample=optional(document, "sample", int, where) or 0,
        prompt=optional(document, "prompt", str, where) or "",
        answer=optional(document, "answer", str, where),
        text=required(document, "text", str, where),
        **{name: number(document, name, where) for name in ("tokens", "reward", "advantage", "error")},
        **{name: number(document, name, where) for name in ("lenient_error", "truth_number", "read_number")},
        parsed=optional(document, "parsed", bool, where),
        read=optional(document, "read", str, where),
        lenient_read=optional(document, "lenient_read", str, where),
        parts=numbers(document, "parts", where),
        error_parts=numbers(document, "error_parts", where),
        info=optional(document, "info", dict, where) or {},
        images=texts(document, "images", where),
        depicted=optional(document, "depicted", str, where),
    )


def read_samples(folder: Path) -> tuple[Row, ...]:
    """Read a run's `samples.jsonl`, in the order of the file; a run without one has no rows.

    A last line without a line end is left out: the run is still writing it.

    Raises:
        RunError: a line is no row; the message names it.

    """
    path = folder / "samples.jsonl"
    if not path.is_file():
        return ()
    rows = []
    for index, line in enumerate(path.read_bytes().split(b"\n")[:-1]):
        where = f"{path}, line {index + 1}"
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RunError(f"{where} is not JSON ({error}).") from error
        rows.append(row_of(document, where, condition="phase"))
    return tuple(rows)
