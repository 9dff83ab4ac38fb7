"""What the policy's loss is made of, token by token: the ratio to the policy that sampled, and what bounds it."""

import torch
from torch import Tensor

from agents.choices import RatioLevel

# Log-ratios beyond this are clamped before the exponential, which overflows float32 at 88.
MAX_LOG_RATIO = 20.0


def importance_ratio(logp_BT: Tensor, old_logp_BT: Tensor, mask_BT: Tensor, level: RatioLevel = "token") -> Tensor:
    """How much likelier the policy that learns finds what the other one sampled.

    "token": ρ_bt = π_θ(y_bt | s_bt) / π_old(y_bt | s_bt), of each token by itself (PPO, GRPO). "sequence": of the whole
    answer, per token, ρ_b = (π_θ(y_b | x) / π_old(y_b | x))^(1/T_b) (Zheng et al. 2025, GSPO,
    https://arxiv.org/abs/2507.18071, equation 7): the reward is the answer's, so its weight is too.

    Args:
        logp_BT: log-probabilities under the policy that learns.
        old_logp_BT: log-probabilities under the policy that sampled; no gradient.
        mask_BT: True on the tokens of the answers.
        level: which of the two.

    Returns:
        (B, T), above 0; the same for all tokens of an answer with "sequence".
    """
    log_ratio_BT = logp_BT - old_logp_BT
    if level == "sequence":
        lengths_B1 = mask_BT.sum(-1, keepdim=True).clamp(min=1)
        log_ratio_BT = ((log_ratio_BT * mask_BT).sum(-1, keepdim=True) / lengths_B1).expand_as(logp_BT)
    return log_ratio_BT.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()


def clipped_surrogate(
    ratio_BT: Tensor, advantages_BT: Tensor, clip_low: float = 0.2, clip_high: float = 0.2
) -> tuple[Tensor, Tensor]:
    """PPO's clipped objective per token, as a loss (Schulman et al. 2017, https://arxiv.org/abs/1707.06347, eq. 7).

    −min(ρ A, clip(ρ, 1 − clip_low, 1 + clip_high) A). Bounds that differ are clip-higher (Yu et al. 2025, DAPO,
    https://arxiv.org/abs/2503.14476, section 3.1). With the ratio of a sequence it is GSPO's (equation 5).

    Args:
        ratio_BT: ρ, with its gradient.
        advantages_BT: of the tokens; or (B, 1), where those of an answer have one.
        clip_low: how far the ratio may fall, in [0, 1].
        clip_high: how far the ratio may rise, ≥ 0.

    Returns:
        the loss (B, T), and where the clip took effect (B, T), boolean.
    """
    unclipped_BT = ratio_BT * advantages_BT
    clipped_BT = ratio_BT.clamp(1 - clip_low, 1 + clip_high) * advantages_BT
    return -torch.minimum(unclipped_BT, clipped_BT), clipped_BT < unclipped_BT


def weighted_likelihood(
    ratio_BT: Tensor, logp_BT: Tensor, advantages_BT: Tensor, clip_low: float = 1.0, clip_high: float = 4.0
) -> tuple[Tensor, Tensor]:
    """CISPO: REINFORCE under importance weights that are clipped and constant, as a loss.

    −sg[clip(ρ, 1 − clip_low, 1 + clip_high)] A ln π_θ (MiniMax 2025, MiniMax-M1, https://arxiv.org/abs/2506.13585,
    equations 4 and 5; sg stops the gradient): a token that has moved far loses weight, never its gradient.

    Args:
        ratio_BT: ρ; its gradient is stopped.
        logp_BT: log-probabilities under the policy that learns.
        advantages_BT: of the tokens; or (B, 1), where those of an answer have one.
        clip_low: how far the weight may fall below 1; 1 for no bound.
        clip_high: how far the weight may rise above 1, ≥ 0.

    Returns:
        the loss (B, T), and which weights were clipped (B, T), boolean.
    """
    ratio_BT = ratio_BT.detach()
    weight_BT = ratio_BT.clamp(1 - clip_low, 1 + clip_high)
    return -weight_BT * advantages_BT * logp_BT, weight_BT != ratio_BT
