"""The policy as GRPO began, which the KL divergence is measured from."""

from pathlib import Path

from agents.language_model import LanguageModel
from agents.loading import load_policy
from train.config import Settings
from train.distributed import Processes
from train.sharding import full_weights
from train.storage import written_aside


def reference_policy(policy: LanguageModel, config: Settings, folder: Path, processes: Processes) -> LanguageModel:
    """A frozen copy of the policy; a resumed run reads it from the folder `reference`.

    Under an adapter there is one already, the model without it: then this is the policy itself.

    Args:
        policy: what is about to learn.
        config: resolved settings.
        folder: the run's folder.
        processes: those of the run.
    """
    if policy.adapter:
        return policy
    kept, weights = folder / "reference", full_weights(policy.model)

    def write() -> None:
        if not kept.exists():
            with written_aside(kept) as aside:
                policy.save(aside, weights)

    processes.once(write)
    device = processes.loading_device
    reference = load_policy(str(kept), config.seed, device=device, dtype="float32", attention=config.attention)
    reference.model.requires_grad_(False)
    processes.place(reference, config.dtype)
    return reference
