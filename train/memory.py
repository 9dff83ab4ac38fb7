"""How much memory a run will take, estimated from the model's shape and the settings."""

from dataclasses import dataclass

import psutil
import torch

from agents.language_model import LanguageModel
from agents.packing import packed_answers
from agents.qwen_vl import QwenVL
from agents.scoring import MAX_LOGITS
from train.config import Settings
from train.optimizer import build_optimizers
from train.sharding import held

# Bytes that a decoder layer keeps for its backward pass, a token and unit of hidden size, in 16-bit numbers
# (Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4.1, without what flash attention avoids).
KEPT_IN_A_LAYER = 34
# A logit while a token is drawn: itself, its log-probability and probability in float32, their running sum in float64.
DRAWN = 4 + 4 + 4 + 8


@dataclass(frozen=True)
class Memory:
    """Bytes, by what takes them. Rollout and learner take turns, so the total has the larger of the two."""

    parts: dict[str, int]

    @property
    def total(self) -> int:
        """At the worst moment."""
        turns = ("rollout", "learner")
        return sum(size for name, size in self.parts.items() if name not in turns) + max(self.parts[t] for t in turns)


def estimate(
    policy: LanguageModel,
    settings: Settings,
    prompt_tokens: int,
    answers: int | None = None,
    teacher: LanguageModel | None = None,
) -> Memory:
    """What a run will take on its device.

    Args:
        policy: as it will be trained.
        settings: of the run.
        prompt_tokens: S.
        answers: B, as many as this process has in a step; None for all of them.
        teacher: who is imitated, if somebody is.
    """
    text = policy.model.config.get_text_config()
    parameters = list(policy.model.parameters())
    weights = sum(map(held, parameters))
    learning = sum(held(p) for p in parameters if p.requires_grad)
    number = 2 if settings.dtype == "bfloat16" else 4
    G, T = settings.group_size, settings.max_new_tokens
    B = settings.problems_per_step * G if answers is None else answers
    k = packed_answers(G, T)
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    cached = text.num_hidden_layers * 2 * text.num_key_value_heads * head * number
    row = prompt_tokens + k * T
    at_once = min(max(settings.micro_batch_tokens, row), B // k * row)
    if settings.gradient_checkpointing == "always":  # each layer's input, and all of one layer at a time
        kept = text.num_hidden_layers * number + KEPT_IN_A_LAYER * number // 2
    else:
        kept = text.num_hidden_layers * KEPT_IN_A_LAYER * number // 2
    parts = {
        "weights": weights,
        "gradients": learning,
        "optimizer": _optimizer_bytes(policy, settings),
        # autocast keeps a rounded copy of each weight that learns, as long as one pass takes
        "rounded copies": learning // 2 if settings.dtype == "bfloat16" else 0,
        "reference": weights if settings.kl_weight and policy.adapter is None else 0,
        "teacher": 0 if teacher is None else sum(map(held, teacher.model.parameters())),
        "rollout": B // k * row * cached + B * text.vocab_size * DRAWN,
        "learner": at_once * text.hidden_size * kept + 4 * 4 * min(MAX_LOGITS, B * T * text.vocab_size),
    }
    if isinstance(policy, QwenVL) and settings.vision == "trained":
        vision = policy.model.config.vision_config
        patches = at_once * policy.merge_size**2 * prompt_tokens // row  # at most, if all of a prompt is pictures
        width = getattr(vision, "embed_dim", None) or vision.hidden_size
        layers = 1 if settings.gradient_checkpointing == "always" else vision.depth
        parts["learner"] += patches * width * layers * KEPT_IN_A_LAYER * number // 2
    return Memory(parts)


def _optimizer_bytes(policy: LanguageModel, settings: Settings) -> int:
    """AdamW keeps two numbers beside each weight that learns, Muon one."""
    return sum(
        (1 if isinstance(optimizer, torch.optim.Muon) else 2) * held(p)
        for optimizer in build_optimizers(policy.model, settings)
        for group in optimizer.param_groups
        for p in group["params"]
    )


def available(device: torch.device) -> int:
    """Bytes that this process can have on a device, those that it has counted in."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    return psutil.virtual_memory().available + psutil.Process().memory_info().rss
