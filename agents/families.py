"""Which checkpoints can be policies, by the model type that their config names."""

import torch
from transformers import AutoConfig

from agents.language_model import LanguageModel
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


def load_pretrained(checkpoint: str, max_new_tokens: int = 16, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Load a Hugging Face folder or hub id of one of the families.

    Args:
        checkpoint: folder or hub id.
        max_new_tokens: the longest answer.
        dtype: of the weights, whatever they were saved in.

    Raises:
        ValueError: a model of another family, naming those that can be used.
        OSError: nothing there, or a file missing.
    """
    kind = AutoConfig.from_pretrained(checkpoint).model_type
    if kind not in FAMILIES:
        raise ValueError(f"it is a {kind} model, and only these can be used: {', '.join(FAMILIES)}")
    return FAMILIES[kind].load(checkpoint, max_new_tokens, dtype)
