"""The names of choices that settings offer; importable without torch."""

from typing import Literal

AdvantageScale = Literal["group", "batch", "none"]
Normalise = Literal["token", "sequence", "constant"]
