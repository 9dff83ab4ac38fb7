"""A model made ready to be trained: in which precision, which of its weights learn, what its backward pass keeps."""

from pathlib import Path
from typing import Any

import torch

from agents.choices import TINY_MODELS
from agents.language_model import LanguageModel
from agents.loading import load_policy
from agents.lora import ADAPTER_CONFIG, BASE_FOLDER, lora_config
from train.config import Settings, TrainConfig


def load_for_training(config: TrainConfig, model: str) -> LanguageModel:
    """The policy that a run begins with, or goes on with.

    Weights that learn are float32, for small steps vanish in bfloat16; those under an adapter do not learn.

    Args:
        config: of the run.
        model: what to load: the run's `model`, or its checkpoint, whose adapter then goes on learning.

    Raises:
        ValueError: it cannot be loaded.
    """
    return load_policy(
        model,
        config.seed,
        device=config.device,
        dtype=config.dtype if config.lora else "float32",
        attention=config.attention,
        trainable_adapter=config.lora and model != config.model,
    )


def adapter_for(policy: LanguageModel, settings: Settings) -> Any:
    """The `peft.LoraConfig` that the settings ask for, if any.

    Raises:
        ValueError: peft is not installed, or a target matches no layer.
    """
    if not settings.lora:
        return None
    vision = settings.vision == "trained"
    return lora_config(policy, settings.lora_rank, settings.lora_alpha, settings.lora_targets, vision)


def keep_base(policy: LanguageModel, model: str, run: Path) -> str:
    """Where the weights under a new adapter will be found: a checkpoint as it is, else a copy in the run's folder.

    Args:
        policy: without an adapter yet.
        model: what it was loaded from.
        run: the run's folder.
    """
    path = Path(model)
    if model in TINY_MODELS or (path / "checkpoints").is_dir() or (path / ADAPTER_CONFIG).exists():
        policy.save(run / BASE_FOLDER)
        return str((run / BASE_FOLDER).absolute())
    return str(path.absolute()) if path.exists() else model


def choose_what_learns(policy: LanguageModel, settings: Settings) -> None:
    """Freeze what is not to learn (an adapter has done so already), and choose what the backward pass keeps."""
    visual = getattr(policy.model.model, "visual", None)
    if visual is not None and settings.vision == "frozen":
        visual.requires_grad_(False)
    if settings.gradient_checkpointing == "always":
        model = policy.model  # whose method has a new name since transformers 5.20
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        if hasattr(model, "_require_grads_hook"):  # a crutch of reentrant checkpoints
            model.disable_input_require_grads()


def autocast(config: TrainConfig, policy: LanguageModel) -> torch.autocast:
    """The context in which a policy computes: in bfloat16 where the settings say so."""
    return torch.autocast(policy.device.type, torch.bfloat16, enabled=config.dtype == "bfloat16")
