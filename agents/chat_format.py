"""Chat completions (https://platform.openai.com/docs/api-reference/chat): what is sent, and what comes back."""

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from agents.policy import Reply

# Characters of a server's own words that a message has room for.
QUOTED = 200
# How many served models a message lists.
LISTED = 12


def user_message(prompt: str, pictures: Sequence[np.ndarray]) -> dict[str, Any]:
    """A prompt and its pictures as a message; pictures first, as Qwen-VL is trained.

    Args:
        prompt: the text. Lone surrogates, which UTF-8 cannot hold, become question marks.
        pictures: uint8 arrays (H, W, 3); none for text alone.

    Raises:
        ValueError: something else for a picture.
    """
    text = prompt.encode("utf-8", "replace").decode("utf-8")
    if not pictures:
        return {"role": "user", "content": text}
    shown = [{"type": "image_url", "image_url": {"url": data_uri(picture)}} for picture in pictures]
    return {"role": "user", "content": [*shown, {"type": "text", "text": text}]}


def data_uri(picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), as the data URI of a PNG: not a bit is lost.

    Raises:
        ValueError: something else for a picture.
    """
    check_picture(picture)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def check_picture(picture: np.ndarray) -> None:
    """Refuse what is no uint8 array (H, W, 3) with at least one pixel."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(
            f"a picture must be a uint8 array (H, W, 3), got {picture.dtype} {picture.shape}; have the environment "
            "show 8-bit RGB"
        )


def read_reply(document: str) -> Reply:
    """The first choice of a chat completion, which comes from a stranger.

    No content, or null, is an answer of nothing. Of content in parts, texts count. Reasoning that a server tells apart
    from the content is left out.

    Raises:
        ValueError: not JSON, no choice, or a content of another kind.
    """
    completion = _read_json(document)
    if not isinstance(completion, dict):
        raise ValueError(f"no chat completion: {one_line(document)}")
    if completion.get("error") and not completion.get("choices"):
        raise ValueError(f"an error in place of an answer: {server_message(document)}")
    choices = completion.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError(f"no choice with a message: {one_line(document)}")
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "".join(text for text in texts if isinstance(text, str))
    if not isinstance(content, str | None):
        raise ValueError(f"a content that is no text: {one_line(document)}")
    usage = completion.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    reason = choice.get("finish_reason") if isinstance(choice, dict) else None
    truncated = reason == "length" if isinstance(reason, str) else None
    return Reply(content or "", tokens if type(tokens) is int and tokens >= 0 else None, truncated)


def read_models(document: str) -> list[str]:
    """Names from a list of models, which comes from a stranger.

    Raises:
        ValueError: not JSON, or no such list.
    """
    listed = _read_json(document)
    models = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(models, list):
        raise ValueError(f"no list of models: {one_line(document)}")
    names = [model.get("id") for model in models if isinstance(model, dict)]
    return [name for name in names if isinstance(name, str) and name]


def server_message(document: str) -> str:
    """What a server says went wrong: one printable line, shortened; of JSON, the part meant for people."""
    try:
        found = _read_json(document)
    except ValueError:
        return one_line(document)
    for _ in range(3):  # {"error": {"message": "..."}} and its like
        if isinstance(found, dict):
            found = next((found[name] for name in ("error", "message", "detail") if found.get(name)), None)
    if isinstance(found, str):
        return one_line(found)
    return one_line(document if found is None else json.dumps(found))


def listing(names: Sequence[str]) -> str:
    """Names of models in a row, shortened if they are many."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(one_line(name) for name in names[:LISTED]) + more


def one_line(text: str) -> str:
    """Untrusted text as one printable line, shortened."""
    line = " ".join(text[: 10 * QUOTED].split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"


def _read_json(document: str) -> Any:
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        pass
    raise ValueError(f"no JSON: {one_line(document) or 'an empty body'}")
