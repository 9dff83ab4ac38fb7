"""From the answers to the document that the results file holds."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import envs
from train.evaluation.conditions import Condition
from train.evaluation.figures import Scale, drops, figures
from train.evaluation.results import Images
from train.evaluation.session import Answered
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
    """
    chosen = tuple(sorted(set(ks))) or tuple(default_ks(samples))
    chance = None if yardsticks is None else yardsticks["chance"]
    if task is None:
        return Scale(chance, tolerance or 0.0, None, None, chosen)
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
        "fields": dataclasses.asdict(task),
    }


def rows_of(answers: Sequence[Sequence[Answered]], images: Images) -> list[dict[str, Any]]:
    """The rows of a condition's answers, their pictures kept among the images."""
    rows = []
    for samples in answers:
        names: list[str] | None = None
        for answered in samples:
            names = [images.keep(picture) for picture in answered.pictures] if names is None else names
            depicted = None if answered.depicted is None else images.keep(answered.depicted)
            rows.append({**answered.row, "images": names, "depicted": depicted})
    return rows


def summary(
    answers: Mapping[Condition, Sequence[Sequence[Answered]]], scale: Scale, unsliced: Sequence[str]
) -> dict[str, Any]:
    """The members of the document that come from the answers.

    Args:
        answers: of each condition, the plain one first: of each problem, its samples.
        scale: what errors are measured against.
        unsliced: members of `info` by which results are not sliced.
    """
    images = Images()
    rows = {condition: rows_of(told, images) for condition, told in answers.items()}
    asked = next(iter(rows.values()))
    judged = {"chance": scale.chance, "tolerance": scale.tolerance, "worst_error": scale.worst_error}
    return {
        "conditions": [
            {
                "name": condition.name,
                "kind": condition.kind,
                "problems": len(answers[condition]),
                "answers": len(own),
                "figures": figures(
                    own, **judged, period=scale.period, ks=scale.ks if condition.kind == "asked" else ()
                ),
            }
            for condition, own in rows.items()
        ],
        "drops": {
            condition.name: drops(asked, own, tolerance=scale.tolerance)
            for condition, own in rows.items()
            if condition.kind != "asked"
        },
        "slices": slices(asked, unsliced, tolerance=scale.tolerance),
        "rows": [row for own in rows.values() for row in own],
        "images": images.uris,
    }
