"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685) on a policy, by peft."""

import json
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from agents.choices import Adapter
from agents.language_model import LanguageModel

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
# Where a run keeps the weights that its adapter belongs to, unless they are a checkpoint of their own.
BASE_FOLDER = "base"
# Layers of the vision tower.
VISION = r"(.*\.)?visual\..*"


def lora_config(policy: LanguageModel, rank: int, alpha: float, targets: str, vision: bool) -> Any:
    """What adapter a policy is to get, as a `peft.LoraConfig`.

    Args:
        policy: without one.
        rank: of the two factors that each target gets.
        alpha: what they add is multiplied by alpha / rank.
        targets: linear layers by the ends of their names, separated by commas, or all-linear.
        vision: whether layers of the vision tower get one too.

    Raises:
        ValueError: peft is not installed, or a target matches no layer.
    """
    peft = import_peft()
    layers = linear_layers(policy.model, vision)
    names = sorted({name.strip() for name in targets.split(",")} - {""})
    names = sorted(layers) if names == ["all-linear"] else names
    missing = [name for name in names if not any(f".{layer}".endswith(f".{name}") for layer in layers)]
    if missing or not names:
        known = ", ".join(sorted({layer.rpartition(".")[2] for layer in layers}))
        raise ValueError(
            f"--lora-targets {targets}: no layer is named {', '.join(missing) or 'so'}; there are {known}, "
            "or all-linear by itself"
        )
    excluded = VISION if hasattr(policy.model.model, "visual") and not vision else None
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, exclude_modules=excluded)
    config.target_modules = names  # a list given to it becomes a set, which is written in another order each time
    return config


def add_adapter(policy: LanguageModel, config: Any, seed: int) -> None:
    """Give a policy an adapter that learns, and freeze the rest. It changes nothing yet: its second factor is 0.

    Args:
        policy: without one.
        config: of the adapter, from `lora_config`.
        seed: of the first factor.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy.adapter = import_peft().get_peft_model(policy.model, config)


def name_base(policy: LanguageModel, base: str) -> None:
    """Have the adapter say where the weights under it are to be found: in which folder, or under which hub id."""
    policy.adapter.active_peft_config.base_model_name_or_path = base


def linear_layers(model: Any, vision: bool) -> list[str]:
    """Names of the linear layers that can have an adapter; those of the vision tower on demand."""
    output = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not output and (vision or not re.fullmatch(VISION, name))
    ]


def adapter_base(folder: str) -> str | None:
    """Where the weights are that the adapter in a folder belongs to; None for a folder of whole weights.

    A run that keeps them itself is asked first, for it may have been moved.

    Raises:
        ValueError: the adapter does not say.
    """
    path = Path(folder)
    if not (path / ADAPTER_CONFIG).is_file():
        return None
    kept = path.parent.parent / BASE_FOLDER
    if path.parent.name == "checkpoints" and (kept / "config.json").is_file():
        return str(kept)
    try:
        named = json.loads((path / ADAPTER_CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path / ADAPTER_CONFIG} does not tell which model it belongs to: {error}") from error
    if Path(str(named)).is_absolute() and not Path(named).exists():
        raise ValueError(f"the weights that its adapter belongs to are gone: {named}")
    return str(named)


def load_adapter(policy: LanguageModel, folder: str, kind: Adapter) -> None:
    """Put the adapter in a folder on the weights that it belongs to.

    Args:
        policy: those weights.
        folder: of the adapter.
        kind: "trained" to go on training it; "apart" to compute with it as it was trained, for what it adds is often
            too small for weights in bfloat16 to take; "merged" into the weights, so that the policy is an ordinary one.

    Raises:
        ValueError: peft is not installed, or the adapter is broken or does not fit the weights.
    """
    peft = import_peft()
    weights = Path(folder) / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise ValueError(f"{folder} has an {ADAPTER_CONFIG} and no {ADAPTER_WEIGHTS}")
    try:
        adapted = peft.PeftModel.from_pretrained(policy.model, folder, is_trainable=kind == "trained")
        with safe_open(weights, "pt") as file:
            found = set(file.keys())
    except (KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise ValueError(f"the adapter in {folder} does not fit the weights, or is broken: {error}") from error
    expected = set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
    if found != expected:
        odd = sorted(found ^ expected)
        raise ValueError(f"the adapter in {folder} does not fit the weights: {len(odd)} names differ, first {odd[0]}")
    if kind == "merged":
        policy.model = adapted.merge_and_unload()
    else:
        policy.adapter = adapted


def import_peft() -> Any:
    """The library.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise ValueError("adapters need peft: pip install 'eyechart[lora]'") from error
    # peft asks transformers by an old name, of which only peft's authors need to hear
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    return peft
