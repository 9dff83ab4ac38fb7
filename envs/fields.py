"""The fields of a task: which there are, whether a value fits, and how to read one from a command line."""

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, Union, get_args, get_origin

RESERVED = (
    "task",
    "split",
    "render_mode",
    "num_envs",
    "id",
    "vectorization_mode",
    "vector_kwargs",
    "wrappers",
)
"""Names that Gymnasium and the environment use themselves: no task field may be called so."""

FLAG = "--task."
"""What a flag that sets a field begins with."""

REWARD_FLAG = "--reward"
"""The flag, given as often as need be, that sets the field `rewards`: `--reward NAME WEIGHT`."""

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@functools.cache
def field_types(task_class: type) -> Mapping[str, Any]:
    """The fields that a task's constructor takes, by name, with their types."""
    hints = typing.get_type_hints(task_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(task_class) if field.init}


@functools.cache
def required(task_class: type) -> frozenset[str]:
    """The fields that have no default: whoever makes the task has to give them."""
    missing = dataclasses.MISSING
    fields = dataclasses.fields(task_class)
    return frozenset(f.name for f in fields if f.init and f.default is missing and f.default_factory is missing)


def require_known(task_class: type, names: Mapping[str, Any]) -> None:
    """Refuse a name that is no field of the task.

    Raises:
        ValueError: Naming the closest field and all known ones.
    """
    known = field_types(task_class)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            if name in vars(task_class) and "__dataclass_params__" not in vars(task_class):
                hint = " Decorate the class with @dataclass(frozen=True), or its fields are not fields."
            raise ValueError(f"{task_class.__name__} has no field {name!r}.{hint} Its fields: {', '.join(known)}.")


def require_types(task: Any) -> None:
    """Refuse a field whose value is not of its declared type.

    Raises:
        ValueError: Naming the field, its type and the value given.
    """
    for name, kind in field_types(task.__class__).items():
        value = getattr(task, name)
        if not _fits(value, kind):
            raise ValueError(f"{type(task).__name__}.{name} must be {describe(kind)}, got {value!r}.")


def require_used(task: Any, given: Mapping[str, Any], registered: Mapping[str, Any]) -> None:
    """Refuse a field that was given on a command line and changes nothing beside the others.

    Args:
        task: As it was made.
        given: The fields that were given.
        registered: Those that it was registered with, over the defaults; a value given once more is no change.

    Raises:
        ValueError: Naming the flag, and what makes it useless.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(task)} | dict(registered)
    changed = [name for name, value in given.items() if value != defaults.get(name)]
    own = [term.name for term in task.terms if term.function is None]
    for name in changed:
        part = name.removesuffix("_weight")
        if task.rewards and name == f"{part}_weight" and part in own:
            raise ValueError(
                f"{flag_of(name)} changes nothing beside {REWARD_FLAG}, which names all that is paid: leave it out, or "
                f"say {REWARD_FLAG} {part} {given[name]:g}."
            )
    if "reward_sharpness" in changed and given["reward_sharpness"] is not None and task.reward_shape == "linear":
        raise ValueError(
            f"{flag_of('reward_sharpness')} changes nothing with the reward shape 'linear', which has none: leave it "
            f"out, or take another {flag_of('reward_shape')}."
        )


def describe(kind: Any) -> str:
    """A type in words: `int`, `true or false`, `one of 'linear', 'log'`."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return repr(choices[0]) if len(choices) == 1 else "one of " + ", ".join(map(repr, choices))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(describe(choice) for choice in get_args(kind))
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        type(None): "none",
    }
    return words.get(kind, str(kind).replace("typing.", ""))


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a declared type; types that are not understood here let everything through."""
    if get_origin(kind) is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return any(_fits(value, choice) for choice in get_args(kind))
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (bool, str, type(None)):
        return isinstance(value, kind)
    return True


def read_fields(task_class: type, texts: Mapping[str, str]) -> dict[str, Any]:
    """Turn what stands on a command line (`{"size": "224"}`) into the task's fields (`{"size": 224}`).

    Hyphens count as underscores. `None` fields read `none`, truth values `true` or `false`, tuples `1,2,3`.

    Raises:
        ValueError: For a name that is no field of the task, or a text that does not fit its type.
    """
    named = {name.replace("-", "_"): text for name, text in texts.items()}
    require_known(task_class, named)
    fields = {}
    for name, text in named.items():
        kind = field_types(task_class)[name]
        try:
            fields[name] = read_value(text, kind)
        except ValueError:
            raise ValueError(f"{task_class.__name__}.{name} must be {describe(kind)}, got {text!r}.") from None
    return fields


def read_value(text: str, kind: Any) -> Any:
    """One value from its text.

    Raises:
        ValueError: Where it does not fit the type, without words.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {str(choice): choice for choice in arguments}[text] if text in map(str, arguments) else _refuse()
    if origin in (Union, types.UnionType):
        return _read_union(text, arguments)
    if origin is tuple:
        item_kind = arguments[0] if arguments else str
        return tuple(read_value(item.strip(), item_kind) for item in text.split(",") if item.strip())
    if kind is bool:
        word = text.lower()
        return word in _TRUE if word in _TRUE + _FALSE else _refuse()
    if kind is type(None):
        return None if text.lower() == "none" else _refuse()
    return kind(text) if kind in (int, float) else text


def _read_union(text: str, kinds: tuple[Any, ...]) -> Any:
    """The first of several types that a text fits; `str`, which fits everything, comes last."""
    for kind in sorted(kinds, key=lambda kind: kind is str):
        try:
            return read_value(text, kind)
        except ValueError:
            continue
    return _refuse()


def _refuse() -> Any:
    raise ValueError


def split_flags(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Take what sets a field out of a command line: `--task.FIELD VALUE`, `--task.FIELD=VALUE`, `--reward NAME WEIGHT`.

    Returns:
        The fields' texts by name, for `read_fields`, and all other arguments in their order.

    Raises:
        ValueError: If such a flag has no value or stands there twice; `--reward` may, but not beside `--task.rewards`.
    """
    texts: dict[str, str] = {}
    rewards: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument.partition("=")[0] == REWARD_FLAG:
            rewards.append(_reward(argument, rest))
            continue
        if not argument.startswith(FLAG):
            others.append(argument)
            continue
        name, equals, value = argument.removeprefix(FLAG).partition("=")
        text = value if equals else next(rest, None)
        if text is None or (not equals and text.startswith("--")):
            raise ValueError(f"{argument} needs a value: {argument} VALUE.")
        if name in texts:
            raise ValueError(f"{FLAG}{name} stands there twice; give it once.")
        texts[name] = text
    if rewards and "rewards" in texts:
        raise ValueError(f"{REWARD_FLAG} and {FLAG}rewards say the same; give one of them.")
    return texts | ({"rewards": ",".join(rewards)} if rewards else {}), others


def _reward(argument: str, rest: Iterator[str]) -> str:
    """The entry of `rewards` that `--reward` and the two words after it mean."""
    words = [next(rest, ""), next(rest, "")]
    if argument != REWARD_FLAG or not all(words) or any(word.startswith("--") for word in words):
        raise ValueError(f"{REWARD_FLAG} needs a name and a weight: {REWARD_FLAG} NAME WEIGHT, as often as need be.")
    if any("," in word or word.split() != [word] for word in words):
        raise ValueError(f"{REWARD_FLAG} {' '.join(words)}: neither the name nor the weight has a comma or a space.")
    return " ".join(words)


def flag_of(name: str) -> str:
    """The flag that sets a field, as people write it."""
    return REWARD_FLAG if name == "rewards" else f"{FLAG}{name}"
