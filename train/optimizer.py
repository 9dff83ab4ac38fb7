"""Optimizers, and their state as flat tensors."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from train.config import Settings
from train.sharding import full, like

TOKEN_EMBEDDINGS = re.compile(r"embed_tokens|lm_head")
EMBEDDINGS = re.compile(rf"{TOKEN_EMBEDDINGS.pattern}|pos_embed")  # Qwen3-VL learns the places of patches
BETAS = (0.9, 0.99)


def build_optimizers(model: nn.Module, config: Settings) -> list[torch.optim.Optimizer]:
    """AdamW on everything, or Muon on the matrices and AdamW on the rest.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) orthogonalises the update of each weight
    matrix; from scratch it learns to see several times as fast as AdamW here.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adamw":
        return [torch.optim.AdamW([p for _, p in named], rate, BETAS, weight_decay=decay, fused=True)]
    # Rows of an embedding are looked up, not multiplied by: orthogonalising them makes no sense.
    matrices = [p for name, p in named if p.ndim == 2 and not EMBEDDINGS.search(name)]
    rest = [p for name, p in named if p.ndim != 2 or EMBEDDINGS.search(name)]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=decay),
        torch.optim.AdamW(rest, config.adamw_learning_rate, BETAS, weight_decay=decay, fused=True),
    ]


@contextmanager
def only_trainable(model: nn.Module, parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Within this context the other parameters of the model need no gradient, and none is computed."""
    kept = {id(parameter) for parameter in parameters}
    frozen = [p for p in model.parameters() if p.requires_grad and id(p) not in kept]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def set_learning_rates(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Set every learning rate to its peak times `factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            peak = group.setdefault("peak_lr", group["lr"])
            group["lr"] = peak * factor


def flat_state(optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The optimizers' state as named tensors, `optimizer.parameter.name`, for safetensors; if sharded, gathered."""
    return {
        f"{i}.{index}.{name}": full(value).detach().contiguous() if isinstance(value, Tensor) else torch.tensor(value)
        for i, optimizer in enumerate(optimizers)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def load_flat_state(optimizers: list[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Undo `flat_state`.

    Raises:
        ValueError: the state is that of other optimizers, or of another model's.
    """
    states: list[dict[int, dict[str, Any]]] = [{} for _ in optimizers]
    parameters = [[p for group in optimizer.param_groups for p in group["params"]] for optimizer in optimizers]
    for key, value in tensors.items():
        i, index, name = key.split(".", 2)
        own = parameters[int(i)][int(index) :][:1] if int(i) < len(parameters) else []
        if not own or (value.ndim and value.shape != own[0].shape):
            what = f"has the shape {tuple(own[0].shape)}" if own else "is missing"
            raise ValueError(
                f"the optimizer's state is another model's: {key} has the shape {tuple(value.shape)}, its weight {what}"
            )
        states[int(i)].setdefault(int(index), {})[name] = like(value, own[0])
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
