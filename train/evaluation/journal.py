"""Answers on disk as they arrive, so that an evaluation that was cut short asks for none of them again."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from agents.policy import Reply
from train.storage import discard, writing

FORMAT = "eyechart answers"
Key = tuple[str, int, int]
"""Condition, seed of the problem, which of its answers."""


class Journal:
    """The answers of one evaluation that is not done yet.

    Args:
        path: where they are kept; begun if there is nothing.
        settings: what the answers hang on, as JSON has it.

    Raises:
        ValueError: the file is none of these, or of other settings.
        WriteError: it cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.replies: dict[Key, Reply] = {}
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._read(settings)
            self.file = path.open("a", encoding="utf-8")
            if not self.file.tell():
                self._write({"format": FORMAT, "settings": settings})

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def add(self, key: Key, reply: Reply) -> None:
        """Keep an answer.

        Raises:
            WriteError: it could not be written.
        """
        condition, seed, sample = key
        with writing(self.path):
            self._write(
                {"condition": condition, "seed": seed, "sample": sample, "text": reply.text, "tokens": reply.tokens}
            )
        self.replies[key] = reply

    def delete(self) -> None:
        """What there was is in the results."""
        self.file.close()
        with writing(self.path):
            discard(self.path)

    def _write(self, row: Mapping[str, Any]) -> None:
        self.file.write(json.dumps(row) + "\n")  # ASCII escapes: a text may hold lone surrogates, which UTF-8 cannot
        self.file.flush()

    def _read(self, settings: Mapping[str, Any]) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):  # a killed process left it unfinished
            lines.pop()
            self.path.write_bytes(b"".join(lines))
        if not lines:
            return
        try:
            head, *rows = map(json.loads, lines)
            if head["format"] != FORMAT:
                raise ValueError("another format")
            differing = [name for name in settings if head["settings"].get(name) != settings[name]]
            kept = {(row["condition"], row["seed"], row["sample"]): Reply(row["text"], row["tokens"]) for row in rows}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.path} is broken ({error}); delete it, or name another --out") from error
        if differing:
            raise ValueError(
                f"{self.path} holds the answers of an unfinished evaluation with another {', '.join(differing)}; "
                "repeat that one to finish it, delete the file, or name another --out"
            )
        self.replies = kept
