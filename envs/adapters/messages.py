"""A problem as libraries that speak OpenAI's chat format take it: one message of the user's, the picture before it."""

import base64
from typing import Any

import numpy as np

from envs.adapters.files import png
from envs.problems import Problem
from envs.question import draw
from envs.task import Task


def user_message(task: Task, posed: Problem) -> dict[str, Any]:
    """`{"role": "user", "content": ...}`: the picture as `image_url` and the prompt, or a bare text without a picture.

    Raises:
        ValueError: If the problem has a scene and the task no `size`, or the other way round.
    """
    uri = picture_uri(task, posed)
    text = printable(posed.prompt)
    if uri is None:
        return {"role": "user", "content": text}
    parts = [{"type": "image_url", "image_url": {"url": uri}}, {"type": "text", "text": text}]
    return {"role": "user", "content": parts}


def picture_uri(task: Task, posed: Problem) -> str | None:
    """The picture of a problem as the data URI of a PNG, lossless; None for a text task.

    Raises:
        ValueError: If the problem has a scene and the task no `size`, or the other way round.
    """
    picture = draw(task, posed)
    return None if picture is None else data_uri(picture)


def data_uri(picture: np.ndarray) -> str:
    """A picture, uint8 `(H, W, 3)`, as the data URI of a PNG."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode("ascii")


def printable(text: str) -> str:
    """A text that UTF-8 can hold: half of a surrogate pair, which no message takes, becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")
