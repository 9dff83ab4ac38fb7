"""Settings of a training run that say what is trained, and on what."""

from dataclasses import dataclass

from agents.choices import LORA_TARGETS, TINY_MODELS, Attention, Dtype, Recompute, Vision

AT_LEAST = {"lora_rank": 1, "max_pixels": 1}
ABOVE_ZERO = ("lora_alpha",)


@dataclass(frozen=True)
class ModelOptions:
    """The environment; the model, its adapters, and how it computes."""

    env: str = ""
    """Environment: a registered name (clock), or module:name, which imports the module first."""

    model: str = TINY_MODELS[0]
    """Policy: tiny (a Qwen2.5-VL built here, random weights) or tiny-FAMILY (qwen2-vl, qwen3-vl; for tasks without
    pictures qwen2, qwen3, llama), a Hugging Face folder or hub id, or an earlier run's folder."""

    lora: bool = False
    """Train low-rank adapters and leave the model's own weights as they are (needs the extra `lora`)."""

    lora_rank: int = 16
    """Rank of the adapters."""

    lora_alpha: float = 32.0
    """Scale of the adapters: what they add is multiplied by alpha / rank."""

    lora_targets: str = LORA_TARGETS
    """Linear layers that get an adapter: the ends of their names, separated by commas; all-linear for each of them."""

    vision: Vision | None = None
    """Whether the vision tower learns. Default: frozen with --lora, else trained."""

    dtype: Dtype | None = None
    """Precision of the computation, and of weights that do not learn; those that learn are kept in float32. Default:
    bfloat16 on a GPU, unless the model is small; else float32."""

    attention: Attention = "sdpa"
    """Attention kernel of the vision tower. The language model's is always sdpa: flash attention takes no mask that
    hides answers packed behind one prompt from each other."""

    max_pixels: int | None = None
    """A larger picture is scaled down to this many pixels. Default: as the checkpoint's processor says."""

    device: str | None = None
    """cpu, cuda, or cuda:N. Default: a GPU if there is one."""

    gradient_checkpointing: Recompute | None = None
    """Compute activations again in the backward pass instead of keeping them: less memory, a third more time. Default:
    always, unless the model is small."""
