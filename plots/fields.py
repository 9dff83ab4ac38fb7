"""Picking values of a known kind out of JSON, with errors that name the place."""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from plots.runs import RunError

T = TypeVar("T")
KINDS = {str: "a text", dict: "an object", list: "a list", int: "a whole number", bool: "true or false"}


def required(document: Mapping[str, Any], name: str, kind: type[T], where: str) -> T:
    """Take a value that must be there.

    Raises:
        RunError: it is missing or of another kind; the message begins with `where`.

    """
    if name not in document:
        raise RunError(f"{where} has no {name!r}.")
    return _checked(document[name], name, kind, where)


def optional(document: Mapping[str, Any], name: str, kind: type[T], where: str) -> T | None:
    """Take a value that may be missing or null; a RunError for one of another kind."""
    value = document.get(name)
    return None if value is None else _checked(value, name, kind, where)


def number(document: Mapping[str, Any], name: str, where: str) -> float | None:
    """Take a number that may be missing, null or not finite (None); a RunError for anything else."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RunError(f"{where}: {name!r} must be a number, not {_quoted(value)}.")
    return _finite(value)


def numbers(document: Mapping[str, Any], name: str, where: str) -> dict[str, float]:
    """Take an object of numbers by name, leaving out nulls and what is not finite."""
    values = optional(document, name, dict, where) or {}
    found = {key: number(values, key, f"{where}, {name!r}") for key in values}
    return {key: value for key, value in found.items() if value is not None}


def texts(document: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """Take a list of texts; without one, none."""
    values = optional(document, name, list, where) or []
    if not all(isinstance(value, str) for value in values):
        raise RunError(f"{where}: {name!r} must be a list of texts.")
    return tuple(values)


def _finite(value: float) -> float | None:
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond any float
        return None


def _checked(value: Any, name: str, kind: type[T], where: str) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RunError(f"{where}: {name!r} must be {KINDS[kind]}, not {_quoted(value)}.")
    return value


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
