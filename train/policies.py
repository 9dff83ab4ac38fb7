"""Policies by name: the tiny model, a run, a Hugging Face folder or hub id, a baseline."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoConfig
from transformers.utils.logging import disable_progress_bar

import envs
from agents.baselines import Chance, Constant, Oracle, tagged
from agents.policy import Policy
from agents.qwen_vl import QwenVL
from agents.tiny import build_model, build_processor
from train.checkpoint import latest_checkpoint
from train.config import TINY

disable_progress_bar()  # a bar for every checkpoint's few files would tear the run's own

FAMILIES = ("qwen2_5_vl",)
# Problems of the training split whose answers stand for the prior.
ANSWER_POOL = 1024
BASELINES = ("oracle", "constant", "chance")
# A model of fewer parameters is trained from scratch, not fine-tuned.
SMALL = 50_000_000


def evaluation_policy(model: str, task: envs.Task | None, seed: int, max_new_tokens: int) -> Policy:
    """A policy to evaluate: one of the baselines, or whatever `load_policy` takes.

    Raises:
        ValueError: the model cannot be read, or a baseline is asked for where there is no task to take it from.
    """
    if model in BASELINES:
        if task is None:
            raise ValueError(f"--model {model} needs a Task, and this environment is not made from one; name a model")
        return baseline(model, task, seed)
    policy = load_policy(model, seed, BASELINES)
    policy.max_new_tokens = max_new_tokens
    return policy


def baseline(name: str, task: envs.Task, seed: int) -> Policy:
    """The policy that a name of `BASELINES` means; `seed` is that of chance's draws."""
    if name == "oracle":
        return Oracle()
    if name == "constant":
        return Constant(envs.yardsticks(task).best_constant_answer)
    return Chance(answer_pool(task), seed)


def load_policy(model: str, seed: int, others: Sequence[str] = ()) -> QwenVL:
    """The tiny model (its weights drawn from `seed`), an earlier run, a Hugging Face folder, or a hub id.

    Args:
        model: which.
        seed: of the tiny model.
        others: names that mean something where this is called, for did-you-mean.

    Raises:
        ValueError: the model cannot be found or read, or is no Qwen-VL.
    """
    if model == TINY:
        processor = build_processor()
        return QwenVL(build_model(seed, processor.tokenizer), processor)
    path = Path(model)
    if not path.exists() and (model.count("/") != 1 or model.startswith((".", "/", "~"))):
        close = get_close_matches(model, (TINY, *others), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"--model {model} is neither {TINY!r}, nor a folder, nor a hub id (OWNER/NAME){hint}")
    checkpoint = str(latest_checkpoint(path)) if (path / "checkpoints").is_dir() else model
    try:
        kind = AutoConfig.from_pretrained(checkpoint).model_type
        if kind not in FAMILIES:
            raise ValueError(f"it is a {kind} model, and only {', '.join(FAMILIES)} can be used so far")
        policy = QwenVL.load(checkpoint)
    except (OSError, ValueError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"--model {model} could not be loaded: {reason}") from error
    return policy.to("cuda" if torch.cuda.is_available() else "cpu")


def is_small(policy: QwenVL) -> bool:
    """Whether the model is small enough to be trained from scratch."""
    return policy.model.num_parameters() < SMALL


def answer_pool(task: envs.Task) -> list[str]:
    """Answers to many problems of the training split."""
    return [envs.problem(task, seed, "train").answer for seed in range(ANSWER_POOL)]


def answer_tokens(policy: QwenVL, task: envs.Task, worked: bool) -> int:
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
