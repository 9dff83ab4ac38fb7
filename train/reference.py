"""What the KL divergence is measured from: the policy as GRPO began, or one that follows it in steps."""

from pathlib import Path

import torch

from agents.language_model import LanguageModel
from agents.loading import latest_checkpoint, load_policy
from train.checkpoint import REFERENCE_FOLDER
from train.config import Settings
from train.distributed import Processes
from train.sharding import full_weights
from train.storage import written_aside


def reference_policy(policy: LanguageModel, config: Settings, folder: Path, processes: Processes) -> LanguageModel:
    """A frozen copy of the policy; a resumed run reads it from the folder `reference`.

    One that changes lies in each checkpoint, and a resumed run reads it from there. Under an adapter there is one
    already, the model without it: then this is the policy itself.

    Args:
        policy: what is about to learn.
        config: resolved settings.
        folder: the run's folder.
        processes: those of the run.
    """
    if policy.adapter:
        return policy
    kept, weights = folder / REFERENCE_FOLDER, full_weights(policy.model)

    def write() -> None:
        if not kept.exists():
            with written_aside(kept) as aside:
                policy.save(aside, weights)

    processes.once(write)
    if config.reference != "fixed":
        changed = latest_checkpoint(folder) / REFERENCE_FOLDER
        kept = changed if processes.once(changed.exists) else kept  # the first one was written before there was any
    device = processes.loading_device
    reference = load_policy(str(kept), config.seed, device=device, dtype="float32", attention=config.attention)
    reference.model.requires_grad_(False)
    processes.place(reference, config.dtype)
    return reference


@torch.no_grad()
def changed_reference(reference: LanguageModel | None, policy: LanguageModel, config: Settings, step: int) -> None:
    """Move the reference towards the policy, after the steps at which it changes.

    π_ref ← α π_θ + (1 − α) π_ref on the weights, every N steps, with α = 1 for a periodic one (Gorbatovski et al. 2024,
    TR-DPO, https://arxiv.org/abs/2404.09656: hard updates; soft ones otherwise).

    Args:
        reference: what changes, in place; None where there is none.
        policy: what it follows.
        config: resolved settings.
        step: steps done, this one included.
    """
    if reference is None or config.reference_every is None or step % config.reference_every:
        return
    mix = 1.0 if config.reference_mix is None else config.reference_mix
    for kept, followed in zip(reference.model.parameters(), policy.model.parameters(), strict=True):
        kept.lerp_(followed.to(kept.dtype), mix)
