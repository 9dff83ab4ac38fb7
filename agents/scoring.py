"""From logits to the log-probability of a token and the entropy of what it was drawn from, in little memory."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from agents.batch import Prompts
from agents.shared_prefix import predicting_states

if TYPE_CHECKING:
    from agents.language_model import LanguageModel

# Logits that are held at once, 128 MB in float32: with a vocabulary of 150,000, those of 220 tokens. In the backward
# pass they are computed again instead of kept.
MAX_LOGITS = 2**25


class Score(torch.autograd.Function):
    """Log-probability of a token, and entropy, in one backward pass over the logits instead of five.

    With p the probabilities, H the entropy and t the token: ∂ log p_t / ∂ logit_v = [v = t] − p_v, and
    ∂ H / ∂ logit_v = −p_v (log p_v + H).
    """

    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor, ids_N: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (N,) of the tokens `ids_N`, and entropies (N,) in nats."""
        logp_NV = logits_NV.log_softmax(-1)
        entropy_N = -logp_NV.exp().mul_(logp_NV).sum(-1)
        ctx.save_for_backward(logp_NV, ids_N, entropy_N)
        return logp_NV.gather(-1, ids_N[:, None])[:, 0], entropy_N

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient of the logits from those of the two outputs."""
        logp_NV, ids_N, entropy_N = ctx.saved_tensors
        of_logp_N1, of_entropy_N1 = (gradient[:, None] for gradient in gradients)
        factor_NV = logp_NV * of_entropy_N1
        factor_NV += of_entropy_N1 * entropy_N[:, None] + of_logp_N1
        gradient_NV = logp_NV.exp().mul_(factor_NV).neg_()
        return gradient_NV.scatter_add_(-1, ids_N[:, None], of_logp_N1), None


def score_answers(
    policy: "LanguageModel",
    prompts: Prompts,
    ids_BT: Tensor,
    mask_BT: Tensor,
    score: Callable[..., tuple[Tensor, ...]],
    vocabulary: int,
    *others_ND: Tensor,
) -> tuple[Tensor, ...]:
    """What `score` makes of every answer token, from at most `MAX_LOGITS` logits at a time.

    Args:
        policy: whose hidden states predict the tokens.
        prompts: P prompts.
        ids_BT: answers, B = P·G, group after group, right-padded.
        mask_BT: True on the N tokens that count.
        score: from hidden states (N, D), tokens (N,) and what else there is of them to float32 values (N,); called on
            some of the tokens at a time, and again in the backward pass.
        vocabulary: logits that it holds of a token.
        others_ND: what else, a row for each token that counts.

    Returns:
        (B, T) each, 0 where `mask_BT` is False, with gradients if they are enabled.
    """
    hidden_BTD = predicting_states(policy, prompts, ids_BT)
    values = _in_pieces(score, max(1, MAX_LOGITS // vocabulary), hidden_BTD[mask_BT], ids_BT[mask_BT], *others_ND)
    zeros = torch.zeros(ids_BT.shape, device=ids_BT.device)
    return tuple(zeros.masked_scatter(mask_BT, value_N) for value_N in values)


def _in_pieces(score: Callable[..., tuple[Tensor, ...]], size: int, *rows: Tensor) -> tuple[Tensor, ...]:
    """Values (N,) of N rows, computed from `size` of them at a time; if that is not all, twice."""
    if len(rows[0]) <= size:
        return score(*rows)
    pieces = zip(*(tensor.split(size) for tensor in rows), strict=True)
    scores = [checkpoint(score, *piece, use_reentrant=False) for piece in pieces]
    return tuple(map(torch.cat, zip(*scores, strict=True)))
