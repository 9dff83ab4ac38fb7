"""The built-in small models, one of each family: real classes, real processors, random weights, no network."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2ForCausalLM,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3ForCausalLM,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from agents.families import FAMILIES
from agents.language_model import LanguageModel

VOCAB_SIZE = 512
HEAD = 32
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}


def mrope(*section: int, **more: Any) -> dict[str, Any]:
    """Rotary positions in time, height and width: how many of a head's frequency pairs each of them turns."""
    return {"rope_parameters": {**ROPE, "mrope_section": list(section), **more}}


@dataclass(frozen=True)
class Tiny:
    """What sets a family's tiny model apart."""

    model: Any
    processor: Any = None
    """None for a text model."""
    video_processor: Any = Qwen2VLVideoProcessor
    patch_size: int = 14
    nfc: bool = False
    """Whether its tokenizer normalises text to NFC."""
    hidden: int = 96
    """Hidden size of language model and vision tower, a multiple of `HEAD`."""
    text: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)


# The keys are agents.choices.TINY_MODELS.
TINIES = {
    "tiny": Tiny(
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        text=mrope(4, 6, 6),
        vision={"fullatt_block_indexes": [0, 1]},
    ),
    "tiny-qwen2-vl": Tiny(
        Qwen2VLForConditionalGeneration,
        Qwen2VLProcessor,
        text=mrope(4, 6, 6),
        vision={"mlp_ratio": 3},  # of an embed_dim; its hidden_size is the language model's
    ),
    "tiny-qwen3-vl": Tiny(
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
        patch_size=16,
        text={"head_dim": HEAD, **mrope(6, 5, 5, mrope_interleaved=True)},
        vision={"num_position_embeddings": 8 * 8, "deepstack_visual_indexes": [0]},
    ),
    # AutoTokenizer reads any qwen2 folder with Qwen's own tokenizer class, which normalises.
    "tiny-qwen2": Tiny(Qwen2ForCausalLM, nfc=True),
    "tiny-qwen3": Tiny(Qwen3ForCausalLM, text={"head_dim": HEAD}),
    "tiny-llama": Tiny(LlamaForCausalLM),
    # "tiny" with half of its parameters: a student of it
    "tiny-half": Tiny(
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        hidden=64,
        text=mrope(4, 6, 6),
        vision={"fullatt_block_indexes": [0, 1]},
    ),
}
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# Ordinary text to a decoder, one token each, as <think> is in Qwen3.
TAGS = ("<think>", "</think>", "<answer>", "</answer>")

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Train the byte-level BPE tokenizer (512 tokens, Qwen's splitting rule) on the text beside this file.

    It does not normalise, so that every valid Unicode string survives encoding and decoding.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(TAGS),
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    corpus = Path(__file__).with_name("tiny_corpus.txt").read_text(encoding="utf-8")
    tokenizer.train_from_iterator(corpus.splitlines(), trainer)
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def build_processor(name: str = "tiny") -> Any:
    """The family's own processor around the small tokenizer; for a text model the tokenizer itself."""
    kind = TINIES[name]
    tokenizer = build_tokenizer()
    if kind.nfc:
        tokenizer.backend_tokenizer.normalizer = normalizers.NFC()
    if kind.processor is None:
        return tokenizer
    return kind.processor(
        image_processor=Qwen2VLImageProcessor(patch_size=kind.patch_size),
        tokenizer=tokenizer,
        video_processor=kind.video_processor(patch_size=kind.patch_size),
        chat_template=CHAT_TEMPLATE,
    )


def text_sizes(hidden: int) -> dict[str, Any]:
    """The shape of a language model of a hidden size."""
    return {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": hidden,
        "intermediate_size": 3 * hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": hidden // HEAD,
        "num_key_value_heads": hidden // HEAD,
        "max_position_embeddings": 4096,
        "rope_parameters": ROPE,
    }


def vision_sizes(kind: Tiny) -> dict[str, Any]:
    """The shape of a vision tower as wide as the language model."""
    hidden = kind.hidden
    sizes = {"depth": 2, "hidden_size": hidden, "num_heads": hidden // HEAD}
    if "mlp_ratio" in kind.vision:
        return {**sizes, "embed_dim": hidden}
    return {**sizes, "intermediate_size": 3 * hidden, "out_hidden_size": hidden}


def build_model(seed: int, tokenizer: PreTrainedTokenizerFast, name: str = "tiny") -> PreTrainedModel:
    """A random model of about a million parameters, the same for the same `seed`, whatever ran before."""
    kind = TINIES[name]
    token = tokenizer.convert_tokens_to_ids
    # transformers' 0.02 is made for widths of thousands; at these widths reading never starts from it
    common = {"tie_word_embeddings": True, "initializer_range": 1 / math.sqrt(kind.hidden)}
    ends = {"bos_token_id": None, "eos_token_id": token("<|im_end|>"), "pad_token_id": token("<|endoftext|>")}
    text = {**text_sizes(kind.hidden), **common, **ends, **kind.text}
    if kind.processor is None:
        config = kind.model.config_class(**text)
    else:
        config = kind.model.config_class(
            text_config=text,
            vision_config={**vision_sizes(kind), "initializer_range": common["initializer_range"], **kind.vision},
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
            **common,
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind.model(config)


def build_tiny(name: str, seed: int) -> LanguageModel:
    """A tiny model as a policy.

    Args:
        name: one of `agents.choices.TINY_MODELS`.
        seed: of the weights.
    """
    processor = build_processor(name)
    tokenizer = getattr(processor, "tokenizer", processor)
    model = build_model(seed, tokenizer, name)
    return FAMILIES[model.config.model_type](model, processor)
