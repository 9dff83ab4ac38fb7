"""What the KL divergence is measured from: the policy as GRPO began, or one that follows it in steps."""

import json
from pathlib import Path

import torch

from agents.language_model import LanguageModel
from agents.loading import latest_checkpoint, load_policy
from train.checkpoint import CHECKSUMS_FILE, REFERENCE_FOLDER, checksums, flaw
from train.config import Settings
from train.distributed import Processes
from train.sharding import full_weights
from train.storage import written_aside


def reference_policy(
    policy: LanguageModel, config: Settings, folder: Path, processes: Processes, begins: bool
) -> LanguageModel:
    """A frozen copy of the policy as GRPO begins; a run that goes on reads it from the folder `reference`.

    One that changes lies in each checkpoint, and a resumed run reads it from there. Under an adapter there is one
    already, the model without it: then this is the policy itself.

    Args:
        policy: what is about to learn.
        config: resolved settings.
        folder: the run's folder.
        processes: those of the run.
        begins: whether GRPO does, and the policy is what the reference is to be.
    """
    if policy.adapter:
        return policy
    kept = folder / REFERENCE_FOLDER
    if begins:
        weights = full_weights(policy.model)
        processes.once(lambda: write_reference(policy, kept, weights))
    elif config.reference != "fixed":
        kept = latest_checkpoint(folder) / REFERENCE_FOLDER
    device = processes.loading_device
    reference = load_policy(str(kept), config.seed, device=device, dtype="float32", attention=config.attention)
    reference.model.requires_grad_(False)
    processes.place(reference, config.dtype)
    return reference


def write_reference(policy: LanguageModel, target: Path, weights: dict[str, torch.Tensor] | None) -> None:
    """Write a copy of the policy, and its checksums beside it.

    Raises:
        WriteError: it could not be written.
    """
    with written_aside(target) as aside:
        policy.save(aside, weights)
        (aside / CHECKSUMS_FILE).write_text(json.dumps(checksums(aside), indent=2))


def require_same_reference(run: Path, settings: Settings, step: int) -> None:
    """Refuse to go on where the fixed reference is gone, or has changed, since GRPO began.

    That of a run which begins is about to be written, one that changes is a part of each checkpoint, and that of an
    adapter is the model under it.

    Args:
        run: the run's folder.
        settings: of the run.
        step: from which it goes on.

    Raises:
        ValueError: saying which file.
    """
    if not settings.kl_weight or settings.lora or settings.reference != "fixed" or step == 0:
        return
    kept = run / REFERENCE_FOLDER
    if broken := flaw(kept, needed=("config.json",)) if kept.is_dir() else "the folder is missing":
        raise ValueError(
            f"{run} cannot go on, for its reference {kept}, from which the KL divergence is measured, is not what it "
            f"was when GRPO began: {broken}. Put it back, or start a new run from these weights by --model {run}"
        )


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
