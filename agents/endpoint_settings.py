"""Which server of chat completions is asked, and how: plain facts, and the key that is none of them."""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

# Fields of a request that --extra-body must leave alone.
OURS = ("messages", "model", "n", "stream")


@dataclass(frozen=True)
class EndpointSettings:
    """Which server is asked, and how. All of it is plain facts: the key itself is in no field."""

    url: str
    """Of the API, without the part after /v1: `http://127.0.0.1:8000/v1`."""

    served_model: str | None = None
    """The model's name on the server. Default: that of the only one it serves."""

    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that has the key; without one, none is needed."""

    concurrency: int = 8
    """Most requests in flight."""

    timeout: float = 120.0
    """Seconds that one try of a request may take."""

    retries: int = 5
    """Further tries of a request that failed in a way that may pass."""

    max_new_tokens: int = 256
    """Longest answer, in tokens."""

    extra_body: str = "{}"
    """Further fields of each request as a JSON object, such as '{"top_p": 0.9, "seed": null}'; null leaves one out."""

    def __post_init__(self) -> None:
        """Raise ValueError for a setting outside its range."""
        check_address(self.url)
        if self.served_model is not None and not (self.served_model.strip() and self.served_model.isprintable()):
            raise ValueError(
                f"--served-model must be a name in printable characters, got {self.served_model!r}; leave it out if "
                "the server has one model"
            )
        if not self.api_key_env or "=" in self.api_key_env or not self.api_key_env.isprintable():
            raise ValueError("--api-key-env must be the name of an environment variable, not the key itself")
        for name, least in (("concurrency", 1), ("retries", 0), ("max_new_tokens", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(self, name)}")
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise ValueError(f"--timeout must be a number of seconds above 0, got {self.timeout:g}")
        try:
            fields = json.loads(self.extra_body, parse_constant=_no_number)
            json.dumps(fields, ensure_ascii=False).encode()  # half a character cannot be sent
        except (ValueError, RecursionError) as error:
            raise ValueError(f"--extra-body must be a JSON object, got {self.extra_body!r}: {error}") from None
        if not isinstance(fields, dict):
            raise ValueError(f"--extra-body must be a JSON object, got {self.extra_body!r}")
        if taken := sorted(fields.keys() & set(OURS)):
            raise ValueError(f"--extra-body must leave {', '.join(taken)} alone: Eyechart sets it")


def is_address(model: str) -> bool:
    """Whether what a user gave as a model is the address of a server."""
    return model.lower().startswith(("http://", "https://"))


def check_address(url: str) -> None:
    """Refuse what is no address of an API. A message never repeats what might be a secret.

    Raises:
        ValueError: no host, another scheme, a user name, password or query inside, or the page of one request.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"--model {url!r} is no address: {error}") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(
            f"--model {parts.scheme}://{host}...: the address must hold no user name, password, query or fragment; put "
            "the key into an environment variable, and name that by --api-key-env"
        )
    if not is_address(url) or not host or not host.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"--model {url!r} is no address; give one such as http://127.0.0.1:8000/v1")
    if parts.path.rstrip("/").endswith(("/completions", "/models")):
        raise ValueError(f"--model {url} must end before the page, usually at /v1; leave /chat/completions off")


def request_fields(settings: EndpointSettings, key: Sequence[int], temperature: float) -> dict[str, Any]:
    """What a request holds beside its model and message.

    Args:
        settings: those of the server; `extra_body` has the last word.
        key: all the chance of the answer, see `agents.policy.Draws`.
        temperature: 0 for the most likely token each time.
    """
    fields: dict[str, Any] = {"temperature": temperature, "max_tokens": settings.max_new_tokens}
    if temperature > 0:
        fields["seed"] = seed_of(key)
    return {name: value for name, value in {**fields, **json.loads(settings.extra_body)}.items() if value is not None}


def seed_of(key: Sequence[int]) -> int:
    """A seed in 0..2**31 − 1, the same for the same key on any machine: the first 31 bits of its SHA-256."""
    digest = hashlib.sha256(",".join(str(int(part)) for part in key).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def read_key(variable: str) -> str | None:
    """The key that an environment variable has, without the space around it; None if it is not set or empty.

    Raises:
        ValueError: it holds what no HTTP header can: an error of the HTTP library would repeat the key.
    """
    key = os.environ.get(variable, "").strip()
    if not all("!" <= c <= "~" for c in key):
        raise ValueError(
            f"the environment variable {variable} holds no key: there are spaces, line breaks or letters beyond ASCII "
            "inside it; set it again, or name another by --api-key-env"
        )
    return key or None


def import_openai() -> ModuleType:
    """The package openai; ValueError if it is not installed."""
    try:
        import openai
    except ImportError as error:
        raise ValueError("a server as --model needs the package openai: pip install 'eyechart[api]'") from error
    return openai


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
