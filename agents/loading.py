"""Language models by name: a tiny one, a run, a Hugging Face folder or hub id."""

import importlib.util
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers.utils.logging import disable_progress_bar

from agents.choices import TINY_MODELS, Adapter, Attention, Dtype
from agents.families import count_parameters, load_pretrained
from agents.fitting import out_of_memory
from agents.language_model import LanguageModel
from agents.lora import ADAPTER_CONFIG
from agents.tiny import build_tiny

disable_progress_bar()  # a bar for every checkpoint's few files would tear the run's own

# What a run's checkpoint has beside an ordinary Hugging Face folder's files.
STATE_FILE = "trainer_state.json"
# A model of fewer parameters is trained from scratch, not fine-tuned.
SMALL = 50_000_000
# A checkpoint's name; with ~ the one that another of the same step was about to replace.
CHECKPOINT = re.compile(r"step-(\d+)(~?)")


def load_policy(
    model: str,
    seed: int,
    others: Sequence[str] = (),
    *,
    device: str | None = None,
    dtype: Dtype | None = None,
    attention: Attention = "sdpa",
    adapter: Adapter = "apart",
) -> LanguageModel:
    """A tiny model (its weights drawn from `seed`), an earlier run, a Hugging Face folder, or a hub id.

    Args:
        model: which.
        seed: of a tiny model's weights.
        others: names that mean something where this is called, for did-you-mean.
        device: where to; None for a GPU if there is one.
        dtype: of the weights; None for bfloat16 on a GPU, unless the model is small, else float32.
        attention: the kernel; flash attention is for the vision tower alone.
        adapter: what becomes of an adapter; see `agents.lora.load_adapter`.

    Raises:
        ValueError: the model cannot be found or read, or is of no known family, or the device is not there.
    """
    place = find_device(device)
    require_kernel(attention, place)
    if model in TINY_MODELS:
        return build_tiny(model, seed).cast(torch.bfloat16 if dtype == "bfloat16" else torch.float32).to(place)
    path = Path(model)
    if not path.exists() and (model.count("/") != 1 or model.startswith((".", "/", "~")) or path.parent.is_dir()):
        siblings = [str(path.parent / other.name) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        close = get_close_matches(model, (*TINY_MODELS, *others, *siblings), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join((*TINY_MODELS, *others))
        raise ValueError(f"--model {model} is neither one of {known}, nor a folder, nor a hub id (OWNER/NAME){hint}")
    checkpoint = str(latest_checkpoint(path)) if (path / "checkpoints").is_dir() else model
    if Path(checkpoint).is_dir() and not any(
        (Path(checkpoint) / name).exists() for name in ("config.json", ADAPTER_CONFIG)
    ):
        raise ValueError(f"--model {model} is no checkpoint: the folder has neither config.json nor {ADAPTER_CONFIG}")
    try:
        half = dtype == "bfloat16" or (dtype is None and place.type == "cuda" and count_parameters(checkpoint) >= SMALL)
        policy = load_pretrained(
            checkpoint,
            dtype=torch.bfloat16 if half else torch.float32,
            attention=attention,
            adapter=adapter,
        )
    except RuntimeError as error:  # a tensor of another shape
        raise _unfit(model, error, place) from error
    except (OSError, ValueError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"--model {model} could not be loaded: {reason}") from error
    if policy.processor.chat_template is None:
        print(f"note: {model} has no chat template, so it reads the plain prompt", file=sys.stderr)
    try:
        return policy.to(place)
    except RuntimeError as error:
        raise _unfit(model, error, place) from error


def _unfit(model: str, error: RuntimeError, device: torch.device) -> ValueError:
    """What to say of a model that the memory, or its own config, has no place for."""
    if out_of_memory(error):
        return ValueError(
            f"--model {model} does not fit into the memory of {device}; try --lora, --dtype bfloat16, a smaller model, "
            "or sharded weights"
        )
    return ValueError(f"--model {model} could not be loaded: {str(error).strip().splitlines()[0]}")


def find_device(wanted: str | None) -> torch.device:
    """The device that a name means; a GPU if there is one, for None.

    Raises:
        ValueError: it is not there.
    """
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ValueError(f"--device {wanted} is no device; say cpu, cuda or cuda:N") from error
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= found:
        seen = f"{found} of them, cuda:0 to cuda:{found - 1}" if found else "none"
        raise ValueError(f"--device {wanted}: no such GPU, torch sees {seen}; leave it out to take what there is")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device {wanted} is not supported; say cpu, cuda or cuda:N")
    return device


def require_kernel(attention: Attention, device: torch.device) -> None:
    """Refuse flash attention where it cannot run: transformers would fetch a kernel from the hub instead.

    Raises:
        ValueError: no GPU, or the package is not installed.
    """
    if attention != "flash_attention_2":
        return
    if device.type != "cuda" and not torch.cuda.is_available():  # weights to be sharded are loaded on the processor
        raise ValueError(f"--attention flash_attention_2 needs a GPU, and the model runs on {device}; leave it out")
    if importlib.util.find_spec("flash_attn") is None:
        raise ValueError(
            "--attention flash_attention_2 needs the package flash-attn; install it, or leave the flag out"
        )


def checkpoints(run: Path) -> list[Path]:
    """A run's checkpoints, oldest first, those too that were damaged since."""
    names = ((path, CHECKPOINT.fullmatch(path.name)) for path in (run / "checkpoints").glob("step-*") if path.is_dir())
    return [path for *_, path in sorted((int(name[1]), not name[2], path) for path, name in names if name)]


def latest_checkpoint(run: Path) -> Path:
    """The newest checkpoint of a run.

    Raises:
        ValueError: the folder is no run, or the run ended before its first checkpoint.
    """
    if not (run / "config.json").exists():
        raise ValueError(f"{run} is not a run: it has no config.json")
    found = checkpoints(run)
    if not found:
        raise ValueError(f"{run} has no checkpoint: it ended before the first one, so nothing is kept; begin again")
    return found[-1]
