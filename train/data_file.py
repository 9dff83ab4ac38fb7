"""Texts to imitate from a JSON Lines or Parquet file: a prompt, maybe pictures, and the response to it."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from agents.language_model import LanguageModel
from agents.qwen_vl import QwenVL
from envs.data import files
from envs.data.formats import Document, broken_row, require_object, text_of

# What a row has to be, in every complaint about one that is not.
WANTED = "prompt and response, or messages (one of user, one of assistant), and maybe images (a list of paths)"
# Columns that seem to hold pictures, where those should stand in `images`.
PICTURES = re.compile("image|img|picture|photo|video", re.IGNORECASE)
# Prompts that are counted at once.
COUNTED = 256

Picture = Path | bytes
"""A file, or what one holds."""


@dataclass(frozen=True)
class Row:
    """One example."""

    place: str
    """File and line."""
    prompt: str
    response: str
    images: tuple[Picture, ...] = ()

    def pictures(self) -> list[np.ndarray]:
        """Its pictures, uint8 (H, W, 3)."""
        return [np.asarray(opened(picture).convert("RGB")) for picture in self.images]

    def picture_names(self) -> list[str]:
        """The path of each picture, or the checksum of one that stands in the row itself."""
        return [hashlib.sha256(one).hexdigest() if isinstance(one, bytes) else str(one) for one in self.images]


def opened(picture: Picture) -> Image.Image:
    """A picture, of which the header alone has been read."""
    return Image.open(BytesIO(picture) if isinstance(picture, bytes) else picture)


def read_rows(path: Path) -> list[Row]:
    """Read a file of examples, and look whether its pictures are there; their pixels are read when they are needed.

    Columns that nobody reads are named in a note.

    Raises:
        ValueError: no such file, no rows, or a row that is none, with file, line, what it has and what was expected.
    """
    rows: list[Row] = []
    unread: dict[Any, None] = {}  # in the order they are met
    try:
        for _, place, document in files.read_rows(path, WANTED):
            row = require_object(document, WANTED, place)
            try:
                rows.append(_row(row, place, path.parent))
            except ValueError as error:
                raise broken_row(place, error, WANTED, row) from error
            unread |= dict.fromkeys(name for name in row if name not in _read(row) and row[name] is not None)
    except OSError as error:
        raise ValueError(f"--data {path} cannot be read: {error.strerror or error}") from error
    if unread:
        print(f"note: of --data {path} these columns are not read: {', '.join(map(str, unread))}")
    return rows


def _read(row: Document) -> tuple[str, ...]:
    """The columns of a row that are read."""
    return ("images", "messages") if row.get("messages") is not None else ("images", "messages", "prompt", "response")


def _row(row: Document, place: str, folder: Path) -> Row:
    asked, said, names = row, row, ("prompt", "response")
    if row.get("messages") is not None:
        (asked, said), names = _turns(row["messages"]), ("content", "content")
    texts = text_of(asked, names[0]), text_of(said, names[1])
    return Row(place, *texts, tuple(_images(row, folder)))


def _turns(messages: Any) -> tuple[Document, Document]:
    """Question and answer of a conversation of one turn."""
    roles = [one.get("role") for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else None
    if roles != ["user", "assistant"] or len(messages) > 2:
        raise ValueError(f"the messages must be one of the user and one of the assistant, got roles {roles}.")
    return messages[0], messages[1]


def _images(row: Document, folder: Path) -> list[Picture]:
    """The pictures of a row; a path is relative to the file."""
    listed = row.get("images")
    if listed is None:
        for name, value in row.items():
            if value and PICTURES.search(str(name)):
                raise ValueError(f"the field {name!r} seems to hold pictures, which would not be seen: call it images.")
        return []
    if not isinstance(listed, list):
        raise ValueError(f"the images must be a list of paths, got {listed!r:.60}.")
    return [_image(one, folder) for one in listed]


def _image(one: Any, folder: Path) -> Picture:
    """A picture: a path or, as the library datasets writes them to Parquet, the bytes of a file."""
    held = one if isinstance(one, Mapping) else {"path": one}
    inside, name = held.get("bytes"), held.get("path")
    picture: Picture
    if isinstance(inside, bytes):
        picture = inside
    elif isinstance(name, str):
        picture = (folder / name).absolute()  # a run that goes on elsewhere finds the same
    else:
        raise ValueError(f"the images must be a list of paths, got {one!r:.60}.")
    try:
        opened(picture).close()
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
        told = "the picture in the row" if isinstance(picture, bytes) else f"the picture {picture}"
        raise ValueError(f"{told} cannot be read: {error}.") from error
    return picture


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
            for image in row.images:
                with opened(image) as picture:
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
