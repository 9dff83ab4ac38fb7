"""What a task's field `rewards` says: which components there are, with which parameters and weights.

An entry is `NAME WEIGHT`, the two words of the flag `--reward NAME WEIGHT`. A name is a part of the task's own
(`accuracy`, `format`), a registered component (`envs.rewards.COMPONENTS`), or `module:function`, a user's own. The last
two take parameters behind colons: `cosine:max_length=2000 1`.

A user's function is `f(text, *, answer, committed, error, parsed, correct, worst_error) -> float`; it may leave out
whichever keywords it has no use for. It gives values from 0 to 1, unless it has an attribute `bounds = (least, most)`.
"""

import dataclasses
import inspect
import math
import re
import sys
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any

from envs.fields import describe, read_value
from envs.forms import Form
from envs.importing import import_module
from envs.rewards.component import COMPONENTS, TOLD, Bounds, Function
from envs.rewards.term import Asking, Term

UNCOMMITTED = "uncommitted"
"""The parameter that every registered component takes besides its own."""

LARGEST = 1e9
"""The most that one component may pay or cost: squares of sums of such rewards are finite in float32."""

STYLE = "style"
"""The parameter of the components that look at the form, which a task's field `form` sets."""


def canonical(rewards: Any) -> tuple[str, ...]:
    """The field `rewards` as it is kept: texts `NAME WEIGHT`.

    Args:
        rewards: Such texts; or weights by name.

    Raises:
        ValueError: For anything else, and for a weight that is none.
    """
    if isinstance(rewards, Mapping):
        pairs = [(name, weight) for name, weight in rewards.items()]
    elif isinstance(rewards, Sequence) and not isinstance(rewards, str):
        pairs = [_words(entry) for entry in rewards]
    else:
        raise ValueError(f"rewards must be weights by name, such as {{'correct': 2.0}}, got {rewards!r}.")
    for name, weight in pairs:
        if not isinstance(name, str) or name.split() != [name] or "," in name:
            raise ValueError(f"A reward is a name and a weight, such as 'correct 2', got {name!r} and {weight!r}.")
    return tuple(f"{name} {_weight(name, weight)!r}" for name, weight in pairs)


def _words(entry: Any) -> tuple[str, str]:
    words = entry.split() if isinstance(entry, str) else []
    if len(words) != 2:
        raise ValueError(f"A reward is a name and a weight, such as 'correct 2', got {entry!r}.")
    return words[0], words[1]


def _weight(name: Any, weight: Any) -> float:
    try:
        number = math.nan if isinstance(weight, bool) else float(weight)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise ValueError(
            f"The weight of reward {name!r} must be a number, 0 or more and finite, got {weight!r}; what should cost "
            "something has values below 0, not a weight below 0."
        )
    return number


def task_terms(task: Any) -> tuple[Term, ...]:
    """All components of a task's reward: its own parts, one for each number `NAME_weight`, and what `rewards` names.

    Raises:
        ValueError: As `read_terms` does, for a weight below 0, and where no text can earn anything.
    """
    fields = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
    own: dict[str, float] = {}
    for field, weight in fields.items():
        if not field.endswith("_weight") or not isinstance(weight, (int, float)):
            continue  # such as the font_weight "bold"
        if not 0 <= weight < math.inf:
            raise ValueError(f"{type(task).__name__}.{field} must be 0 or more, got {weight}.")
        own[field.removesuffix("_weight")] = float(weight)
    terms = {name: Term(name, 0.0 if task.rewards else weight) for name, weight in own.items()}
    terms |= {term.name: term for term in read_terms(task.rewards, own, task.form)}
    for term in terms.values():
        if not term.weight * max(map(abs, term.bounds)) <= LARGEST:
            raise ValueError(
                f"{type(task).__name__} pays too much for {term.name!r}: its weight {term.weight:g} times its bounds "
                f"{term.bounds} must lie within {LARGEST:g}, for rewards are learned from in single precision."
            )
    if not bounds_of(terms.values())[1] > 0:
        weights = ", ".join(f"{term.name} {term.weight:g}" for term in terms.values())
        raise ValueError(
            f"{type(task).__name__} can give no reward above 0, with these weights: {weights}. Give a part that pays, "
            "such as accuracy, a weight above 0."
        )
    return tuple(terms.values())


def bounds_of(terms: Iterable[Term]) -> Bounds:
    """The least and the most that a weighted sum of components can be."""
    terms = list(terms)
    least, most = (math.fsum(term.weight * term.bounds[end] for term in terms) for end in (0, 1))
    return least, most


def read_terms(entries: Sequence[str], own: Collection[str], form: Form | None = None) -> tuple[Term, ...]:
    """The components of a reward, ready to be asked.

    Args:
        entries: As `canonical` gives them.
        own: Names of the task's own parts.
        form: The task's, which is the `style` of components that have one.

    Raises:
        ValueError: For an unknown name or parameter, a bad value, a style that is not the task's form, a user's
            function that is missing or does not fit.
    """
    terms: dict[str, Term] = {}
    for entry in entries:
        spec, weight = entry.split()
        term = _term(spec, float(weight), own, form)
        if term.name in terms:
            raise ValueError(f"The reward {term.name!r} stands there twice; give it once, or rename your function.")
        terms[term.name] = term
    return tuple(terms.values())


def users_functions(rewards: Any) -> set[str]:
    """Those of the names in a field `rewards` that mean functions of users' own, `module:function` with parameters.

    Nothing is imported.

    Raises:
        ValueError: As `canonical` does.
    """
    names = {entry.split()[0] for entry in canonical(rewards)}
    return {name for name in names if len(_heads(name)) > 1}


def _heads(spec: str) -> list[str]:
    """What a reward is called, without its parameters: one part, or a module and a function."""
    return [segment for segment in spec.split(":") if "=" not in segment]


def _term(spec: str, weight: float, own: Collection[str], form: Form | None) -> Term:
    segments = spec.split(":")
    heads = _heads(spec)
    given = dict(segment.split("=", 1) for segment in segments[len(heads) :] if "=" in segment)
    if segments[: len(heads)] != heads or len(heads) > 2 or len(heads) + len(given) < len(segments):
        raise ValueError(
            f"A reward is NAME or module:function, then :parameter=value as often as need be, got {spec!r}."
        )
    if len(heads) == 2:
        return _users_term(":".join(heads), given, weight, own)
    name = spec.partition(":")[0].replace("-", "_")
    if name in own:
        if given:
            raise ValueError(f"The reward {name!r} is the task's own and takes no parameters, got {spec!r}.")
        return Term(name, weight)
    known = COMPONENTS.get(name)
    if known is None:
        names = [*own, *COMPONENTS]
        close = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"Unknown reward {name!r}.{hint} Known: {', '.join(names)}, and module:function.")
    paying = given.pop(UNCOMMITTED, "false")
    parameters = _parameters(name, known.function, given)
    if form is not None and STYLE in known.defaults and parameters.setdefault(STYLE, form) != form:
        raise ValueError(
            f"Reward {name!r} has the style {parameters[STYLE]!r}, and the form that prompts ask for is {form!r}: "
            f"leave {STYLE} out, or give the form {parameters[STYLE]!r}."
        )
    function = _asking(name, known.function, parameters)
    try:
        function("", answer="", committed="", error=0.0, parsed=False, correct=False, worst_error=1.0)
    except ValueError as error:
        raise ValueError(f"Reward {name!r}: {error}.") from None
    values = known.defaults | parameters
    uncommitted = _read(name, UNCOMMITTED, paying, bool)
    return Term(name, weight, known.bounds(**values), function, uncommitted=uncommitted, style=values.get(STYLE))


def _users_term(location: str, given: Mapping[str, str], weight: float, own: Collection[str]) -> Term:
    """A term of a user's function.

    Raises:
        ValueError: If it is missing, is no function, or asks for what nobody gives.
    """
    module_name, _, name = location.partition(":")
    if not re.fullmatch(r"[\w.]+:\w+", location):
        raise ValueError(f"A reward of your own is module:function, got {location!r}.")
    if name in own or name in COMPONENTS:
        raise ValueError(f"There is a reward {name!r} already; give the function of {location!r} another name.")
    module = import_module(module_name, location)
    found = getattr(module, name, None)
    if found is None:
        close = get_close_matches(name, [key for key, value in vars(module).items() if callable(value)], n=1)
        hint = f" Did you mean {module_name}:{close[0]}?" if close else ""
        raise ValueError(f"There is no {name!r} in the module {module_name!r} of reward {location!r}.{hint}")
    if not callable(found):
        raise ValueError(f"The reward {location!r} must be a function, f(text, ...) -> float, got {found!r:.80}.")
    bounds = _users_bounds(location, getattr(found, "bounds", (0.0, 1.0)))
    function = _asking(location, found, _parameters(location, found, given))
    return Term(name, weight, bounds, function, foreign=True, uncommitted=True)


def _users_bounds(location: str, given: Any) -> Bounds:
    """The attribute `bounds` of a user's function.

    Raises:
        ValueError: If it is not two finite numbers in order.
    """
    largest = sys.float_info.max
    fits = isinstance(given, (tuple, list)) and len(given) == 2
    if not (fits and all(isinstance(end, Real) for end in given) and -largest <= given[0] <= given[1] <= largest):
        raise ValueError(f"{location}.bounds must be (least, most), two finite numbers, got {given!r:.80}.")
    return float(given[0]), float(given[1])


def _keywords(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The arguments of a function after the text that can be given by name."""
    try:
        arguments = list(inspect.signature(function).parameters.items())[1:]
    except (TypeError, ValueError):  # written in C: it gets the text alone
        return {}
    return {name: p for name, p in arguments if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def _parameters(name: str, function: Callable[..., Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that stand behind a name, read as what their types or defaults are.

    Raises:
        ValueError: For an unknown one, or a value that does not fit.
    """
    known = {key: p for key, p in _keywords(function).items() if p.default is not p.empty and key not in TOLD}
    hints = typing.get_type_hints(function) if known and inspect.isfunction(function) else {}
    read = {}
    for key, text in given.items():
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"Reward {name!r} has no parameter {key!r}.{hint} Its parameters: {', '.join(known) or 'none'}."
            )
        read[key] = _read(name, key, text, hints.get(key, type(known[key].default)))
    return read


def _read(name: str, key: str, text: str, kind: Any) -> Any:
    try:
        return read_value(text, kind)
    except ValueError:
        raise ValueError(f"Reward {name!r}: {key} must be {describe(kind)}, got {text!r}.") from None


def _asking(name: str, function: Callable[..., Any], parameters: Mapping[str, Any]) -> Function:
    """The function with its parameters, called with those of the keywords `TOLD` that it asks for.

    Raises:
        ValueError: If it asks for others.
    """
    keywords = _keywords(function)
    missing = [key for key, p in keywords.items() if p.default is p.empty and key not in TOLD]
    if missing:
        raise ValueError(
            f"Reward {name!r} asks for {', '.join(missing)}, which nobody gives: it is called as "
            f"f(text, {', '.join(f'{key}=...' for key in TOLD)}), and may leave out any keyword."
        )
    wanted = TOLD if _takes_all(function) else tuple(key for key in TOLD if key in keywords)
    return Asking(function, wanted, tuple(parameters.items()))


def _takes_all(function: Callable[..., Any]) -> bool:
    """Whether it has `**kwargs`."""
    try:
        return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
