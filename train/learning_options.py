"""Settings of a training run that say how it learns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Optimizer = Literal["muon", "adamw"]
Schedule = Literal["linear", "cosine", "constant"]

AT_LEAST = {
    "lr_warmup_steps": 0,
    "weight_decay": 0,
    "entropy_bonus": 0,
    "entropy_target": 0,
    "replay_weight": 0,
}
ABOVE_ZERO = ("learning_rate", "adamw_learning_rate", "max_grad_norm")
FRACTIONS = ("lr_warmup", "lr_decay_start", "lr_final")
# Two ways to say one thing.
WARMUPS = ("lr_warmup", "lr_warmup_steps")
WARMUP_STEPS = 5
# Peak rates of what Muon leaves to AdamW: with rewards, and with labels or a teacher.
ADAMW_RATES = (3e-4, 3e-3)


@dataclass(frozen=True)
class LearningOptions:
    """The optimizer, its schedule, and what the policy's loss is mixed with."""

    optimizer: Optimizer | None = None
    """muon: Muon on the matrices, AdamW on the rest (for training from scratch). Default: muon for
    a small model (a tiny one, or a run of it) whose every weight learns, else adamw."""

    learning_rate: float | None = None
    """Peak learning rate of the optimizer. Default: 0.005 for muon; for adamw 3e-4 if the model is
    small, else 1e-6, and ten times that with --lora. With sft and distill 0.02, 1e-3, 1e-5."""

    adamw_learning_rate: float | None = None
    """With muon: the peak learning rate of what is no matrix: token and patch embeddings, biases, norms. Default: 3e-4;
    3e-3 with sft and distill."""

    weight_decay: float = 0.0
    """Decoupled weight decay."""

    lr_warmup_steps: int | None = None
    """Steps over which the learning rate rises from 0. Default: 5, unless --lr-warmup is given."""

    lr_warmup: float | None = None
    """The same as a fraction of the run, in place of --lr-warmup-steps."""

    lr_schedule: Schedule = "linear"
    """How the learning rate falls to lr-final: along a straight line, along half a cosine, or not at all."""

    lr_decay_start: float = 0.3
    """Fraction of the run after which the learning rate falls."""

    lr_final: float = 0.05
    """Learning rate at the end, as a fraction of the peak."""

    max_grad_norm: float = 1.0
    """Gradients longer than this are scaled down to it."""

    entropy_bonus: float | None = None
    """Weight of the policy's entropy in the objective, where the entropy is at --entropy-target. Default: 0.05 for a
    small model that begins without labels, and with --entropy-target, else 0."""

    entropy_target: float | None = None
    """Entropy, in nats a token, by which the bonus is steered: more below it, none far above it. It falls with the
    learning rate, to a third. 0 keeps it constant. Default: 0.4 for a small model with a bonus, else 0."""

    replay_weight: float | None = None
    """Weight of the cold start's lesson in the loss of GRPO: other problems' answers, one to each problem. It falls
    with the learning rate. Default: 0.05 for a small model after --cold-start format, else 0."""


def require_one_warmup(config: Any) -> None:
    """Refuse a warm-up that is told twice.

    Raises:
        ValueError: naming both flags.
    """
    if config.lr_warmup is not None and config.lr_warmup_steps is not None:
        raise ValueError(
            f"--lr-warmup {config.lr_warmup} and --lr-warmup-steps {config.lr_warmup_steps} both say how long the "
            "learning rate rises; give one of them"
        )


def without_warmup(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what they say of the warm-up, which a flag is about to replace."""
    return {name: value for name, value in settings.items() if name not in WARMUPS}


def require_target(config: Any) -> None:
    """Refuse an entropy target without the bonus that it steers.

    Args:
        config: a `train.config.TrainConfig`.

    Raises:
        ValueError: naming the flags.
    """
    if config.entropy_target and config.entropy_bonus == 0:
        raise ValueError(
            f"--entropy-target {config.entropy_target} steers the entropy bonus, and --entropy-bonus 0 is none; leave "
            "--entropy-bonus out, or say --entropy-target 0"
        )


def require_muon(config: Any, optimizer: Optimizer) -> None:
    """Refuse a rate for the parameters that Muon leaves to AdamW where AdamW has them all.

    The defaults pass: settings of another run hold them.

    Args:
        config: a `train.config.TrainConfig`.
        optimizer: what it comes to.

    Raises:
        ValueError: naming the flags.
    """
    if optimizer == "adamw" and config.adamw_learning_rate not in (None, *ADAMW_RATES):
        raise ValueError(
            f"--adamw-learning-rate {config.adamw_learning_rate} is for what --optimizer muon leaves to AdamW, and "
            "here the optimizer is adamw, whose rate is --learning-rate; leave it out, or say --optimizer muon"
        )
