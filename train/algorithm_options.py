"""Settings of a training run that say which algorithm trains, and what it imitates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from train.loss_options import DEFAULTS as LOSS_DEFAULTS

Algorithm = Literal["grpo", "sft", "distill"]
Distill = Literal["off-policy", "on-policy"]
DistillTexts = Literal["teacher", "demonstrations"]

ABOVE_ZERO = ("distill_temperature",)
# What only some algorithms take; unused, it is None.
DISTILL_ONLY = ("teacher", "distill", "distill_texts", "distill_temperature")
# What means nothing without rewards, by what it is where it is left alone.
GRPO_ONLY: dict[str, tuple[Any, ...]] = {
    **{name: (None, value) for name, value in LOSS_DEFAULTS.items()},
    "loss": (None,),
    "reference": ("fixed",),
    "curriculum": (None,),
    "updates_per_batch": (1,),
    "cold_start": (None, "none"),
    "cold_start_steps": (None, 0),
    "entropy_bonus": (None, 0.0),
    "entropy_target": (None, 0.0),
    "replay_weight": (None, 0.0),
}


@dataclass(frozen=True)
class AlgorithmOptions:
    """The algorithm, and where its texts come from."""

    algorithm: Algorithm = "grpo"
    """grpo: learn from the rewards of sampled answers; sft: imitate worked solutions, which are labels, token by token;
    and distill: imitate a teacher's distribution of each token. All write the same folder, and evaluate alike."""

    data: Path | None = None
    """With sft and off-policy distill: texts to imitate, in place of the environment's worked solutions. A JSONL file,
    each row with `prompt` and `response`, or `messages`, and maybe `images`, paths beside the file."""

    teacher: str | None = None
    """With distill: who is imitated, a run, a folder or a hub id with the same vocabulary; it may have another size."""

    distill: Distill | None = None
    """off-policy: soft targets on given texts, KL(teacher, student); on-policy: reverse KL(student, teacher) on the
    student's own sampled answers. Default: off-policy."""

    distill_texts: DistillTexts | None = None
    """With off-policy distillation, the texts: answers sampled from the teacher, or the environment's worked solutions.
    Default: teacher, unless --data has them."""

    distill_temperature: float | None = None
    """T, by which both distributions are softened; the loss is T² times the divergence. Default: 1."""


def samples(config: Any) -> bool:
    """Whether answers are sampled in training, by the policy or its teacher."""
    if config.algorithm != "distill":
        return config.algorithm == "grpo"
    return config.distill == "on-policy" or (config.data is None and config.distill_texts in (None, "teacher"))


def require_fit(config: Any, flag: Any) -> None:
    """Refuse what the algorithm does not take, which would be left unused without a word.

    Args:
        config: a `TrainConfig`, as asked for or resolved.
        flag: the command-line spelling of a field.

    Raises:
        ValueError: naming the flag, and what it is for.
    """
    algorithm = f"--algorithm {config.algorithm}"
    if config.algorithm == "grpo" and config.data is not None:
        raise ValueError("--data is for --algorithm sft and distill; grpo learns from rewards, and imitates no text")
    if config.algorithm == "distill":
        _require_fit_of_distillation(config)
    else:
        for name in DISTILL_ONLY:
            if getattr(config, name) is not None:
                raise ValueError(f"{flag(name)} is for --algorithm distill, and this run has {algorithm}")
    if config.algorithm != "grpo":
        for name, unused in GRPO_ONLY.items():
            if getattr(config, name) not in unused:
                raise ValueError(f"{flag(name)} is for --algorithm grpo, and this run has {algorithm}; leave it out")
    if config.show_samples and config.algorithm != "grpo" and config.distill != "on-policy":
        raise ValueError(
            f"--show-samples {config.show_samples} shows answers that the policy samples in training, and with "
            f"{algorithm}{' off-policy' * (config.algorithm == 'distill')} it samples none; leave it out"
        )
    if not samples(config):
        if config.group_size not in (None, 1):
            raise ValueError(f"--group-size {config.group_size}: where texts are given there is one to each problem")
        if config.temperature != 1.0:
            raise ValueError(f"--temperature {config.temperature}: {algorithm} on given texts samples nothing")


def _require_fit_of_distillation(config: Any) -> None:
    if config.teacher is None:
        raise ValueError("--algorithm distill needs --teacher: a run, a checkpoint's folder or a hub id")
    given = {"--data": config.data, "--distill-texts": config.distill_texts}
    named = [name for name, value in given.items() if value is not None]
    if config.distill == "on-policy" and named:
        raise ValueError(f"{named[0]} is for --distill off-policy; on-policy the student learns from its own answers")
    if len(named) == 2:
        raise ValueError(f"--distill-texts {config.distill_texts} and --data both say which texts; give one of them")
