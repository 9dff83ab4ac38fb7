"""The names of choices that settings offer; importable without torch."""

from typing import Literal

AdvantageScale = Literal["group", "batch", "none"]
AdvantageBaseline = Literal["group", "leave-one-out", "batch"]
Normalise = Literal["token", "sequence", "constant"]
Overlong = Literal["counted", "masked"]
RatioLevel = Literal["token", "sequence"]
KlEstimator = Literal["k3", "k2"]
KlIn = Literal["loss", "reward"]
Dtype = Literal["float32", "bfloat16"]
Attention = Literal["sdpa", "flash_attention_2"]
Vision = Literal["frozen", "trained"]
Recompute = Literal["always", "never"]
Adapter = Literal["apart", "trained", "merged"]

LORA_TARGETS = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
"""Every linear layer of a decoder layer (Schulman et al. 2025, https://thinkingmachines.ai/blog/lora/: adapters on
attention alone learn less)."""

TINY_MODELS = ("tiny", "tiny-qwen2-vl", "tiny-qwen3-vl", "tiny-qwen2", "tiny-qwen3", "tiny-llama", "tiny-half")
"""The models that `agents.tiny` builds; the first, a Qwen2.5-VL, is the default everywhere, the last half as large."""
