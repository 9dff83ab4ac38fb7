"""Policies by name: a tiny model, a run, a Hugging Face folder or hub id, a baseline."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers.utils.logging import disable_progress_bar

import envs
from agents.baselines import Chance, Constant, Oracle, tagged
from agents.choices import TINY_MODELS
from agents.families import load_pretrained
from agents.language_model import LanguageModel
from agents.policy import Policy
from agents.qwen_vl import QwenVL
from agents.tiny import build_tiny
from train.checkpoint import latest_checkpoint

disable_progress_bar()  # a bar for every checkpoint's few files would tear the run's own

# Problems of the training split whose answers stand for the prior.
ANSWER_POOL = 1024
BASELINES = ("oracle", "constant", "chance")
# A model of fewer parameters is trained from scratch, not fine-tuned.
SMALL = 50_000_000


def evaluation_policy(
    model: str, task: envs.Task | None, shapes: Sequence[tuple[int, int, int]], seed: int, max_new_tokens: int
) -> Policy:
    """A policy to evaluate: one of the baselines, or whatever `load_policy` takes.

    Args:
        model: which.
        task: what it is asked, if that is a task.
        shapes: `(H, W, 3)` of the pictures; none where there are no pictures.
        seed: of chance's draws and of a tiny model's weights.
        max_new_tokens: the longest answer.

    Raises:
        ValueError: the model cannot be read or cannot take the pictures, or a baseline is asked for where there is no
            task to take it from.
    """
    if model in BASELINES:
        if task is None:
            raise ValueError(f"--model {model} needs a Task, and this environment is not made from one; name a model")
        return baseline(model, task, seed)
    policy = load_policy(model, seed, BASELINES)
    check_pictures(policy, task, shapes)
    policy.max_new_tokens = max_new_tokens
    return policy


def baseline(name: str, task: envs.Task, seed: int) -> Policy:
    """The policy that a name of `BASELINES` means; `seed` is that of chance's draws."""
    if name == "oracle":
        return Oracle()
    if name == "constant":
        return Constant(envs.yardsticks(task).best_constant_answer)
    return Chance(answer_pool(task), seed)


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
        print(f"note: {model} has no chat template, so it reads the plain prompt")
    return policy.to("cuda" if torch.cuda.is_available() else "cpu")


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
                f"patches are {patch} pixels, merged"
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
