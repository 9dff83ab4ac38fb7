"""The settings that five reproductions of DeepSeek-R1 published, as data.

A preset holds what its project told. What it did not tell is left to the defaults here, but for what each needs to be
that project at all (`Preset.assumed`). Faults are not reproduced (`Preset.differs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

PresetName = Literal["clock-7b", "correlation-7b", "gsm8k-1.5b", "gsm8k-llama-3b", "countdown-7b", "gsm8k-0.5b"]


@dataclass(frozen=True)
class Preset:
    """The published settings of one project."""

    env: str
    origin: str
    """Whose they are, and what came of them."""
    settings: Mapping[str, Any]
    """Fields of `train.config.TrainConfig`."""
    task: Mapping[str, Any]
    """Fields of the task."""
    rewards: tuple[tuple[str, float], ...]
    """What an answer was paid for, as `--reward NAME WEIGHT` has it."""
    assumed: str = ""
    """What was not told, and had to be chosen."""
    differs: str = ""
    """What is otherwise here, and why."""

    def __post_init__(self) -> None:
        """Freeze the mappings."""
        for name in ("settings", "task"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


# The optimizer of a project with three tasks: one prompt a step, 16 chains to it.
ONE_PROMPT = {
    "loss": "grpo",
    "problems_per_step": 1,
    "group_size": 16,
    "optimizer": "adamw",  # with β 0.9 and 0.99, as everywhere here
    "learning_rate": 5e-6,
    "weight_decay": 0.1,
    "max_grad_norm": 0.1,
    "lr_warmup": 0.18,
    "lr_schedule": "constant",
    "kl_weight": 0.04,
    "temperature": 0.9,
    "max_new_tokens": 786,
}
# The five rewards for GSM8K that became customary: right, a whole number, and three of form.
FIVE = (
    ("correct", 2.0),
    ("numeric:whole=true", 0.5),
    ("strict_format", 0.5),
    ("soft_format", 0.5),
    ("tag_count", 0.5),
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "clock-7b": Preset(
            env="clock",
            origin="Clocks of 224 px read by a 7B Qwen2.5-VL: MAE 180 to about 10 minutes in 2,300 steps on an H100",
            settings={
                "model": "Qwen/Qwen2.5-VL-7B-Instruct",
                **ONE_PROMPT,
                "steps": 2300,
            },
            task={"size": 224, "second_hand": True, "reward_shape": "linear", "form": "reasoning"},
            # from +3 to −3 is 6 from 0 on: what all answers get alike, no advantage tells
            rewards=(("accuracy", 6.0), ("readable", 0.5), ("strict_format", 0.5)),
            assumed="a constant rate after the warm-up; as many steps as its result took",
            differs="pictures are drawn in memory, not through one file; the held-out problems are the same each time",
        ),
        "correlation-7b": Preset(
            env="correlation",
            origin="Scatter plots of 75 points, r from 0 to 1, same model: |error| 0.227 to between 0.06 and 0.10",
            settings={
                "model": "Qwen/Qwen2.5-VL-7B-Instruct",
                **ONE_PROMPT,
                "steps": 2300,
            },
            task={
                "size": 224,
                "low": 0.0,
                "high": 1.0,
                "min_points": 75,
                "max_points": 75,
                "reward_shape": "linear",
                "form": "reasoning",
            },
            # 1 − |error| is 2 (1 − |error| / 2) − 1
            rewards=(("accuracy", 2.0), ("strict_format", 0.5)),
            assumed="optimizer, sampling, bound, size of the picture and weight of the form as for its clocks",
            differs="the reward of the form can be earned, where theirs never matched; the truth is the r of the "
            "points that are drawn, where theirs was that of the population",
        ),
        "gsm8k-1.5b": Preset(
            env="gsm8k",
            origin="GSM8K by a 1.5B Qwen2.5, GRPO from scratch: correctness 0.25 to 1.33 of 2 in 340 steps on an H100",
            settings={
                "model": "Qwen/Qwen2.5-1.5B-Instruct",
                **ONE_PROMPT,
                "steps": 340,
            },
            task={"source": "hub", "form": "reasoning"},
            rewards=FIVE,
            assumed="that the model is the instructed one; one prompt a step, weight decay, clipping, warm-up, a "
            "constant rate after it and the longest answer as for the clocks; as many steps as its result took",
            differs="the reference that it offered to mix in slowly is --reference mixed, with the same defaults",
        ),
        "gsm8k-llama-3b": Preset(
            env="gsm8k",
            origin="GSM8K by Llama 3.2 3B with <reasoning> and <answer> and five rewards of XML",
            settings={"model": "meta-llama/Llama-3.2-3B-Instruct", "loss": "grpo", "epochs": 1.0},
            task={"source": "hub", "form": "reasoning"},
            rewards=FIVE,
            assumed="all but model and rewards, which is all that was told; that the model is the instructed one; one "
            "pass over the data",
            differs="its authors would give the rewards of form smaller weights next time; the supervised fine-tuning "
            "that they had beside it is this preset with --algorithm sft --task.form labels",
        ),
        "countdown-7b": Preset(
            env="countdown",
            origin="An R1-Zero tutorial: Countdown-Tasks-3to4 by a 7B Qwen2.5",
            settings={
                "model": "Qwen/Qwen2.5-7B-Instruct",
                "loss": "grpo",
                "problems_per_step": 2,
                "group_size": 8,
                "optimizer": "adamw",
                "learning_rate": 5e-5,
                "dtype": "bfloat16",
                "epochs": 1.0,
            },
            task={"source": "hub", "form": "think"},
            rewards=(
                ("correct", 1.0),
                ("strict_format", 1.0),
                ("reasoning_steps", 1.0),
                ("cosine", 1.0),
                ("repetition:n=3:penalty=-0.1", 1.0),
            ),
            assumed="weights of 1; AdamW, one device; how many of the 16 answers to an update (8 a device, accumulated "
            "twice) belong to one problem: 8",
            differs="flash attention takes no mask that hides packed answers from each other, so it is not asked for; "
            "metrics.csv has every step, where theirs logged each tenth",
        ),
        "gsm8k-0.5b": Preset(
            env="gsm8k",
            origin="GSM8K by Qwen2.5-0.5B-Instruct with <think> and <answer>",
            settings={
                "model": "Qwen/Qwen2.5-0.5B-Instruct",
                "loss": "grpo",
                "problems_per_step": 2,
                "group_size": 8,
                "optimizer": "adamw",
                "learning_rate": 3e-6,
                "lr_schedule": "cosine",
                "lr_decay_start": 0.0,
                "lr_final": 0.0,
                "dtype": "bfloat16",
                "checkpoint_every": 500,
                "epochs": 1.0,
            },
            task={"source": "hub", "form": "think"},
            rewards=(
                ("correct", 2.0),
                ("numeric", 0.5),
                ("strict_format", 0.5),
                ("soft_format", 0.5),
                ("tag_count", 0.5),
                ("log_length", 0.5),
            ),
            assumed="the weights; one pass over the data; a cosine over the whole run, down to 0; how many of the 16 "
            "answers to an update (4, accumulated four times) belong to one problem: 8",
            differs="its Adam is AdamW here, which without weight decay is the same",
        ),
    }
)
