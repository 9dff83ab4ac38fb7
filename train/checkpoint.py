"""Checkpoints: an ordinary Hugging Face folder, with the trainer's state beside the weights. Nothing is pickled."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from agents.language_model import LanguageModel
from agents.loading import STATE_FILE, checkpoints
from train.distributed import Processes
from train.optimizer import flat_state, load_flat_state
from train.sharding import full_weights

OPTIMIZER_FILE = "optimizer.safetensors"


def save_checkpoint(
    run: Path,
    policy: LanguageModel,
    optimizers: list[torch.optim.Optimizer],
    state: dict[str, Any],
    keep: int,
    processes: Processes | None = None,
) -> Path:
    """Write `run/checkpoints/step-NNNNNN`, aside and then renamed, and delete all but the newest `keep`.

    Of several processes all must call it: the main one writes, the others help to gather what is sharded, and wait.
    """
    target = run / "checkpoints" / f"step-{int(state['step']):06d}"
    weights, tensors = full_weights(policy.model), flat_state(optimizers)
    if processes is None or processes.main:
        with written_aside(target) as aside:
            policy.save(aside, weights)
            save_file(tensors, aside / OPTIMIZER_FILE)
            (aside / STATE_FILE).write_text(json.dumps(state, indent=2))
        for old in checkpoints(run)[:-keep]:
            shutil.rmtree(old)
    if processes is not None:
        processes.wait()
    return target


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A folder that takes the name `target` when all of it is written, and not before."""
    aside = target.with_name(f".{target.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    shutil.rmtree(target, ignore_errors=True)
    aside.replace(target)


def load_trainer_state(checkpoint: Path, optimizers: list[torch.optim.Optimizer]) -> dict[str, Any]:
    """Put the optimizers where they were, and return the rest of the trainer's state.

    Raises:
        ValueError: a file that cannot be read.
    """
    try:
        load_flat_state(optimizers, load_file(checkpoint / OPTIMIZER_FILE))
        return json.loads((checkpoint / STATE_FILE).read_text())
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise ValueError(
            f"the checkpoint {checkpoint} is broken ({error}); delete it to go on from the one before"
        ) from error
