"""The text tasks of reasoning-gym as environments of ours: `reasoning_gym/leg_counting`.

`envs.resolve` registers them when one is named. Their fields are those of the library that are plain; what they score
is the error, so the default reward is its score and the form of the answer. Making and scoring happens in a process of
its own, `reasoning_gym_worker.py`, which says why. The library is Stojanovski et al., "Reasoning Gym: Reasoning
Environments for Reinforcement Learning with Verifiable Rewards", 2025, https://arxiv.org/abs/2505.24760.
"""

import dataclasses
import functools
import json
import re
import types
import typing
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import numpy as np

from envs import answers, worker
from envs.adapters.extras import MissingExtraError, require
from envs.registry import register
from envs.rewards import RewardShape
from envs.task import Problem, Task, problem_rng

NAMESPACE = "reasoning_gym"
EXAMPLE = "leg_counting"

HELD_OUT = 4
"""One question in so many belongs to the eval split, for good."""

ITEMS = 2**31
"""Items are drawn below this."""

TRIES = 200
"""How many items may be refused, or belong to the other split, before there are said to be none."""

LONGEST = 20_000
"""Longer texts are no answers, in characters."""

POSE_TIMEOUT, SCORE_TIMEOUT = 120.0, 10.0
"""Seconds that making an item may take, and scoring a text."""

_WORKER = Path(__file__).with_name("reasoning_gym_worker.py")


@dataclass(frozen=True)
class Reply:
    """An answer: the text, and which item it is the truth of; None for any other."""

    text: str
    item: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReasoningGymTask(Task[Reply]):
    """One data set of reasoning-gym; a subclass with its fields is made for each.

    The error is 1 minus the library's own score. A problem is an item of the data set, `info["item"]`: number
    `item % 500` of `create_dataset(NAME, seed=item - item % 500, size=500)`. Which split it belongs to hangs on a
    checksum of its question: nothing that is trained on is ever held out. Items whose published answer does not earn
    the full score are left out.

    Attributes:
        dataset: The library's name for it.
    """

    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 1.0
    pattern: ClassVar[re.Pattern[str]] = re.compile(r".+", re.DOTALL)
    unsliced: ClassVar[tuple[str, ...]] = ("item",)
    dataset: ClassVar[str]

    reward_shape: RewardShape = "linear"

    def __post_init__(self) -> None:
        """Check the fields, as the library does too.

        Raises:
            ValueError: Where it refuses one.
        """
        super().__post_init__()
        config = _configs()[self.dataset]
        defaults = config()
        changed = {
            name: list(value) if isinstance(getattr(defaults, name), list) else value
            for name, value in self.options.items()
        }
        try:
            made = dataclasses.replace(defaults, **changed)
            getattr(made, "validate", lambda: None)()
        except Exception as error:
            raise ValueError(
                f"{NAMESPACE}/{self.dataset} takes no such fields: {error or type(error).__name__}."
            ) from None

    @functools.cached_property
    def options(self) -> dict[str, Any]:
        """The library's fields that differ from its defaults."""
        ours = {field.name for field in dataclasses.fields(Task)}
        values = {f.name: (getattr(self, f.name), f.default) for f in dataclasses.fields(self) if f.name not in ours}
        return {name: value for name, (value, default) in values.items() if value != default}

    @functools.cached_property
    def _asked(self) -> str:
        """`options` as JSON."""
        return json.dumps(self.options)

    @property
    def is_slow(self) -> bool:
        """Always: another process scores."""
        return True

    def pose(self, seed: int, split: str) -> Problem:
        """The first item drawn that belongs to the split.

        Raises:
            ValueError: If there is none.
        """
        rng = problem_rng(seed, split)
        for _ in range(TRIES):
            item, told = self._draw(rng)
            if is_held_out(told["question"]) == (split == "eval"):
                return self._problem(item, told)
        raise ValueError(
            f"{NAMESPACE}/{self.dataset} has too few questions to hold some of them out: widen its fields."
        )

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw an item, of either split, whose answer earns the full score.

        Raises:
            ValueError: If the library makes none.
        """
        return self._problem(*self._draw(rng))

    def _problem(self, item: int, told: dict[str, Any]) -> Problem:
        prompt = f"{told['question'].rstrip()}\n\n{self._instruction}"
        return Problem(prompt, json.dumps({"item": item, "answer": told["answer"]}), info={"item": item})

    @property
    def _instruction(self) -> str:
        """How to reply, which is what every prompt ends in."""
        return self.instruction("ANSWER", "STEPS")

    def _draw(self, rng: np.random.Generator) -> tuple[int, dict[str, Any]]:
        """An item, and what the library tells of it."""
        for _ in range(TRIES):
            item = int(rng.integers(ITEMS))
            told = _item(self.dataset, self._asked, item)
            if told["score"] == 1.0 and told["answer"]:
                return item, told
        raise ValueError(f"{NAMESPACE}/{self.dataset} publishes no answer that earns its full score.")

    def best_answer(self, answer: str) -> str:
        """The library's own answer."""
        return json.loads(answer)["answer"]

    def truth(self, answer: str) -> Reply:
        """The library's own answer, and the item."""
        told = json.loads(answer)
        return Reply(told["answer"], told["item"])

    def parse(self, text: str) -> Reply | None:
        """The committed answer, whatever it says; None where it is empty or has more than 20,000 characters."""
        body = self.committed(text)
        return None if body is None else self.read(body)

    def parse_lenient(self, text: str) -> Reply | None:
        """What the last tags hold, as the library's `extract_answer` has it; or the committed answer."""
        for before in reversed(text.split(answers.CLOSE)[:-1]):
            _, opened, body = before.partition(answers.OPEN)
            if opened:
                return self.read(body.strip())
        return self.parse(text)

    def read(self, text: str) -> Reply | None:
        """Any text."""
        return Reply(text) if 0 < len(text) <= LONGEST and answers.is_unicode(text) else None

    def write(self, answer: Reply) -> str:
        """The text."""
        return answer.text

    def number(self, answer: Reply) -> float | None:
        """The answer, where it is a plain number."""
        return float(answer.text) if answers.NUMBER.fullmatch(answer.text) else None

    def error(self, answer: Reply, truth: Reply) -> float:
        """1 minus the library's score."""
        if answer.text == truth.text:
            return 0.0
        return 1.0 - _score(self.dataset, self._asked, truth.item, answer.text)

    def without_question(self, problem: Problem) -> str:
        """How to reply, which is what every prompt ends in."""
        return self._instruction


def is_held_out(question: str) -> bool:
    """Whether a question belongs to the eval split."""
    return zlib.crc32(question.encode()) % HELD_OUT == 0


@functools.lru_cache(maxsize=1024)
def _item(dataset: str, options: str, item: int) -> dict[str, Any]:
    told = _ask({"dataset": dataset, "fields": json.loads(options), "item": item}, POSE_TIMEOUT)
    if told is None or "refused" in told:
        why = "it takes too long, or its process dies" if told is None else told["refused"]
        raise ValueError(f"{NAMESPACE}/{dataset} cannot make item {item}: {why}.")
    return told


@functools.lru_cache(maxsize=4096)
def _score(dataset: str, options: str, item: int | None, text: str) -> float:
    told = _ask({"dataset": dataset, "fields": json.loads(options), "item": item, "text": text}, SCORE_TIMEOUT)
    return told if isinstance(told, float) else 0.0


def _ask(question: dict[str, Any], timeout: float) -> Any:
    return worker.worker(_WORKER, PYTHONHASHSEED="0").ask(question, timeout)


@functools.cache
def _configs() -> dict[str, type]:
    """The library's data sets by name, with the classes of their fields; all but the one made of others."""
    require("reasoning_gym", "reasoning-gym")
    known = require("reasoning_gym.factory", "reasoning-gym").DATASETS
    return {
        name: config
        for name, (kind, config) in known.items()
        if kind.__module__.startswith("reasoning_gym.") and name != "composite"
    }


def installed() -> Collection[str]:
    """The names of the data sets; none without the library."""
    try:
        return _configs()
    except MissingExtraError:
        return ()


def register_all() -> None:
    """Register every data set of the library as `reasoning_gym/NAME-v0`.

    Raises:
        MissingExtraError: Without the library.
    """
    for name in _configs():
        register(f"{NAMESPACE}/{name}-v0", f"{__name__}:{name}")


def __getattr__(name: str) -> Any:
    """The task of a data set: `envs.adapters.reasoning_gym.leg_counting`."""
    if name.startswith("_") or name not in _configs():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _task_class(name)


@functools.cache
def _task_class(name: str) -> type[ReasoningGymTask]:
    config = _configs()[name]
    hints, defaults = typing.get_type_hints(config), config()
    fields: list[Any] = []
    for field in dataclasses.fields(config):
        default = getattr(defaults, field.name)
        kind = plain(hints[field.name], default)
        if field.name not in ("seed", "size") and kind is not None:
            fields.append(
                (field.name, kind, dataclasses.field(default=tuple(default) if isinstance(default, list) else default))
            )
    names = ", ".join(field[0] for field in fields) or "none"
    about = f"`{name}` of reasoning-gym. Its fields are the library's: {names}."
    space = {"dataset": name, "__doc__": about, "__module__": __name__}
    return dataclasses.make_dataclass(
        name, fields, bases=(ReasoningGymTask,), namespace=space, frozen=True, kw_only=True
    )


def plain(kind: Any, default: Any) -> Any:
    """The type of a field of ours for one of the library's, lists as tuples; None where it is not plain.

    Args:
        kind: The declared type; where the default does not fit it, the default's counts.
        default: Its value.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (int, float, bool, str):
        return float if isinstance(default, float) else kind
    if origin is Literal:
        return kind
    if origin in (Union, types.UnionType):
        choices = [plain(choice, None) for choice in arguments if choice is not type(None)]
        return None if None in choices else Union[(type(None), *choices)]
    if isinstance(default, str):
        return str
    if list in (kind, origin) or tuple in (kind, origin) or origin is Sequence:
        items = {type(value) for value in default or ()} or set(arguments[:1])
        item = items.pop() if len(items) == 1 else None
        return tuple.__class_getitem__((item, ...)) if item in (int, float, str) else None
    return None
