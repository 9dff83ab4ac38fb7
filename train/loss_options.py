"""Settings of a training run that say what the loss is made of, and the published losses as settings of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agents.choices import AdvantageBaseline, AdvantageScale, KlEstimator, KlIn, Normalise, Overlong, RatioLevel

Loss = Literal["grpo", "dr_grpo", "dapo", "gspo", "cispo", "reinforce++"]
Surrogate = Literal["clip", "cispo"]
OldPolicy = Literal["rollout", "learner"]
Reference = Literal["fixed", "periodic", "mixed"]

AT_LEAST = {"kl_weight": 0, "clip_low": 0, "clip_high": 0, "reference_every": 1}
ABOVE_ZERO = ("reference_mix",)
FRACTIONS = ("clip_low",)
# What acts on a ratio that has moved.
OF_LATER_UPDATES = ("surrogate", "ratio_level", "old_policy", "clip_low", "clip_high")
# Steps between the changes of a reference that changes, and how much of the policy each mixes into it.
REFERENCE_EVERY, REFERENCE_MIX = 200, 0.1

DEFAULTS: dict[str, Any] = {
    "advantage_baseline": "group",
    "advantage_scale": "group",
    "surrogate": "clip",
    "ratio_level": "token",
    "old_policy": "rollout",
    "clip_low": 0.2,
    "clip_high": 0.2,
    "normalise": "token",
    "overlong": "counted",
    "resample": 0,
    "kl_weight": 0.0,
    "kl_estimator": "k3",
    "kl_in": "loss",
}
"""What `--loss` settles, as it is where no name is given."""

# DAPO draws again until its batch is full; here that has a bound.
DRAWN_AGAIN = 3
LOSSES: dict[str, dict[str, Any]] = {
    # Shao et al. 2024, DeepSeekMath, https://arxiv.org/abs/2402.03300, equation 3 and section 4.2
    "grpo": {"normalise": "sequence", "kl_weight": 0.04},
    # Liu et al. 2025, https://arxiv.org/abs/2503.20783, section 3
    "dr_grpo": {"normalise": "constant", "advantage_scale": "none"},
    # Yu et al. 2025, https://arxiv.org/abs/2503.14476, section 3
    "dapo": {"clip_high": 0.28, "overlong": "masked", "resample": DRAWN_AGAIN},
    # Zheng et al. 2025, https://arxiv.org/abs/2507.18071, equations 5 to 7 and section 5.1
    "gspo": {
        "normalise": "sequence",
        "ratio_level": "sequence",
        "old_policy": "learner",
        "clip_low": 3e-4,
        "clip_high": 4e-4,
    },
    # MiniMax 2025, MiniMax-M1, https://arxiv.org/abs/2506.13585, equation 4, which leaves the bound above open: it is
    # that of Khatri et al. 2025, ScaleRL, https://arxiv.org/abs/2510.13786, a weight of 5
    "cispo": {"surrogate": "cispo", "clip_low": 1.0, "clip_high": 4.0, "resample": DRAWN_AGAIN},
    # Hu et al. 2025, https://arxiv.org/abs/2501.03262, its variant for several answers to a problem ("w/ baseline"):
    # the group's mean, the batch's deviation, the KL in the loss as k2, with the weight that its implementations
    # take; the paper's other variant, for one answer to each problem, has the KL in the reward
    "reinforce++": {"advantage_scale": "batch", "kl_weight": 0.001, "kl_estimator": "k2"},
}
"""What each name changes of `DEFAULTS`. Of optimizer, entropy and replay no name says anything."""


@dataclass(frozen=True)
class LossOptions:
    """The policy's loss, its advantages, and the reference that the KL divergence is measured from."""

    loss: Loss | None = None
    """A published loss: a name for settings of the flags from --advantage-baseline to --kl-estimator, and --resample,
    each of which may also be given, and then counts. What the ratio is bounded by shows beyond the first of
    --updates-per-batch. docs/ALGORITHMS.md has the table. Default: none of them; the defaults below."""

    advantage_baseline: AdvantageBaseline | None = None
    """What is taken off a reward: the mean of its group, of the others in it, or of the batch. Default: group."""

    advantage_scale: AdvantageScale | None = None
    """Divide what is left by the group's standard deviation, by the batch's, or by none. Default: group."""

    surrogate: Surrogate | None = None
    """clip: PPO's clipped objective. cispo: REINFORCE under importance weights that are clipped, and constant.
    Default: clip."""

    ratio_level: RatioLevel | None = None
    """The ratio to the sampling policy: of each token, or of the whole answer (its geometric mean). Default: token."""

    old_policy: OldPolicy | None = None
    """Where the log-probabilities of the sampling policy come from: the rollout, or the learner's first update on a
    batch, which a low precision cannot tell from a policy that moved. Default: rollout."""

    clip_low: float | None = None
    """The ratio to the sampling policy may fall this far below 1; 1 is no bound. Default: 0.2."""

    clip_high: float | None = None
    """The ratio to the sampling policy may rise this far above 1. Default: 0.2."""

    normalise: Normalise | None = None
    """Average the loss over all tokens, over answers, or by a constant length. Default: token."""

    overlong: Overlong | None = None
    """Whether answers that were cut at --max-new-tokens count in the loss. Default: counted."""

    kl_weight: float | None = None
    """Weight of the KL divergence from the reference. 0 keeps no copy of the policy. Default: 0."""

    kl_estimator: KlEstimator | None = None
    """How the KL divergence is estimated: k3, as GRPO does; k2, whose gradient is right on average. Default: k3."""

    kl_in: KlIn | None = None
    """Where the KL divergence stands. loss: each token's own. reward: each token pays for those after it too, by k1, as
    PPO does. Default: loss."""

    reference: Reference = "fixed"
    """What the KL divergence is measured from. fixed: the policy as it was when GRPO began (with --lora: the model
    without its adapter, before any cold start). periodic: the policy of every --reference-every steps. mixed: every
    --reference-every steps, --reference-mix of the policy goes into it."""

    reference_every: int | None = None
    """GRPO steps between changes of the reference. Default: 200."""

    reference_mix: float | None = None
    """How much of the policy's weights goes into a mixed reference each time. Default: 0.1."""


def resolved_loss(config: Any) -> dict[str, Any]:
    """What the loss is made of: what `--loss` says, under the flags that were given.

    Args:
        config: a `train.config.TrainConfig`.

    Returns:
        every setting of `DEFAULTS`, and those of the reference where it changes.
    """
    named: dict[str, Any] = {**DEFAULTS, **LOSSES.get(config.loss or "", {})}
    if config.reference != "fixed":
        named["reference_every"] = REFERENCE_EVERY
    if config.reference == "mixed":
        named["reference_mix"] = REFERENCE_MIX
    given = {name: getattr(config, name) for name in named}
    return {name: named[name] if value is None else value for name, value in given.items()}


def require_sense(config: Any) -> None:
    """Refuse settings of the loss that mean nothing together.

    Args:
        config: a `train.config.TrainConfig`.

    Raises:
        ValueError: naming the flags.
    """
    loss, told = resolved_loss(config), own_settings(config)
    if loss["advantage_baseline"] == "batch" and loss["resample"]:
        raise ValueError(
            f"--resample {loss['resample']} replaces groups whose answers all earned the same, and with "
            "--advantage-baseline batch those teach as well; leave one of them out (--resample 0)"
        )
    if "kl_estimator" in told and not loss["kl_weight"]:
        raise ValueError(
            f"--kl-estimator {config.kl_estimator} says how the KL divergence is estimated, and that has no weight; "
            "give it one, such as --kl-weight 0.04, or leave --kl-estimator out"
        )
    if loss["kl_in"] == "reward":
        _require_sense_of_reward(loss, told)
    _require_sense_of_reference(config, loss["kl_weight"])


def _require_sense_of_reward(loss: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    if not loss["kl_weight"]:
        raise ValueError(
            "--kl-in reward says where the KL divergence stands, and that has no weight; give it one, such as "
            "--kl-weight 0.001, or leave --kl-in out"
        )
    if loss["ratio_level"] == "sequence":
        raise ValueError(
            "--kl-in reward gives the tokens of an answer advantages of their own, and --ratio-level sequence takes "
            "one for all of them; leave one of them out (--ratio-level token)"
        )
    if "kl_estimator" in told:
        raise ValueError(
            f"--kl-estimator {told['kl_estimator']} is for a divergence in the loss, and with --kl-in reward it is k1; "
            "leave one of them out"
        )


def _require_sense_of_reference(config: Any, kl_weight: float) -> None:
    if config.reference_mix is not None and config.reference_mix > 1:
        raise ValueError(f"--reference-mix is a part of the policy, above 0 and at most 1, got {config.reference_mix}")
    if config.reference_every is not None and config.reference == "fixed":
        raise ValueError("--reference-every is for a reference that changes; say --reference periodic, or mixed")
    if config.reference_mix is not None and config.reference != "mixed":
        raise ValueError(f"--reference-mix is for --reference mixed, and it is {config.reference}")
    if config.reference == "fixed":
        return
    if not kl_weight:
        raise ValueError(
            f"--reference {config.reference} says what the KL divergence is measured from, and that has no weight; "
            "give it one, such as --kl-weight 0.04, or leave --reference out"
        )
    if config.lora:
        raise ValueError(
            f"--reference {config.reference} does not go with --lora: the reference of an adapter is the model "
            "without it, which does not change; leave one of them out"
        )


def own_settings(config: Any) -> dict[str, Any]:
    """The settings of the loss that say something else than `--loss`, or without a name than the defaults, would."""
    named = {**DEFAULTS, **LOSSES.get(config.loss or "", {})}
    return {name: getattr(config, name) for name in named if getattr(config, name) not in (None, named[name])}


def without_effect(config: Any) -> str | None:
    """What to say of settings that one update per batch gives nothing to act on; None if there are none.

    Args:
        config: a `train.config.TrainConfig`.
    """
    idle = [f"--{name.replace('_', '-')}" for name in own_settings(config) if name in OF_LATER_UPDATES]
    if not idle or config.updates_per_batch > 1:
        return None
    return (
        f"with one update per batch the ratio to the sampling policy is 1, but for rounding, and {', '.join(idle)} "
        "changes nothing else; it takes --updates-per-batch 2 or more"
    )


def without_named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that the name of a loss stands for, which it is about to replace."""
    return {name: value for name, value in settings.items() if name not in (*DEFAULTS, "loss")}
