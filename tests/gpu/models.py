"""Qwen2.5-VL architectures with random weights, drawn where they are used, so that nothing is downloaded or loaded."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from agents.qwen_vl import QwenVL
from agents.tiny import build_processor

# The published vision tower, the same in all sizes; windows of 8 x 8 patches, full attention in every eighth block.
VISION = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "patch_size": 14,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
SMALL_VISION = {
    "depth": 2,
    "hidden_size": 96,
    "intermediate_size": 288,
    "num_heads": 3,
    "window_size": 112,
    "fullatt_block_indexes": [1],
}


@dataclass(frozen=True)
class Shape:
    """The language model of an architecture, as its published config.json has it."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    vocab_size: int
    tied: bool
    mrope_section: tuple[int, int, int] = (16, 24, 24)

    @property
    def head_size(self) -> int:
        """Of a query, in numbers."""
        return self.hidden_size // self.num_attention_heads


SHAPES = {
    "3b": Shape(2048, 36, 16, 2, 11008, 151_936, tied=True),
    "7b": Shape(3584, 28, 28, 4, 18944, 152_064, tied=False),
    "mid": Shape(1024, 12, 8, 2, 2816, 32_000, tied=True),
    "toy": Shape(64, 2, 2, 1, 96, 700, tied=True, mrope_section=(4, 6, 6)),
}


def build(name: str, device: str, dtype: torch.dtype, seed: int = 0) -> QwenVL:
    """A random model of a shape, with the tiny model's tokenizer, whose 512 tokens are the first of the vocabulary.

    It never ends an answer, and draws from the whole vocabulary but the tokens of pictures: answers have the length
    they are asked for.

    Args:
        name: one of `SHAPES`.
        device: where the weights are drawn.
        dtype: of the weights.
        seed: of the weights.
    """
    shape, processor = SHAPES[name], build_processor("tiny")
    token = processor.tokenizer.convert_tokens_to_ids
    vision = SMALL_VISION if name == "toy" else VISION
    text = {key: value for key, value in vars(shape).items() if key not in ("tied", "mrope_section")}
    rope = {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": list(shape.mrope_section)}
    ends = {"eos_token_id": token("<|im_end|>"), "pad_token_id": token("<|endoftext|>"), "bos_token_id": None}
    config = Qwen2_5_VLConfig(
        text_config={**text, **ends, "rope_parameters": rope, "max_position_embeddings": 128_000},
        vision_config={**vision, "out_hidden_size": shape.hidden_size},
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=shape.tied,
    )
    torch.manual_seed(seed)
    begin = time.perf_counter()
    with torch.device(device):
        model = Qwen2_5_VLForConditionalGeneration._from_config(config, dtype=dtype, attn_implementation="sdpa")
    model.generation_config.eos_token_id = ends["eos_token_id"]
    model.generation_config.pad_token_id = ends["pad_token_id"]
    require_place(model, torch.device(device))
    policy = QwenVL(model.eval(), processor)
    policy.never_sampled = sorted({*vision_tokens(config), *policy.end_ids, policy.pad_id})
    billions = sum(p.numel() for p in model.parameters()) / 1e9
    print(f"{name}: {billions:.2f} billion parameters in {dtype}, {time.perf_counter() - begin:.1f} s", flush=True)
    return policy


def vision_tokens(config: Any) -> list[int]:
    """Tokens that stand for pictures."""
    return [
        config.image_token_id,
        config.video_token_id,
        config.vision_start_token_id,
        config.vision_end_token_id,
    ]


def require_place(model: Any, device: torch.device) -> None:
    """Refuse a model of which some tensor is elsewhere, or nowhere.

    Raises:
        ValueError: naming it.
    """
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.device.type != device.type:
            raise ValueError(f"{name} is on {tensor.device}, and the model was to be on {device}")
