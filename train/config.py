"""Every setting of a training run: one frozen dataclass, from which the command line is made."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agents.choices import LORA_TARGETS, TINY_MODELS, AdvantageScale, Attention, Dtype, Normalise, Recompute, Vision

Optimizer = Literal["muon", "adamw"]
ColdStart = Literal["format", "answers", "none"]
Tracker = Literal["tensorboard", "wandb", "trackio"]
Schedule = Literal["linear", "cosine", "constant"]
COLD_START_STEPS = {"format": 60, "answers": 300, "none": 0}
# What ends a run; a resumed one may be given others.
BOUNDS = ("steps", "minutes", "epochs")
# Ten minutes on two processor cores are some 500 steps. The rate follows the steps, so it is the same at each of them
# on every machine.
DEFAULT_BOUNDS = {"steps": 600, "minutes": 10.0}


@dataclass(frozen=True)
class TrainConfig:
    """Train a Qwen-VL, or a text model, with GRPO on an environment, from rewards alone.

    `--task.FIELD VALUE` sets a field of the task; `python -m envs list` shows which there are.
    """

    env: str = ""
    """Environment: a registered name (clock), or module:name, which imports the module first."""

    model: str = TINY_MODELS[0]
    """Policy: tiny (a Qwen2.5-VL built here, random weights) or tiny-FAMILY (qwen2-vl, qwen3-vl; for tasks without
    pictures qwen2, qwen3, llama), a Hugging Face folder or hub id, or an earlier run's folder."""

    lora: bool = False
    """Train low-rank adapters and leave the model's own weights as they are (needs the extra `lora`)."""

    lora_rank: int = 16
    """Rank of the adapters."""

    lora_alpha: float = 32.0
    """Scale of the adapters: what they add is multiplied by alpha / rank."""

    lora_targets: str = LORA_TARGETS
    """Linear layers that get an adapter: the ends of their names, separated by commas; all-linear for each of them."""

    vision: Vision | None = None
    """Whether the vision tower learns. Default: frozen with --lora, else trained."""

    dtype: Dtype | None = None
    """Precision of the computation, and of weights that do not learn; those that learn are kept in float32. Default:
    bfloat16 on a GPU, unless the model is small; else float32."""

    attention: Attention = "sdpa"
    """Attention kernel of the vision tower. The language model's is always sdpa: flash attention takes no mask that
    hides answers packed behind one prompt from each other."""

    max_pixels: int | None = None
    """A larger picture is scaled down to this many pixels. Default: as the checkpoint's processor says."""

    device: str | None = None
    """cpu, cuda, or cuda:N. Default: a GPU if there is one."""

    gradient_checkpointing: Recompute | None = None
    """Compute activations again in the backward pass instead of keeping them: less memory, a third more time. Default:
    always, unless the model is small."""

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

    group_size: int = 16
    """G: answers to each problem, compared with each other."""

    resample: int = 0
    """Rounds in which problems whose answers all earned the same, which teach nothing, are replaced by new ones."""

    updates_per_batch: int = 1
    """Optimizer steps on each batch of answers; beyond the first, the ratio to the sampling policy is clipped."""

    micro_batch_tokens: int = 8192
    """Tokens, of prompts and packed answers, that go through the learner at once; bounds memory, changes no result but
    by rounding. One prompt with the answers packed behind it is never split."""

    temperature: float = 1.0
    """Of sampling in training; evaluation is greedy."""

    max_new_tokens: int | None = None
    """Longest answer, in tokens. Default: what a bare answer takes for a small model (32 where the environment is not
    made from a Task; what a worked solution takes after --cold-start answers), else 256."""

    optimizer: Optimizer | None = None
    """muon: Muon on the matrices, AdamW on the rest (for training from scratch). Default: muon for
    a small model (a tiny one, or a run of it) whose every weight learns, else adamw."""

    learning_rate: float | None = None
    """Peak learning rate of the optimizer. Default: 0.005 for muon; for adamw 3e-4 if the model is
    small, else 1e-6, and ten times that with --lora."""

    adamw_learning_rate: float = 3e-4
    """With muon: the peak learning rate of what is no matrix: token and patch embeddings, biases, norms."""

    weight_decay: float = 0.0
    """Decoupled weight decay."""

    lr_warmup_steps: int = 5
    """Steps over which the learning rate rises from 0."""

    lr_schedule: Schedule = "linear"
    """How the learning rate falls to lr-final: along a straight line, along half a cosine, or not at all."""

    lr_decay_start: float = 0.3
    """Fraction of the run after which the learning rate falls."""

    lr_final: float = 0.05
    """Learning rate at the end, as a fraction of the peak."""

    max_grad_norm: float = 1.0
    """Gradients longer than this are scaled down to it."""

    advantage_scale: AdvantageScale = "group"
    """Divide centred rewards by the group's standard deviation, by the batch's, or by none."""

    normalise: Normalise = "token"
    """Average the loss over all tokens, over answers, or by a constant length."""

    clip_low: float = 0.2
    """The ratio to the sampling policy may fall this far below 1."""

    clip_high: float = 0.2
    """The ratio to the sampling policy may rise this far above 1."""

    entropy_bonus: float | None = None
    """Weight of the policy's entropy in the objective, where the entropy is at --entropy-target. Default: 0.05 for a
    small model that begins without labels, else 0."""

    entropy_target: float | None = None
    """Entropy, in nats a token, by which the bonus is steered: more below it, none far above it. It falls with the
    learning rate, to a third. 0 keeps it constant. Default: 0.4 for a small model with a bonus, else 0."""

    replay_weight: float | None = None
    """Weight of the cold start's lesson in the loss of GRPO: other problems' answers, one to each problem. It falls
    with the learning rate. Default: 0.05 for a small model after --cold-start format, else 0."""

    kl_weight: float = 0.0
    """Weight of the KL divergence from the policy as it was when GRPO began (with --lora: from the model without its
    adapter, before any cold start). 0 keeps no copy of it."""

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

    config: Path | None = None
    """Settings from a file, under the flags: YAML with their names (`group-size: 8`, and under `task:` the task's
    fields), or another run's config.json, all of whose settings then count, those too that were defaults there."""

    seed: int = 0
    """Fixes weights, problems and sampling."""

    run: Path | None = None
    """Folder to write. Default: runs/NAME, numbered if taken."""

    resume: Path | None = None
    """Folder of a run to continue as it was, from its newest checkpoint; or one of its checkpoints, which drops
    what came after it. --steps, --minutes and --epochs give new bounds."""

    def __post_init__(self) -> None:
        """Raise ValueError for a setting outside its range, naming the flag."""
        at_least = {
            "steps": 1,
            "problems_per_step": 1,
            "group_size": 2,
            "updates_per_batch": 1,
            "micro_batch_tokens": 1,
            "lora_rank": 1,
            "max_pixels": 1,
            "resample": 0,
            "max_new_tokens": 1,
            "cold_start_steps": 0,
            "eval_every": 1,
            "eval_size": 1,
            "checkpoint_every": 1,
            "keep_checkpoints": 1,
            "samples": 0,
            "lr_warmup_steps": 0,
            "seed": 0,
            "weight_decay": 0,
            "entropy_bonus": 0,
            "entropy_target": 0,
            "replay_weight": 0,
            "kl_weight": 0,
            "clip_low": 0,
            "clip_high": 0,
        }
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                reason = " (one answer has no other to be compared with)" if name == "group_size" else ""
                raise ValueError(f"{flag(name)} must be at least {least}{reason} and finite, got {value}")
        for name in (
            "minutes",
            "epochs",
            "temperature",
            "learning_rate",
            "adamw_learning_rate",
            "max_grad_norm",
            "lora_alpha",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{flag(name)} must be above 0 and finite, got {value}")
        for name in ("lr_decay_start", "lr_final"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{flag(name)} is a fraction, from 0 to 1, got {getattr(self, name)}")


def flag(name: str) -> str:
    """The command-line spelling of a field."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Settings(TrainConfig):
    """A `TrainConfig` with nothing left open but its bounds, one of which is set."""

    vision: Vision = "trained"
    dtype: Dtype = "float32"
    gradient_checkpointing: Recompute = "never"
    optimizer: Optimizer = "adamw"
    learning_rate: float = 1e-6
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
    config: TrainConfig, small: bool, answer_tokens: int, gpu: bool = False, num_problems: int | None = None
) -> Settings:
    """Fill in the settings whose default depends on the model, and the bound where none is given.

    Args:
        config: as it was asked for.
        small: whether the model is small enough to be trained from scratch.
        answer_tokens: what a bare answer takes of the model's tokens.
        gpu: whether it runs on one.
        num_problems: how many different training problems there are; None where they never run out.
    """
    optimizer = config.optimizer or ("muon" if small and not config.lora else "adamw")
    cold_start = config.cold_start or ("format" if config.model in TINY_MODELS else "none")
    explores = small and cold_start != "answers"  # what labels taught needs no noise to find it
    bonus = config.entropy_bonus if config.entropy_bonus is not None else 0.05 if explores else 0.0
    defaults: dict[str, Any] = {
        "vision": "frozen" if config.lora else "trained",
        "dtype": "bfloat16" if gpu and not small else "float32",
        "gradient_checkpointing": "never" if small else "always",
        "optimizer": optimizer,
        # adapters bear ten times the rate of whole weights
        "learning_rate": 0.005 if optimizer == "muon" else (3e-4 if small else 1e-6) * (10 if config.lora else 1),
        "entropy_bonus": bonus,
        "entropy_target": 0.4 if small and bonus else 0.0,
        "replay_weight": 0.05 if small and cold_start == "format" else 0.0,
        "cold_start": cold_start,
        "cold_start_steps": COLD_START_STEPS[cold_start],
        "max_new_tokens": answer_tokens if small else 256,
    }
    if config.steps is None and config.minutes is None and config.epochs is None:
        defaults |= DEFAULT_BOUNDS
    given: dict[str, Any] = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    given |= {name: value for name, value in defaults.items() if given[name] is None}
    return Settings(**given, num_problems=num_problems)


def plain(config: Settings) -> dict[str, Any]:
    """The settings as JSON takes them."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(TrainConfig)}
    return {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}
