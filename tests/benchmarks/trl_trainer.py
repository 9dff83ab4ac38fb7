"""TRL's GRPOTrainer on a task of ours, set up to be as fast as it can: no logging, saving or checkpointing.

Needs `pip install -e '.[trl]'`; TRL is imported where it is used, so that this file can be read without it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import torch
from torch import Tensor

import envs
from envs.adapters.trl import dataset
from train.optimizer import BETAS

AfterStep = Callable[[float, float, float], None]
MISSING = "this compares with TRL, which is not installed: pip install -e '.[trl]'"


@dataclass(frozen=True)
class Batch:
    """TRL's first batch, group after group, and what it made of it."""

    seeds: list[int]
    ids_BT: Tensor
    rewards: list[float]
    gradient: dict[str, Tensor]


def reward_of(task: envs.Task) -> Callable[[str, str], float]:
    """The task's own reward."""
    return lambda text, answer: task.score(text, answer).reward


def grpo_trainer(
    folder: Path,
    score: Callable[[str, str], float],
    task: envs.Task,
    seeds: Sequence[int],
    group: int,
    tokens: int,
    suppressed: Sequence[int],
    *,
    steps: int,
    rate: float = 1e-4,
    optimizers: tuple[Any, Any] = (None, None),
    model: Any = None,
    after_step: AfterStep | None = None,
    **settings: Any,
) -> Any:
    """A `GRPOTrainer` that takes `steps` steps through the rows, in order.

    Args:
        folder: the model.
        score: the reward of a text, given the problem's answer.
        task: poses the problems.
        seeds: of the problems, as many as all steps take, in order.
        group: answers to each problem.
        tokens: the longest answer.
        suppressed: tokens that are never sampled.
        steps: optimizer steps, one on each batch.
        rate: learning rate, constant.
        optimizers: in place of AdamW with a constant rate.
        model: in place of the one in the folder.
        after_step: called after each step with the seconds that it took, those of them spent on fetching data, and
            the processor time of all threads.
        settings: more of `GRPOConfig`; and `recompute`, whether the backward pass computes activations again.
    """
    try:
        from transformers import AutoModelForImageTextToText, AutoProcessor
        from trl import GRPOConfig, GRPOTrainer
    except ImportError as error:
        raise SystemExit(MISSING) from error

    def reward(completions: list, answer: list[str], **_: Any) -> list[float]:
        texts = [completion[0]["content"] for completion in completions]
        return [score(text, truth) for text, truth in zip(texts, answer, strict=True)]

    batch = group * (len(seeds) // steps)
    args = GRPOConfig(
        output_dir=str(Path(gettempdir()) / "trl-benchmark"),
        **{
            "per_device_train_batch_size": batch,
            "num_generations": group,
            "steps_per_generation": 1,
            "gradient_accumulation_steps": 1,
            "num_iterations": 1,
            "max_completion_length": tokens,
            "generation_kwargs": {"suppress_tokens": list(suppressed)},
            "temperature": 1.0,
            "beta": 0.0,
            "loss_type": "dapo",  # every token counts the same, as in ours
            "learning_rate": rate,
            "lr_scheduler_type": "constant",
            "adam_beta1": BETAS[0],
            "adam_beta2": BETAS[1],
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
            "max_steps": steps,
            "bf16": False,
            recomputing(GRPOConfig): settings.pop("recompute", False),
            "use_cpu": not torch.cuda.is_available(),
            "shuffle_dataset": False,
            "dataloader_num_workers": 0,
            "report_to": "none",
            "logging_strategy": "no",
            "save_strategy": "no",
            "disable_tqdm": True,
            "seed": 0,
            **settings,
        },
    )
    return GRPOTrainer(
        model=model
        or AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa"),
        processing_class=AutoProcessor.from_pretrained(folder),
        reward_funcs=reward,
        args=args,
        train_dataset=dataset(task, seeds),
        optimizers=optimizers,
        callbacks=[stopwatch(after_step)] if after_step else [],
    )


def recomputing(config: Any) -> str:
    """What a configuration calls gradient checkpointing, which has a new name since transformers 5.20."""
    names = ("activation_checkpointing", "gradient_checkpointing")
    return next(name for name in names if name in config.__dataclass_fields__)


def stopwatch(after_step: AfterStep) -> Any:
    """A callback that times a step from the end of the one before; what `after_step` does is not counted."""
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.mark, self.processor = time.perf_counter(), time.process_time()

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.fetched = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            now, processor = time.perf_counter(), time.process_time()
            after_step(now - self.mark, self.fetched - self.mark, processor - self.processor)
            self.mark, self.processor = time.perf_counter(), time.process_time()

    return Stopwatch()


def first_batch(trainer: Any) -> Batch:
    """Take a trainer's first step; returns its batch and its gradient, not clipped."""
    from transformers import TrainerCallback

    trainer.args.max_grad_norm = 1e9
    caught: dict[str, Any] = {}
    generate, score = trainer._generate_and_score_completions, trainer._calculate_rewards

    def kept_generate(inputs: list[dict[str, Any]]) -> Any:
        output = generate(inputs)
        caught.update(seeds=[row["seed"] for row in inputs], ids=output["completion_ids"].clone())
        return output

    def kept_score(*arguments: Any) -> Any:
        rewards = score(*arguments)
        caught["rewards"] = rewards[:, 0].tolist()
        return rewards

    class Gradient(TrainerCallback):
        def on_pre_optimizer_step(self, *_: Any, model: Any, **__: Any) -> None:
            named = model.named_parameters()
            caught["gradient"] = {name: p.grad.clone() for name, p in named if p.grad is not None}

    trainer._generate_and_score_completions, trainer._calculate_rewards = kept_generate, kept_score
    trainer.add_callback(Gradient())
    trainer.train()
    return Batch(caught["seeds"], caught["ids"], caught["rewards"], caught["gradient"])
