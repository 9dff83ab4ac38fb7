"""Prompts and answers as tensors."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Prompts:
    """P prompts as the model takes them, left-padded to one length S, each with any number of pictures."""

    input_ids_PS: Tensor
    attention_mask_PS: Tensor
    """Boolean: False on padding."""
    position_ids: Tensor
    """(axes, P, S): one axis for a text model, three (time, height, width) for Qwen-VL's M-RoPE."""
    pictures_P: Tensor
    """How many pictures each prompt has."""
    pixel_values: Tensor | None = None
    """(patches of all pictures, channels x patch volume), prompt after prompt; None without any picture."""
    image_grid_thw: Tensor | None = None
    """(pictures, 3): each picture's patches in time, height and width."""

    def __len__(self) -> int:
        return self.input_ids_PS.shape[0]

    @property
    def next_position_P(self) -> Tensor:
        """The position of an answer's first token."""
        return self.position_ids.amax(dim=(0, 2)) + 1

    @property
    def padded(self) -> bool:
        """Whether the prompts differ in length."""
        return not bool(self.attention_mask_PS.all())

    @property
    def picture_inputs(self) -> dict[str, Tensor]:
        """The pictures as keyword arguments of a Qwen-VL's forward; empty without any."""
        if self.pixel_values is None or self.image_grid_thw is None:
            return {}
        return {"pixel_values": self.pixel_values, "image_grid_thw": self.image_grid_thw}

    def select(self, rows: Tensor) -> "Prompts":
        """The prompts at `rows` (indices, which may repeat), each with its pictures."""
        if torch.equal(rows, torch.arange(len(self))):
            return self
        chosen = Prompts(
            self.input_ids_PS[rows], self.attention_mask_PS[rows], self.position_ids[:, rows], self.pictures_P[rows]
        )
        if self.pixel_values is None or self.image_grid_thw is None:
            return chosen
        owned = torch.arange(len(self.image_grid_thw)).split(self.pictures_P.tolist())
        order = torch.cat([owned[row] for row in rows.tolist()])
        if not len(order):
            return chosen
        patches = self.pixel_values.split(self.image_grid_thw.prod(-1).tolist())
        pixel_values = torch.cat([patches[i] for i in order.tolist()])
        return replace(chosen, pixel_values=pixel_values, image_grid_thw=self.image_grid_thw[order])

    def join(self, other: "Prompts", pad_id: int) -> "Prompts":
        """These prompts and others behind them, all left-padded to the longest."""
        S = max(self.input_ids_PS.shape[1], other.input_ids_PS.shape[1])

        def both(name: str, value: int) -> Tensor:
            tensors = [getattr(prompts, name) for prompts in (self, other)]
            padded = [pad(tensor, (S - tensor.shape[-1], 0), value=value) for tensor in tensors]
            return torch.cat(padded, dim=-2)

        return Prompts(
            both("input_ids_PS", pad_id),
            both("attention_mask_PS", 0),
            both("position_ids", 0),
            torch.cat([self.pictures_P, other.pictures_P]),
            _joined(self.pixel_values, other.pixel_values),
            _joined(self.image_grid_thw, other.image_grid_thw),
        )


@dataclass(frozen=True)
class Answers:
    """B = P·G sampled answers, group after group, right-padded to one length T."""

    ids_BT: Tensor
    mask_BT: Tensor
    """Boolean: True on the answer's tokens, the closing end-of-turn token included."""
    logp_BT: Tensor
    """Log-probability of each token under the distribution it was drawn from; 0 on padding."""

    def truncated(self, end_ids: Sequence[int]) -> Tensor:
        """Which answers were cut at the longest length that is allowed, (B,) boolean: none of `end_ids` ends them."""
        last_B1 = self.ids_BT.gather(1, (self.mask_BT.sum(-1, keepdim=True) - 1).clamp(min=0))
        of_end_B = torch.isin(last_B1, torch.tensor(end_ids, device=last_B1.device))[:, 0]
        return ~of_end_B | ~self.mask_BT.any(-1)


def concatenate(parts: Sequence[Answers], pad_id: int) -> Answers:
    """Answers one after the other, all padded to the longest."""
    T = max(part.ids_BT.shape[1] for part in parts)
    padded = [(part, (0, T - part.ids_BT.shape[1])) for part in parts]
    return Answers(
        torch.cat([pad(part.ids_BT, by, value=pad_id) for part, by in padded]),
        torch.cat([pad(part.mask_BT, by, value=False) for part, by in padded]),
        torch.cat([pad(part.logp_BT, by) for part, by in padded]),
    )


def _joined(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """What there is of two tensors, one behind the other."""
    found = [tensor for tensor in (first, second) if tensor is not None]
    return torch.cat(found) if found else None


def draw(logp_NV: Tensor, uniform_N: Tensor) -> Tensor:
    """Tokens (N,) drawn from each row's distribution by inverting its cumulative sum at `uniform_N` in [0, 1)."""
    cumulative_NV = logp_NV.exp().cumsum(-1, dtype=torch.float64)
    threshold_N1 = uniform_N[:, None] * cumulative_NV[:, -1:]
    return torch.searchsorted(cumulative_NV, threshold_N1, right=True)[:, 0].clamp(max=logp_NV.shape[-1] - 1)


def keyed_noise(keys: Sequence[tuple[int, ...]], tokens: int) -> Tensor:
    """Uniform numbers (B, tokens), float64 in [0, 1): row b is fixed by the b-th key, whatever stands beside it."""
    rows = [np.random.default_rng(np.random.SeedSequence(key)).random(tokens) for key in keys]
    return torch.from_numpy(np.stack(rows))


def grouped(problems: Sequence[Hashable]) -> tuple[list[int], int]:
    """The first row of each group of successive equal problems, and G; each row and 1 where groups differ in size."""
    sizes = [len(list(members)) for _, members in groupby(problems)]
    if len(set(sizes)) != 1:
        return list(range(len(problems))), 1
    return list(range(0, len(problems), sizes[0])), sizes[0]
