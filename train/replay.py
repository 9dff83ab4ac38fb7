"""What the learner trains on: the rollout's answers, and beside them, with a small weight, the cold start's lesson."""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import pad

from agents.batch import Answers
from agents.grpo import counted_tokens, group_advantages, token_weights
from agents.language_model import LanguageModel
from agents.rollout import Rollout
from train.config import Settings


@dataclass(frozen=True)
class LearnerBatch:
    """P groups of K answers: the G that were sampled, and with a replay one more behind them. B = P·K."""

    answers: Answers
    advantages_B: Tensor
    """0 for a replayed answer."""
    weights_BT: Tensor
    """How much each token counts in GRPO's loss; 0 for a replayed answer."""
    shares_BT: Tensor
    """How much each token counts in the averages that are logged; 0 for a replayed answer."""
    replay_BT: Tensor
    """How much the log-probability of each replayed token is raised; 0 for a sampled answer."""
    K: int

    def groups(self, rows: slice) -> "LearnerBatch":
        """Some of the groups, with the weights that they have in the whole batch."""
        members = slice(rows.start * self.K, rows.stop * self.K)
        answers = self.answers
        return replace(
            self,
            answers=Answers(answers.ids_BT[members], answers.mask_BT[members], answers.logp_BT[members]),
            advantages_B=self.advantages_B[members],
            weights_BT=self.weights_BT[members],
            shares_BT=self.shares_BT[members],
            replay_BT=self.replay_BT[members],
        )


def advantages_of(rollout: Rollout, config: Settings) -> Tensor:
    """How much better each answer is than what was to be expected, (P, G), as the settings have it."""
    return group_advantages(rollout.rewards_PG, config.advantage_scale, baseline=config.advantage_baseline)


def learner_batch(
    rollout: Rollout, advantages_B: Tensor, config: Settings, policy: LanguageModel, replay_weight: float
) -> LearnerBatch:
    """The batch of one step.

    The replay gives each group one more answer: the right answer to the problem beside it, which says nothing about
    this one, only what answers look like. Its cross-entropy is mixed into GRPO's loss, as InstructGPT mixes
    pretraining into PPO's (Ouyang et al. 2022, https://arxiv.org/abs/2203.02155, equation 2). The pull towards a
    token that has lost all probability does not vanish with it, as the entropy bonus does, so no token that answers
    begin with is lost for good before the policy can tell where it belongs.

    Args:
        rollout: of P problems whose infos tell the `best_reply`, if there is a replay.
        advantages_B: of the P·G sampled answers.
        config: `normalise`, `max_new_tokens` and `overlong` count here.
        policy: encodes the texts.
        replay_weight: of the mean cross-entropy of a replayed token; 0 adds no answer.
    """
    answers = rollout.answers
    counted_BT = counted_tokens(answers.mask_BT, answers.truncated(policy.end_ids), config.overlong)
    weights_BT = token_weights(counted_BT, config.normalise, config.max_new_tokens)
    shares_BT = token_weights(answers.mask_BT, "token")
    P, G = rollout.rewards_PG.shape
    if not replay_weight:
        return LearnerBatch(answers, advantages_B, weights_BT, shares_BT, torch.zeros_like(weights_BT), G)
    truths = [str(reply) for reply in rollout.infos["best_reply"][::G]]
    ids_PT, mask_PT = policy.encode([truth for _, truth in pairwise([*truths, truths[0]])])
    T = max(answers.ids_BT.shape[1], ids_PT.shape[1])

    def behind(values_B: Tensor, more_P: Tensor) -> Tensor:
        """Each group's values with one more row behind them, all as long as the longest answer."""
        groups = values_B.unflatten(0, (P, G))
        if groups.ndim == 3:
            groups, more_P = pad(groups, (0, T - groups.shape[2])), pad(more_P, (0, T - more_P.shape[1]))
        return torch.cat([groups, more_P[:, None].to(groups.dtype)], dim=1).flatten(0, 1)

    zeros_PT = torch.zeros_like(mask_PT, dtype=torch.float32)
    return LearnerBatch(
        Answers(behind(answers.ids_BT, ids_PT), behind(answers.mask_BT, mask_PT), behind(answers.logp_BT, zeros_PT)),
        behind(advantages_B, zeros_PT[:, 0]),
        behind(weights_BT, zeros_PT),
        behind(shares_BT, zeros_PT),
        behind(torch.zeros_like(weights_BT), replay_weight * token_weights(mask_PT, "token")),
        G + 1,
    )
