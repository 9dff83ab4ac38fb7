"""What a computation costs by formula, what the device could do at most, and how time and memory are measured.

Arithmetic, in floating-point operations (FLOPs), counted as a multiplication and an addition each:

- a weight matrix of N numbers takes 2·N for every token that goes through it; the output layer counts where logits are
  computed, the vision tower for every patch (its merger for every fourth);
- attention takes 4 · layers · heads · head size for every pair of a query and a key that is computed, masked or not
  (for a causal mask, half of the square);
- a backward pass costs twice its forward pass, once where the weights do not learn (LoRA's base); activations that are
  recomputed (gradient checkpointing; ours: also logits, where there are many) cost one forward pass more, but for each
  layer's last product, whose output no gradient needs. So training a token costs 6·N, or nearly 8·N recomputed, and
  with LoRA 4·N, or nearly 6·N. Adapters, norms, softmax and embeddings are not counted, nor is the vision tower's
  attention.

The share is this divided by time and by the peak of the device's matrix units, dense, in bfloat16, as its maker says.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from tests.gpu.models import SHAPES

# Dense bfloat16 FLOPs a second, by words in the device's name; the first that fits.
PEAKS = (
    ({"H200"}, 989e12),
    ({"H100", "PCIe"}, 756e12),
    ({"H100"}, 989e12),
    ({"A100"}, 312e12),
    ({"L4"}, 121e12),
    ({"4090"}, 165e12),
)


def peak_flops(name: str) -> float | None:
    """The peak of the device's matrix units; None for one that is not in the table."""
    words = set(name.replace("-", " ").split())
    return next((peak for wanted, peak in PEAKS if wanted <= words), None)


@dataclass(frozen=True)
class Work:
    """What goes through a model forward."""

    tokens: float
    """Through the decoder."""
    scored: float
    """Positions whose logits are computed."""
    pairs: float
    """Queries times keys, in one head of one layer."""
    patches: float = 0.0

    def forward_flops(self, model: Any, shape: str) -> tuple[float, float, float]:
        """Of the decoder, the output layer, and the vision tower."""
        text = SHAPES[shape]
        body = matrix_numbers(model.model.language_model.layers)
        head = text.vocab_size * text.hidden_size
        attention = 4 * text.num_hidden_layers * text.num_attention_heads * text.head_size * self.pairs
        merger = matrix_numbers(model.model.visual.merger)
        tower = matrix_numbers(model.model.visual) - merger + merger / model.config.vision_config.spatial_merge_size**2
        return 2 * body * self.tokens + attention, 2 * head * self.scored, 2 * tower * self.patches


def matrix_numbers(module: torch.nn.Module) -> int:
    """Numbers in the weight matrices (and the patch embedding's kernel), adapters left out."""
    return sum(p.numel() for name, p in module.named_parameters() if p.ndim >= 2 and "lora_" not in name)


def shared_rollout(P: int, G: int, T: int, S: int, k: int, patches: int) -> Work:
    """Prompts once, then T − 1 steps of decoding, k answers in a row."""
    keys = sum(S + k * t for t in range(1, T))
    return Work(P * S + P * G * (T - 1), P + P * G * (T - 1), P * S * S / 2 + P * G * keys, P * patches)


def shared_learner(P: int, G: int, T: int, S: int, k: int, patches: int) -> Work:
    """Packed sequences of a prompt and k answers, under a dense mask."""
    rows, length = P * G // k, S + k * (T - 1)
    return Work(rows * length, P * G * T, rows * length**2, rows * patches)


def cached_learner(P: int, G: int, T: int, S: int, k: int, patches: int) -> Work:
    """Prompts once, and behind their keys and values rows of k answers, under a dense mask."""
    rows, answers = P * G // k, k * (T - 1)
    return Work(P * S + rows * answers, P * G * T, P * S * S / 2 + rows * answers * (S + answers), P * patches)


def plain_rollout(P: int, G: int, T: int, S: int, patches: int) -> Work:
    """Every answer behind a prompt of its own."""
    return shared_rollout(P * G, 1, T, S, 1, patches)


def plain_learner(P: int, G: int, T: int, S: int, patches: int) -> Work:
    """Every answer a sequence of its own, under a causal mask."""
    return Work(P * G * (S + T), P * G * T, P * G * (S + T) ** 2 / 2, P * G * patches)


def recomputed_share(layers: torch.nn.Module) -> float:
    """How much of a forward pass gradient checkpointing does again: all but the last matrix of each layer."""
    last = sum(p.numel() for name, p in layers.named_parameters() if name.endswith("down_proj.weight"))
    return 1 - last / matrix_numbers(layers)


def training_passes(lora: bool, recomputed: float) -> tuple[float, float]:
    """Forward passes that training is worth, of the language model and of the vision tower.

    Args:
        lora: whether adapters learn, and nothing in the tower.
        recomputed: how much of a forward pass is done again.
    """
    passes = (2 if lora else 3) + recomputed
    return passes, 1 if lora else passes  # nothing goes back through a frozen tower


def matrix_product_tflops(device: str, side: int = 8192) -> float | None:
    """What a product of two large matrices in bfloat16 comes to here, a ceiling for everything else."""
    if device != "cuda":
        return None
    matrix = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        matrix @ matrix
    begin = synchronised(device)
    for _ in range(10):
        matrix @ matrix
    return 10 * 2 * side**3 / (synchronised(device) - begin) / 1e12


def synchronised(device: str) -> float:
    """The time when the device has done all it was told to, in seconds."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def reset_peak(device: str) -> None:
    """Count the most memory from here on."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_memory(device: str) -> int | None:
    """The most bytes in tensors since then; None on a processor, which does not tell."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else None


def free(device: str) -> int | None:
    """Give back what nothing refers to; returns the bytes that are still in tensors."""
    gc.collect()
    if device != "cuda":
        return None
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated()


def medians(measure: Callable[[], dict[str, float | None]], rounds: int) -> dict[str, float | None]:
    """Each figure's median over some rounds, after one that warms up."""
    measure()
    found = [measure() for _ in range(rounds)]
    return {
        name: None if found[0][name] is None else median(one[name] for one in found)  # type: ignore[type-var]
        for name in found[0]
    }
