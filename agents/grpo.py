"""GRPO in pure functions on tensors: advantages, the KL estimators, the weight of each token.

`agents.surrogates` has the ratio and what bounds it.

Group Relative Policy Optimization (Shao et al. 2024, DeepSeekMath, https://arxiv.org/abs/2402.03300) is PPO with
the critic removed: the G answers to one problem are each other's baseline. There is no value network, no
generalised advantage estimation, and the KL penalty, where one is wanted, stands in the loss instead of the reward.
With one update per batch (the default) the ratio is 1 and what is left is REINFORCE with a group baseline.
"""

from torch import Tensor

from agents.choices import AdvantageBaseline, AdvantageScale, Normalise, Overlong
from agents.surrogates import MAX_LOG_RATIO


def group_advantages(
    rewards_PG: Tensor, scale: AdvantageScale = "group", epsilon: float = 1e-4, baseline: AdvantageBaseline = "group"
) -> Tensor:
    """How much better each answer is than what is to be expected.

    A_pg = (r_pg − b_pg) / (σ + ε), with σ the unbiased standard deviation of the answer's group ("group",
    DeepSeekMath eq. 3), of all centred rewards ("batch", Hu et al. 2025, REINFORCE++, with the group's baseline
    https://arxiv.org/abs/2501.03262), or left out ("none", Liu et al. 2025, Dr. GRPO: dividing favours problems that
    are too easy or too hard).

    Args:
        rewards_PG: rewards, a row per problem, G ≥ 2.
        scale: what to divide by.
        epsilon: keeps a group without spread at advantage 0.
        baseline: what b is; see `baselines`.

    Returns:
        (P, G); each row sums to 0, unless the baseline is that of the batch.

    Raises:
        ValueError: a group of fewer than two answers.
    """
    if rewards_PG.ndim != 2 or rewards_PG.shape[1] < 2:
        raise ValueError(f"advantages need rewards (P, G) with G >= 2, got shape {tuple(rewards_PG.shape)}")
    # counted from one of them, equal rewards are 0 exactly; the mean of sixteen 0.1 is not 0.1 in float32
    counted_PG = rewards_PG - (rewards_PG[:1, :1] if baseline == "batch" else rewards_PG[:, :1])
    centred_PG = counted_PG - baselines(counted_PG, baseline)
    if scale == "none":
        return centred_PG
    if scale == "batch":
        return centred_PG / (centred_PG.std() + epsilon)
    return centred_PG / (counted_PG.std(dim=1, keepdim=True) + epsilon)


def baselines(rewards_PG: Tensor, baseline: AdvantageBaseline) -> Tensor:
    """What is to be expected of an answer, before it is looked at.

    "group": the mean of its group (GRPO). "leave-one-out": the mean of the others in its group, which is independent
    of it (Ahmadian et al. 2024, RLOO, https://arxiv.org/abs/2402.14740). "batch": the mean of all answers
    to all problems (REINFORCE++ without the group's baseline).

    Args:
        rewards_PG: rewards, a row per problem, G ≥ 2.
        baseline: which of the three.

    Returns:
        (P, 1), (P, G) or (1, 1).
    """
    if baseline == "batch":
        return rewards_PG.mean()[None, None]
    if baseline == "leave-one-out":
        return (rewards_PG.sum(dim=1, keepdim=True) - rewards_PG) / (rewards_PG.shape[1] - 1)
    return rewards_PG.mean(dim=1, keepdim=True)


def k3_kl(logp_BT: Tensor, reference_logp_BT: Tensor) -> Tensor:
    """The k3 estimator of KL(π_θ ‖ π_ref) per token: r − ln r − 1 with r = π_ref/π_θ; unbiased, never negative.

    Schulman 2020, http://joschu.net/blog/kl-approx.html; DeepSeekMath eq. 4.
    """
    log_ratio_BT = (reference_logp_BT - logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return log_ratio_BT.exp() - log_ratio_BT - 1


def k2_kl(logp_BT: Tensor, reference_logp_BT: Tensor) -> Tensor:
    """The k2 estimator of KL(π_θ ‖ π_ref) per token: (ln r)² / 2 with r = π_ref/π_θ; biased, never negative.

    Schulman 2020, http://joschu.net/blog/kl-approx.html. As a loss it is the one to take: on tokens drawn from π_θ its
    gradient, (ln π_θ − ln π_ref) ∇ ln π_θ, has that of KL(π_θ ‖ π_ref) for its mean, and k3's has not (REINFORCE++).
    """
    return (reference_logp_BT - logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).square() / 2


def kl_to_go(old_logp_BT: Tensor, reference_logp_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """What the tokens from each one on add to KL(π_old ‖ π_ref): Σ_{i ≥ t} k1_i, k1 = ln π_old − ln π_ref.

    Times the KL's weight it is taken off an answer's advantage where the divergence stands in the reward: PPO's penalty
    on language models, and REINFORCE++'s for one answer to a problem (Hu et al. 2025,
    https://arxiv.org/abs/2501.03262). On answers drawn from π_θ the mean of Σ_t (Σ_{i ≥ t} k1_i) ∇ ln π_θ is the
    gradient of the KL over whole answers.

    Args:
        old_logp_BT: log-probabilities under the policy that sampled.
        reference_logp_BT: log-probabilities under the reference.
        mask_BT: True on the tokens of the answers.

    Returns:
        (B, T), in nats; each term is within ±20.
    """
    k1_BT = (old_logp_BT - reference_logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO) * mask_BT
    return k1_BT.flip(-1).cumsum(-1).flip(-1)


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


def counted_tokens(mask_BT: Tensor, truncated_B: Tensor, overlong: Overlong) -> Tensor:
    """The tokens whose loss counts: m_bt, or with overlong filtering m_bt · [answer b came to its end].

    What an answer that was cut would have earned is not known, so its reward is noise: filtering ("masked") takes its
    tokens out of the loss, whatever they earned (Yu et al. 2025, DAPO, https://arxiv.org/abs/2503.14476, section 3.4).

    Args:
        mask_BT: m, True on the tokens of the answers.
        truncated_B: True for the answers that were cut.
        overlong: whether those count.

    Returns:
        (B, T), boolean.
    """
    return mask_BT & ~truncated_B[:, None] if overlong == "masked" else mask_BT


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
