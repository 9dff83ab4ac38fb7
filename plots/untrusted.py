"""Texts and pictures that came from elsewhere: what a model wrote, what a file says of itself."""

import base64
import binascii
import re
import struct
import unicodedata
from pathlib import Path

PNG_URI = re.compile(r"data:image/png;base64,([A-Za-z0-9+/]+={0,2})")
PNG_START = b"\x89PNG\r\n\x1a\n"
LARGEST_SIDE = 8192  # pixels; a small file may unpack to far more than a browser can hold
LARGEST_PICTURE = 4_000_000  # bytes
LONGEST_NAME = 120


def visible(text: str) -> str:
    r"""Show what would hide or reorder text; line ends and tabs stay.

    Control characters become their pictures (`␀`), or, like everything that prints nothing (marks that turn the
    direction of writing, joiners, lone surrogates, private and unassigned characters), their code: `\u202e`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) == "Zs":  # a space of some width is not "printable", and harmless
        return " "
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def clipped(text: str, most: int) -> tuple[str, int]:
    """Cut a text to `most` characters; returns it and how many were cut off."""
    return text[:most], max(0, len(text) - most)


def short(text: str, most: int = LONGEST_NAME) -> str:
    """A name on one line, with what is invisible shown, cut with an ellipsis."""
    line = visible(text[: 4 * most]).replace("\n", "␊").replace("\t", " ")
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + "…"


def checked_uri(uri: str) -> str | None:
    """Return a data URI if it is a PNG that a browser can show, else None."""
    found = PNG_URI.fullmatch(uri)
    if not found or len(uri) > LARGEST_PICTURE * 4 // 3:
        return None
    try:
        start = base64.b64decode(found[1][:44])
    except binascii.Error:
        return None
    return uri if _is_small_png(start) else None


def picture_in(folder: Path, path: str) -> str | None:
    """Read a PNG of a folder as a data URI.

    Args:
        folder: the folder that the picture must lie in, links followed.
        path: where in it, as a file said; untrusted.

    Returns:
        The data URI; None for anything but a PNG inside the folder.

    """
    try:
        file = (folder / path).resolve()
        if not file.is_relative_to(folder.resolve()) or not file.is_file():
            return None
        if file.stat().st_size > LARGEST_PICTURE:
            return None
        content = file.read_bytes()
    except (OSError, ValueError):  # no permission; a name that no file can have
        return None
    if not _is_small_png(content[:33]):
        return None
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _is_small_png(start: bytes) -> bool:
    """Tell whether these first bytes are those of a PNG of at most LARGEST_SIDE pixels to a side."""
    if len(start) < 24 or not start.startswith(PNG_START) or start[12:16] != b"IHDR":
        return False
    return all(0 < side <= LARGEST_SIDE for side in struct.unpack(">II", start[16:24]))
