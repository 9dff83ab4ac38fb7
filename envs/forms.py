"""The forms in which an answer may be asked for: how each is written, and recognised.

    think       <think>…</think><answer>…</answer>, as R1 was asked for
    reasoning   <reasoning>…</reasoning><answer>…</answer>
    labels      Reasoning: … Answer: …, each label at the beginning of a line
    none        <answer>…</answer> alone, without any reasoning

A task's field `form` names one, with every tag on a line of its own, as published runs ask for it. A task without one
(None) asks for `<answer>…</answer>` in one line, with or without `<think>…</think>` before it, and takes either.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from envs.answers import CLOSE, CLOSE_THINK, OPEN, OPEN_THINK, tagged

Form = Literal["think", "reasoning", "labels", "none"]

MARKS: Mapping[Form, tuple[str, ...]] = MappingProxyType(
    {
        "think": (OPEN_THINK, CLOSE_THINK, OPEN, CLOSE),
        "reasoning": ("<reasoning>", "</reasoning>", OPEN, CLOSE),
        "labels": ("Reasoning:", "Answer:"),
        "none": (OPEN, CLOSE),
    }
)
"""What has to stand in a text of a form, each once and in this order."""

STEPS = "STEPS"
"""What stands for the reasoning where a prompt asks for it."""


def answer_label(form: Form | None) -> str | None:
    """What an answer may stand behind, at the beginning of a line, in a text without tags; None for nothing."""
    return MARKS["labels"][1] if form == "labels" else None


def reply(form: Form | None, answer: str, steps: str | None = None) -> str:
    """An answer as a policy is asked to write it.

    Args:
        form: None writes `<think>…</think><answer>…</answer>` in one line.
        answer: In one line.
        steps: What leads to the answer, where the form has a place for it; tags and labels among it are taken out, for
            those of the answer have to be the only ones. None leaves out that part.
    """
    if steps is not None:
        steps = _plain(steps, form or "think")
    if form is None:
        return tagged(answer) if steps is None else f"{OPEN_THINK}{steps}{CLOSE_THINK}{tagged(answer)}"
    if form == "labels":
        first, last = MARKS[form]
        said = f"{last} {answer}".replace("\n", " ")  # a line is all that is read behind a label
        return f"{first} {steps}\n{said}" if steps else said
    said = f"{OPEN}\n{answer}\n{CLOSE}"
    if form == "none" or not steps:
        return said
    opening, closing, *_ = MARKS[form]
    return f"{opening}\n{steps}\n{closing}\n{said}"


def _plain(steps: str, form: Form) -> str:
    """Steps without the marks of the form, nor tags of an answer."""
    before = None
    while steps != before:  # what is left may make up another
        before = steps
        for mark in (*MARKS[form], OPEN, CLOSE):
            if mark.startswith("<"):
                steps = steps.replace(mark, "")
            else:  # a label is one at the beginning of a line
                steps = f"\n{steps}".replace(f"\n{mark}", "\n").removeprefix("\n")
    return steps.strip()


def instruction(form: Form | None, answer: str, steps: str | None = None) -> str:
    """How to reply, as prompts end: `Reply <think>STEPS</think><answer>NUMBER</answer>`.

    Args:
        form: What is asked for.
        answer: What stands for the answer, such as `NUMBER`.
        steps: Without a form, what stands for the reasoning; None asks for none.
    """
    if form is None:
        return f"Reply {reply(None, answer, steps)}"
    return f"Reply\n{reply(form, answer, STEPS)}"


def is_asked_for(form: Form | None, prompt: str) -> bool:
    """Whether a prompt asks for a form: it holds all its marks, and none of another form's reasoning."""
    marks = MARKS[form or "none"]
    if not all(mark in prompt for mark in marks):
        return False
    return form is None or not any(MARKS[other][0] in prompt for other in MARKS if MARKS[other][0] not in marks)


def is_formatted(text: str, form: Form | None = None) -> bool:
    """Whether a text is exactly one answer in a form, with at most one reasoning before it.

    White space around the two is allowed, anything else is not. What the answer says is not looked at.

    Args:
        text: What the policy wrote.
        form: None is `think`.
    """
    rest = text.strip()
    if form == "labels":
        return _is_labelled(rest)
    opening, closing, *_ = MARKS[form or "think"]
    if form != "none" and rest.startswith(opening):
        thought, found, rest = rest[len(opening) :].partition(closing)
        if not found or OPEN in thought or CLOSE in thought:
            return False
        rest = rest.lstrip()
    return rest.startswith(OPEN) and rest.endswith(CLOSE) and rest.count(OPEN) == 1 and rest.count(CLOSE) == 1


def _is_labelled(text: str) -> bool:
    """Whether a text ends in the one line `Answer: …`, before which stands nothing but `Reasoning: …`."""
    first, last = MARKS["labels"]
    before, *answers = f"\n{text}".split(f"\n{last}", 2)
    return (
        len(answers) == 1
        and "\n" not in answers[0]
        and (not before or before.lstrip().startswith(first))
        and OPEN not in text
        and CLOSE not in text
    )


def thought_of(text: str, form: Form | None = None) -> str | None:
    """The reasoning of a text: what stands before its first closing mark, and after an opening one; None without any.

    Templates of some models put the opening tag into the prompt: an answer that only closes it thought too.

    Args:
        text: What the policy wrote.
        form: None is `think`, and so is `none`, which should have no reasoning.
    """
    if form == "labels":
        first, last = MARKS[form]
        before, closing, _ = f"\n{text}".partition(f"\n{last}")
        _, opening, thought = before.partition(f"\n{first}")
        return thought if opening and closing else None
    opening, closing, *_ = MARKS["think" if form in (None, "none") else form]
    before, found, _ = text.partition(closing)
    return before.partition(opening)[2] if found and opening in before else before if found else None
