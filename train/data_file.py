"""Texts to imitate from a JSONL file: a prompt, maybe pictures, and the response to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from agents.language_model import LanguageModel
from agents.qwen_vl import QwenVL

# What a row has to be, in every complaint about one that is not.
EXPECTED = 'expected {"prompt": TEXT, "response": TEXT} or {"messages": [user, assistant]}, and maybe "images": [PATH]'
# Prompts that are counted at once.
COUNTED = 256


@dataclass(frozen=True)
class Row:
    """One example."""

    place: str
    """File and line."""
    prompt: str
    response: str
    images: tuple[Path, ...] = ()

    def pictures(self) -> list[np.ndarray]:
        """Its pictures, uint8 (H, W, 3)."""
        return [np.asarray(Image.open(path).convert("RGB")) for path in self.images]


def read_rows(path: Path) -> list[Row]:
    """Read a file of examples, and look whether its pictures are there; their pixels are read when they are needed.

    Raises:
        ValueError: no such file, no rows, or a row that is none, with file, line, what it has and what was expected.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--data {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    rows = [_row(line, f"{path}, line {number}", path.parent) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise ValueError(f"--data {path} has no rows; {EXPECTED}")
    return rows


def _row(line: str, place: str, folder: Path) -> Row:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is not JSON ({error}); {EXPECTED}") from error
    if not isinstance(document, Mapping):
        raise ValueError(f"{place} is not a JSON object; {EXPECTED}")
    if "messages" in document:
        prompt, response = _of_messages(document["messages"], place)
    else:
        missing = [name for name in ("prompt", "response") if name not in document]
        if missing:
            raise ValueError(f"{place} has no {' and no '.join(missing)}, only {', '.join(document)}; {EXPECTED}")
        prompt, response = document["prompt"], document["response"]
    for name, text in (("prompt", prompt), ("response", response)):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{place}: its {name} must be a text, got {str(text)[:60]!r}; {EXPECTED}")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(f"{place}: its {name} holds half a character (a lone surrogate)")
    return Row(place, prompt, response, tuple(_images(document.get("images"), place, folder)))


def _of_messages(messages: Any, place: str) -> tuple[Any, Any]:
    """Question and answer of a conversation of one turn."""
    roles = [one.get("role") for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else None
    if roles != ["user", "assistant"]:
        raise ValueError(
            f"{place}: its messages must be one of the user and one of the assistant, got roles {roles}; {EXPECTED}"
        )
    return messages[0].get("content"), messages[1].get("content")


def _images(paths: Any, place: str, folder: Path) -> list[Path]:
    """The pictures of a row; a path is relative to the file."""
    if paths is None:
        return []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError(f"{place}: its images must be a list of paths, got {str(paths)[:60]!r}; {EXPECTED}")
    found = [folder / path for path in paths]
    for path in found:
        try:
            Image.open(path).close()  # its header
        except (OSError, UnidentifiedImageError, ValueError) as error:
            raise ValueError(f"{place}: the picture {path} cannot be read: {error}") from error
    return found


def require_room(policy: LanguageModel, rows: Sequence[Row]) -> None:
    """Refuse rows that a model cannot take: pictures for one that reads text only, or too long a prompt.

    Args:
        policy: the model, which knows the longest answer.
        rows: examples.

    Raises:
        ValueError: naming the row.
    """
    room = policy.model.config.get_text_config().max_position_embeddings - policy.max_new_tokens
    sizes: dict[tuple[int, int], int] = {}
    for first in range(0, len(rows), COUNTED):
        some = rows[first : first + COUNTED]
        for row, tokens in zip(some, _prompt_tokens(policy, some), strict=True):
            for path in row.images:
                with Image.open(path) as picture:
                    size = picture.height, picture.width
                if size not in sizes:
                    sizes[size] = _picture_tokens(policy, *size, row.place)
                tokens += sizes[size]
            if tokens > room:
                raise ValueError(
                    f"{row.place}: a prompt of {tokens} tokens, pictures included, does not fit before an answer of "
                    f"{policy.max_new_tokens}; there is room for {room}, and a prompt is never cut: leave the row out"
                )


def _prompt_tokens(policy: LanguageModel, rows: Sequence[Row]) -> list[int]:
    """The length of each prompt without its pictures."""
    try:
        return policy.prepare([row.prompt for row in rows]).attention_mask_PS.sum(-1).tolist()
    except ValueError as error:
        if len(rows) == 1:
            raise ValueError(f"{rows[0].place}: {error}") from error
        return [tokens for row in rows for tokens in _prompt_tokens(policy, [row])]


def _picture_tokens(policy: LanguageModel, height: int, width: int, place: str) -> int:
    """What a picture takes of a prompt, its two marks included."""
    if not isinstance(policy, QwenVL):
        raise ValueError(f"{place} has pictures, and a {policy.model.config.model_type} model reads text only")
    patch = policy.patch_size * policy.merge_size
    if min(height, width) < patch:
        raise ValueError(
            f"{place}: a picture of {height}x{width} pixels is smaller than one of the model's patches, {patch} wide"
        )
    rows, columns = policy.shown_size(height, width)
    return rows * columns // patch**2 + 2
