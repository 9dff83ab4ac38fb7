"""What the answers of a step are like, as columns of `metrics.csv`."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from agents.rollout import Rollout
from envs.forms import Form, is_formatted, thought_of
from train.environments import column

# An n-gram has so many tokens. Three token ids of 21 bits each are one number of 63, so that equal means equal.
N_GRAM, BITS = 3, 21
# Columns that an update reports of its clip.
CLIPPED_APART = ("clip_fraction_low", "clip_fraction_high")


def answer_metrics(rollout: Rollout, end_ids: Sequence[int], form: Form | None = None) -> dict[str, float | None]:
    """The columns that tell more of the answers than their means; None for what there is nothing of.

    Args:
        rollout: the answers as they were drawn first, those of all processes.
        end_ids: tokens that end an answer; one that ends with another was cut off.
        form: the task's, which says what is formatted, and what is reasoning; None where it has none.
    """
    ids_BT, mask_BT = rollout.answers.ids_BT.cpu(), rollout.answers.mask_BT.cpu()
    thoughts = [len(thought) for text in rollout.texts if (thought := thought_of(text, form)) is not None]
    spreads = spread("reward", rollout.rewards_PG.flatten().double().cpu().numpy())
    for name in rollout.infos:
        if name.startswith("reward/") and (values := column(rollout.infos, name)) is not None:
            spreads |= spread(name, values)
    return {
        **spreads,
        "formatted": float(np.mean([is_formatted(text, form) for text in rollout.texts])),
        "answer_tokens_max": float(mask_BT.sum(-1).max()),
        "truncated": float(rollout.answers.truncated(end_ids).float().mean()),
        "thinking": len(thoughts) / len(rollout.texts),
        "thinking_characters": float(np.mean(thoughts)) if thoughts else None,
        "repeated_ngrams": repeated_ngrams(ids_BT, mask_BT),
    }


def spread(name: str, values: np.ndarray) -> dict[str, float | None]:
    """Deviation, minimum and maximum of the finite ones of some numbers, of which there may be none."""
    numbers = values.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return {f"{name}_std": None, f"{name}_min": None, f"{name}_max": None}
    return {
        f"{name}_std": float(numbers.std()),
        f"{name}_min": float(numbers.min()),
        f"{name}_max": float(numbers.max()),
    }


def repeated_ngrams(ids_BT: Tensor, mask_BT: Tensor) -> float | None:
    """How many of an answer's 3-grams of tokens it had already, from 0 to 1; the mean of the answers that have any.

    Args:
        ids_BT: tokens, each id below 2^21.
        mask_BT: True on the first tokens of each row, those that are the answer.
    """
    ids_BT = ids_BT.long()
    windows = ids_BT.shape[1] - N_GRAM + 1
    if windows < 1:
        return None
    grams = ids_BT[:, :windows].clone()
    for i in range(1, N_GRAM):
        grams = (grams << BITS) | ids_BT[:, i : windows + i]
    real = mask_BT[:, N_GRAM - 1 :]
    ordered = grams.masked_fill(~real, -1).sort(dim=1).values
    again_B = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).sum(1)
    count_B = real.sum(1)
    some = count_B > 0
    return float((again_B[some] / count_B[some]).mean()) if bool(some.any()) else None


def clipped_apart(clipped_BT: Tensor, ratio_BT: Tensor) -> dict[str, Tensor]:
    """Where the clip took effect, by the bound that the ratio to the sampling policy had passed."""
    return dict(zip(CLIPPED_APART, (clipped_BT & (ratio_BT < 1), clipped_BT & (ratio_BT > 1)), strict=True))
