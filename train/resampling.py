"""Dynamic sampling: problems whose answers all earned the same teach nothing, and are replaced by new ones.

Yu et al. 2025, DAPO, https://arxiv.org/abs/2503.14476, section 3.2, with a bound on the rounds. A problem is replaced
by the next one drawn for its own place in the batch, so the places do not depend on each other, nor on how many
processes they are shared out to.
"""

from collections.abc import Callable, Sequence

import torch

from agents.batch import Answers, concatenate
from agents.rollout import Rollout, some_of
from train.environments import joined

Draw = Callable[[int, Sequence[int]], tuple[Rollout, Sequence[int]]]


def with_spread(
    rollout: Rollout, seeds: Sequence[int], draw: Draw, rounds: int, pad_id: int, agree: Callable[[bool], bool] = bool
) -> tuple[Rollout, list[int]]:
    """Replace the groups of a batch without spread by groups of later draws that have some.

    Args:
        rollout: the batch.
        seeds: of its problems.
        draw: from a round, counted from 1, and places in the batch to the answers to that round's problems there, and
            those problems' seeds.
        rounds: at most so many; a place is not drawn again once it has spread.
        pad_id: of the policy.
        agree: whether another round is drawn, from whether one is needed here; others may need one.

    Returns:
        the batch and its problems' seeds. Groups that nothing was found for stay.
    """
    seeds = list(seeds)
    for round_ in range(1, rounds + 1):
        flat = flat_groups(rollout)
        if not agree(bool(flat)):
            break
        if not flat:
            flat = [0]  # drawn to keep in step with the others, and not needed
        fresh, fresh_seeds = draw(round_, flat)
        lively = set(range(len(flat))) - set(flat_groups(fresh))
        taken = {place: row for row, place in enumerate(flat) if row in lively and place in flat_groups(rollout)}
        if taken:
            rollout = replaced(rollout, taken, fresh, pad_id)
            for place, row in taken.items():
                seeds[place] = fresh_seeds[row]
    return rollout, seeds


def flat_groups(rollout: Rollout) -> list[int]:
    """The groups whose rewards are all the same."""
    rewards_PG = rollout.rewards_PG
    return (rewards_PG.amax(dim=1) == rewards_PG.amin(dim=1)).nonzero()[:, 0].tolist()


def replaced(rollout: Rollout, taken: dict[int, int], fresh: Rollout, pad_id: int) -> Rollout:
    """A rollout with other groups in some places: `taken` tells which of a fresh one's."""
    P, G = rollout.rewards_PG.shape
    take = torch.tensor([P + taken[place] if place in taken else place for place in range(P)])  # of both, end to end
    members = (take[:, None] * G + torch.arange(G)).flatten()
    both = concatenate([rollout.answers, fresh.answers], pad_id)
    at = members.to(both.ids_BT.device)
    return Rollout(
        prompts=rollout.prompts.join(fresh.prompts, pad_id).select(take),
        answers=Answers(both.ids_BT[at], both.mask_BT[at], both.logp_BT[at]),
        texts=[(rollout.texts + fresh.texts)[i] for i in members.tolist()],
        rewards_PG=torch.cat([rollout.rewards_PG, fresh.rewards_PG])[take.to(rollout.rewards_PG.device)],
        infos=some_of(joined([rollout.infos, fresh.infos], [len(rollout.texts), len(fresh.texts)]), members.numpy()),
    )
