"""FSDP2: every process holds a part of each weight, of its gradient and of its optimizer's state.

torch's `fully_shard` (Zhao et al. 2023, https://arxiv.org/abs/2304.11277, in its second form on `DTensor`) gathers the
weights of one block at a time while it is computed. A run is sharded when the launcher says so, as
`accelerate launch --config_file docs/fsdp2.yaml` does.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.environment import parse_flag_from_env
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from agents.language_model import LanguageModel

T = TypeVar("T")
# What a policy computes with its weights. It enters the model by its parts, so these have to gather the root's weights.
SCORES = ("log_probabilities", "scores")
FORWARD_METHODS = ("generate", *SCORES, "count_features")


@dataclass(frozen=True)
class Sharding:
    """How the weights are sharded."""

    reshard_after_forward: bool = True
    """Whether a block's weights are given up after its forward pass, to be gathered again for the backward pass, and
    for each token that is generated: less memory, more traffic."""

    @classmethod
    def wanted(cls) -> "Sharding | None":
        """What the launcher's environment asks for; None for weights that are whole on every process.

        Raises:
            ValueError: an FSDP that cannot be had here, naming the setting.
        """
        if not parse_flag_from_env("ACCELERATE_USE_FSDP"):
            return None
        wrong = None
        if os.environ.get("FSDP_VERSION") != "2":
            wrong = "another fsdp_version than 2"
        else:
            plugin = FullyShardedDataParallelPlugin()
            if isinstance(plugin.cpu_offload, CPUOffloadPolicy):
                wrong = "fsdp_offload_params: true"
            elif plugin.cpu_ram_efficient_loading:
                wrong = "fsdp_cpu_ram_efficient_loading: true"
        if wrong is not None:
            raise ValueError(
                f"accelerate is configured with {wrong}, which is not supported; docs/fsdp2.yaml is a configuration "
                "that is"
            )
        return cls(bool(plugin.reshard_after_forward))

    def shard(
        self, policy: LanguageModel, device: torch.device, processes: int, dtype: torch.dtype | None = None
    ) -> None:
        """Shard every decoder layer and vision block of a policy, then what is left; gradients are sums.

        Args:
            policy: whole, on any device.
            device: where its parts go.
            processes: how many there are.
            dtype: in which weights are gathered and computed with; None for their own.

        Raises:
            ValueError: it has an adapter.
        """
        if policy.adapter is not None:
            raise ValueError(
                "--lora and sharded weights do not go together; frozen weights need little, so leave FSDP out"
            )
        policy.sharded = True
        model = policy.model
        blocks = blocks_of(model)
        precision = MixedPrecisionPolicy(dtype, None if dtype is None else torch.float32)
        mesh = init_device_mesh(device.type, (processes,))
        for module in (*blocks, model):
            again = self.reshard_after_forward or module is model
            fully_shard(module, mesh=mesh, reshard_after_forward=again, mp_policy=precision)
            module.set_gradient_divide_factor(1.0)  # a sum, not a mean
            module.set_force_sum_reduction_for_comms(True)  # gloo has no other
        model.to(device)  # buffers
        for name in filter(partial(hasattr, policy), FORWARD_METHODS):
            setattr(model, f"policy_{name}", _giving_up(blocks, getattr(policy, name)))
            register_fsdp_forward_method(model, f"policy_{name}")
            setattr(policy, name, getattr(model, f"policy_{name}"))


def blocks_of(model: Any) -> list[Any]:
    """A model's decoder layers and vision blocks, which transformers keeps whole wherever it splits models."""
    return [module for module in model.modules() if type(module).__name__ in set(model._no_split_modules)]


def _giving_up(blocks: Sequence[Any], method: Callable[..., T]) -> Callable[..., T]:
    """A method after which no block is left gathered for a backward pass that does not come."""

    def call(*arguments: Any, **named: Any) -> T:
        result = method(*arguments, **named)
        if method.__name__ not in SCORES or not torch.is_grad_enabled():
            for block in blocks:
                block.reshard()
        return result

    return call


def number(norm: Tensor) -> float:
    """A norm, of sharded gradients or of whole ones."""
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def held(parameter: Tensor) -> int:
    """Bytes of a parameter that this process holds."""
    own = parameter.to_local() if isinstance(parameter, DTensor) else parameter
    return own.numel() * own.itemsize


def full(value: Any) -> Any:
    """What is sharded as a whole, in the main process's own memory: all gather it, and the others keep none of it.

    Anything else comes back as it is.
    """
    if not isinstance(value, DTensor):
        return value
    whole = value.full_tensor()
    return whole.cpu() if torch.distributed.get_rank() == 0 else whole.new_empty(0)


def full_weights(model: nn.Module) -> dict[str, Tensor] | None:
    """The weights of a sharded model as `full` gathers them; None for a model that is not sharded."""
    if not any(isinstance(parameter, DTensor) for parameter in model.parameters()):
        return None
    tensors = model.state_dict(keep_vars=True)
    gathered = {id(value): full(value.detach()) for value in tensors.values()}  # tied weights once
    return {name: gathered[id(value)] for name, value in tensors.items()}


def like(value: Tensor, parameter: Tensor) -> Tensor:
    """An optimizer's value for a parameter, sharded as that is."""
    if not isinstance(parameter, DTensor) or value.shape != parameter.shape:
        return value
    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)
