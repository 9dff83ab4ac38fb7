"""The gallery: a page that shows tasks, written from the tasks themselves."""

import dataclasses
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import docstring_parser
import numpy as np
from gymnasium.envs.registration import EnvSpec

from envs.fields import describe, field_types, required
from envs.forms import MARKS
from envs.levels import level_name, levels_of
from envs.registry import is_ours, make_task, registered, resolve, task_class
from envs.sheet import contact_sheet
from envs.task import Task, problem
from envs.yardsticks import yardsticks

NAMESPACE = "eyechart"
"""Whose tasks are shown where none is named."""

PICTURES, TEXTS = 4, 2
"""How many problems of each look are shown, and how many of a text task; the first is that of seed 0."""

ROWS = (
    {"problem": "What is $3/4$ of $2/9$, as a fraction in lowest terms?", "answer": "1/6", "solution": "6/36 = 1/6"},
    {"problem": "Solve $7x - 5 = 30$ for $x$.", "answer": "5", "solution": "7x = 35, x = 5"},
    {"problem": "How many diagonals has a convex octagon?", "answer": "20", "solution": "8 * 5 / 2 = 20"},
)
"""What a task that takes its problems from a `source`, and makes none up, is shown with; the first is held out."""


@dataclasses.dataclass(frozen=True)
class Page:
    """A page, and the pictures beside it.

    Attributes:
        text: Markdown.
        pictures: uint8 `(H, W, 3)` by path from the page, such as `gallery/clock-plain.png`.
    """

    text: str
    pictures: dict[str, np.ndarray]


def gallery(names: Sequence[str] = (), folder: str = "gallery") -> Page:
    """Show tasks: what they ask, how they look, their yardsticks, options and levels.

    Args:
        names: Which, as `resolve` takes them; none are the built-in ones.
        folder: Where the page will find its pictures.

    Raises:
        ValueError: For an unknown name, or an environment that is not made from a task.
    """
    specs = [resolve(name) for name in names] or [spec for spec in registered() if spec.namespace == NAMESPACE]
    for spec in specs:
        if not is_ours(spec):
            raise ValueError(f"{spec.id} is not made from a Task, so there is nothing to show of it.")
    pictures: dict[str, np.ndarray] = {}
    shown: dict[str, str] = {}  # the task and its fields -> the id that it is shown under
    sections = []
    for spec in specs:
        first = shown.setdefault(json.dumps(spec.kwargs, sort_keys=True), spec.id)
        if first == spec.id:
            sections.append("\n\n".join(_section(spec, folder, pictures)))
        else:
            sections.append(f"## {_title(spec.id)}\n\n`{spec.id}` is {_link(first)} by another name.")
    command = " ".join(("python -m envs gallery", *names))
    head = (
        "# Gallery\n\n"
        f"Written by `{command}` from the code; change that, and run it again. Problems are those of the seeds 0, 1, … "
        "of the training split. Chance is the mean error of another problem's answer, the best constant that of one "
        "answer to everything, and the floor what picture and form leave to a perfect reader; each is estimated from "
        "some thousands of problems."
    )
    contents = (
        "\n".join(f"- {_link(spec.id)}" for spec in specs) + "\n- [Options of every task](#options-of-every-task)"
    )
    rest = ("## Options of every task", _options(Task, Task, list(field_types(Task))), *_forms(specs[0]))
    return Page("\n\n".join((head, contents, *sections, *rest)) + "\n", pictures)


def _title(id: str) -> str:
    """What the section of an environment is called: its id without the version and the namespace of our own."""
    return id.removeprefix(f"{NAMESPACE}/").rpartition("-v")[0] or id


def _link(id: str) -> str:
    """A link to that section, under the anchor that GitHub gives it."""
    anchor = re.sub(r"[^\w-]", "", _title(id).lower())
    return f"[{_title(id)}](#{anchor})"


def _section(spec: EnvSpec, folder: str, pictures: dict[str, np.ndarray]) -> Iterator[str]:
    """The blocks of one task; its pictures are added to `pictures`."""
    kind = task_class(spec)
    unit = f" {kind.unit}" if kind.unit else ""
    yield f"## {_title(spec.id)}"
    yield (
        f"`{spec.id}`, worst error {kind.worst_error:g}{unit}"
        + (f", correct within {kind.tolerance:g}{unit}" if kind.tolerance else "")
        + (f", answers on a dial of {kind.period:g}" if kind.period else "")
        + "."
    )
    yield from _prose(kind)
    own = _own_fields(kind)
    with _made(spec, kind) as (make, given):
        if make is None:
            yield f"It needs {', '.join(f'`{name}`' for name in given)} to be made, so no problem is shown."
        else:
            if given:
                yield f"It needs a `{given[0]}`; the problems shown are those of a file made for this page."
            yield from _problems(make())
            yield from _looks(spec, make, folder, pictures)
            if not given:
                yield _yardsticks(make())
            levels = [level_name(make(), level) for level in levels_of(make())]
            if len(levels) > 1:
                yield "Levels of a curriculum, the easiest first: " + ", ".join(f"`{name}`" for name in levels) + "."
        yield f"### Options of {_title(spec.id)}"
        yield _options(kind, kind if given or make is None else make(), own)


def _own_fields(kind: type[Task]) -> list[str]:
    """The fields that a task has beyond those of every task, then those of which it changes the default."""
    lineage = [c for c in kind.__mro__ if issubclass(c, Task) and c is not Task]
    names = [name for name in field_types(kind) if any(name in vars(c).get("__annotations__", {}) for c in lineage)]
    return sorted(names, key=lambda name: name in field_types(Task))


@contextmanager
def _made(spec: EnvSpec, kind: type[Task]) -> Iterator[tuple[Callable[..., Task] | None, list[str]]]:
    """What makes the task, with some fields changed, or None where nothing can; and the fields that must be given."""
    missing = sorted(required(kind) - spec.kwargs.keys())
    if missing != ["source"]:
        yield None if missing else lambda **fields: make_task(spec, **fields), missing
        return
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
        yield lambda **fields: make_task(spec, source=str(file), **fields), missing


def _problems(task: Task) -> Iterator[str]:
    """Prompts with answers: one of a task with pictures, of which the pictures show more."""
    for seed in range(1 if task.image_shape else TEXTS):
        posed = problem(task, seed)
        yield _block(posed.prompt)
        yield f"Answer: {_code(task.best_answer(posed.answer))}, as a perfect policy writes it:"
        yield _block(task.demonstration(posed))


def _looks(spec: EnvSpec, make: Callable[..., Task], folder: str, pictures: dict[str, np.ndarray]) -> Iterator[str]:
    """The looks that a task has, each with some of its problems, the answers beneath."""
    task = make()
    if task.image_shape is None:
        return
    style = field_types(type(task)).get("style")
    looks: dict[str, Task] = {"": task}
    if get_origin(style) is Literal:
        looks = {name: make(style=name) for name in get_args(style)}
    rows = ["| look | problems |", "|---|---|"]
    for name, look in looks.items():
        file = re.sub(r"[^\w.-]", "-", "-".join(filter(None, (_title(spec.id).lower(), name))))
        path = f"{folder}/{file}.png"
        pictures[path] = contact_sheet(look, PICTURES, columns=PICTURES)
        told = f"`{name}`" if name else "as it is"
        told += ", for evaluation alone" if name in task.shifted_styles else ""
        answers = ", ".join(look.best_answer(problem(look, seed).answer) for seed in range(PICTURES))
        rows.append(f"| {told} | ![{answers}]({path}) |")
    yield "\n".join(rows)


def _forms(spec: EnvSpec) -> Iterator[str]:
    """What each form of an answer looks like, for a task that can be made."""
    with _made(spec, task_class(spec)) as (make, _):
        if make is None:
            return
        yield f"What {_link(spec.id)} asks for in each `form`, and how a perfect policy replies:"
        for form in MARKS:
            task = make(form=form)
            yield f"`{form}`:"
            yield _block(problem(task, 0).prompt)
            yield _block(task.demonstration(problem(task, 0)))


def _yardsticks(task: Task) -> str:
    """Errors that need no eyes, and those of perfect ones."""
    sticks = yardsticks(task)
    unit = f" ({task.unit})" if task.unit else ""
    values = (sticks.chance, sticks.best_constant, sticks.oracle, sticks.floor)
    titles = ("chance", f"best constant, {_cell(_code(sticks.best_constant_answer))}", "oracle", "floor")
    rows = (f"error{unit}", *(f"{value:.3g}" for value in values))
    return f"| | {' | '.join(titles)} |\n|---|---:|---:|---:|---:|\n| {' | '.join(rows)} |"


def _prose(kind: type) -> Iterator[str]:
    """The paragraphs of a class's docstring, without its attributes."""
    told = docstring_parser.parse(kind.__doc__ or "", docstring_parser.DocstringStyle.GOOGLE)
    text = "\n\n".join(part for part in (told.short_description, told.long_description) if part)
    yield from (_plain(" ".join(part.split())) for part in re.split(r"\n\s*\n", text) if part.strip())


def _options(kind: type, shown: Any, names: Sequence[str]) -> str:
    """A table of fields, with the values that they have in `shown`, a task or a class."""
    meanings: dict[str, str] = {}
    for c in reversed(kind.__mro__):
        told = docstring_parser.parse(vars(c).get("__doc__") or "", docstring_parser.DocstringStyle.GOOGLE)
        meanings |= {param.arg_name: " ".join((param.description or "").split()) for param in told.params}
    needed = required(kind)
    rows = ["| option | value | default | meaning |", "|---|---|---|---|"]
    for name in names:
        default = "must be given" if name in needed else f"`{getattr(shown, name)!r}`"
        cells = (f"`{name}`", describe(field_types(kind)[name]), default, _plain(meanings.get(name, "")))
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(rows)


def _plain(text: str) -> str:
    """Text in which no `<` outside code begins a tag."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    """Text as inline code, whatever backticks it holds."""
    fence, pad = _fence(text, 1), " " if "`" in text else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"


def _block(text: str) -> str:
    """Text as a block, as it stands."""
    fence = _fence(text, 3)
    return f"{fence}text\n{text}\n{fence}"


def _fence(text: str, least: int) -> str:
    """More backticks than the text has in a row."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))
