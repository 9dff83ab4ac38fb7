"""Prompts and answers as tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prompts:
    """P prompts, each with one picture or all with none, as the model takes them, left-padded to one length S."""

    input_ids_PS: Tensor
    attention_mask_PS: Tensor
    """Boolean: False on padding."""
    position_ids: Tensor
    """(3, P, S): Qwen-VL's temporal, height and width positions (M-RoPE)."""
    pixel_values: Tensor | None
    """(all patches of all pictures, channels x patch volume)."""
    image_grid_thw: Tensor | None
    """(pictures, 3): patches in time, height and width."""

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

    def select(self, rows: Tensor) -> "Prompts":
        """The prompts at `rows` (indices, which may repeat), each with its picture."""
        pixel_values, grids = self.pixel_values, self.image_grid_thw
        if pixel_values is not None and grids is not None:
            pictures = pixel_values.split(grids.prod(-1).tolist())
            pixel_values = torch.cat([pictures[row] for row in rows.tolist()])
            grids = grids[rows]
        return Prompts(
            self.input_ids_PS[rows],
            self.attention_mask_PS[rows],
            self.position_ids[:, rows],
            pixel_values,
            grids,
        )


@dataclass(frozen=True)
class Answers:
    """B = P·G sampled answers, group after group, right-padded to one length T."""

    ids_BT: Tensor
    mask_BT: Tensor
    """Boolean: True on the answer's tokens, the closing end-of-turn token included."""
    logp_BT: Tensor
    """Log-probability of each token under the distribution it was drawn from; 0 on padding."""


def draw(logp_NV: Tensor, uniform_N: Tensor) -> Tensor:
    """Tokens (N,) drawn from each row's distribution by inverting its cumulative sum at `uniform_N` in [0, 1)."""
    cumulative_NV = logp_NV.double().exp().cumsum(-1)
    threshold_N1 = uniform_N[:, None] * cumulative_NV[:, -1:]
    return torch.searchsorted(cumulative_NV, threshold_N1, right=True)[:, 0].clamp(max=logp_NV.shape[-1] - 1)
