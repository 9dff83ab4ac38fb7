"""Reading the folder of a training run: `config.json`, `evals.csv` and `metrics.csv`."""

import csv
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Measure = Literal["mae", "reward"]

MEASURES: Mapping[Measure, str] = {"mae": "held-out MAE", "reward": "held-out reward"}

EVAL_COLUMNS = ("phase", "step", "mae", "reward", "seconds_total")
METRIC_COLUMNS = ("step", "seconds_total")


class RunError(ValueError):
    """A run folder that cannot be read, or runs that cannot share one picture."""


@dataclass(frozen=True, eq=False)
class Run:
    """What one run wrote, as far as a picture needs it.

    Attributes:
        folder: the folder, as it was given.
        name: the folder's own name.
        env: the environment's id, such as `eyechart/Clock-v0`.
        unit: the unit of every error, such as `min`; may be empty, and is where the env has no task.
        measure: what the run is judged by: `mae`, or `reward` where the env has no task and tells no errors.
        yardsticks: errors in `unit` by name (`chance`, `best_constant`, `oracle`, `floor`); those that the
            run knows, possibly none.
        settings: every option of the run.
        task_fields: the fields of the task.
        phases: the phase of each evaluation, in order: `start`, `cold-start`, `train` or `end`.
        evals: the other columns of `evals.csv`, each float64 of shape (E,); an empty cell is nan.
        metrics: the columns of `metrics.csv`, each float64 of shape (S,), S possibly 0.

    """

    folder: Path
    name: str
    env: str
    unit: str
    measure: Measure
    yardsticks: Mapping[str, float]
    settings: Mapping[str, Any]
    task_fields: Mapping[str, Any]
    phases: tuple[str, ...]
    evals: Mapping[str, np.ndarray]
    metrics: Mapping[str, np.ndarray]


def read_run(folder: str | Path) -> Run:
    """Read the folder of a run, finished or still going.

    The last line of a table is left out while it has no line end: the run is still writing it.

    Args:
        folder: the folder, such as `runs/clock`.

    Returns:
        The run, with at least one evaluation.

    Raises:
        RunError: the folder or one of its files is missing, empty or broken; the message names the file,
            and the line where there is one.

    """
    folder = Path(folder)
    _check_folder(folder)
    config = _read_config(folder / "config.json")
    if not (folder / "evals.csv").is_file():
        raise RunError(f"{folder} has no evals.csv: the run has not evaluated yet, so there is no curve.")
    evals = _read_table(folder / "evals.csv", EVAL_COLUMNS, texts=("phase",))
    phases = evals.pop("phase")
    if not phases:
        raise RunError(f"{folder / 'evals.csv'} has no complete row: the first evaluation is not done yet.")
    metrics: dict[str, list[Any]] = {name: [] for name in METRIC_COLUMNS}
    if (folder / "metrics.csv").is_file():
        metrics = _read_table(folder / "metrics.csv", METRIC_COLUMNS)
    task = config["task"]
    return Run(
        folder=folder,
        name=folder.resolve().name,
        env=config["env"],
        unit=task["unit"] or "",
        measure="reward" if task["unit"] is None and np.isnan(evals["mae"]).all() else "mae",
        yardsticks=_numbers(config.get("yardsticks") or {}),
        settings=config["settings"],
        task_fields=task.get("fields") or {},
        phases=tuple(phases),
        evals=_arrays(evals),
        metrics=_arrays(metrics),
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        what = "is a file, not the folder of a run" if folder.exists() else "does not exist"
        raise RunError(f"{folder} {what}.{_suggestion(folder)}")
    if not (folder / "config.json").is_file():
        inside = _runs_in(folder)
        hint = f" The runs inside it: {_listed(inside)}." if inside else " Give a folder that train wrote."
        raise RunError(f"{folder} holds no config.json, so it is not the folder of a run.{hint}")


def _suggestion(folder: Path) -> str:
    siblings = _runs_in(folder.parent)
    if not siblings:
        return f" There are no runs in {folder.parent}."
    close = difflib.get_close_matches(folder.name, [run.name for run in siblings], n=1)
    guess = f" Did you mean {folder.parent / close[0]}?" if close else ""
    return f"{guess} The runs in {folder.parent}: {_listed(siblings)}."


def _runs_in(folder: Path) -> list[Path]:
    return sorted(config.parent for config in folder.glob("*/config.json"))


def _listed(folders: Sequence[Path], most: int = 10) -> str:
    names = ", ".join(folder.name for folder in folders[:most])
    return names if len(folders) <= most else f"{names} and {len(folders) - most} more"


def _read_config(path: Path) -> dict[str, Any]:
    text = _text(path)
    if not text.strip():
        raise RunError(f"{path} is empty: the run is still starting, or it ended before it had started.")
    try:
        config = json.loads(text)
    except ValueError as error:
        raise RunError(f"{path} is not valid JSON: {error}.") from error
    if isinstance(config, dict) and config.get("task", "") is None:
        config["task"] = {"unit": None}  # an env that is not made from a task
    kinds = {"env": str, "task": dict, "settings": dict}
    for key, kind in kinds.items():
        if not isinstance(config, dict) or not isinstance(config.get(key), kind):
            raise RunError(f"{path} has no {key!r} ({kind.__name__}): it is not the file that train writes.")
    if not isinstance(config["task"].get("unit", 0), str | None):
        raise RunError(f"{path} does not say the task's unit ('task': {{'unit': ...}}).")
    return config


def _read_table(path: Path, required: Sequence[str], texts: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Read a CSV file into columns by name: lists of floats, or of strings for those in `texts`.

    Without a complete line of column names they are the required ones, empty.
    """
    lines = _text(path).splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # half-written: even a cell that reads as a number may lack its last digits
    if not lines:
        return {name: [] for name in required}
    reader = csv.reader(lines)
    header = next(reader)
    for name in required:
        if name not in header:
            raise RunError(f"{path} has no column {name!r}; it has {', '.join(header)}.")
    columns: dict[str, list[Any]] = {name: [] for name in header}
    for row in reader:
        if not row:
            continue
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(header):
            raise RunError(f"{where}: {len(row)} cells, but the header has {len(header)} columns.")
        for name, cell in zip(header, row, strict=True):
            columns[name].append(cell if name in texts else _number(cell, f"{where}, column {name!r}"))
    return columns


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is not text in UTF-8 ({error}).") from error


def _number(cell: str, where: str) -> float:
    if not cell.strip():
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        raise RunError(f"{where}: {cell!r} is not a number.") from None


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Pick the finite numbers; texts (the best constant's answer) and nulls are left out."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    }


def _arrays(columns: Mapping[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
