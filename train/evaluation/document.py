"""From the answers to the document that the results file holds."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import envs
from train.evaluation.conditions import Condition
from train.evaluation.figures import Scale, drops, figures
from train.evaluation.grid import Row
from train.evaluation.slices import slices
from train.evaluation.statistics import default_ks


def scale_of(
    task: envs.Task | None,
    yardsticks: Mapping[str, Any] | None,
    tolerance: float | None,
    ks: Sequence[int],
    samples: int,
) -> Scale:
    """The scale of a task's errors.

    Args:
        task: which, if there is one.
        yardsticks: its yardsticks.
        tolerance: the error up to which an answer is correct; None for the task's own.
        ks: of pass@k; none for the default.
        samples: answers to each problem.

    Raises:
        ValueError: a tolerance that makes every answer correct.
    """
    chosen = tuple(sorted(set(ks))) or tuple(default_ks(samples))
    chance = None if yardsticks is None else yardsticks["chance"]
    if task is None:
        return Scale(chance, tolerance or 0.0, None, None, chosen)
    require_tolerance(tolerance, task.worst_error)
    return Scale(chance, task.tolerance if tolerance is None else tolerance, task.worst_error, task.period, chosen)


def describe_task(task: envs.Task | None, scale: Scale) -> dict[str, Any] | None:
    """The task as the results keep it; None for an environment that is not made from one."""
    if task is None:
        return None
    return {
        "unit": task.unit,
        "worst_error": task.worst_error,
        "tolerance": scale.tolerance,
        "period": task.period,
        "unsliced": list(task.unsliced),
        "fields": dataclasses.asdict(task),
    }


def summary(answers: Mapping[Condition, Sequence[Row]], scale: Scale, unsliced: Sequence[str]) -> dict[str, Any]:
    """The members of the document that figures are in.

    Args:
        answers: the rows of each condition, the plain one first.
        scale: what errors are measured against.
        unsliced: members of `info` by which results are not sliced.
    """
    (plain, asked), *others = answers.items()
    judged = dataclasses.asdict(scale)
    told = [(plain, asked, judged), *((one, rows, judged | {"ks": ()}) for one, rows in others)]
    return {
        "conditions": [
            {
                "name": one.name,
                "kind": one.kind,
                "problems": len({row["seed"] for row in rows}),
                "answers": len(rows),
                "figures": figures(rows, **against),
            }
            for one, rows, against in told
        ],
        "drops": {one.name: drops(asked, rows, tolerance=scale.tolerance) for one, rows in others},
        "slices": slices(asked, unsliced, tolerance=scale.tolerance),
    }


def judged_again(document: Mapping[str, Any], tolerance: float | None, ks: Sequence[int]) -> dict[str, Any]:
    """A document with its figures anew, by another tolerance or other ks; nothing is asked.

    Args:
        document: as read.
        tolerance: None leaves the document's.
        ks: none leaves the document's.

    Raises:
        ValueError: a tolerance that makes every answer correct, or a k above the number of samples.
    """
    task, settings = document["task"], document["settings"]
    scale = Scale(
        (document["yardsticks"] or {}).get("chance"),
        settings["tolerance"] if tolerance is None else tolerance,
        (task or {}).get("worst_error"),
        (task or {}).get("period"),
        tuple(sorted(set(ks))) or tuple(settings["k"]),
    )
    require_tolerance(scale.tolerance, scale.worst_error)
    by_name: dict[str, list[Row]] = {}
    for row in document["rows"]:
        by_name.setdefault(row["condition"], []).append(row)
    answers = {Condition(one["name"], one["kind"]): by_name[one["name"]] for one in document["conditions"]}
    return {
        **document,
        "task": None if task is None else {**task, "tolerance": scale.tolerance},
        "settings": {**settings, "tolerance": scale.tolerance, "k": list(scale.ks)},
        **summary(answers, scale, (task or {}).get("unsliced", ())),
    }


def require_tolerance(tolerance: float | None, worst_error: float | None) -> None:
    """Raise ValueError for a tolerance by which an answer that cannot be read would be correct."""
    if tolerance is not None and worst_error is not None and tolerance >= worst_error:
        raise ValueError(
            f"--tolerance {tolerance:g} is not below {worst_error:g}, the error of an answer that cannot be read, so "
            "that nothing would be wrong; give a smaller one"
        )
