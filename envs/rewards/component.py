"""The registry of reward components: what can be named by `--reward NAME WEIGHT`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Bounds = tuple[float, float]
Function = Callable[..., float]

TOLD = ("answer", "committed", "error", "parsed", "correct", "worst_error")
"""What a component may ask for by keyword: the problem's answer (str), the text of the one that is committed to (empty
where there is none), its error (float; the worst one where there is none), whether there is one, whether the error is
within the task's tolerance, and the worst error."""


@dataclass(frozen=True)
class Component:
    """A reward component.

    Attributes:
        name: What it is called on a command line, and reported under: `reward/NAME`.
        function: Gives its value for a text. Its other arguments are keywords: what is told of the answer
            (`TOLD`), without defaults, and parameters, with defaults.
        bounds: From its parameters, all of them, to the least and the most it can give.
    """

    name: str
    function: Function
    bounds: Callable[..., Bounds]

    @property
    def defaults(self) -> dict[str, Any]:
        """Its parameters with their defaults."""
        arguments = inspect.signature(self.function).parameters.items()
        return {
            name: argument.default
            for name, argument in arguments
            if argument.default is not argument.empty and name not in TOLD
        }


COMPONENTS: dict[str, Component] = {}
"""Every registered component by name."""


def component(least: float = 0.0, most: float = 1.0, bounds: Callable[..., Bounds] | None = None) -> Any:
    """Register the function beneath as a component of its own name.

    Args:
        least: The least value it can give.
        most: The most.
        bounds: Both, where they depend on the parameters, which it gets by keyword.
    """

    def add(function: Function) -> Function:
        name = function.__name__
        COMPONENTS[name] = Component(name, function, bounds or (lambda **_: (least, most)))
        return function

    return add


def require(holds: bool, what: str, given: object) -> None:
    """Refuse a parameter's value.

    Raises:
        ValueError: `what` must be so, and what was given instead.
    """
    if not holds:
        raise ValueError(f"{what}, got {given!r}")
