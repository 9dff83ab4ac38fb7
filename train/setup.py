"""What a run is made of, checked before it starts: environments, policy, folder."""

import dataclasses
import json
import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from gymnasium.envs.registration import EnvSpec

import envs
from agents.baselines import Chance, Constant, Oracle, committed
from agents.policy import Policy
from agents.qwen_vl import QwenVL
from agents.tiny import build_model, build_processor
from envs.registry import is_ours
from train.checkpoint import latest_checkpoint, load_trainer_state
from train.config import TINY, Settings, TrainConfig, plain, resolved
from train.loop import Trainer, TrainerState
from train.record import new_run_folder

EVAL_SPLIT = "eval"
# Answers of the training split that the chance policy draws from.
CHANCE_POOL = 1024
BASELINES = ("oracle", "constant", "chance")
MODELS = (TINY, *BASELINES)


def new_trainer(config: TrainConfig, spec: EnvSpec, fields: dict[str, Any], started: float) -> Trainer:
    """Make everything that a new run needs, and its folder last.

    Raises:
        ValueError: whatever is wrong with the environment, the model or the folder.
    """
    train_envs, eval_envs = make_envs(config, spec, fields)
    policy = load_policy(config.model, config.seed)
    check_spaces(policy, train_envs, spec.id)
    settings = resolved(config, answer_tokens(policy, eval_envs))
    policy.max_new_tokens = settings.max_new_tokens
    yardsticks = measure_yardsticks(spec, fields)
    folder = new_run_folder(config.run, spec.name.lower())
    chance = yardsticks["chance"] if yardsticks else None
    trainer = Trainer(settings, policy, train_envs, eval_envs, folder, chance, started)
    trainer.record.write_config(
        {
            "env": spec.id,
            "module": module_of(config.env),
            "task": describe_task(spec, fields),
            "yardsticks": yardsticks,
            "settings": {**plain(settings), "run": str(folder)},
        }
    )
    return trainer


def resumed_trainer(asked: TrainConfig, started: float) -> Trainer:
    """Make a trainer that goes on from a run's newest checkpoint, under its own settings.

    Args:
        asked: `resume`, and maybe new bounds in `steps` and `minutes`.
        started: `time.perf_counter()` when the program began.

    Raises:
        ValueError: not a run, no checkpoint, or a run that is already at its bound.
    """
    if asked.resume is None:
        raise ValueError("nothing to resume")
    checkpoint = latest_checkpoint(asked.resume)
    document = json.loads((asked.resume / "config.json").read_text())
    settings = document["settings"]
    bounds = {name: getattr(asked, name) for name in ("steps", "minutes") if getattr(asked, name) is not None}
    config = Settings(**{**settings, **bounds, "run": asked.resume, "resume": asked.resume})
    spec = envs.resolve(f"{document['module']}:{document['env']}" if document["module"] else document["env"])
    fields = document["task"]["fields"] if document["task"] else {}
    train_envs, eval_envs = make_envs(config, spec, fields)
    policy = load_policy(str(checkpoint), config.seed)
    policy.max_new_tokens = config.max_new_tokens
    chance = document["yardsticks"]["chance"] if document["yardsticks"] else None
    trainer = Trainer(config, policy, train_envs, eval_envs, asked.resume, chance, started)
    trainer.state = TrainerState(**load_trainer_state(checkpoint, trainer.optimizers))
    trainer.started = time.perf_counter() - trainer.state.seconds
    if trainer.finished():
        raise ValueError(
            f"{asked.resume} is at its bound ({trainer.state.step} steps, {trainer.state.seconds / 60:.1f} minutes); "
            "give a larger --steps or --minutes to go on"
        )
    trainer.record.drop_after(trainer.state.step)
    return trainer


def make_envs(
    config: TrainConfig, spec: EnvSpec, fields: dict[str, Any]
) -> tuple[gym.vector.VectorEnv, gym.vector.VectorEnv]:
    """The training environments, P·G of them, and those for evaluation."""
    train_envs = gym.make_vec(spec.id, num_envs=config.problems_per_step * config.group_size, **fields)
    return train_envs, make_eval_envs(spec, config.eval_size, fields)


def make_eval_envs(spec: EnvSpec, size: int, fields: dict[str, Any]) -> gym.vector.VectorEnv:
    """Environments of the held-out split, if there is one."""
    held_out = {"split": EVAL_SPLIT} if is_ours(spec) else {}
    return gym.make_vec(spec.id, num_envs=size, **held_out, **fields)


def evaluation_policy(model: str, spec: EnvSpec, fields: dict[str, Any], seed: int, max_new_tokens: int) -> Policy:
    """A policy to evaluate: one of the baselines, or whatever `load_policy` takes.

    Raises:
        ValueError: the model cannot be read; a baseline for an environment that has no task to take it from.
    """
    if model == "oracle":
        return Oracle()
    if model in ("constant", "chance"):
        task = envs.make_task(spec, **fields)
        if model == "constant":
            return Constant(envs.yardsticks(task).best_constant_answer)
        return Chance([envs.problem(task, i, "train").answer for i in range(CHANCE_POOL)], seed)
    policy = load_policy(model, seed)
    policy.max_new_tokens = max_new_tokens
    return policy


def load_policy(model: str, seed: int) -> QwenVL:
    """The tiny model (its weights drawn from `seed`), an earlier run, a Hugging Face folder, or a hub id.

    Raises:
        ValueError: the model cannot be found or read.
    """
    if model == TINY:
        processor = build_processor()
        return QwenVL(build_model(seed, processor.tokenizer), processor)
    if "/" not in model and not Path(model).exists():
        close = get_close_matches(model, MODELS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"--model {model} is neither {TINY!r}, a folder, nor a hub id (OWNER/NAME){hint}")
    is_run = (Path(model) / "checkpoints").is_dir()
    try:
        policy = QwenVL.load(str(latest_checkpoint(Path(model)) if is_run else model))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"--model {model} could not be loaded: {reason}") from error
    return policy.to("cuda" if torch.cuda.is_available() else "cpu")


def answer_tokens(policy: QwenVL, eval_envs: gym.vector.VectorEnv) -> int:
    """How many tokens the longest bare answer takes; 32 for environments that do not tell their answers."""
    _, infos = eval_envs.reset(seed=list(range(eval_envs.num_envs)))
    if "answer" not in infos:
        return 32
    ids_BT, _ = policy.encode([committed(str(answer)) for answer in infos["answer"]])
    return ids_BT.shape[1]


def check_spaces(policy: QwenVL, train_envs: gym.vector.VectorEnv, name: str) -> None:
    """Refuse environments that pose no question, and pictures smaller than one merged patch.

    Raises:
        ValueError: naming what is there and what there should be.
    """
    space = train_envs.single_observation_space
    if not isinstance(space, gym.spaces.Dict) or "prompt" not in space.spaces:
        raise ValueError(f"{name} cannot be trained on: its observations must hold a `prompt`, but are {space}")
    if "image" not in space.spaces:
        return
    height, width = space["image"].shape[:2]
    least = policy.patch_size * policy.merge_size
    if min(height, width) < least:
        raise ValueError(
            f"pictures of {height}x{width} pixels are smaller than one of the model's patches ({least} pixels, "
            f"merged); make them larger, for example --task.size {4 * least}"
        )


def measure_yardsticks(spec: EnvSpec, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The task's yardsticks as plain values; None for an environment that has no task."""
    if not is_ours(spec):
        return None
    return dataclasses.asdict(envs.yardsticks(envs.make_task(spec, **fields)))


def describe_task(spec: EnvSpec, fields: dict[str, Any]) -> dict[str, Any] | None:
    """Unit, worst error and fields of the task, for `config.json`; None for an environment that has no task."""
    if not is_ours(spec):
        return None
    task = envs.make_task(spec, **fields)
    return {"unit": task.unit, "worst_error": task.worst_error, "fields": dataclasses.asdict(task)}


def module_of(name: str) -> str | None:
    """The module of `module:name`, which a resumed run has to import again."""
    return name.rpartition(":")[0] or None
