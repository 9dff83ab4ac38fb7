"""What changes as a run goes on: learning rate, entropy target."""

import math

from train.config import Settings

# What is left of the entropy target at the end of a run, as a fraction: precise answers have little of it.
ENTROPY_FINAL = 1 / 3


def fraction_done(config: Settings, step: int, seconds: float) -> float:
    """How far along the run is, from 0 to 1: by steps where they or epochs bound it, else by the clock.

    The learning rate follows it, so only a run bounded by them does the same again.
    """
    if config.last_step is not None:
        return min(1.0, step / config.last_step)
    return min(1.0, seconds / (60 * config.minutes)) if config.minutes is not None else 0.0


def learning_rate_factor(config: Settings, step: int, done: float) -> float:
    """What the peak learning rates are multiplied by: warm-up, a plateau, then down as `lr_schedule` says.

    Args:
        config: the resolved settings.
        step: steps done before this one.
        done: `fraction_done` of the run.
    """
    return warmed_up(config, step, done) * decayed(config, done, config.lr_final)


def warmed_up(config: Settings, step: int, done: float) -> float:
    """How far the learning rate has risen, above 0 to 1; a warm-up that is a fraction follows what bounds the run."""
    if config.lr_warmup is None:
        return min(1.0, (step + 1) / config.lr_warmup_steps) if config.lr_warmup_steps else 1.0
    if config.last_step is None:
        return min(1.0, done / config.lr_warmup) if config.lr_warmup else 1.0
    steps = config.lr_warmup * config.last_step
    return min(1.0, (step + 1) / steps) if steps else 1.0


def entropy_target(config: Settings, done: float) -> float:
    """The entropy to steer to: it falls as the learning rate does, to `ENTROPY_FINAL` of what it was."""
    return config.entropy_target * decayed(config, done, ENTROPY_FINAL)


def decayed(config: Settings, done: float, final: float) -> float:
    """1 until `lr_decay_start` of the run, then down to `final` at its end, as `lr_schedule` says."""
    if config.lr_schedule == "constant" or done <= config.lr_decay_start:
        return 1.0
    way = (done - config.lr_decay_start) / (1 - config.lr_decay_start)
    if config.lr_schedule == "cosine":
        way = (1 - math.cos(math.pi * way)) / 2
    return 1.0 + way * (final - 1.0)
