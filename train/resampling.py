"""Dynamic sampling: problems whose answers all earned the same teach nothing, and are replaced by new ones.

Yu et al. 2025, DAPO, https://arxiv.org/abs/2503.14476, section 3.2, with a bound on the rounds.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.batch import Answers
from agents.fitting import concatenate
from agents.rollout import Rollout

Draw = Callable[[int], tuple[Rollout, Sequence[int]]]


def with_spread(draw: Draw, rounds: int, pad_id: int) -> tuple[Rollout, list[int], int]:
    """Draw a batch, and replace its groups without spread by groups of later draws that have some.

    Args:
        draw: answers to the problems of a round, counted from 0, and the problems' seeds; as many in each round.
        rounds: after the first, at most; no more are drawn than are needed.
        pad_id: of the policy.

    Returns:
        the batch, its problems' seeds, and how many rounds were drawn in all. Groups without spread that nothing was
        found for stay.
    """
    rollout, seeds = draw(0)
    seeds = list(seeds)
    drawn = 1
    while drawn <= rounds:
        flat = flat_groups(rollout)
        if not len(flat):
            break
        fresh, fresh_seeds = draw(drawn)
        drawn += 1
        found = torch.tensor([row for row in range(len(fresh_seeds)) if row not in set(flat_groups(fresh).tolist())])
        count = min(len(flat), len(found))
        if count:
            rollout = replaced(rollout, flat[:count], fresh, found[:count], pad_id)
            for row, other in zip(flat[:count].tolist(), found[:count].tolist(), strict=True):
                seeds[row] = fresh_seeds[other]
    return rollout, seeds, drawn


def flat_groups(rollout: Rollout) -> Tensor:
    """Indices of the groups whose rewards are all the same."""
    return (rollout.rewards_PG.std(dim=1) == 0).nonzero()[:, 0].cpu()


def replaced(rollout: Rollout, rows: Tensor, fresh: Rollout, others: Tensor, pad_id: int) -> Rollout:
    """A rollout with the groups `rows` exchanged for the groups `others` of a fresh one."""
    P, G = rollout.rewards_PG.shape
    take = torch.arange(P)
    take[rows] = P + others  # of both, one behind the other
    members = (take[:, None] * G + torch.arange(G)).flatten()
    both = concatenate([rollout.answers, fresh.answers], pad_id)
    at = members.to(both.ids_BT.device)
    return Rollout(
        prompts=rollout.prompts.join(fresh.prompts, pad_id).select(take),
        answers=Answers(both.ids_BT[at], both.mask_BT[at], both.logp_BT[at]),
        texts=[(rollout.texts + fresh.texts)[i] for i in members.tolist()],
        rewards_PG=torch.cat([rollout.rewards_PG, fresh.rewards_PG])[take.to(rollout.rewards_PG.device)],
        infos={key: _column(rollout.infos, fresh.infos, key)[members.numpy()] for key in rollout.infos},
    )


def _column(first: Any, second: Any, key: str) -> np.ndarray:
    """A key's values in both; what the second does not tell counts as not told, as gymnasium's masks say."""
    values = np.asarray(first[key])
    if key in second:
        return np.concatenate([values, np.asarray(second[key])])
    return np.concatenate([values, np.zeros_like(values)])
