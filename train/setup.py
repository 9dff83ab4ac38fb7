"""What a run is made of, checked before it starts: environments, policy, folder."""

import dataclasses
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

import envs
from agents.language_model import LanguageModel
from train.callbacks import require_callbacks
from train.checkpoint import go_back, load_trainer_state, resume_point
from train.cold_start import COLD_START_INFO
from train.config import BOUNDS, Settings, TrainConfig, plain, resolved
from train.curriculum import require_levels
from train.data_file import read_rows
from train.distributed import Processes, require_equal_work, require_shares
from train.environments import (
    chance_of,
    column,
    image_shapes,
    make_eval_envs,
    make_train_envs,
    measure_yardsticks,
    task_of,
    training_rows,
)
from train.fingerprint import describe, describe_base, require_same_base, require_same_task
from train.imitated import (
    Imitated,
    imitated_by,
    longest_answer,
    pinned_teacher,
    require_same_imitated,
    shortening,
    taught,
    taught_after,
)
from train.loop import Trainer, TrainerState
from train.loss_options import without_effect
from train.policies import check_pictures, is_small, limit_pictures
from train.preflight import Preflight, preflight
from train.preparation import choose_what_learns, keep_base, load_for_training
from train.progress import console
from train.record import Record, new_run_folder
from train.reference import require_same_reference
from train.supervised_loop import make_trainer
from train.trackers import require_trackers


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a new run needs, made and tried; nothing is written yet."""

    settings: Settings
    policy: LanguageModel
    processes: Processes
    train_envs: gym.vector.VectorEnv
    eval_envs: gym.vector.VectorEnv
    task: envs.Task | None
    yardsticks: dict[str, Any] | None
    tried: Preflight
    imitated: Imitated
    taught_tokens: int | None
    """How long the answers are that labels or a teacher taught, once it has run; None without."""


def make_parts(config: TrainConfig, spec: EnvSpec, fields: dict[str, Any]) -> Parts:
    """Make everything that a new run needs, and take one problem through it.

    Args:
        config: as it was asked for.
        spec: the environment.
        fields: the task fields that differ from the registered ones.

    Raises:
        ValueError: whatever is wrong with the environment or the model.
    """
    processes = Processes(config.device)
    require_shares(config, processes)
    require_trackers(config.track)
    task = task_of(spec, fields)
    require_levels(config, task)
    examples = None if config.data is None else read_rows(config.data)
    rows = training_rows(task, config) if examples is None else len(examples)
    eval_envs = make_eval_envs(spec, processes.size(config.eval_size), fields)
    require_equal_work(eval_envs, processes)
    config = with_cold_start(config, task, eval_envs)
    config = dataclasses.replace(config, teacher=pinned_teacher(config.teacher))
    policy = load_for_training(config, config.model, processes.loading_device)
    limit_pictures(policy, config.max_pixels)
    check_pictures(policy, task, image_shapes(eval_envs))
    imitated = imitated_by(config, policy, processes, examples)
    tokens = longest_answer(config, policy, task, eval_envs, imitated)
    gpu, labelled = processes.device.type == "cuda", taught(config.model) is not None
    settings = resolved(config, is_small(policy), tokens, gpu, rows, labelled)
    for note in filter(None, (shortening(settings), without_effect(config))):
        if processes.main:
            print(f"note: {note}", file=sys.stderr)
    policy.max_new_tokens = settings.max_new_tokens
    imitated.fit(policy)
    choose_what_learns(policy, settings)
    processes.place(policy, settings.dtype)
    train_envs = make_train_envs(settings, spec, fields, processes.number)
    tried = preflight(policy, train_envs, settings, imitated.teacher)
    made = (settings, policy, processes, train_envs, eval_envs, task, measure_yardsticks(task), tried, imitated)
    return Parts(*made, taught_after(settings, tokens))


def dry_run(config: TrainConfig, spec: EnvSpec, fields: dict[str, Any]) -> None:
    """Print what was tried before the first step, and stop there.

    Raises:
        ValueError: as `make_parts` does.
    """
    parts = make_parts(config, spec, fields)
    print(f"the prompt, between the lines:\n{'-' * 80}\n{parts.tried.prompt}\n{'-' * 80}")
    console.print(parts.tried.table(parts.settings, parts.policy.device))


def new_trainer(config: TrainConfig, spec: EnvSpec, fields: dict[str, Any], started: float) -> Trainer:
    """Make everything that a new run needs, and its folder last.

    Args:
        config: as it was asked for.
        spec: the environment.
        fields: the task fields that differ from the registered ones.
        started: `time.perf_counter()` when the program began.

    Raises:
        ValueError: whatever is wrong with the environment, the model or the folder.
    """
    parts = make_parts(config, spec, fields)
    settings, policy, processes = parts.settings, parts.policy, parts.processes
    if shortage := parts.tried.shortage():
        print(f"note: {shortage}")
    folder = processes.once(lambda: new_run_folder(config.run, spec.name.lower()))
    if settings.lora:
        processes.once(lambda: keep_base(policy, settings, folder))
    chance = chance_of(parts.yardsticks)
    made = (settings, policy, parts.train_envs, parts.eval_envs, folder, chance, started, processes)
    trainer = make_trainer(*made, imitated=parts.imitated)
    document = {
        "env": spec.id,
        "module": config.env.rpartition(":")[0] or None,  # a resumed run has to import it again
        "task": None if parts.task is None else describe(parts.task),
        "base": describe_base(policy) if settings.lora else None,
        "imitated": parts.imitated.describe(),
        "taught_tokens": parts.taught_tokens,
        "levels": trainer.curriculum.names if trainer.curriculum else None,
        "yardsticks": parts.yardsticks,
        "settings": {**plain(settings), "run": str(folder)},
        "tracker_id": uuid.uuid4().hex[:8] if config.track else None,
    }
    processes.once(lambda: begin(trainer, document))
    return trainer


def begin(trainer: Trainer, document: dict[str, Any]) -> None:
    """Write what a new run is, and tell its trackers.

    Raises:
        ValueError: a tracker that does not start.
    """
    trainer.record.write_config(document)
    try:
        trainer.trackers.start(document)
    except ValueError:
        shutil.rmtree(trainer.folder, ignore_errors=True)  # made for this run, which has not begun
        raise


def go_on(trainer: Trainer, checkpoint: Path, bounds: dict[str, Any]) -> None:
    """Forget what a run wrote after the checkpoint that it goes on from, note its new bounds, tell its trackers.

    Raises:
        ValueError: a tracker that does not start.
    """
    go_back(trainer.folder, checkpoint)
    trainer.record.change_settings(**bounds)
    trainer.record.drop_after(trainer.state.step)
    trainer.watch.catch_up(trainer.record.metrics.rows())
    trainer.trackers.start(trainer.record.read_config(), trainer.state.step)


def resumed_trainer(asked: TrainConfig, started: float) -> Trainer:
    """Make a trainer that goes on from a run's newest checkpoint, or the one that is named, under its own settings.

    Nothing of the run is changed before all of the checkpoint has been read.

    Args:
        asked: `resume`, and maybe new bounds (`BOUNDS`), which replace the old ones.
        started: `time.perf_counter()` when the program began.

    Raises:
        ValueError: not a run, no checkpoint, a broken file, another task than before, or a run at its bound.
        WriteError: the run's folder cannot be written.
    """
    if asked.resume is None:
        raise ValueError("--resume needs the folder of a run")
    run, checkpoint = resume_point(asked.resume)
    record = Record(run)
    document = record.read_config()
    bounds = {name: getattr(asked, name) for name in BOUNDS}
    if not any(bounds.values()):
        bounds = {name: document["settings"].get(name) for name in BOUNDS}
    try:
        settings = Settings(**{**document["settings"], **bounds, "run": run})
    except TypeError as error:  # a setting that is unknown here
        raise ValueError(f"{run} was written by another version of Eyechart: {error}") from error
    require_trackers(settings.track)
    require_callbacks(settings.callback)
    processes = Processes(settings.device)
    require_shares(settings, processes)
    spec = envs.resolve(f"{document['module']}:{document['env']}" if document["module"] else document["env"])
    require_same_task(run, document["task"], spec)
    fields = document["task"]["fields"] if document["task"] else {}
    examples = None if settings.data is None else read_rows(Path(settings.data))
    rows = training_rows(task_of(spec, fields), settings) if examples is None else len(examples)
    settings = dataclasses.replace(settings, num_problems=rows)
    policy = load_for_training(settings, str(checkpoint), processes.loading_device)
    policy.max_new_tokens = settings.max_new_tokens
    choose_what_learns(policy, settings)
    require_same_base(run, document.get("base"), policy)
    imitated = imitated_by(settings, policy, processes, examples, run)
    require_same_imitated(run, document.get("imitated"), imitated)
    imitated.fit(policy)
    processes.place(policy, settings.dtype)
    train_envs = make_train_envs(settings, spec, fields, processes.number)
    eval_envs = make_eval_envs(spec, processes.size(settings.eval_size), fields)
    chance = chance_of(document["yardsticks"])
    made = (settings, policy, train_envs, eval_envs, run, chance, started, processes)
    trainer = make_trainer(*made, imitated=imitated)
    state = load_trainer_state(checkpoint, trainer.learner.optimizers)
    try:
        trainer.state = TrainerState(**state)
    except TypeError as error:
        raise ValueError(f"{checkpoint} was written by another version of Eyechart: {error}") from error
    require_same_reference(run, settings, trainer.state.step)
    trainer.learner.micro_batch_tokens = trainer.state.micro_batch_tokens or settings.micro_batch_tokens
    trainer.started = started - trainer.state.seconds
    if trainer.finished():
        raise ValueError(
            f"{run} is at its bound, after {trainer.state.step} steps and "
            f"{trainer.state.seconds / 60:.1f} minutes; give a larger --steps, --minutes or --epochs to go on"
        )
    processes.once(lambda: go_on(trainer, checkpoint, bounds))
    return trainer


def with_cold_start(config: TrainConfig, task: envs.Task | None, eval_envs: gym.vector.VectorEnv) -> TrainConfig:
    """Without a task nobody knows what an answer looks like, so no form is taught, unless it is asked for.

    Raises:
        ValueError: a cold start or a replay is asked for, and the environment does not tell what that needs.
    """
    if task is not None:
        return config
    if config.cold_start is None:
        config = dataclasses.replace(config, cold_start="none")
    wanted = {}
    if config.cold_start in COLD_START_INFO:
        wanted[f"--cold-start {config.cold_start}"] = COLD_START_INFO[config.cold_start]
    if config.data is None and (config.algorithm == "sft" or config.distill_texts == "demonstrations"):
        wanted[f"--algorithm {config.algorithm}"] = COLD_START_INFO["answers"]
    if config.replay_weight:
        wanted[f"--replay-weight {config.replay_weight}"] = COLD_START_INFO["format"]
    for asked, needed in wanted.items():
        if column(eval_envs.reset(seed=0)[1], needed) is None:
            raise ValueError(
                f"{asked} needs texts that this environment does not tell: the info of its reset must hold `{needed}`; "
                "or leave it out, and train from rewards alone"
            )
    return config
