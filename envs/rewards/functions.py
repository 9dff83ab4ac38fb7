"""Rewards as other libraries take them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.task import Task


def reward_function(task: "Task[Any]", part: str | None = None) -> Callable[..., list[float]]:
    """A task's reward as a function over columns, as TRL's trainers take it.

    Args:
        task: Scores the texts; its field `rewards` says what for.
        part: One part of the reward, before its weight, such as `accuracy` or `cosine`; None for the whole reward.

    Returns:
        `f(completions, answer, **columns) -> list[float]`, one number per completion. A completion is a text, or
        messages, of which the last one's content counts; `answer` has each problem's `Problem.answer`. Its `__name__`,
        which TRL logs it under, is the part's name or `reward`.

    Raises:
        ValueError: If the task has no such part.
    """
    parts = [term.name for term in task.terms]
    if part is not None and part not in parts:
        raise ValueError(
            f"{type(task).__name__} has no reward {part!r}: name it in its field `rewards`. It has {', '.join(parts)}."
        )

    def function(completions: Sequence[Any], answer: Sequence[str], **columns: Any) -> list[float]:
        scores = [task.score(text_of(one), truth) for one, truth in zip(completions, answer, strict=True)]
        return [score.reward if part is None else score.parts[part] for score in scores]

    function.__name__ = function.__qualname__ = part or "reward"
    return function


def text_of(completion: Any) -> str:
    """The text of a completion: itself, or the content of its last message, whose texts may stand in a list."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"] if completion else ""
    if isinstance(content, str):
        return content
    return "".join(piece.get("text") or "" for piece in content or ())
