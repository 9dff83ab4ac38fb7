"""Language models by name: a tiny one, a run, a Hugging Face folder or hub id."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers.utils.logging import disable_progress_bar

from agents.choices import TINY_MODELS
from agents.families import load_pretrained
from agents.language_model import LanguageModel
from agents.tiny import build_tiny

disable_progress_bar()  # a bar for every checkpoint's few files would tear the run's own

# What a run's checkpoint has beside an ordinary Hugging Face folder's files.
STATE_FILE = "trainer_state.json"


def load_policy(model: str, seed: int, others: Sequence[str] = ()) -> LanguageModel:
    """A tiny model (its weights drawn from `seed`), an earlier run, a Hugging Face folder, or a hub id.

    Args:
        model: which.
        seed: of a tiny model's weights.
        others: names that mean something where this is called, for did-you-mean.

    Raises:
        ValueError: the model cannot be found or read, or is of no known family.
    """
    if model in TINY_MODELS:
        return build_tiny(model, seed)
    path = Path(model)
    if not path.exists() and (model.count("/") != 1 or model.startswith((".", "/", "~"))):
        close = get_close_matches(model, (*TINY_MODELS, *others), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        tiny = ", ".join(TINY_MODELS)
        raise ValueError(
            f"--model {model} is neither a tiny model ({tiny}), nor a folder, nor a hub id (OWNER/NAME){hint}"
        )
    checkpoint = str(latest_checkpoint(path)) if (path / "checkpoints").is_dir() else model
    try:
        policy = load_pretrained(checkpoint)
    except (OSError, ValueError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"--model {model} could not be loaded: {reason}") from error
    if policy.processor.chat_template is None:
        print(f"note: {model} has no chat template, so it reads the plain prompt", file=sys.stderr)
    return policy.to("cuda" if torch.cuda.is_available() else "cpu")


def checkpoints(run: Path) -> list[Path]:
    """A run's checkpoints, oldest first."""
    return sorted(p for p in (run / "checkpoints").glob("step-*") if (p / STATE_FILE).exists())


def latest_checkpoint(run: Path) -> Path:
    """The newest checkpoint of a run.

    Raises:
        ValueError: the folder is no run, or the run ended before its first checkpoint.
    """
    if (run / STATE_FILE).exists():
        raise ValueError(f"{run} is a checkpoint; name its run, {run.parent.parent}")
    if not (run / "config.json").exists():
        raise ValueError(f"{run} is not a run: it has no config.json")
    found = checkpoints(run)
    if not found:
        raise ValueError(f"{run} has no checkpoint: it ended before the first one")
    return found[-1]
