"""What the adapters' arguments have in common."""

import operator
from typing import Any

from gymnasium.envs.registration import EnvSpec


def whole_number(what: str, value: Any, least: int) -> int:
    """A whole number, such as Python's and NumPy's.

    Args:
        what: Its name, for the error.
        value: What was given.
        least: The least that it may be.

    Raises:
        ValueError: For anything else, and for less.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{what} must be a whole number, got {value!r:.80}.") from None
    if number < least:
        raise ValueError(f"{what} must be {least} or more, got {number}.")
    return number


def full_name(name: str, spec: EnvSpec) -> str:
    """The name by which another process finds an environment: its id, behind the module that the user named."""
    module = name.rpartition(":")[0]
    return f"{module}:{spec.id}" if module else spec.id
