"""Whom or what a run imitates: a teacher, the rows of a file; and what an earlier run says about a model."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

import envs
from agents.choices import TINY_MODELS
from agents.language_model import LanguageModel
from agents.loading import latest_checkpoint, load_policy
from train.config import Settings, TrainConfig
from train.data_file import Row, require_room
from train.distributed import Processes
from train.environments import column
from train.fingerprint import describe_base
from train.policies import answer_tokens, limit_pictures

# The longest answer of a small model, in tokens, where no task tells how long answers are; and of any other teacher
# than a run, which nobody tells it of either.
FOREIGN_ANSWER, TEACHERS_ANSWER = 32, 256


@dataclass(frozen=True)
class Imitated:
    """Whom or what a supervised run imitates; neither with GRPO, or where the environment tells the texts."""

    teacher: LanguageModel | None = None
    examples: Sequence[Row] | None = None

    def fit(self, policy: LanguageModel) -> None:
        """Give the teacher the student's longest answer, and refuse examples that either has no room for.

        Raises:
            ValueError: naming the row.
        """
        if self.teacher is not None:
            self.teacher.max_new_tokens = policy.max_new_tokens
        for model in filter(None, (policy, self.teacher)):
            require_room(model, self.examples or ())

    def describe(self) -> dict[str, str]:
        """What it was, so that a run that goes on notices what has changed since."""
        told = {}
        if self.teacher is not None:
            told["teacher"] = describe_base(self.teacher)["weights"]  # all of them, for none learns
        if self.examples is not None:
            texts = [[row.prompt, row.response, row.picture_names()] for row in self.examples]
            told["data"] = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        return told


def imitated_by(
    config: TrainConfig,
    policy: LanguageModel,
    processes: Processes,
    examples: Sequence[Row] | None,
    run: Path | None = None,
) -> Imitated:
    """Load the teacher of a run, if it has one: frozen, whole on each process, its pictures as small as the student's.

    Args:
        config: of the run.
        policy: the student.
        processes: those of the run.
        examples: to imitate, if it is they.
        run: the folder of a run that goes on.

    Raises:
        ValueError: it cannot be loaded, or has another vocabulary than the student.
    """
    if config.teacher is None:
        return Imitated(None, examples)
    try:
        teacher = load_policy(
            config.teacher,
            config.seed,
            device=str(processes.device),
            attention=config.attention,
            adapter="merged",
        )
    except ValueError as error:
        told = str(error).replace("--model", "--teacher")
        raise ValueError(told if run is None else without_teacher(run, config.teacher, told)) from error
    limit_pictures(teacher, config.max_pixels)
    teacher.model.requires_grad_(False)
    require_same_vocabulary(policy, teacher)
    forbidden = sorted({*policy.never_sampled, *teacher.never_sampled})
    for model in (policy, teacher):
        own = [token for token in forbidden if token < model.vocabulary]
        if own != model.never_sampled:
            model.never_sampled = own
    return Imitated(teacher, examples)


def without_teacher(run: Path, teacher: str, told: str) -> str:
    """What to say of a run whose teacher cannot be loaded again.

    Args:
        run: its folder.
        teacher: as it was pinned.
        told: why it cannot.
    """
    if Path(teacher).parent.name == "checkpoints" and not Path(teacher).exists():
        told = "it is gone, as all but the newest --keep-checkpoints of a run are when that goes on"
    return (
        f"{run} cannot go on without its teacher, {teacher}, which was pinned when the run began: {told}. Put it back, "
        f"or start a new run from these weights by --model {run}"
    )


def pinned_teacher(teacher: str | None) -> str | None:
    """The checkpoint that a run's name means today; any other name as it is.

    Raises:
        ValueError: a model with random weights, or a run without a checkpoint.
    """
    if teacher in TINY_MODELS:
        raise ValueError(f"--teacher {teacher} has random weights, from which nothing can be learned; name a run")
    if teacher is not None and (Path(teacher) / "checkpoints").is_dir():
        return str(latest_checkpoint(Path(teacher)))
    return teacher


def require_same_vocabulary(student: LanguageModel, teacher: LanguageModel) -> None:
    """Refuse a teacher whose tokens are not the student's: probabilities of other tokens cannot be compared.

    Raises:
        ValueError: naming the sizes, or the first token that differs.
    """
    ours, theirs = student.tokenizer.get_vocab(), teacher.tokenizer.get_vocab()
    if ours == theirs:
        return
    told = f"the student's has {len(ours)} tokens, the teacher's {len(theirs)}"
    if len(ours) == len(theirs):
        mine, other = ({number: token for token, number in vocabulary.items()} for vocabulary in (ours, theirs))
        first = min(number for number in {*mine, *other} if mine.get(number) != other.get(number))
        told = f"token {first} is {mine.get(first)!r} to the student and {other.get(first)!r} to the teacher"
    raise ValueError(
        f"--teacher has another vocabulary than --model ({told}), and distillation compares the probabilities of "
        "tokens; take two models of one family, or imitate the teacher's texts by --algorithm sft --data"
    )


def require_same_imitated(run: Path, before: Mapping[str, str] | None, now: Imitated) -> None:
    """Refuse to go on where teacher or data have changed since the run began.

    Raises:
        ValueError: saying which.
    """
    told = now.describe()
    for name, digest in (before or {}).items():
        if told.get(name) != digest:
            raise ValueError(
                f"{run} cannot go on, for its --{name} is not what it was when the run began. Undo that, or start a "
                f"new run from these weights by --model {run}"
            )


def recorded(model: str) -> dict[str, Any]:
    """The `config.json` of the run that a name means, or whose checkpoint it means; {} for any other model."""
    path = Path(model)
    run = path.parent.parent if path.absolute().parent.name == "checkpoints" else path
    try:
        document = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) and isinstance(document.get("settings"), dict) else {}


def settings_of(model: str) -> dict[str, Any]:
    """The settings of the run that a name means, or whose checkpoint it means; {} for any other model."""
    return recorded(model).get("settings", {})


def taught(model: str) -> int | None:
    """How long the answers are that labels or a teacher taught a model, in tokens.

    Runs hand it on: what SFT, distillation or a cold start with answers taught, GRPO after it does not unteach.

    Returns:
        None for a model that has seen neither, as far as a run tells.
    """
    document, settings = recorded(model), settings_of(model)
    earlier = settings.get("max_new_tokens") if settings.get("algorithm") in ("sft", "distill") else None
    return document.get("taught_tokens", earlier)  # a run of an earlier version kept less


def taught_after(settings: Settings, tokens: int) -> int | None:
    """What `taught` is to say of a new run.

    Args:
        settings: of that run.
        tokens: its `longest_answer`.
    """
    if settings.algorithm != "grpo":
        return settings.max_new_tokens
    return tokens if settings.cold_start == "answers" or taught(settings.model) is not None else None


def shortening(settings: Settings) -> str | None:
    """What to say of a run that cuts the answers of the one that it goes on from; None if it leaves them room."""
    before = max(taught(settings.model) or 0, settings_of(settings.model).get("max_new_tokens") or 0)
    if settings.max_new_tokens >= before:
        return None
    return (
        f"--model {settings.model} has learned with answers of up to {before} tokens, and here they are cut at "
        f"{settings.max_new_tokens}; --max-new-tokens {before} leaves them room"
    )


def longest_answer(
    config: TrainConfig,
    policy: LanguageModel,
    task: envs.Task | None,
    eval_envs: gym.vector.VectorEnv,
    imitated: Imitated,
) -> int:
    """How many tokens the longest answer takes by default.

    Args:
        config: as it was asked for.
        policy: whose tokens.
        task: what is learned, if it is a task.
        eval_envs: tell demonstrations where there is no task.
        imitated: examples.

    Raises:
        ValueError: `max_new_tokens` is shorter than what is to be imitated.
    """
    own = config.distill == "on-policy" or config.distill_texts != "demonstrations"
    if imitated.examples is not None:
        what, tokens = "--data", policy.encode([row.response for row in imitated.examples])[0].shape[1]
    elif config.algorithm == "distill" and own:
        return settings_of(config.teacher or "").get("max_new_tokens", TEACHERS_ANSWER)
    elif config.algorithm == "grpo":
        earlier = taught(config.model)
        worked = config.cold_start == "answers" or earlier is not None
        bare = FOREIGN_ANSWER if task is None else answer_tokens(policy, task, worked)
        return max(bare, earlier or 0)
    elif task is not None:
        what, tokens = "worked solutions", answer_tokens(policy, task, worked=True)
    else:
        told = column(eval_envs.reset(seed=list(range(eval_envs.num_envs)))[1], "demonstration")
        what, tokens = "worked solutions", policy.encode([] if told is None else list(map(str, told)))[0].shape[1]
    if config.max_new_tokens is not None and config.max_new_tokens < tokens:
        raise ValueError(
            f"--max-new-tokens {config.max_new_tokens} is too short for the longest of the {what}, {tokens} tokens; "
            "leave it out, or give as many"
        )
    return tokens
