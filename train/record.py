"""The run folder: settings, a row per step, a row per evaluation, sample answers with their pictures."""

import csv
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from train.storage import PARTIAL, discard, sync, writing, written_aside

SHOWN_VERSIONS = ("eyechart", "torch", "transformers", "accelerate", "gymnasium", "numpy", "pillow")


class Table:
    """A CSV file that grows by a row at a time; each row is on disk when `add` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] | None = None

    def header(self) -> list[str]:
        """The columns of a table that is there."""
        with self.path.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file), [])

    def rows(self) -> list[dict[str, str]]:
        """All rows, as text; none of a table that is not there."""
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; the first one names the columns, and others are left out of a table that has it already."""
        new = not self.path.exists()
        if new or self.columns is None:
            self.columns = list(row) if new else self.header()
        with writing(self.path), self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=self.columns, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow({name: format_number(value) for name, value in row.items()})

    def drop_after(self, step: int) -> None:
        """Delete the rows of later steps, which a resumed run writes again."""
        keep_until(self.path, step, lambda lines: [0] + [int(row["step"]) for row in csv.DictReader(lines)])


def keep_until(path: Path, step: int, steps_of: Callable[[list[str]], list[int]]) -> None:
    """Delete a file's lines of later steps, and a last line that a killed process left unfinished.

    Args:
        path: the file, which may be missing; one of which nothing is left goes.
        step: the last one that stays.
        steps_of: the step of each line; a header's is 0.

    Raises:
        ValueError: a line that cannot be read.
        WriteError: it could not be written; it is as it was.
    """
    if not path.exists():
        return
    try:
        lines = [line.decode() + "\n" for line in path.read_bytes().split(b"\n")[:-1]]
        kept = [line for line, own in zip(lines, steps_of(lines) if lines else [], strict=True) if own <= step]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is broken ({error}); correct or delete the line that is no row") from error
    if not kept:
        with writing(path):
            discard(path)
        return
    with written_aside(path) as aside:
        aside.write_bytes("".join(kept).encode())


def format_number(value: Any) -> Any:
    """Floats with the digits float32 has, so that equal numbers are equal text; None is an empty cell."""
    if value is None:
        return ""
    return f"{value:.7g}" if isinstance(value, float) else value


class Record:
    """Writes one run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = Table(folder / "metrics.csv")
        self.evals = Table(folder / "evals.csv")
        self.samples = folder / "samples.jsonl"
        self.skipped = folder / "skipped.jsonl"

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write `config.json`, with the versions of what ran and the commit it ran from."""
        self._write_config({**config, "versions": versions(), "git_commit": git_commit()})

    def read_config(self) -> dict[str, Any]:
        """Read `config.json`.

        Raises:
            ValueError: it is not that of a run.
        """
        path = self.folder / "config.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # no JSON, or no text
            raise ValueError(f"{path} is broken ({error}); the run cannot be continued") from error
        document = document if isinstance(document, dict) else {}
        settings = document.get("settings")
        missing = [name for name in ("env", "module", "task", "yardsticks") if name not in document]
        if not isinstance(settings, dict) or not {"steps", "minutes"} <= settings.keys():
            missing.append("settings")
        if missing:
            raise ValueError(f"{path} is broken (it has no {', '.join(missing)}); the run cannot be continued")
        return document

    def change_settings(self, **settings: Any) -> None:
        """Write other values for some settings into `config.json`."""
        document = self.read_config()
        self._write_config({**document, "settings": {**document["settings"], **settings}})

    def _write_config(self, document: Mapping[str, Any]) -> None:
        with written_aside(self.folder / "config.json") as aside:
            aside.write_text(json.dumps(document, indent=2) + "\n")

    def add_samples(
        self,
        rows: Sequence[Mapping[str, Any]],
        pictures: Sequence[Sequence[np.ndarray]] | None,
        depicted: Sequence[np.ndarray | None] | None = None,
    ) -> None:
        """Append answers to `samples.jsonl`, each with its pictures: `images` and `depicted` are their paths.

        Args:
            rows: the answers.
            pictures: those of each answer, or of more of them, uint8 (H, W, 3); None where there are none.
            depicted: the picture that each answer would be, None where there is none; None for none at all.
        """
        with writing(self.samples), self.samples.open("a", encoding="utf-8") as file:
            for i, row in enumerate(rows):
                name = f"{'train' if row.get('phase') == 'rollout' else 'eval'}-{row['seed']:06d}"
                shown = [] if pictures is None else pictures[i]
                images = [self._keep_picture(name + (f"-{k + 1}" if k else ""), one) for k, one in enumerate(shown)]
                drawn = None if depicted is None else depicted[i]
                path = None if drawn is None else self._keep_picture(f"{name}-answer-{short_hash(row['read'])}", drawn)
                # ASCII escapes: a text may hold lone surrogates, which UTF-8 cannot
                file.write(json.dumps({**row, "images": images, "depicted": path}) + "\n")

    def add_skipped(self, step: int, reason: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append the answers of a step that was skipped to `skipped.jsonl`."""
        with writing(self.skipped), self.skipped.open("a", encoding="utf-8") as file:
            for row in rows:
                # a reward may be what is not finite, which JSON has no number for
                shown = {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
                file.write(json.dumps({"step": step, "reason": reason, **shown}) + "\n")

    def _keep_picture(self, name: str, picture: np.ndarray) -> str:
        """Write a picture, unless it is on disk; returns its path in the folder."""
        path = f"images/{name}.png"
        if not (self.folder / path).exists():
            with written_aside(self.folder / path) as aside:
                Image.fromarray(picture).save(aside)
        return path

    def drop_after(self, step: int) -> None:
        """Forget what was written after a checkpoint at `step`."""
        self.metrics.drop_after(step)
        self.evals.drop_after(step)
        for path in (self.samples, self.skipped):
            keep_until(path, step, lambda lines: [json.loads(line)["step"] for line in lines])

    def sync(self) -> None:
        """Have the disk hold every row, as a checkpoint is about to promise."""
        for path in (self.metrics.path, self.evals.path, self.samples, self.skipped):
            if path.exists():
                with writing(path):
                    sync(path)


def short_hash(text: str) -> str:
    """Any text as a part of a file's name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def require_new(folder: Path) -> None:
    """Refuse a `--run` that cannot be made.

    Raises:
        ValueError: it exists and is no empty folder, or nothing can be written there.
    """
    # what a process left that was killed before it wrote its settings is nothing to go on with
    if folder.exists() and not (folder.is_dir() and all(path.name.startswith(PARTIAL) for path in folder.iterdir())):
        if any((folder / "checkpoints").glob("step-*")):
            raise ValueError(f"--run {folder} exists; go on with it by --resume {folder}, or name another folder")
        raise ValueError(f"--run {folder} exists, and has no checkpoint to go on from; name another folder")
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ValueError(f"the run folder {folder} cannot be written: {nearest} is no folder that may be written")


def new_run_folder(wanted: Path | None, name: str) -> Path:
    """Make the folder of a new run: `wanted`, or `runs/NAME`, numbered if taken.

    Raises:
        ValueError: the folder cannot be written.
    """
    if wanted is None:
        wanted, number = Path("runs") / name, 2
        while wanted.exists():
            wanted, number = Path("runs") / f"{name}-{number}", number + 1
    require_new(wanted)
    try:
        wanted.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the run folder {wanted} cannot be written: {error.strerror or error}") from error
    return wanted


def versions() -> dict[str, str]:
    """Python and the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in SHOWN_VERSIONS:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_commit() -> str | None:
    """The commit of the code that runs, with "-dirty" if it was changed since; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
