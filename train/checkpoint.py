"""Checkpoints: an ordinary Hugging Face folder, with the trainer's state beside the weights. Nothing is pickled."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from agents.language_model import LanguageModel
from agents.loading import STATE_FILE, checkpoints, latest_checkpoint
from train.distributed import Processes
from train.optimizer import flat_state, load_flat_state
from train.sharding import full_weights
from train.storage import discard, discard_leftovers, writing, written_aside

OPTIMIZER_FILE = "optimizer.safetensors"
CHECKSUMS_FILE = "checksums.json"
REFERENCE_FOLDER = "reference"


def save_checkpoint(
    run: Path,
    policy: LanguageModel,
    optimizers: list[torch.optim.Optimizer],
    state: dict[str, Any],
    keep: int,
    processes: Processes | None = None,
    reference: LanguageModel | None = None,
) -> Path:
    """Write `run/checkpoints/step-NNNNNN`, aside and then renamed, and delete all but the newest `keep`.

    Of several processes all must call it: the main one writes, the others help to gather what is sharded, and wait.
    A `reference` is for one that changes: the fixed one lies in the run's folder.

    Raises:
        WriteError: it could not be written; those before it are as they were.
    """
    target = run / "checkpoints" / f"step-{int(state['step']):06d}"
    weights, tensors = full_weights(policy.model), flat_state(optimizers)
    compared = None if reference is None else full_weights(reference.model)
    if processes is None or processes.main:
        with written_aside(target) as aside:
            policy.save(aside, weights)
            save_file(tensors, aside / OPTIMIZER_FILE)
            if reference is not None:
                reference.save(aside / REFERENCE_FOLDER, compared)
            (aside / STATE_FILE).write_text(json.dumps(state, indent=2))
            (aside / CHECKSUMS_FILE).write_text(json.dumps(checksums(aside), indent=2))
        for old in checkpoints(run)[:-keep]:
            with writing(old):
                discard(old)
    if processes is not None:
        processes.wait()
    return target


def checksums(checkpoint: Path) -> dict[str, str]:
    """The SHA-256 of each file, by its path in the folder, as `checksums.json` keeps them.

    safetensors notices a file that was cut short, but not a changed bit among the weights. A processor core reads
    1.5 GB/s here, measured: a hundredth of a second for the tiny model and its optimizer, some 12 s for a model of
    6 GB with the 12 GB that AdamW keeps, once for each checkpoint written and once for each resume.
    """
    found = {}
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path.name != CHECKSUMS_FILE:
            with path.open("rb") as file:
                found[path.relative_to(checkpoint).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def flaw(checkpoint: Path, needed: Iterable[str] = (STATE_FILE, OPTIMIZER_FILE)) -> str | None:
    """Which file of a checkpoint is missing or not what was written; None if it is whole.

    Args:
        checkpoint: the folder.
        needed: what no list of its files is without.
    """
    path = checkpoint / CHECKSUMS_FILE
    if not path.is_file():
        return f"{CHECKSUMS_FILE} is missing"
    try:
        written, found = json.loads(path.read_text(encoding="utf-8")), checksums(checkpoint)
    except (OSError, ValueError) as error:
        return f"{getattr(error, 'filename', None) or CHECKSUMS_FILE} cannot be read ({error})"
    if not isinstance(written, dict) or not written.keys() >= set(needed):
        return f"{CHECKSUMS_FILE} is not what was written"
    for name, digest in written.items():
        if name not in found:
            return f"{name} is missing"
        if found[name] != digest:
            return f"{name} is not what was written (its SHA-256 is another)"
    return None


def resume_point(asked: Path) -> tuple[Path, Path]:
    """The run and the checkpoint that `--resume` means: a run and its newest checkpoint, or a checkpoint and its run.

    Raises:
        ValueError: there is no such run, or no checkpoint; or it is broken, and then which one before it is whole.
    """
    if asked.absolute().parent.name == "checkpoints":
        run = asked.parent.parent if asked.parent.name == "checkpoints" else asked.absolute().parents[1]
        checkpoint, found = run / "checkpoints" / asked.name, checkpoints(run)
        if checkpoint not in found:
            raise ValueError(f"{run} has no checkpoint {asked.name}, only {', '.join(path.name for path in found)}")
    else:
        run, checkpoint, found = asked, latest_checkpoint(asked), checkpoints(asked)
    broken = flaw(checkpoint)
    if broken is None:
        return run, checkpoint
    older = reversed(found[: found.index(checkpoint)])
    whole = next((path for path in older if flaw(path) is None), None)
    offer = "no other is whole: begin again" if whole is None else f"go on from the one before by --resume {whole}"
    raise ValueError(f"the checkpoint {checkpoint} is broken: {broken}; {offer}")


def go_back(run: Path, checkpoint: Path) -> None:
    """Make a checkpoint the newest of its run: later ones are deleted, and whatever a killed process left.

    Raises:
        WriteError: something cannot be deleted.
    """
    found = checkpoints(run)
    later = found[found.index(checkpoint) + 1 :]
    with writing(run / "checkpoints"):
        for path in reversed(later):  # stopped on the way, the run has every row up to its newest checkpoint still
            discard(path)
        discard_leftovers(run)
    if later:
        print(f"note: deleted what came after {checkpoint.name}: {', '.join(path.name for path in later)}")


def load_trainer_state(checkpoint: Path, optimizers: list[torch.optim.Optimizer]) -> dict[str, Any]:
    """Put the optimizers where they were, and return the rest of the trainer's state.

    Raises:
        ValueError: a file that cannot be read, or an optimizer of another model.
    """
    try:
        load_flat_state(optimizers, load_file(checkpoint / OPTIMIZER_FILE))
        return json.loads((checkpoint / STATE_FILE).read_text())
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"the checkpoint {checkpoint} cannot be used: {error}") from error
