"""A contact sheet: several problems of a task in one picture, the answers beneath."""

import textwrap
from pathlib import Path

import numpy as np

from envs.problems import Problem
from envs.question import draw
from envs.task import Task, problem
from rendering import Label, Line, Plain, Scene, render

PAPER, INK, FAINT = (255, 255, 255), (40, 42, 50), (205, 208, 214)
MARGIN, CAPTION = 10, 22
"""Pixels around each picture, and the height of the line of text beneath it."""

TEXT_PANELS = (224, 320, 448)
"""Sides in pixels of what stands for the picture of a text task, its prompt: the smallest that holds all of it."""

LINE = 1.4 * 11
"""Pixels from one line of a prompt to the next; its letters are 11 high."""

GLYPH_WIDTH = 0.62
"""Width of a character as a fraction of the font's height, on the generous side."""


def contact_sheet(
    task: Task, count: int = 12, seed: int = 0, split: str = "train", columns: int | None = None
) -> np.ndarray:
    """Draw problems `seed`, `seed + 1`, ... of a split with their answers.

    Args:
        task: The task.
        count: How many problems, from 1 up.
        seed: The first one's seed.
        split: "train" or "eval".
        columns: How many stand side by side; None chooses.

    Returns:
        uint8 `(H, W, 3)`.

    Raises:
        ValueError: If `count` or `columns` is below 1.
    """
    columns = min(count, 4 if count <= 12 else 6) if columns is None else columns
    if count < 1 or columns < 1:
        raise ValueError(f"A sheet needs at least 1 problem and 1 column, got {count} and {columns}.")
    posed = [problem(task, seed + i, split) for i in range(count)]
    fitting = (side for side in TEXT_PANELS if all(len(_lines(one.prompt, side)) <= _room(side) for one in posed))
    text_panel = next(fitting, TEXT_PANELS[-1])
    cells = [_cell(task, one, text_panel) for one in posed]
    cells += [np.full_like(cells[0], 255)] * (-count % columns)
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    return np.pad(np.concatenate(rows), ((MARGIN, 0), (MARGIN, 0), (0, 0)), constant_values=255)


def _cell(task: Task, posed: Problem, text_panel: int) -> np.ndarray:
    """A picture (or prompt), a caption and the margin to the right and below."""
    picture = draw(task, posed)
    if picture is None:
        picture = _text_panel(posed.prompt, text_panel)
    captioned = np.concatenate([picture, _caption(task.best_answer(posed.answer), picture.shape[1])])
    return np.pad(captioned, ((0, MARGIN), (0, MARGIN), (0, 0)), constant_values=255)


def _caption(text: str, width: int) -> np.ndarray:
    """One centred line, uint8 `(CAPTION, width, 3)`, made smaller where it would not fit."""
    line = " ".join(text.split()) or " "
    height = min(14.0, width / (GLYPH_WIDTH * len(line)))
    label = Label(line, (0.5, 0.4), height / min(CAPTION, width), INK)
    return render(Scene((label,), Plain(PAPER)), (CAPTION, width))


def _lines(prompt: str, side: int) -> list[str]:
    """A prompt in lines that fit across a panel."""
    width = int(0.94 * side / (11 * GLYPH_WIDTH))
    return [part for line in prompt.splitlines() for part in textwrap.wrap(line, width)]


def _room(side: int) -> int:
    """How many lines a panel holds."""
    return int(0.92 * side / LINE)


def _text_panel(prompt: str, side: int) -> np.ndarray:
    """A prompt as a picture, as much of it as fits."""
    lines = _lines(prompt, side)
    if len(lines) > _room(side):
        lines = [*lines[: _room(side) - 1], "…"]
    labels = tuple(
        Label(line, (0.03, 0.95 - LINE / side * i), 11 / side, INK, anchor="top-left") for i, line in enumerate(lines)
    )
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0))
    frame = tuple(Line(corners[i], corners[i + 1], 2 / side, FAINT) for i in range(4))
    return render(Scene((*labels, *frame), Plain(PAPER)), side)


def write_png(picture: np.ndarray, path: Path) -> None:
    """Write uint8 `(H, W, 3)` as a PNG.

    Raises:
        ValueError: If the file cannot be written there.
    """
    from PIL import Image  # here, for only this needs it

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, format="PNG", optimize=True)
    except OSError as error:
        raise ValueError(f"Cannot write the picture {path}: {error.strerror or error}.") from error
