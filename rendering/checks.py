"""Checks of a dataclass's fields: each replaces the field by plain, hashable values or says what is wrong.

Values that are already plain take a short way out: a scene is built for every picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, get_args

LIMIT = 1e6  # how far out a coordinate may lie: beyond, sums of floats would lose the pixels


def number(
    owner: object, name: str, *, minimum: float = -LIMIT, maximum: float = LIMIT, above: float = -math.inf
) -> None:
    """Makes the field a float from `minimum` to `maximum` that is greater than `above`."""
    value = getattr(owner, name)
    if type(value) is float and minimum <= value <= maximum and value > above:
        return
    label = _label(owner, name)
    result = _float(value, label)
    if not minimum <= result <= maximum:
        raise ValueError(f"{label} must lie between {minimum:g} and {maximum:g}, got {value!r}")
    if result <= above:
        raise ValueError(f"{label} must be greater than {above:g}, got {value!r}")
    object.__setattr__(owner, name, result)


def integer(owner: object, name: str, *, minimum: int = 0, maximum: float) -> None:
    """Makes the field an int from `minimum` to `maximum`."""
    value = getattr(owner, name)
    if not isinstance(value, Integral) or not minimum <= int(value) <= maximum:
        raise ValueError(f"{_label(owner, name)} must be an integer from {minimum} to {maximum}, got {value!r}")
    object.__setattr__(owner, name, int(value))


def point(owner: object, name: str) -> None:
    """Makes the field a pair of floats."""
    value = getattr(owner, name)
    result = pair(value, owner, name)
    if result is not value:
        object.__setattr__(owner, name, result)


def points(owner: object, name: str, *, at_least: int = 0) -> None:
    """Makes the field a tuple of pairs of floats."""
    result = tuple([pair(item, owner, name) for item in items(getattr(owner, name), owner, name)])
    if len(result) < at_least:
        raise ValueError(f"{_label(owner, name)} must hold at least {at_least} points, got {len(result)}")
    object.__setattr__(owner, name, result)


def color(owner: object, name: str = "color") -> None:
    """Makes the field three ints from 0 to 255."""
    value = getattr(owner, name)
    if type(value) is tuple and len(value) == 3:
        red, green, blue = value
        plain = type(red) is type(green) is type(blue) is int
        if plain and 0 <= red <= 255 and 0 <= green <= 255 and 0 <= blue <= 255:
            return
    parts = tuple(items(value, owner, name))
    if len(parts) != 3 or not all(isinstance(part, int | Integral) and 0 <= int(part) <= 255 for part in parts):
        raise ValueError(
            f"{_label(owner, name)} must be three integers from 0 to 255 (red, green, blue), got {value!r}"
        )
    object.__setattr__(owner, name, tuple(map(int, parts)))


def look(owner: object) -> None:
    """Checks what every primitive has: a colour, and an opacity from 0 to 1."""
    color(owner)
    number(owner, "opacity", minimum=0.0, maximum=1.0)


def choice(owner: object, name: str, known: tuple[str, ...]) -> None:
    """Checks that the field is one of the known words."""
    value = getattr(owner, name)
    if value not in known:
        raise ValueError(f"{_label(owner, name)} must be one of {', '.join(known)}; got {value!r}")


def truth(owner: object, name: str) -> None:
    """Checks that the field is True or False."""
    value = getattr(owner, name)
    if not isinstance(value, bool):
        raise TypeError(f"{_label(owner, name)} must be True or False, got {value!r}")


def kinds(owner: object, name: str, allowed: Any) -> None:
    """Makes the field a tuple of instances of the classes in a union."""
    members = tuple(items(getattr(owner, name), owner, name))
    for member in members:
        if not isinstance(member, allowed):
            names = ", ".join(kind.__name__ for kind in get_args(allowed))
            raise TypeError(f"each of {_label(owner, name)} must be one of {names}; got {member!r}")
    object.__setattr__(owner, name, members)


def items(value: Any, owner: object, name: str) -> Iterable[Any]:
    """Returns the value as something to go through."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{_label(owner, name)} must be a sequence, got {value!r}")
    return value


def pair(value: Any, owner: object, name: str) -> tuple[float, float]:
    """Returns the value as two floats."""
    try:
        x, y = value
    except (TypeError, ValueError):
        raise TypeError(f"{_label(owner, name)} must be made of pairs (x, y), got {value!r}") from None
    if type(x) is type(y) is float and type(value) is tuple and -LIMIT <= x <= LIMIT and -LIMIT <= y <= LIMIT:
        return value
    label = _label(owner, name)
    result = _float(x, label), _float(y, label)
    if max(map(abs, result)) > LIMIT:
        raise ValueError(f"{label} must lie between {-LIMIT:g} and {LIMIT:g}, got {value!r}")
    return result


def _float(value: Any, label: str) -> float:
    if not isinstance(value, Real):
        raise TypeError(f"{label} must be made of numbers, got {value!r}")
    result = float(value)
    if not math.isfinite(result):
        raise ValueError(f"{label} must be finite, got {value!r}")
    return result


def _label(owner: object, name: str) -> str:
    return f"{type(owner).__name__}.{name}"
