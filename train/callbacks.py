"""A user's own code, told of what happens in a run.

A callback is called as `callback(event, values)`, by the main process alone:

| event | values |
|---|---|
| `step` | the row of `metrics.csv` |
| `evaluation` | the row of `evals.csv` |
| `checkpoint` | `step` and `path`, a string |
| `end` | `step`, `complete` (whether the run came to its bound) and `folder`, a string |

What it returns is not looked at, and the values are a copy: the run is the same with and without it. One that raises
is called no more, like a tracker that fails, and the run goes on: hours of training are worth more than a plot.
"""

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from envs.registry import import_module
from train.evaluation.cells import harmless

Callback = Callable[[str, dict[str, Any]], Any]


class Callbacks:
    """The callbacks of a run.

    Args:
        names: `module:function` of each.
        say: tells the user something.

    Raises:
        ValueError: one that is not there, or cannot be called so.
    """

    def __init__(self, names: Sequence[str], say: Callable[[str], None]) -> None:
        self.say = say
        self.callbacks = [(name, made(name)) for name in names]

    def add(self, callbacks: Sequence[Callback]) -> None:
        """More of them, given as they are."""
        self.callbacks += [(title_of(callback), callback) for callback in callbacks]

    def tell(self, event: str, values: Mapping[str, Any]) -> None:
        """Call each with a copy of the values; one that raises is told of, and called no more."""
        for name, callback in list(self.callbacks):
            try:
                callback(event, dict(values))
            except Exception as error:  # a user's own code: no reason to end a run
                self.callbacks.remove((name, callback))
                place = place_of(error, name.partition(":")[0])
                self.say(
                    f"the callback {name} fails at {event!r}{place} and is called no more in this run, "
                    f"which goes on: {type(error).__name__}: {harmless(str(error))}"
                )


def require_callbacks(names: Sequence[str]) -> None:
    """Refuse callbacks that are not there. Imports their modules; makes and calls nothing.

    Raises:
        ValueError: naming the first of them.
    """
    for name in names:
        found(name)


def made(name: str) -> Callback:
    """What a name stands for; of a class, one object.

    Raises:
        ValueError: it is not there, or cannot be called with an event and values.
    """
    callback = found(name)
    if isinstance(callback, type):
        try:
            callback = callback()
        except Exception as error:
            place = place_of(error, name.partition(":")[0])
            raise ValueError(f"--callback {name} could not be made{place}: {type(error).__name__}: {error}") from error
        require_signature(name, callback)
    return callback


def found(name: str) -> Any:
    """The function, object or class that a name stands for."""
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ValueError(
            f"--callback takes MODULE:FUNCTION, such as mymodule:on_event, the module without its .py; got {name!r}"
        )
    if module_name not in sys.modules and not Path(f"{module_name}.py").exists():
        close = get_close_matches(module_name, [path.stem for path in Path().glob("*.py")], n=1)
    else:
        close = []
    try:
        module = import_module(module_name, name)
    except ValueError as error:
        raise ValueError(f"--callback: {error}{f' Did you mean {close[0]}:{attribute}?' if close else ''}") from error
    if not hasattr(module, attribute):
        own = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        match = get_close_matches(attribute, own, n=1)
        hint = f" Did you mean {module_name}:{match[0]}?" if match else ""
        raise ValueError(f"--callback {name}: {module_name} has no {attribute!r}.{hint}")
    callback = getattr(module, attribute)
    if not isinstance(callback, type):
        require_signature(name, callback)
    return callback


def require_signature(name: str, callback: Any) -> None:
    """Refuse what cannot be called with an event and values.

    Raises:
        ValueError: saying what it takes instead.
    """
    if not callable(callback):
        raise ValueError(f"--callback {name} cannot be called: it is a {type(callback).__name__}, not a function")
    try:
        signature = inspect.signature(callback)
    except (TypeError, ValueError):  # some builtins have none
        return
    try:
        signature.bind("step", {})
    except TypeError as error:
        raise ValueError(
            f"--callback {name} is called as {name.partition(':')[2]}(event, values), and takes {signature}: {error}"
        ) from error


def title_of(callback: Callback) -> str:
    """What to call one that was given without a name."""
    return f"{callback.__module__}:{getattr(callback, '__qualname__', type(callback).__qualname__)}"


def place_of(error: Exception, module_name: str) -> str:
    """Where a module's own code failed: ` (mymodule.py, line 7)`; nothing where it is not in it."""
    file = getattr(sys.modules.get(module_name), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({Path(file).name}, line {lines[-1]})" if file and lines else ""
