"""Names: registering a task with Gymnasium, and finding it again by a short name."""

import dataclasses
import importlib
import json
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from envs.fields import FLAG, RESERVED, require_known, required
from envs.importing import import_module
from envs.task import Task

ENTRY_POINT = "envs.question:QuestionEnv"
LIBRARIES = {"reasoning_gym": "envs.adapters.reasoning_gym"}
"""Namespaces of other libraries, and the module that registers what is in them, when one of them is named."""

VECTOR_ENTRY_POINT = "envs.vector:QuestionVectorEnv"


def register(id: str, task: str | type[Task], **fields: Any) -> None:
    """Register a task with Gymnasium, for `gymnasium.make`, `make_vec` and every command line here.

    The spec holds names and plain values alone, so it survives JSON and reaches other processes.

    Args:
        id: Gymnasium's `[namespace/]Name-v0`.
        task: The class, or `module:Class`, which is not imported before it is used.
        **fields: Fields of the task that differ from its defaults: plain values, such as JSON can hold.

    Raises:
        ValueError: For a class that cannot be imported by name, an unknown field, a value that is not plain.
    """
    if isinstance(task, type):
        # complain here, where the mistake is, not when the environment is made
        require_known(task, fields)
        if required(task) <= fields.keys():
            build_task(task, **fields)
        task = _location(task)
    elif not re.fullmatch(r"[\w.]+:\w+", task):
        raise ValueError(f"A task is a class or 'module:Class', got {task!r}.")
    try:
        plain = json.loads(json.dumps(fields, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"Fields of {id} must be plain values that JSON can hold: {error}.") from None
    kwargs = {"task": task, **plain}
    known = gym.registry.get(id)
    if known is not None and known.entry_point == ENTRY_POINT and known.kwargs == kwargs:
        return  # the module was imported twice
    gym.register(id, entry_point=ENTRY_POINT, vector_entry_point=VECTOR_ENTRY_POINT, kwargs=kwargs)


def _location(task_class: type[Task]) -> str:
    """`module:Class`, from which the class can be imported again."""
    name = task_class.__qualname__
    if "." in name:
        raise ValueError(f"{name} cannot be imported by name: define it at the top level of a module.")
    return f"{task_class.__module__}:{name}"


def load_task(location: str) -> type[Task]:
    """Import the task class that `module:Class` names.

    Raises:
        ValueError: If the module does not import, or the class is not there or no task.
    """
    module_name, _, name = location.partition(":")
    task_class = getattr(import_module(module_name, location), name, None)
    if not (isinstance(task_class, type) and issubclass(task_class, Task)):
        raise ValueError(f"{location!r} names no Task: {module_name} has no such class, or it is no subclass of Task.")
    return task_class


def build_task(task: str | type[Task] | Task, **fields: Any) -> Task:
    """Make a task from `module:Class`, a class or another task, with some of its fields set.

    Raises:
        ValueError: For an unknown or missing field or a bad value.
    """
    if isinstance(task, str):
        task = load_task(task)
    require_known(task if isinstance(task, type) else type(task), fields)
    if isinstance(task, type) and (missing := required(task) - fields.keys()):
        name = min(missing)
        raise ValueError(f"{task.__name__} needs a {name}: give {FLAG}{name} VALUE, or {name}=... in Python.")
    # JSON, through which a spec may have gone, knows lists alone, and a task must be hashable
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return task(**plain) if isinstance(task, type) else dataclasses.replace(task, **plain)


def make_task(spec_or_name: EnvSpec | str, **fields: Any) -> Task:
    """Make the task of a registered environment.

    Args:
        spec_or_name: A spec, or any name that `resolve` takes.
        **fields: Fields that differ from the registered ones.

    Raises:
        ValueError: For an unknown name or field, or an environment that is not made from a `Task`.
    """
    spec = resolve(spec_or_name) if isinstance(spec_or_name, str) else spec_or_name
    registered = {name: value for name, value in spec.kwargs.items() if name not in RESERVED}
    return build_task(_task_location(spec), **registered | fields)


def task_class(spec: EnvSpec) -> type[Task]:
    """The class of a registered environment's task, which may take fields to be made.

    Raises:
        ValueError: For an environment that is not made from a `Task`.
    """
    return load_task(_task_location(spec))


def _task_location(spec: EnvSpec) -> str:
    if not is_ours(spec):
        raise ValueError(f"{spec.id} has no Task: it was not registered with envs.register.")
    return spec.kwargs["task"]


def is_ours(spec: EnvSpec) -> bool:
    """Whether an environment was registered with `register`."""
    return spec.entry_point == ENTRY_POINT and "task" in spec.kwargs


def registered() -> list[EnvSpec]:
    """All environments that `register` registered, in that order."""
    return [spec for spec in gym.registry.values() if is_ours(spec)]


def resolve(name: str) -> EnvSpec:
    """Find an environment by a name as people type it.

    `eyechart/Clock-v0` is exact. A short name is the last part of an id, case apart, with or without the
    version: `clock`, `Clock-v0`, `eyechart/clock`; without a version it is the newest. `module:name` imports
    the module first (the current folder counts) and prefers what that module registered. Those of another
    library need its name: `reasoning_gym/leg_counting`, or `reasoning-gym/leg_counting`.

    Raises:
        ValueError: If the name is unknown (with the closest ones) or ambiguous, or its module does not
            import.
    """
    module_name, colon, short = name.rpartition(":")
    if colon:
        import_module(module_name, name)
        found = _matches(short, _of_module(module_name)) or _matches(short, gym.registry.values())
    else:
        namespace, slash, last = short.rpartition("/")
        load_library(namespace)
        short = f"{library_name(namespace)}{slash}{last}"
        found = _matches(short, gym.registry.values())
    if not found:
        raise ValueError(_unknown(name, short, module_name))
    if len(found) > 1:
        ids = ", ".join(spec.id for spec in found)
        raise ValueError(f"The name {name!r} is ambiguous: it may mean {ids}. Use the whole id.")
    return found[0]


def library_name(name: str) -> str:
    """The one of `LIBRARIES` that a name means, as `reasoning-gym` means `reasoning_gym`; any other name as it is."""
    normalised = name.replace("-", "_").lower()
    return normalised if normalised in LIBRARIES else name


def load_library(namespace: str) -> bool:
    """Register the environments of another library, one of `LIBRARIES`; of any other namespace there are none.

    Returns:
        Whether it is such a library.

    Raises:
        ValueError: If the library is not installed.
    """
    module = LIBRARIES.get(library_name(namespace))
    if module is not None:
        importlib.import_module(module).register_all()
    return module is not None


def _in_libraries(short: str) -> list[str]:
    """Where in other libraries a name without a namespace may be; their own name stands for an example."""
    found = []
    for library, module in LIBRARIES.items():
        adapter = importlib.import_module(module)
        if library_name(short) == library:
            found.append(f"{library}/{adapter.EXAMPLE}")
        elif short.replace("-", "_").lower() in adapter.installed():
            found.append(f"{library}/{short.replace('-', '_').lower()}")
    return found


def _of_module(module_name: str) -> list[EnvSpec]:
    """The environments whose task, or whose class where they have none, is a module's own."""

    def home(spec: EnvSpec) -> str:
        where = spec.kwargs["task"] if is_ours(spec) else spec.entry_point
        return where.partition(":")[0] if isinstance(where, str) else getattr(where, "__module__", "")

    return [spec for spec in gym.registry.values() if home(spec) == module_name]


def _matches(name: str, specs: Iterable[EnvSpec]) -> list[EnvSpec]:
    """The specs that a name may mean; of several versions of one environment only the newest."""
    specs = list(specs)
    exact = [spec for spec in specs if spec.id == name]
    if exact:
        return exact
    newest: dict[tuple[str | None, str], EnvSpec] = {}
    for spec in specs:
        key = (spec.namespace, spec.name)
        if name.lower() in _short_names(spec) and (spec.version or 0) >= (
            newest[key].version or 0 if key in newest else 0
        ):
            newest[key] = spec
    return list(newest.values())


def _short_names(spec: EnvSpec) -> set[str]:
    """All lower-case names that may stand for a spec."""
    names = {spec.id, spec.id.removesuffix(f"-v{spec.version}")}
    if spec.namespace not in LIBRARIES:  # whose `countdown` is not ours
        names |= {spec.name, spec.id.rpartition("/")[2]}
    return {name.lower() for name in names}


def _unknown(name: str, short: str, module_name: str) -> str:
    """What to say about a name that means nothing."""
    library = short.rpartition("/")[0]
    known = [*registered(), *_of_module(module_name)]
    if library in LIBRARIES:
        known = [spec for spec in known if spec.namespace == library]
    else:
        known = [spec for spec in known if spec.namespace not in LIBRARIES]
    ours = {spec.name.lower(): spec.id for spec in known}
    close = [ours[match] for match in get_close_matches(short.lower().rpartition("/")[2], ours, n=3, cutoff=0.5)]
    close = ([] if module_name else _in_libraries(short)) or close
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    unregistered = [
        key
        for key, value in vars(sys.modules.get(module_name, sys)).items()
        if key.lower() == short.lower() and isinstance(value, type) and issubclass(value, Task)
    ]
    if unregistered:
        task = unregistered[0]
        hint = f" {task} is a Task there, but not registered: call register('{task}-v0', {task}) beneath it."
    elif not module_name and short.isidentifier() and Path(f"{short}.py").exists():
        hint = f" Did you mean {short}:{short}, which imports {short}.py first?"
    where = f" (after importing {module_name})" if module_name else ""
    there = f"`envs list {library}` lists them" if library in LIBRARIES else f"Registered: {', '.join(ours.values())}"
    return f"Unknown environment {name!r}{where}.{hint} {there}."
