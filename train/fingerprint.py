"""What a task is, so that a run that goes on notices a task that has changed since."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gymnasium.envs.registration import EnvSpec

import envs
from agents.baselines import tagged
from agents.language_model import LanguageModel
from envs.fields import field_types
from envs.problems import SPLITS
from envs.registry import is_ours, task_class
from rendering import render

# Problems of each split that stand for all of them.
PROBLEMS = 8
# Numbers of each weight that stand for all of it.
SAMPLED = 256


def describe(task: envs.Task) -> dict[str, Any]:
    """The task as `config.json` keeps it."""
    return {
        "unit": task.unit,
        "worst_error": task.worst_error,
        "num_problems": task.num_problems("train"),
        "fields": dataclasses.asdict(task),
        "problems": fingerprint(task),
    }


def fingerprint(task: envs.Task) -> dict[str, str]:
    """One SHA-256 each of a task's first prompts, pictures and answers, and of what they are worth."""
    posed = [envs.problem(task, seed, split) for split in SPLITS for seed in range(PROBLEMS)]
    texts = [tagged(task.best_answer(problem.answer)) for problem in posed]
    scores = [task.score(text, problem.answer) for problem in posed for text in texts]
    shape = task.image_shape
    values = {
        "prompts": [problem.prompt.encode() for problem in posed],
        "pictures": [render(p.scene, shape[:2]).tobytes() if p.scene and shape else b"" for p in posed],
        "answers": [problem.answer.encode() for problem in posed],
        # six digits, so that no rounding of another machine counts as a change
        "rewards": [f"{score.reward:.6g} {score.error:.6g}".encode() for score in scores],
    }
    return {name: hashlib.sha256(b"\0".join(parts)).hexdigest() for name, parts in values.items()}


def describe_base(policy: LanguageModel) -> dict[str, str]:
    """The weights that do not learn, which no checkpoint of the run need hold, by a SHA-256 of some numbers of each."""
    digest = hashlib.sha256()
    for name, weight in policy.model.named_parameters():
        if not weight.requires_grad:
            some = weight.detach().flatten()[:: max(1, weight.numel() // SAMPLED)][:SAMPLED]
            digest.update(f"{name} {tuple(weight.shape)}".encode() + some.float().cpu().numpy().tobytes())
    return {"weights": digest.hexdigest()}


def require_same_base(run: Path, before: Mapping[str, str] | None, policy: LanguageModel) -> None:
    """Refuse to go on with an adapter whose weights beneath have changed since the run began.

    Args:
        run: the run's folder.
        before: what `describe_base` told then; None for a run without an adapter.
        policy: as it was loaded.

    Raises:
        ValueError: saying so.
    """
    if before is not None and before != describe_base(policy):
        raise ValueError(
            f"{run} cannot go on, for the weights under its adapter are not those that it began with: "
            f"{policy.adapter.active_peft_config.base_model_name_or_path} has changed. Undo that, or start a new run"
        )


def require_same_task(run: Path, before: Mapping[str, Any] | None, spec: EnvSpec) -> None:
    """Refuse to go on with a run whose task has changed since it began.

    Args:
        run: the run's folder.
        before: the task as the run's `config.json` has it; None without one.
        spec: the environment of the same name now.

    Raises:
        ValueError: saying what differs: fields, unit, worst error, prompts, pictures, answers, rewards.
    """
    told = []
    if (before is not None) != is_ours(spec):
        told = ["it was made from a Task, and is not now" if before else "it was not made from a Task, and is now"]
    elif before is not None:
        told = changes(before, spec)
    if told:
        raise ValueError(
            f"{run} cannot go on, for {spec.id} is not what it was when the run began: {'; '.join(told)}. "
            f"Undo that, or start a new run from these weights by --model {run}"
        )


def changes(before: Mapping[str, Any], spec: EnvSpec) -> list[str]:
    """In which ways a task differs from what it was, in words; other fields first, for the rest follows from them."""
    fields, known = before["fields"], field_types(task_class(spec))
    told = [f"the field {name} (it was {value!r}) is gone" for name, value in fields.items() if name not in known]
    told += [f"the field {name} is new" for name in known if name not in fields]
    if told:
        return told
    try:
        now = describe(envs.make_task(spec, **fields))
    except ValueError as error:
        return [str(error).removesuffix(".")]
    values = {"unit": "its unit", "worst_error": "its worst error", "num_problems": "the number of its problems"}
    before = {**now, **before}  # a run of an earlier version kept less
    told = [
        f"{it} was {before[name]!r} and is {now[name]!r}" for name, it in values.items() if before[name] != now[name]
    ]
    problems = before["problems"]
    return told + [f"its {name} are others" for name in now["problems"] if problems[name] != now["problems"][name]]
