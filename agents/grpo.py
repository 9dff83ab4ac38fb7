"""GRPO in pure functions on tensors: advantages, the clipped surrogate, the KL estimator, the weight of each token.

Group Relative Policy Optimization (Shao et al. 2024, DeepSeekMath, https://arxiv.org/abs/2402.03300) is PPO with
the critic removed: the G answers to one problem are each other's baseline. There is no value network, no
generalised advantage estimation, and the KL penalty, where one is wanted, stands in the loss instead of the reward.
With one update per batch (the default) the ratio is 1 and what is left is REINFORCE with a group baseline.
"""

import torch
from torch import Tensor

from agents.choices import AdvantageScale, Normalise

# Log-ratios beyond this are clamped before the exponential, which overflows float32 at 88.
MAX_LOG_RATIO = 20.0


def group_advantages(rewards_PG: Tensor, scale: AdvantageScale = "group", epsilon: float = 1e-4) -> Tensor:
    """How much better each answer is than the others to the same problem.

    A_pg = (r_pg − mean_g r_pg) / (σ + ε), with σ the unbiased standard deviation of the answer's group ("group",
    DeepSeekMath eq. 3), of all centred rewards ("batch", Hu et al. 2025, REINFORCE++), or left out ("none",
    Liu et al. 2025, Dr. GRPO: dividing favours problems that are too easy or too hard).

    Args:
        rewards_PG: rewards, a row per problem, G ≥ 2.
        scale: what to divide by.
        epsilon: keeps a group without spread at advantage 0.

    Returns:
        (P, G), each row sums to 0.

    Raises:
        ValueError: a group of fewer than two answers.
    """
    if rewards_PG.ndim != 2 or rewards_PG.shape[1] < 2:
        raise ValueError(f"advantages need rewards (P, G) with G >= 2, got shape {tuple(rewards_PG.shape)}")
    centred_PG = rewards_PG - rewards_PG.mean(dim=1, keepdim=True)
    if scale == "none":
        return centred_PG
    if scale == "batch":
        return centred_PG / (centred_PG.std() + epsilon)
    return centred_PG / (rewards_PG.std(dim=1, keepdim=True) + epsilon)


def clipped_surrogate(
    logp_BT: Tensor, old_logp_BT: Tensor, advantages_B: Tensor, clip_low: float = 0.2, clip_high: float = 0.2
) -> tuple[Tensor, Tensor]:
    """PPO's clipped objective per token, as a loss (Schulman et al. 2017, https://arxiv.org/abs/1707.06347, eq. 7).

    −min(ρ A, clip(ρ, 1 − clip_low, 1 + clip_high) A), with ρ = exp(logp − old_logp). Bounds that differ are
    clip-higher (Yu et al. 2025, DAPO).

    Args:
        logp_BT: log-probabilities under the policy that learns.
        old_logp_BT: log-probabilities under the policy that sampled; no gradient.
        advantages_B: one per answer.
        clip_low: how far the ratio may fall, in [0, 1].
        clip_high: how far the ratio may rise, ≥ 0.

    Returns:
        the loss (B, T), and where the clip took effect (B, T), boolean.
    """
    ratio_BT = (logp_BT - old_logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    advantages_B1 = advantages_B[:, None]
    unclipped_BT = ratio_BT * advantages_B1
    clipped_BT = ratio_BT.clamp(1 - clip_low, 1 + clip_high) * advantages_B1
    return -torch.minimum(unclipped_BT, clipped_BT), clipped_BT < unclipped_BT


def k3_kl(logp_BT: Tensor, reference_logp_BT: Tensor) -> Tensor:
    """The k3 estimator of KL(π_θ ‖ π_ref) per token: r − ln r − 1 with r = π_ref/π_θ; unbiased, never negative.

    Schulman 2020, http://joschu.net/blog/kl-approx.html; DeepSeekMath eq. 4.
    """
    log_ratio_BT = (reference_logp_BT - logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return log_ratio_BT.exp() - log_ratio_BT - 1


def steering(entropy: float, target: float, gain: float = 2.0) -> float:
    """What the weight of the entropy bonus is multiplied by in the next step.

    max(0, 1 + gain · (H* − H) / H*): proportional control, 1 where the entropy H is at its target H*, 0 where it is
    far above, 1 + gain where it is gone. A constant entropy bonus loses to rewards that are large enough. Learning
    its logarithm by dual ascent instead, as Soft Actor-Critic does with its temperature (Haarnoja et al. 2018,
    https://arxiv.org/abs/1812.05905), winds up: it ended in a policy of even noise here (docs/RESULTS.md).

    Args:
        entropy: of the last batch, nats a token, H.
        target: H*, above 0.
        gain: how strongly to lean against the gap.
    """
    return max(0.0, 1.0 + gain * (target - entropy) / target)


def token_weights(mask_BT: Tensor, normalise: Normalise, constant: int | None = None) -> Tensor:
    """How much each token's loss counts: the loss is the sum of weight times value, over all micro-batches alike.

    "token": every token of the batch counts the same (DAPO). "sequence": every answer counts the same, whatever its
    length (GRPO as published). "constant": an answer's sum is divided by a fixed length, so that no answer gains
    by its own (Dr. GRPO).

    Args:
        mask_BT: True on the tokens that count, for the whole batch.
        normalise: which of the three.
        constant: the fixed length, for "constant".

    Raises:
        ValueError: "constant" without a length.
    """
    mask_BT = mask_BT.float()
    if normalise == "token":
        return mask_BT / mask_BT.sum().clamp(min=1)
    if normalise == "sequence":
        return mask_BT / mask_BT.sum(-1, keepdim=True).clamp(min=1) / len(mask_BT)
    if constant is None:
        raise ValueError('normalise="constant" needs the length to divide by, got None')
    return mask_BT / constant / len(mask_BT)
