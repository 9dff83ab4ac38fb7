"""Answers on disk as they arrive, so that an evaluation that was cut short asks for none of them again."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from agents.policy import Reply
from train.evaluation.results import jsonable
from train.storage import discard, writing

try:
    import fcntl
except ImportError:  # Windows has another way; there, two evaluations must not share a name
    fcntl = None  # type: ignore[assignment]

FORMAT = "eyechart answers"
Key = tuple[str, int, int]
"""Condition, seed of the problem, which of its answers."""


class Journal:
    """The answers of one evaluation that is not done yet; no other process has it at the same time.

    Args:
        path: where they are kept; begun if there is nothing.
        settings: what the answers hang on.

    Raises:
        ValueError: the file is none of these, of other settings, or another process is writing it.
        WriteError: it cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.settings = path, _as_read(settings)
        self._kept: dict[Key, tuple[Reply, str]] = {}
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("a+", encoding="utf-8")
        try:
            with writing(path):
                self._lock()
                self._read()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:  # nothing is kept, so nothing is in the way of other settings
            with suppress(OSError):
                discard(self.path)
        with suppress(OSError):  # what a full disk did not take was told when it was added
            self.file.close()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def reply(self, key: Key, question: str) -> Reply:
        """An answer that is kept.

        Args:
            key: which.
            question: what was asked, in short (`digest` of a session).

        Raises:
            ValueError: it answered another question: the environment has changed since.
        """
        reply, answered = self._kept[key]
        if answered != question:
            raise ValueError(
                f"{self.path} holds an answer to another question than problem {key[1]} ({key[0]}) now asks: the "
                "environment or its data have changed since; delete the file, or name another --out"
            )
        return reply

    def add(self, key: Key, reply: Reply, question: str) -> None:
        """Keep an answer.

        Raises:
            WriteError: it could not be written.
        """
        condition, seed, sample = key
        with writing(self.path):
            if not self._kept:
                self._write({"format": FORMAT, "settings": self.settings})
            place = {"condition": condition, "seed": seed, "sample": sample, "question": question}
            self._write(place | asdict(reply))
        self._kept[key] = (reply, question)

    def delete(self) -> None:
        """What there was is in the results."""
        self._kept.clear()
        with writing(self.path):
            discard(self.path)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another evaluation is writing {self.path}; wait for it, or name another --out") from None

    def _write(self, row: Mapping[str, Any]) -> None:
        self.file.write(json.dumps(row) + "\n")  # ASCII escapes: a text may hold lone surrogates, which UTF-8 cannot
        self.file.flush()

    def _read(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        whole = lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines  # a kill left the last one unfinished
        found, kept = _parse(self.path, whole)
        if found is not None:
            differing = [name for name in self.settings if found.get(name) != self.settings[name]]
            if differing:
                raise ValueError(
                    f"{self.path} holds the answers of an unfinished evaluation with another {', '.join(differing)}; "
                    "repeat that one to finish it, delete the file, or name another --out"
                )
        self.file.truncate(sum(map(len, whole)) if kept else 0)
        self._kept = kept


def has_settings(path: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a journal is of an evaluation with these settings."""
    try:
        with path.open("rb") as file:
            found, _ = _parse(path, [file.readline()])
    except (OSError, ValueError):
        return False
    return found == _as_read(settings)


def _parse(path: Path, lines: list[bytes]) -> tuple[dict[str, Any] | None, dict[Key, tuple[Reply, str]]]:
    """The settings and the answers in a journal's lines; no settings in no lines."""
    if not lines:
        return None, {}
    try:
        head, *rows = map(json.loads, lines)
        if head["format"] != FORMAT or not isinstance(head["settings"], dict):
            raise ValueError("another format")
        kept = {
            (row["condition"], row["seed"], row["sample"]): (
                Reply(row["text"], row["tokens"], row["truncated"]),
                row["question"],
            )
            for row in rows
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is broken ({error}); delete it, or name another --out") from error
    return head["settings"], kept


def _as_read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are after a way through JSON, where a tuple is a list."""
    return json.loads(json.dumps(jsonable(settings)))
