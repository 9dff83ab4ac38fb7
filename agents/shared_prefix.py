"""The prompt of a group computed once: a cache that the rollout grows, and the learner's two ways behind a prompt.

Behind a cache, the prompt goes through the model by itself, and the answers find its keys and values in the cache,
with gradients. That is the faster way, most of all for long answers. Where activations are recomputed in the backward
pass the models use no cache; there prompt and answers are packed into one sequence.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

from agents.batch import Prompts
from agents.packing import additive, answers_behind_cache, packed_answers, packed_mask

if TYPE_CHECKING:
    from agents.language_model import LanguageModel

# Steps of decoding for which a cache makes room at once.
ROOM = 32


class GrowingLayer(DynamicLayer):
    """A layer's keys and values with room to grow into, so that a new token does not copy all those before it."""

    length = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append, and return everything so far, two (N, heads, length, head size) views."""
        if not self.length:
            # rotation makes float32 of keys that autocast computed in bfloat16, as it did the values
            self.keys, self.values = key_states.to(value_states.dtype), value_states
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
        begin, new = self.length, key_states.shape[-2]
        self.length += new
        if self.length > self.keys.shape[-2]:
            self.keys, self.values = (pad(kept, (0, 0, 0, ROOM * new)) for kept in (self.keys, self.values))
        if begin:
            self.keys[:, :, begin : self.length] = key_states
            self.values[:, :, begin : self.length] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def get_seq_length(self) -> int:
        """Tokens in the cache."""
        return self.length


def growing_cache(model: Any) -> Cache:
    """An empty cache for a rollout; not for gradients."""
    return Cache(layers=[GrowingLayer() for _ in range(model.config.get_text_config().num_hidden_layers)])


def predicting_states(policy: "LanguageModel", prompts: Prompts, ids_BT: Tensor) -> Tensor:
    """The last hidden states (B, T, D) that the tokens of answers are predicted from, the prompts computed once.

    Args:
        policy: whose.
        prompts: P prompts.
        ids_BT: answers, B = P·G, group after group.
    """
    return (_packed if recomputes(policy.model) else _behind_cache)(policy, prompts, ids_BT)


def recomputes(model: Any) -> bool:
    """Whether the model recomputes its activations in the backward pass (gradient checkpointing), without a cache."""
    return model.training and any(getattr(module, "gradient_checkpointing", False) for module in model.modules())


def _behind_cache(policy: "LanguageModel", prompts: Prompts, ids_BT: Tensor) -> Tensor:
    """Answers, k in a row, behind the keys and values of their prompt, repeated as often as there are rows to it."""
    B, T = ids_BT.shape
    P, S = prompts.input_ids_PS.shape
    U = T - 1  # the last token of an answer predicts nothing
    k = answers_behind_cache(B // P, U, S)
    rows = B // P // k
    cache = DynamicCache(config=policy.model.config.get_text_config())
    padded_P1 = prompts.attention_mask_PS if prompts.padded else prompts.attention_mask_PS[:1]
    hidden_PSD = policy.hidden_states(
        prompts.input_ids_PS,
        prompts.position_ids,
        packed_mask(padded_P1, 0, 0) if prompts.padded else None,
        past_key_values=cache,
        **prompts.picture_inputs,
    )
    first_B1D = hidden_PSD[:, -1:].repeat_interleave(B // P, dim=0)
    if not U:
        return first_B1D
    cache.batch_repeat_interleave(rows)
    mask = additive(packed_mask(padded_P1, k, U)[:, :, S:], hidden_PSD.dtype)
    later_NAD = policy.hidden_states(
        ids_BT[:, :-1].reshape(P * rows, k * U),
        _positions(prompts, k, U).repeat_interleave(rows, dim=1),
        mask.repeat_interleave(rows, dim=0) if prompts.padded else mask.expand(P * rows, -1, -1, -1),
        past_key_values=cache,
    )
    return torch.cat([first_B1D, later_NAD.reshape(B, U, -1)], dim=1)


def _packed(policy: "LanguageModel", prompts: Prompts, ids_BT: Tensor) -> Tensor:
    """Whole sequences `[prompt | answer 1 | ... | answer k]`."""
    B, T = ids_BT.shape
    G = B // len(prompts)
    k = packed_answers(G, T)
    if k < G:
        prompts = prompts.select(torch.arange(len(prompts)).repeat_interleave(G // k))
    P, S = prompts.input_ids_PS.shape
    U = T - 1  # the last token of an answer predicts nothing
    hidden_PLD = policy.hidden_states(
        torch.cat([prompts.input_ids_PS, ids_BT[:, :-1].reshape(P, k * U)], dim=1),
        torch.cat([prompts.position_ids, _positions(prompts, k, U)], dim=2),
        packed_mask(prompts.attention_mask_PS, k, U),
        **prompts.picture_inputs,
    )
    # Token t of an answer is predicted one place before it; token 0 at the end of the shared prompt.
    first = hidden_PLD[:, None, S - 1 : S].expand(-1, k, -1, -1)
    later = hidden_PLD[:, S:].unflatten(1, (k, U))
    return torch.cat([first, later], dim=2).reshape(B, T, -1)


def _positions(prompts: Prompts, k: int, U: int) -> Tensor:
    """Positions (axes, P, k·U) of k answers, each of which goes on from the prompt."""
    own_A = torch.arange(U, device=prompts.input_ids_PS.device).repeat(k)
    return (prompts.next_position_P[:, None] + own_A).expand(len(prompts.position_ids), -1, -1)
