"""Settings of a training run that say how hard its problems are, and when they become harder."""

import math
from dataclasses import dataclass
from typing import Any, Literal

CurriculumRule = Literal["success", "error"]

AT_LEAST = {"curriculum_window": 1}
SHARE, QUANTILE, WINDOW, REVIEW = 0.5, 0.5, 10, 0.25
WORST = 0.1
"""Of the worst error: what the quantile of the errors has to come down to."""
SETTINGS = ("curriculum_threshold", "curriculum_quantile", "curriculum_window", "curriculum_review")


@dataclass(frozen=True)
class CurriculumOptions:
    """The curriculum. Evaluations are always of the whole task."""

    curriculum: CurriculumRule | None = None
    """Begin with the task's easiest level, and go on to the next one when the answers are good enough. success: by the
    share of sampled answers that are within the task's tolerance; error: by a quantile of their errors. `python -m
    envs show` tells a task's levels. Default: no curriculum, every problem is the whole task's."""

    curriculum_threshold: float | None = None
    """What is good enough. success: at least this share, above 0 and at most 1; error: at most this error, in the
    task's unit. Default: a share of 0.5; a tenth of the worst error."""

    curriculum_quantile: float | None = None
    """With --curriculum error: which quantile of the errors, above 0 and at most 1. Default: 0.5, the median."""

    curriculum_window: int | None = None
    """GRPO steps at a level over whose mean it is judged, and fewer are not enough. Default: 10."""

    curriculum_review: float | None = None
    """The share of a step's problems that are posed at the levels below, so that they are not forgotten; 0 poses none.
    Default: 0.25."""


def resolved_curriculum(config: Any) -> dict[str, Any]:
    """What is left open of a curriculum, but its threshold, which is the task's; nothing where there is none.

    Args:
        config: a `train.config.TrainConfig`.
    """
    if config.curriculum is None:
        return {}
    defaults: dict[str, Any] = {"curriculum_window": WINDOW, "curriculum_review": REVIEW}
    if config.curriculum == "error":
        return defaults | {"curriculum_quantile": QUANTILE}
    return defaults | {"curriculum_threshold": SHARE}


def require_curriculum(config: Any, flag: Any) -> None:
    """Refuse settings of a curriculum that are out of range, or of one that there is not.

    Args:
        config: a `train.config.TrainConfig`.
        flag: the command-line spelling of a field.

    Raises:
        ValueError: naming the flag.
    """
    rule = config.curriculum
    for name in SETTINGS:
        if getattr(config, name) is not None and rule is None:
            raise ValueError(f"{flag(name)} is for a curriculum; say --curriculum success, or error")
    threshold, quantile, review = config.curriculum_threshold, config.curriculum_quantile, config.curriculum_review
    if quantile is not None and rule == "success":
        raise ValueError("--curriculum-quantile is for --curriculum error, and it is success")
    if quantile is not None and not 0 < quantile <= 1:
        raise ValueError(f"--curriculum-quantile must be above 0 and at most 1, got {quantile}")
    if review is not None and not 0 <= review < 1:
        raise ValueError(f"--curriculum-review is a share, from 0 and below 1, got {review}")
    if rule == "success" and threshold is not None and not 0 < threshold <= 1:
        raise ValueError(f"--curriculum-threshold is a share with success, above 0 and at most 1, got {threshold}")
    if rule == "error" and threshold is not None and not 0 <= threshold < math.inf:
        raise ValueError(f"--curriculum-threshold is an error, from 0 up and finite, got {threshold}")
