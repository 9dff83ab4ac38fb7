"""How a group shares one prompt: `[prompt | answer 1 | ... | answer k]`, and who sees whom in it."""

import torch
from torch import Tensor

# More packed answer tokens than this behind one prompt cost more in the dense mask than the prompt saves.
MAX_PACKED_TOKENS = 512
# What repeating a prompt's keys and values for one more row costs, in keys that one token looks at.
REPEAT_COST = 6


def packed_answers(group_size: int, tokens: int) -> int:
    """How many of a group's answers stand behind one copy of the prompt: all if they are short, fewer if long."""
    divisors = (k for k in range(1, group_size + 1) if group_size % k == 0)
    return max(k for k in divisors if k == 1 or k * tokens <= MAX_PACKED_TOKENS)


def answers_behind_cache(group_size: int, tokens: int, prompt_tokens: int) -> int:
    """How many of a group's answers stand in one row behind a cached prompt.

    More of them look at more keys that are hidden from them, fewer need more copies of the prompt's keys: the least of
    k·U + `REPEAT_COST`·S/k, a rule that fits what was measured (`tests/benchmarks/shared_prefix.py`).

    Args:
        group_size: G.
        tokens: U.
        prompt_tokens: S.
    """
    most = packed_answers(group_size, tokens)
    divisors = [k for k in range(1, most + 1) if group_size % k == 0]
    return min(divisors, key=lambda k: k * tokens + REPEAT_COST * prompt_tokens / k)


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as what is added to attention's scores: 0 where it is True, −∞ elsewhere.

    Attention kernels turn a boolean mask into this form themselves, once in every layer.
    """
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, -torch.inf)


def decode_mask(prompt_mask_NS: Tensor, k: int, tokens: int) -> Tensor:
    """Who sees whom while k answers grow in step: boolean (N, 1, k, S + k·tokens), keys in order of generation."""
    N, S = prompt_mask_NS.shape
    own = torch.eye(k, dtype=torch.bool, device=prompt_mask_NS.device).repeat(1, tokens)
    return torch.cat([prompt_mask_NS[:, None].expand(N, k, S), own.expand(N, -1, -1)], dim=2)[:, None]


def packed_mask(prompt_mask_PS: Tensor, k: int, T: int) -> Tensor:
    """Who sees whom in `[prompt | k answers of T tokens]`: boolean (P, 1, S + k·T, S + k·T)."""
    P, S = prompt_mask_PS.shape
    device = prompt_mask_PS.device
    owner = torch.cat([torch.full((S,), -1, device=device), torch.arange(k, device=device).repeat_interleave(T)])
    same_or_prompt = (owner[None, :] == -1) | (owner[None, :] == owner[:, None])
    causal = torch.ones(len(owner), len(owner), dtype=torch.bool, device=device).tril()
    seen = torch.cat([prompt_mask_PS, prompt_mask_PS.new_ones(P, k * T)], dim=1)
    mask = (same_or_prompt & causal)[None] & seen[:, None, :]
    # A padded place sees itself: a softmax over nothing is NaN, and NaN spreads through the backward pass.
    return (mask | torch.eye(len(owner), dtype=torch.bool, device=device))[:, None]
