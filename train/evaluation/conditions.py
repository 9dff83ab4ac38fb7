"""How problems are put to a policy: as they are, with something taken away, or drawn in another style."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium as gym
import numpy as np

import envs

BLANK_GREY = 128
Control = Literal["blank", "shuffled", "no-question"]
CONTROLS: tuple[Control, ...] = ("blank", "shuffled", "no-question")
Kind = Literal["asked", "control", "style"]
Pose = Callable[[Sequence[int]], tuple[Mapping[str, Any], Mapping[str, Any]]]
"""What resets environments to problems: seeds to observations and infos, in gymnasium's vector layout."""


@dataclass(frozen=True, eq=False)
class Condition:
    """One way to put the problems: `asked` is the plain one, the others are held against it."""

    name: str
    kind: Kind
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The task's fields."""


def conditions(
    task: envs.Task | None,
    fields: Mapping[str, Any],
    spaces: gym.spaces.Dict,
    controls: Sequence[Control],
    shifted: bool,
) -> list[Condition]:
    """The plain condition first, then the controls that mean something here, then every shifted style.

    Args:
        task: what is asked, if that is a task.
        fields: those of its fields that were set.
        spaces: of one observation.
        controls: which are wanted.
        shifted: whether its shifted styles are.

    Raises:
        ValueError: shifted styles of what has none.
    """
    sighted = not {"image", "images"}.isdisjoint(spaces.spaces)
    textual = not sighted and task is not None and task.without_question(envs.problem(task, 0, "eval")) is not None
    meaningful = {"blank": sighted, "shuffled": sighted, "no-question": textual}
    found = [Condition("asked", "asked", fields)]
    found += [Condition(name, "control", fields) for name in controls if meaningful[name]]
    if shifted:
        if task is None or not task.shifted_styles:
            name = "this environment" if task is None else type(task).__name__
            raise ValueError(f"--shifted: {name} has no shifted styles; leave it out")
        own = getattr(task, "style", None)
        for style in task.shifted_styles:
            if style != own:
                given: dict[str, Any] = {"style": style}
                dataclasses.replace(task, **given)  # one that does not go with the other fields says so now
                found.append(Condition(style, "style", {**fields, "style": style}))
    return found


def shown(
    condition: Condition, task: envs.Task | None, pose: Pose, seeds: Sequence[int], problems: int
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Pose problems, and what a policy gets to see of them under a condition.

    The pictures of `shuffled` are those of the next problem, of the last one the first's: problems are independent
    draws, so that any other order would do as well, and none keeps its own.

    Args:
        condition: how.
        task: what is asked, if that is a task.
        pose: resets the environments.
        seeds: of the problems, one per environment.
        problems: how many there are in all, of the seeds 0 to N - 1.

    Returns:
        observations and the reset's infos; the environments hold the problems of `seeds` themselves.
    """
    strange = None
    if condition.name == "shuffled":
        others, _ = pose([(seed + 1) % problems for seed in seeds])
        strange = {name: others[name] for name in ("image", "images") if name in others}
    observations, infos = pose(seeds)
    if strange is not None:
        return {**observations, **strange}, infos
    if condition.name == "blank":
        return {name: seen if name == "prompt" else blanked(seen) for name, seen in observations.items()}, infos
    if condition.name == "no-question" and task is not None:
        cut = tuple(task.without_question(envs.problem(task, seed, "eval")) for seed in seeds)
        return {**observations, "prompt": cut}, infos
    return observations, infos


def blanked(seen: Any) -> Any:
    """An even grey in place of pictures, which are an array or tuples of arrays."""
    return tuple(map(blanked, seen)) if isinstance(seen, tuple) else np.full_like(seen, BLANK_GREY)
