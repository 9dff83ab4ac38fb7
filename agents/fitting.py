"""Answers to as many prompts at once as memory has room for."""

import sys
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from agents.batch import Answers, Prompts, concatenate

if TYPE_CHECKING:
    from agents.language_model import LanguageModel


def answer(
    policy: "LanguageModel",
    prompts: Prompts,
    group_size: int = 1,
    temperature: float = 1.0,
    uniforms_BT: Tensor | None = None,
) -> Answers:
    """`policy.generate` in parts of at most `policy.prompts_at_once`, which is halved whenever memory runs out.

    Raises:
        MemoryError: the answers to one prompt do not fit.
    """
    while True:
        at_once = min(policy.prompts_at_once or len(prompts), len(prompts))
        try:
            return _in_parts(policy, prompts, group_size, temperature, uniforms_BT, at_once)
        except RuntimeError as error:
            if not out_of_memory(error) or policy.sharded:  # those who hold the other parts cannot begin again
                raise
            error.__traceback__ = None  # whose frames hold the tensors that did not fit
            if at_once == 1:
                raise MemoryError(
                    f"out of memory with the {group_size} answers to one prompt; try a smaller --group-size, "
                    "--max-new-tokens, picture or model"
                ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        policy.prompts_at_once = (at_once + 1) // 2
        print(
            f"note: out of memory; from here on {policy.prompts_at_once} prompts are answered at once", file=sys.stderr
        )


def _in_parts(
    policy: "LanguageModel",
    prompts: Prompts,
    group_size: int,
    temperature: float,
    uniforms_BT: Tensor | None,
    at_once: int,
) -> Answers:
    if at_once == len(prompts):
        return policy.generate(prompts, group_size, temperature, uniforms_BT)
    parts = []
    for rows in torch.arange(len(prompts)).split(at_once):
        members = slice(int(rows[0]) * group_size, (int(rows[-1]) + 1) * group_size)
        noise = None if uniforms_BT is None else uniforms_BT[members]
        parts.append(policy.generate(prompts.select(rows), group_size, temperature, noise))
    return concatenate(parts, policy.pad_id)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out, on a GPU or on a processor."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        text in str(error) for text in ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
    )
