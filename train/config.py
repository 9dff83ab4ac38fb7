"""Every setting of a training run: one frozen dataclass, from which the command line is made."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agents.choices import (
    TINY_MODELS,
    AdvantageBaseline,
    AdvantageScale,
    Dtype,
    KlEstimator,
    KlIn,
    Normalise,
    Overlong,
    RatioLevel,
    Recompute,
    Vision,
)
from train import (
    algorithm_options,
    curriculum_options,
    learning_options,
    loss_options,
    model_options,
    watching_options,
)
from train.algorithm_options import AlgorithmOptions, require_fit
from train.curriculum_options import CurriculumOptions, require_curriculum, resolved_curriculum
from train.learning_options import (
    ADAMW_RATES,
    WARMUP_STEPS,
    LearningOptions,
    Optimizer,
    require_muon,
    require_one_warmup,
    require_target,
)
from train.loss_options import LossOptions, OldPolicy, Surrogate, require_sense, resolved_loss
from train.model_options import ModelOptions
from train.presets import PresetName
from train.watching_options import WatchingOptions

ColdStart = Literal["format", "answers", "none"]
Tracker = Literal["tensorboard", "wandb", "trackio"]
COLD_START_STEPS = {"format": 60, "answers": 300, "none": 0}
# What ends a run; a resumed one may be given others.
BOUNDS = ("steps", "minutes", "epochs")
# Ten minutes on two processor cores are some 500 steps. The rate follows the steps, so it is the same at each of them
# on every machine.
DEFAULT_BOUNDS = {"steps": 600, "minutes": 10.0}


AT_LEAST = {
    **model_options.AT_LEAST,
    **learning_options.AT_LEAST,
    **loss_options.AT_LEAST,
    **watching_options.AT_LEAST,
    **curriculum_options.AT_LEAST,
    "steps": 1,
    "problems_per_step": 1,
    "group_size": 1,
    "updates_per_batch": 1,
    "micro_batch_tokens": 1,
    "resample": 0,
    "max_new_tokens": 1,
    "cold_start_steps": 0,
    "eval_every": 1,
    "eval_size": 1,
    "checkpoint_every": 1,
    "keep_checkpoints": 1,
    "samples": 0,
    "seed": 0,
}
ABOVE_ZERO = (
    *model_options.ABOVE_ZERO,
    *algorithm_options.ABOVE_ZERO,
    *learning_options.ABOVE_ZERO,
    *loss_options.ABOVE_ZERO,
    *("minutes", "epochs", "temperature"),
)


@dataclass(frozen=True)
class TrainConfig(WatchingOptions, CurriculumOptions, LossOptions, LearningOptions, AlgorithmOptions, ModelOptions):
    """Train a Qwen-VL, or a text model, on an environment: with GRPO, from rewards alone, unless --algorithm says else.

    `--task.FIELD VALUE` sets a field of the task; `python -m envs list` shows which there are. `--reward NAME WEIGHT`,
    as often as need be, says what an answer is paid for, in place of the task's own weights; `python -m envs rewards`
    lists the names.
    """

    steps: int | None = None
    """GRPO steps. Where given, the learning rate follows them, and the seed fixes every number. Default: 600, unless
    another bound is given."""

    minutes: float | None = None
    """Wall time from the start of the program, evaluation included; with --steps or --epochs, whichever ends first.
    Default: 10, unless another bound is given."""

    epochs: float | None = None
    """Passes over data that run out, such as a file's rows, each in an order of its own; with --steps, whichever ends
    first. The learning rate follows them as it follows steps. What the last step has room for beyond them is posed
    from the next pass."""

    problems_per_step: int = 64
    """P: problems posed in a step."""

    group_size: int | None = None
    """G: answers to each problem, which GRPO compares with each other. Default: 16; 1 with sft and distill."""

    resample: int | None = None
    """Rounds in which problems whose answers all earned the same, which teach nothing, are replaced by new ones.
    Default: 0."""

    updates_per_batch: int = 1
    """Optimizer steps on each batch of answers; beyond the first, the ratio to the sampling policy is clipped."""

    micro_batch_tokens: int = 8192
    """Tokens, of prompts and packed answers, that go through the learner at once; bounds memory, changes no result but
    by rounding. One prompt with the answers packed behind it is never split."""

    temperature: float = 1.0
    """Of sampling in training; evaluation is greedy."""

    max_new_tokens: int | None = None
    """Longest answer, in tokens. Default: what a bare answer takes for a small model (32 where the environment is not
    made from a Task; what a worked solution takes after --cold-start answers), else 256. What is imitated fits, with
    sft and distill, and a run that goes on from one that imitated takes it over, and so on."""

    cold_start: ColdStart | None = None
    """format: first teach the answer's form, with random answers; answers: first train on worked solutions, which are
    labels. Default: format for a tiny model (none where the environment is not made from a Task), else none."""

    cold_start_steps: int | None = None
    """Supervised steps of the cold start. Default: 60 for format, 300 for answers."""

    eval_every: int = 25
    """GRPO steps between evaluations."""

    eval_size: int = 256
    """Problems of the eval split, the same ones each time."""

    checkpoint_every: int = 100
    """GRPO steps between checkpoints."""

    keep_checkpoints: int = 2
    """How many checkpoints stay."""

    samples: int = 8
    """Answers of each evaluation kept in samples.jsonl, with their pictures, and beside them a group of sampled answers
    that was learned from; 0 keeps neither."""

    track: tuple[Tracker, ...] = ()
    """Experiment trackers that also get the metrics, the evaluations with sample pictures and the settings: one or
    several, which `pip install 'eyechart[track]'` installs. Files of tensorboard and wandb lie in the run's folder."""

    track_project: str = "eyechart"
    """What wandb and trackio file the run under."""

    track_name: str | None = None
    """What wandb and trackio call the run. Default: the name of its folder."""

    dry_run: bool = False
    """Only check everything before the first step: pictures against tokens, one answer, one gradient, the memory; show
    the exact prompt."""

    preset: PresetName | None = None
    """Settings that a project published, under the flags and --config; `--preset list` tells what each stands for and
    where it comes from."""

    config: Path | None = None
    """Settings from a file, under the flags: YAML with their names (`group-size: 8`; under `task:` the task's fields,
    under `reward:` weights by name), or another run's config.json, all of whose settings then count, those too that
    were defaults there."""

    seed: int = 0
    """Fixes weights, problems and sampling."""

    run: Path | None = None
    """Folder to write. Default: runs/NAME, numbered if taken."""

    resume: Path | None = None
    """Folder of a run to continue as it was, from its newest checkpoint; or one of its checkpoints, which drops
    what came after it. --steps, --minutes and --epochs give new bounds."""

    def __post_init__(self) -> None:
        """Raise ValueError for a setting outside its range, naming the flag."""
        for name, least in AT_LEAST.items():
            value = getattr(self, name)
            grouped = name == "group_size" and self.algorithm == "grpo"
            least = 2 if grouped else least
            if value is not None and not least <= value < math.inf:
                reason = " (one answer has no other to be compared with)" if grouped else ""
                raise ValueError(f"{flag(name)} must be at least {least}{reason} and finite, got {value}")
        for name in ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{flag(name)} must be above 0 and finite, got {value}")
        for name in (*learning_options.FRACTIONS, *loss_options.FRACTIONS):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{flag(name)} is a fraction, from 0 to 1, got {value}")
        require_one_warmup(self)
        require_target(self)
        require_sense(self)
        require_fit(self, flag)
        require_curriculum(self, flag)


def flag(name: str) -> str:
    """The command-line spelling of a field."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Settings(TrainConfig):
    """A `TrainConfig` with nothing left open but its bounds, one of which is set."""

    vision: Vision = "trained"
    dtype: Dtype = "float32"
    gradient_checkpointing: Recompute = "never"
    advantage_baseline: AdvantageBaseline = "group"
    advantage_scale: AdvantageScale = "group"
    surrogate: Surrogate = "clip"
    ratio_level: RatioLevel = "token"
    old_policy: OldPolicy = "rollout"
    clip_low: float = 0.2
    clip_high: float = 0.2
    normalise: Normalise = "token"
    overlong: Overlong = "counted"
    resample: int = 0
    kl_weight: float = 0.0
    kl_estimator: KlEstimator = "k3"
    kl_in: KlIn = "loss"
    optimizer: Optimizer = "adamw"
    learning_rate: float = 1e-6
    adamw_learning_rate: float = 3e-4
    group_size: int = 16
    entropy_bonus: float = 0.0
    entropy_target: float = 0.0
    replay_weight: float = 0.0
    cold_start: ColdStart = "none"
    cold_start_steps: int = 0
    max_new_tokens: int = 256
    num_problems: int | None = None
    """How many different training problems there are; None where they never run out. Not a flag: the task's."""

    @property
    def last_step(self) -> int | None:
        """The step that --steps or --epochs ends the run at, whichever is first; None where neither is given."""
        if self.epochs is None or self.num_problems is None:
            return self.steps
        of_epochs = math.ceil(self.epochs * self.num_problems / self.problems_per_step)
        return of_epochs if self.steps is None else min(self.steps, of_epochs)


def resolved(
    config: TrainConfig,
    small: bool,
    answer_tokens: int,
    gpu: bool = False,
    num_problems: int | None = None,
    labelled: bool = False,
) -> Settings:
    """Fill in the settings whose default depends on the model, and the bound where none is given.

    Args:
        config: as it was asked for.
        small: whether the model is small enough to be trained from scratch.
        answer_tokens: what an answer takes of the model's tokens.
        gpu: whether it runs on one.
        num_problems: how many different training problems there are; None where they never run out.
        labelled: whether the model has learned from labels or a teacher (`train.imitated.taught`).

    Raises:
        ValueError: a setting that means nothing with what the others come to.
    """
    grpo = config.algorithm == "grpo"
    optimizer = config.optimizer or ("muon" if small and not config.lora else "adamw")
    cold_start = config.cold_start or ("format" if config.model in TINY_MODELS and grpo else "none")
    imitates = labelled or not grpo or cold_start == "answers"
    # what labels taught needs no noise to find it; a target has to have something to steer
    explores = (small and not imitates) or config.entropy_target
    bonus = config.entropy_bonus if config.entropy_bonus is not None else 0.05 if explores else 0.0
    learning_rate, adamw_learning_rate = peak_rates(grpo, optimizer, small, config.lora)
    require_muon(config, optimizer)
    defaults: dict[str, Any] = {
        "vision": "frozen" if config.lora else "trained",
        "dtype": "bfloat16" if gpu and not small else "float32",
        "gradient_checkpointing": "never" if small else "always",
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "adamw_learning_rate": adamw_learning_rate,
        "lr_warmup_steps": WARMUP_STEPS if config.lr_warmup is None else None,
        "group_size": 16 if grpo else 1,
        "entropy_bonus": bonus,
        "entropy_target": 0.4 if small and bonus else 0.0,
        "replay_weight": 0.05 if small and cold_start == "format" else 0.0,
        "cold_start": cold_start,
        "cold_start_steps": COLD_START_STEPS[cold_start],
        "max_new_tokens": answer_tokens if small else max(256, answer_tokens if imitates else 0),
        **resolved_loss(config),
        **resolved_curriculum(config),
    }
    if config.algorithm == "distill":
        defaults |= {"distill": "off-policy", "distill_temperature": 1.0}
        if config.distill != "on-policy" and config.data is None:
            defaults["distill_texts"] = "teacher"
    if config.steps is None and config.minutes is None and config.epochs is None:
        defaults |= DEFAULT_BOUNDS
    given: dict[str, Any] = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    given |= {name: value for name, value in defaults.items() if given[name] is None}
    return Settings(**given, num_problems=num_problems)


def peak_rates(rewards: bool, optimizer: Optimizer, small: bool, lora: bool = False) -> tuple[float, float]:
    """Defaults of `learning_rate` and `adamw_learning_rate`; labels and teachers bear larger ones than rewards do.

    Args:
        rewards: whether it is rewards that are learned from.
        optimizer: which.
        small: whether the model is small enough to be trained from scratch.
        lora: whether adapters learn, which bear ten times the rate of whole weights.
    """
    adamw = (3e-4 if small else 1e-6) if rewards else (1e-3 if small else 1e-5)
    muon = 0.005 if rewards else 0.02
    return (muon if optimizer == "muon" else adamw * (10 if lora else 1)), ADAMW_RATES[0 if rewards else 1]


def plain(config: Settings) -> dict[str, Any]:
    """The settings as JSON takes them."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(TrainConfig)}
    return {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}
