"""Glyph masks: text as coverage, through Pillow and the font that ships with this package."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rendering.coverage import Alphas, Ints, to_alpha

FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_SIDES = {"left": (-0.5, 0.0), "right": (0.5, 0.0), "top": (0.0, -0.5), "bottom": (0.0, 0.5)}


class Mask(NamedTuple):
    """The pixels that a text covers, counted from the top left of its box.

    `row` and `column` say where they are, `alpha` how much of each is covered. The box is `height` by `width`
    pixels, and its top left lies at (`left`, `top`) from the anchor.
    """

    row: Ints
    column: Ints
    alpha: Alphas
    height: int
    width: int
    left: float
    top: float


@lru_cache(maxsize=64)
def _font(pixels: float) -> ImageFont.FreeTypeFont:
    # BASIC layout: its bytes do not depend on which shaping libraries a machine has.
    return ImageFont.truetype(str(FONT), pixels, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=64)
def _capitals(pixels: float) -> float:
    """The height of capital letters, in pixels."""
    return -_font(pixels).getbbox("H", anchor="ls")[1]


@lru_cache(maxsize=1024)
def _has_glyph(character: str) -> bool:
    font = _font(24)
    unassigned = bytes(font.getmask("\U0010ffff"))
    return character.isspace() or bytes(font.getmask(character)) != unassigned


@lru_cache(maxsize=4096)  # of a few kilobytes each
def mask(text: str, pixels: float, angle: float, anchor: str) -> Mask:
    """The mask of a text with a font of `pixels` height, turned by `angle` degrees counter-clockwise.

    Raises:
        ValueError: the font lacks a character (it would be drawn as an empty box).
    """
    missing = [character for character in dict.fromkeys(text) if not _has_glyph(character)]
    if missing:
        raise ValueError(
            f"the font {FONT.name} has no glyph for {', '.join(map(repr, missing))} in the label {text!r}; "
            "use other characters"
        )
    font = _font(pixels)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text, anchor="ls"))
    picture = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=font, anchor="ls")
    capitals = _capitals(pixels)
    across, down = 0.0, 0.0
    for side, (x, y) in _SIDES.items():
        if side in anchor.split("-"):
            across, down = across + x, down + y
    # From the middle of the mask to the anchor's point: horizontally within the ink, vertically between
    # the baseline and the top of the capitals.
    x = across * (right - left)
    y = (down - 0.5) * capitals - (top + bottom) / 2
    if angle:
        picture = picture.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        x, y = cos * x + sin * y, cos * y - sin * x
    inked = np.asarray(picture)
    row, column = np.nonzero(inked)
    alpha = to_alpha(inked[row, column] / 255)
    for part in (row, column, alpha):
        part.flags.writeable = False  # shared by the cache
    corner = -x - picture.width / 2, -y - picture.height / 2
    return Mask(row, column, alpha, picture.height, picture.width, *corner)
