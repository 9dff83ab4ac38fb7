"""What an evaluation is made of, checked before anything is asked."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import envs
from agents.endpoint import Endpoint
from agents.policy import Policy
from plots.evaluations import FORMAT, VERSION
from train.cli import find_env, task_fields
from train.environments import image_shapes, make_eval_envs, measure_yardsticks, task_of
from train.evaluation.conditions import Condition, conditions
from train.evaluation.config import EvaluateConfig
from train.evaluation.document import Scale, describe_task, scale_of
from train.evaluation.journal import has_settings
from train.evaluation.results import results_path
from train.evaluation.session import Plan
from train.policies import described, evaluation_policy, weights_of


@dataclasses.dataclass(frozen=True)
class Parts:
    """Everything that is needed to ask; nothing is written yet."""

    task: envs.Task | None
    policy: Policy
    plan: Plan
    conditions: list[Condition]
    scale: Scale
    header: dict[str, Any]
    """The members of the results that are known before the answers."""
    asking: dict[str, Any]
    """What the answers hang on: an unfinished evaluation goes on only where all of it is the same."""
    out: Path


def make_parts(config: EvaluateConfig, texts: Mapping[str, str]) -> Parts:
    """Make everything that an evaluation needs.

    Args:
        config: what was asked for.
        texts: what `--task.FIELD VALUE` set.

    Raises:
        ValueError: whatever is wrong with the environment, the model or the place for the results.
        EndpointError: the server cannot be asked.
    """
    spec = find_env(config.env)
    fields = task_fields(spec, texts)
    task, probe = task_of(spec, fields), make_eval_envs(spec, 1, fields)
    rows = None if task is None else task.num_problems("eval")
    if rows is not None and rows < config.eval_size:
        print(f"note: there are {rows} held-out problems, so {rows} are asked", file=sys.stderr)
        config = dataclasses.replace(config, eval_size=rows)
    if config.at_server:
        config = dataclasses.replace(config, served_model=Endpoint(config.endpoint()).check())
    controls = [name for name in config.controls if name != "shuffled" or config.eval_size > 1]
    asked = conditions(task, fields, probe.single_observation_space, controls, config.shifted)
    named = {name: value for name, value in fields.items() if name != "rewards"}  # they change no problem
    looks = [str(value) if name == "style" else f"{name}-{value}" for name, value in named.items()]
    name = "-".join([spec.name.lower(), *looks, config.name])
    results_path(config.out, name, resumes=lambda _: False)  # an impossible one is told before a model is loaded
    yardsticks = measure_yardsticks(task)
    scale = scale_of(task, yardsticks, config.tolerance, config.k, config.samples)
    policy = evaluation_policy(config, task, image_shapes(probe))
    header = {
        "format": FORMAT,
        "version": VERSION,
        "env": spec.id,
        "task": describe_task(task, scale),
        "model": config.model,
        "name": config.name,
        "policy": described(policy, config),
        "settings": {
            **config.asking(),
            "tolerance": scale.tolerance,
            "k": list(scale.ks),
            "controls": controls,
            "shifted": config.shifted,
        },
        "yardsticks": yardsticks,
    }
    asking = {
        "env": spec.id,
        "fields": None if task is None else dataclasses.asdict(task),
        "model": config.model,
        "policy": header["policy"],
        "weights": weights_of(config.model),
        **config.asking(),
    }
    # a server is kept busy: each batch waits for its slowest answer
    at_once = max(config.batch_size, 8 * config.concurrency) if config.at_server else config.batch_size
    return Parts(
        task=task,
        policy=policy,
        plan=Plan(spec, config.eval_size, config.samples, config.drawn_at, config.seed, at_once, config.pictures),
        conditions=asked,
        scale=scale,
        header=header,
        asking=asking,
        out=results_path(config.out, name, lambda journal: has_settings(journal, asking)),
    )
