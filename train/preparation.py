"""A model made ready to be trained: in which precision, which of its weights learn, what its backward pass keeps."""

from pathlib import Path

import torch

from agents.choices import TINY_MODELS
from agents.language_model import LanguageModel
from agents.loading import STATE_FILE, load_policy
from agents.lora import ADAPTER_CONFIG, BASE_FOLDER, add_adapter, lora_config, name_base
from train.config import Settings, TrainConfig
from train.storage import written_aside


def load_for_training(config: TrainConfig, model: str, device: str | None = None) -> LanguageModel:
    """The policy that a run begins with, or goes on with.

    Weights that learn are float32, for small steps vanish in bfloat16; those under an adapter do not learn.

    Args:
        config: of the run.
        model: what to load: the run's `model`, or its checkpoint, whose adapter then goes on learning.
        device: where to, if not to that of the run.

    Raises:
        ValueError: it cannot be loaded.
    """
    return load_policy(
        model,
        config.seed,
        device=device or config.device,
        dtype=config.dtype if config.lora else "float32",
        attention=config.attention,
        adapter="trained" if config.lora and model != config.model else "merged",
    )


def choose_what_learns(policy: LanguageModel, settings: Settings) -> None:
    """Give a policy its adapter, or freeze what is not to learn, and choose what the backward pass keeps.

    Args:
        policy: as it was loaded; a resumed run's has its adapter.
        settings: of the run.

    Raises:
        ValueError: peft is not installed, or a target of the adapter matches no layer.
    """
    if settings.lora and policy.adapter is None:
        vision = settings.vision == "trained"
        config = lora_config(policy, settings.lora_rank, settings.lora_alpha, settings.lora_targets, vision)
        add_adapter(policy, config, settings.seed)
    visual = getattr(policy.model.model, "visual", None)
    if visual is not None and settings.vision == "frozen":
        visual.requires_grad_(False)
    if settings.gradient_checkpointing == "always":
        checkpoint_layers(policy)


def checkpoint_layers(policy: LanguageModel) -> None:
    """Have each layer compute its activations again in the backward pass, in training mode, instead of keeping them."""
    model = policy.model  # whose method has a new name since transformers 5.20
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    if hasattr(model, "_require_grads_hook"):  # a crutch of reentrant checkpoints
        model.disable_input_require_grads()


def keep_base(policy: LanguageModel, settings: Settings, run: Path) -> None:
    """See to it that the weights under a new adapter will be found: a checkpoint as it is, else a copy in the run.

    Args:
        policy: with the adapter.
        settings: of the run.
        run: the run's folder.
    """
    path = Path(settings.model)
    passing = (path / "checkpoints").is_dir() or (path / STATE_FILE).exists()  # a run's, which deletes old ones
    if settings.model in TINY_MODELS or passing or (path / ADAPTER_CONFIG).exists():
        with written_aside(run / BASE_FOLDER) as aside:
            load_for_training(settings, settings.model, "cpu").save(aside)
        name_base(policy, str((run / BASE_FOLDER).absolute()))
    else:
        name_base(policy, str(path.absolute()) if path.exists() else settings.model)


def autocast(config: TrainConfig, policy: LanguageModel) -> torch.autocast:
    """The context in which a policy computes: in bfloat16 where the settings say so."""
    return torch.autocast(policy.device.type, torch.bfloat16, enabled=config.dtype == "bfloat16")
