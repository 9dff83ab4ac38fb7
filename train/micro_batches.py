"""How a batch goes through the learner: in parts of at most so many tokens."""

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.packing import packed_answers


@dataclass(frozen=True)
class MicroBatch:
    """Some of a batch's answers, and the prompts that they stand behind."""

    prompts: Tensor
    """Indices of the prompts; one that stands there several times has a share of its answers each time."""
    members: slice
    """The answers, as many behind each of the prompts."""


def micro_batches(problems: int, answers: int, prompt_tokens: int, answer_tokens: int, budget: int) -> list[MicroBatch]:
    """Split a batch into parts of nearly equal size, each of at most `budget` tokens, padding included.

    A part is made of whole groups where one fits, else of rows: one prompt with the answers packed behind it. A row is
    never split, so a part may be one row that is larger than the budget.

    Args:
        problems: P.
        answers: to each of them.
        prompt_tokens: the length of the longest prompt.
        answer_tokens: the length of the longest answer.
        budget: tokens.
    """
    k = packed_answers(answers, answer_tokens)
    row_tokens = prompt_tokens + k * (answer_tokens - 1)
    whole = answers // k * row_tokens <= budget
    size = answers if whole else k  # answers in the smallest part
    units, unit_tokens = problems * answers // size, row_tokens * size // k
    parts = -(-units // max(1, budget // unit_tokens))
    return [
        MicroBatch(rows * size // answers, slice(int(rows[0]) * size, (int(rows[-1]) + 1) * size))
        for rows in torch.arange(units).tensor_split(parts)
    ]
