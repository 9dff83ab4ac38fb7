"""Decoding: with a cache that grows by a step at a time, or in steps that a GPU can replay as a CUDA graph.

With short answers a GPU waits for Python most of the time: each token takes some hundred small kernels, launched one by
one. In the second way the key-value cache has its full length from the start, under a mask that opens up column by
column, and everything that changes from token to token is a tensor. One step is captured as a graph and replayed for
the rest of the rollout. Where there is no GPU the step is called. Tokens and log-probabilities are those of the first
way, to rounding.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers.cache_utils import Cache, DynamicLayer

from agents.batch import Answers, Prompts, draw
from agents.packing import additive, decode_mask, packed_answers
from agents.shared_prefix import growing_cache

if TYPE_CHECKING:
    from agents.language_model import LanguageModel

# Steps between looks at whether any answer goes on, each of which waits for the GPU.
LOOK_EVERY = 16
# A mask whose rows are a multiple of this many keys is taken by attention kernels as it is, without a copy.
ALIGNED = 8


def decode_growing(
    policy: "LanguageModel", prompts: Prompts, group_size: int, temperature: float, uniforms_BT: Tensor | None
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The tokens of each step, which of them count, and their log-probabilities, each (B,)."""
    k = packed_answers(group_size, policy.max_new_tokens)
    axes = len(prompts.position_ids)
    cache = growing_cache(policy.model)
    hidden_PSD = policy.hidden_states(
        prompts.input_ids_PS,
        prompts.position_ids,
        prompts.attention_mask_PS if prompts.padded else None,
        past_key_values=cache,
        **prompts.picture_inputs,
    )
    logits_BV = policy.logits(hidden_PSD[:, -1], temperature).repeat_interleave(group_size, dim=0)
    cache.batch_repeat_interleave(group_size // k)
    position_N = prompts.next_position_P.repeat_interleave(group_size // k)
    prompt_mask_NS = prompts.attention_mask_PS.repeat_interleave(group_size // k, dim=0)
    mask_N1kA = additive(decode_mask(prompt_mask_NS, k, policy.max_new_tokens - 1), hidden_PSD.dtype)
    prompt_tokens = prompts.input_ids_PS.shape[1]
    end_ids = torch.tensor(policy.end_ids, device=policy.device)
    running_B = torch.ones(len(logits_BV), dtype=torch.bool, device=policy.device)
    ids, masks, logps = [], [], []
    for t in range(policy.max_new_tokens):
        logp_BV = logits_BV.log_softmax(-1)
        token_B = logp_BV.argmax(-1) if uniforms_BT is None else draw(logp_BV, uniforms_BT[:, t])
        logps.append(logp_BV.gather(-1, token_B[:, None])[:, 0].where(running_B, 0.0))
        token_B = token_B.where(running_B, policy.pad_id)
        ids.append(token_B)
        masks.append(running_B)
        running_B = running_B & ~torch.isin(token_B, end_ids)
        if t + 1 == policy.max_new_tokens or not policy.goes_on(running_B):
            break
        hidden_NkD = policy.hidden_states(
            token_B.view(-1, k),
            (position_N + t)[None, :, None].expand(axes, -1, k),
            mask_N1kA[..., : prompt_tokens + k * (t + 1)],
            past_key_values=cache,
        )
        logits_BV = policy.logits(hidden_NkD.flatten(0, 1), temperature)
    return ids, masks, logps


class FixedLayer(DynamicLayer):
    """A layer's keys and values: those of the prompts as they come, then in a buffer of full length."""

    columns_k: Tensor | None = None
    """Where the next token of each of k answers goes; None until the buffer is there."""

    def widen(self, rows: int, room: int, columns_k: Tensor) -> None:
        """Repeat each prompt's keys and values `rows` times, with zeroed room behind them."""
        for name in ("keys", "values"):
            kept = getattr(self, name).repeat_interleave(rows, dim=0)
            setattr(self, name, torch.cat([kept, kept.new_zeros(*kept.shape[:2], room, kept.shape[3])], dim=2))
        self.columns_k = columns_k

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Keep new keys and values; returns the whole buffer, two (N, heads, L, head size)."""
        if self.columns_k is None:
            # rotation makes float32 of keys that autocast computed in bfloat16, as it did the values
            self.keys, self.values = key_states.to(value_states.dtype), value_states
            return self.keys, self.values
        key_states = key_states.to(self.keys.dtype)
        self.keys.index_copy_(2, self.columns_k, key_states)
        self.values.index_copy_(2, self.columns_k, value_states)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens of the prompts; behind them, nothing but the mask tells."""
        return 0 if self.keys is None else self.keys.shape[-2]


class StaticDecoder:
    """A rollout's state, in tensors that stay where they are.

    Args:
        policy: answers.
        prompts: P prompts.
        group_size: G answers to each.
        temperature: divides the logits.
        uniforms_BT: as for `LanguageModel.generate`.
    """

    def __init__(
        self, policy: "LanguageModel", prompts: Prompts, group_size: int, temperature: float, uniforms_BT: Tensor | None
    ) -> None:
        self.policy, self.temperature, self.uniforms_BT = policy, temperature, uniforms_BT
        T, device = policy.max_new_tokens, policy.device
        k = self.k = packed_answers(group_size, T)
        rows = group_size // k
        S = prompts.input_ids_PS.shape[1]
        layers = [FixedLayer() for _ in range(policy.model.config.get_text_config().num_hidden_layers)]
        self.cache = Cache(layers=layers)
        hidden_PSD = policy.hidden_states(
            prompts.input_ids_PS,
            prompts.position_ids,
            prompts.attention_mask_PS if prompts.padded else None,
            past_key_values=self.cache,
            **prompts.picture_inputs,
        )
        self.columns_k = torch.arange(S, S + k, device=device)
        spare = -(S + k * (T - 1)) % ALIGNED
        for layer in layers:
            layer.widen(rows, k * (T - 1) + spare, self.columns_k)
        mask_PS = prompts.attention_mask_PS.repeat_interleave(rows, dim=0)
        self.mask_N1kL = pad(decode_mask(mask_PS, k, T - 1), (0, spare), value=False)
        self.places_L = torch.arange(self.mask_N1kL.shape[-1], device=device)
        position_N = prompts.next_position_P.repeat_interleave(rows)
        self.position_ANk = position_N[None, :, None].repeat(len(prompts.position_ids), 1, k)
        self.end_ids = torch.tensor(policy.end_ids, device=device)
        B = len(prompts) * group_size
        self.step_1 = torch.zeros(1, dtype=torch.long, device=device)
        self.token_B = torch.zeros(B, dtype=torch.long, device=device)
        self.running_B = torch.ones(B, dtype=torch.bool, device=device)
        self.ids_BT = torch.full((B, T), policy.pad_id, device=device)
        self.mask_BT = torch.zeros(B, T, dtype=torch.bool, device=device)
        self.logp_BT = torch.zeros(B, T, device=device)
        self._draw(policy.logits(hidden_PSD[:, -1], temperature).repeat_interleave(group_size, dim=0))

    def _draw(self, logits_BV: Tensor) -> None:
        """Draw the token of this step, note it down, and go on to the next."""
        logp_BV = logits_BV.log_softmax(-1)
        if self.uniforms_BT is None:
            token_B = logp_BV.argmax(-1)
        else:
            token_B = draw(logp_BV, self.uniforms_BT.index_select(1, self.step_1)[:, 0])
        logp_B = logp_BV.gather(-1, token_B[:, None])[:, 0].masked_fill(~self.running_B, 0.0)
        self.token_B.copy_(token_B.masked_fill(~self.running_B, self.policy.pad_id))
        self.ids_BT.index_copy_(1, self.step_1, self.token_B[:, None])
        self.mask_BT.index_copy_(1, self.step_1, self.running_B[:, None])
        self.logp_BT.index_copy_(1, self.step_1, logp_B[:, None])
        self.running_B &= (self.token_B[:, None] != self.end_ids).all(-1)
        self.step_1 += 1

    def step(self) -> None:
        """Take the last token in, and draw the next: the same kernels on the same memory every time."""
        hidden_NkD = self.policy.hidden_states(
            self.token_B.view(-1, self.k),
            self.position_ANk,
            additive(self.mask_N1kL & (self.places_L <= self.columns_k[-1]), self.cache.layers[0].keys.dtype),
            past_key_values=self.cache,
        )
        self._draw(self.policy.logits(hidden_NkD.flatten(0, 1), self.temperature))
        self.columns_k += self.k
        self.position_ANk += 1

    def answers(self) -> Answers:
        """Everything drawn, up to the end of the longest answer."""
        length = int(self.mask_BT.any(0).sum())
        return Answers(self.ids_BT[:, :length], self.mask_BT[:, :length], self.logp_BT[:, :length])


@torch.no_grad()
def generate_static(
    policy: "LanguageModel", prompts: Prompts, group_size: int, temperature: float, uniforms_BT: Tensor | None
) -> Answers:
    """`LanguageModel.generate`, in equal steps."""
    decoder = StaticDecoder(policy, prompts, group_size, temperature, uniforms_BT)
    step: Callable[[], None] = decoder.step
    graph = None
    for t in range(1, policy.max_new_tokens):
        if (t - 1) % LOOK_EVERY == 0 and not policy.goes_on(decoder.running_B):
            break
        if t == 2 and policy.device.type == "cuda":  # the step before was called: it warms up
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                decoder.step()  # only recorded
            step = graph.replay
        step()
    return decoder.answers()
