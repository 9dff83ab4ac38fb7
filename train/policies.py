"""Policies to evaluate, and what a policy has to be for a task."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import envs
from agents.baselines import Chance, Constant, Oracle, tagged
from agents.endpoint import Endpoint
from agents.language_model import LanguageModel
from agents.loading import SMALL, latest_checkpoint, load_policy
from agents.policy import Policy
from agents.qwen_vl import QwenVL
from train.evaluation.config import EvaluateConfig

# Problems of the training split whose answers stand for the prior.
ANSWER_POOL = 1024
BASELINES = ("oracle", "constant", "chance")


def evaluation_policy(config: EvaluateConfig, task: envs.Task | None, shapes: Sequence[tuple[int, int, int]]) -> Policy:
    """The policy that a command line names: a baseline, a server's model, or whatever `load_policy` takes.

    Args:
        config: of the evaluation.
        task: what it is asked, if that is a task.
        shapes: `(H, W, 3)` of the pictures; none where there are no pictures.

    Raises:
        ValueError: the model cannot be read or cannot take the pictures, or a baseline is asked for where there is no
            task to take it from.
    """
    if config.model in BASELINES:
        if task is None:
            raise ValueError(
                f"--model {config.model} needs a Task, and this environment is not made from one; name a model"
            )
        return baseline(config.model, task)
    if config.at_server:
        return Endpoint(config.endpoint())
    policy = load_policy(
        config.model,
        config.seed,
        BASELINES,
        device=config.device,
        dtype=config.dtype,
        attention=config.attention,
    )
    limit_pictures(policy, config.max_pixels)
    check_pictures(policy, task, shapes)
    policy.max_new_tokens = config.answer_tokens
    return policy


def described(policy: Policy, config: EvaluateConfig) -> dict[str, Any]:
    """Plain facts about a policy, for the results."""
    if isinstance(policy, Endpoint):
        return {"kind": "server", "served_model": config.served_model}
    if not isinstance(policy, LanguageModel):
        return {"kind": "baseline"}
    run = Path(config.model)
    checkpoint = latest_checkpoint(run).name if (run / "checkpoints").is_dir() else None
    return {
        "kind": "model" if checkpoint is None else "run",
        "checkpoint": checkpoint,
        "type": policy.model.config.model_type,
        "parameters": policy.model.num_parameters(),
        "dtype": str(policy.model.dtype).removeprefix("torch."),
    }


def weights_of(model: str) -> list[list[Any]] | None:
    """Name, size and time of each file of a model on disk, to notice that it was trained on since; else None."""
    folder = Path(model)
    if not folder.is_dir():
        return None
    found = latest_checkpoint(folder) if (folder / "checkpoints").is_dir() else folder
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(found.iterdir())]


def baseline(name: str, task: envs.Task) -> Policy:
    """The policy that a name of `BASELINES` means."""
    if name == "oracle":
        return Oracle()
    if name == "constant":
        return Constant(envs.yardsticks(task).best_constant_answer)
    return Chance(answer_pool(task))


def limit_pictures(policy: LanguageModel, most: int | None) -> None:
    """Have a model that sees scale larger pictures down to `most` pixels; None leaves them as its processor does.

    Raises:
        ValueError: fewer than one merged patch has.
    """
    if most is not None and isinstance(policy, QwenVL):
        policy.limit_pixels(most)


def check_pictures(policy: LanguageModel, task: envs.Task | None, shapes: Sequence[tuple[int, int, int]]) -> None:
    """Refuse pictures that the model cannot take, and say so if they will be resampled.

    Args:
        policy: who looks at them.
        task: where they come from, if it is a task.
        shapes: `(H, W, 3)`; none where there are no pictures.

    Raises:
        ValueError: the model reads text only, or the pictures are smaller than one of its merged patches.
    """
    if not shapes:
        return
    if not isinstance(policy, QwenVL):
        raise ValueError(
            f"{'the environment' if task is None else type(task).__name__} shows pictures, and a "
            f"{policy.model.config.model_type} model reads text only; choose a Qwen-VL, for example --model tiny"
        )
    patch = policy.patch_size * policy.merge_size
    for height, width, _ in shapes:
        if min(height, width) < patch:
            raise ValueError(
                f"pictures of {height}x{width} pixels are smaller than one of the model's patches ({patch} pixels, "
                f"merged); make them larger{'' if task is None else f', for example --task.size {4 * patch}'}"
            )
        rows, columns = policy.shown_size(height, width)
        if (rows, columns) != (height, width):
            print(
                f"note: pictures of {height}x{width} pixels are resampled to {rows}x{columns} for the model, whose "
                f"patches are {patch} pixels, merged",
                file=sys.stderr,
            )


def is_small(policy: LanguageModel) -> bool:
    """Whether the model is small enough to be trained from scratch."""
    return policy.model.num_parameters() < SMALL


def answer_pool(task: envs.Task) -> list[str]:
    """What a perfect policy would answer to many problems of the training split."""
    return [task.best_answer(envs.problem(task, seed, "train").answer) for seed in range(ANSWER_POOL)]


def answer_tokens(policy: LanguageModel, task: envs.Task, worked: bool) -> int:
    """How many tokens the longest answer takes, its end included.

    Args:
        policy: whose tokens.
        task: whose answers, to many problems of the training split.
        worked: the demonstrations, reasoning included, instead of the bare answers.
    """
    if worked:
        texts = [task.demonstration(envs.problem(task, seed, "train")) for seed in range(ANSWER_POOL)]
    else:
        texts = [tagged(answer) for answer in answer_pool(task)]
    ids_BT, _ = policy.encode(texts)
    return ids_BT.shape[1]
