"""The names of choices that settings offer; importable without torch."""

from typing import Literal

AdvantageScale = Literal["group", "batch", "none"]
Normalise = Literal["token", "sequence", "constant"]

TINY_MODELS = ("tiny", "tiny-qwen2-vl", "tiny-qwen3-vl", "tiny-qwen2", "tiny-qwen3", "tiny-llama")
"""The models that `agents.tiny` builds; the first, a Qwen2.5-VL, is the default everywhere."""
