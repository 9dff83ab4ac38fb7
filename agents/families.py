"""Which checkpoints can be policies, by the model type that their config names."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from agents.choices import Adapter, Attention
from agents.language_model import LanguageModel
from agents.lora import adapter_base, load_adapter
from agents.qwen_vl import QwenVL

# Each is held to the plain computation in tests/agents; another model may scale its logits, or place its tokens,
# in a way that a packed group does not know of.
FAMILIES: dict[str, type[LanguageModel]] = {
    "qwen2_vl": QwenVL,
    "qwen2_5_vl": QwenVL,
    "qwen3_vl": QwenVL,
    "qwen2": LanguageModel,  # Qwen2.5 too
    "qwen3": LanguageModel,
    "llama": LanguageModel,
}


def load_pretrained(
    checkpoint: str,
    max_new_tokens: int = 16,
    dtype: torch.dtype = torch.float32,
    attention: Attention = "sdpa",
    adapter: Adapter = "apart",
) -> LanguageModel:
    """Load a Hugging Face folder or hub id of one of the families.

    Args:
        checkpoint: folder or hub id; a folder may hold an adapter, and name the model it belongs to.
        max_new_tokens: the longest answer.
        dtype: of the weights, whatever they were saved in.
        attention: the kernel; flash attention is for the vision tower alone.
        adapter: what becomes of an adapter; see `load_adapter`. It is merged in float32, and rounded once.

    Raises:
        ValueError: a model of another family, naming those that can be used; pickled weights.
        OSError: nothing there, or a file missing.
    """
    base = adapter_base(checkpoint)
    if base is None:
        return _load_weights(checkpoint, checkpoint, max_new_tokens, dtype, attention)
    refuse_pickles(Path(checkpoint))
    merged = adapter == "merged"
    policy = _load_weights(base, checkpoint, max_new_tokens, torch.float32 if merged else dtype, attention)
    load_adapter(policy, checkpoint, adapter)
    return policy.cast(dtype) if merged else policy


def _load_weights(
    checkpoint: str, processor: str, max_new_tokens: int, dtype: torch.dtype, attention: Attention
) -> LanguageModel:
    """Weights from one place, with the processor of another, if they are apart."""
    refuse_pickles(Path(checkpoint))
    family, _ = _family(checkpoint)
    return family.load(checkpoint, processor, max_new_tokens, dtype, attention)


def count_parameters(checkpoint: str) -> int:
    """How many parameters the model in a folder or hub id has, from its config alone."""
    family, config = _family(adapter_base(checkpoint) or checkpoint)
    with torch.device("meta"):
        return family.model_class.from_config(config).num_parameters()


def _family(checkpoint: str) -> tuple[type[LanguageModel], Any]:
    """The class of a checkpoint's policies, and its config."""
    config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=False)
    if config.model_type not in FAMILIES:
        raise ValueError(f"it is a {config.model_type} model, and only these can be used: {', '.join(FAMILIES)}")
    return FAMILIES[config.model_type], config


def refuse_pickles(folder: Path) -> None:
    """Refuse a folder whose weights are pickled.

    Raises:
        ValueError: naming the file.
    """
    if any(folder.glob("*.safetensors")):
        return
    for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt"):
        for file in sorted(folder.glob(pattern)):
            raise ValueError(
                f"its weights are pickled ({file.name}), and reading a pickle can run any code that is hidden in it; "
                "convert them to safetensors where you trust them, with save_pretrained"
            )
