"""One component of a task's reward, with its parameters and weight."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from envs.forms import Form
from envs.rewards.component import Bounds, Function

_noted: set[str] = set()


@dataclass(frozen=True)
class Asking:
    """A function with its parameters and the names of what it is told; a class, so that tasks can be pickled."""

    function: Function
    wanted: tuple[str, ...]
    parameters: tuple[tuple[str, Any], ...]

    def __call__(self, text: str, **told: Any) -> float:
        """What the function gives."""
        return self.function(text, **{key: told[key] for key in self.wanted}, **dict(self.parameters))


@dataclass(frozen=True)
class Term:
    """One component of a task's reward.

    Attributes:
        name: What it is reported under.
        weight: 0 and up.
        bounds: The least and the most that it gives.
        function: Gives its value for a text and the keywords `TOLD`; None for a part of the task's own.
        foreign: Whether the function is a user's: nobody knows what it does.
        uncommitted: Whether it pays a text without a committed answer too; a user's function decides that itself.
        style: The form that it looks for in a text; None for one that looks for none.
    """

    name: str
    weight: float
    bounds: Bounds = (0.0, 1.0)
    function: Function | None = None
    foreign: bool = False
    uncommitted: bool = False
    style: Form | None = None

    def value(self, text: str, told: Mapping[str, Any]) -> float:
        """What it gives for a text, within its bounds; never raises.

        Without a committed answer a registered component gives the least it can, and at most 0, unless it is
        `uncommitted`: so nothing is gained by not answering. A user's function that raises or gives no finite number
        counts as 0, which is told once.

        Args:
            text: What the policy wrote.
            told: The values of `TOLD`.
        """
        if not (told["parsed"] or self.uncommitted):
            return min(self.bounds[0], 0.0)
        try:
            value = self.raw(text, told)
        except Exception as error:
            value = 0.0
            if self.name not in _noted:
                _noted.add(self.name)
                print(f"note: reward {self.name!r} counts as 0 where it fails, as here: {error}", file=sys.stderr)
        return min(max(value, self.bounds[0]), self.bounds[1]) + 0.0  # no -0.0

    def raw(self, text: str, told: Mapping[str, Any]) -> float:
        """What the function gives, whatever its bounds.

        Raises:
            ValueError: If it raises or gives no finite number, in words.
        """
        assert self.function is not None
        try:
            value = self.function(text, **told)
        except Exception as error:
            raise ValueError(f"it raises {type(error).__name__}: {error}") from error
        if not isinstance(value, (Real, np.bool_)) or not math.isfinite(value):
            raise ValueError(f"it returns {value!r:.80}, which is no finite number")
        return float(value)
