"""Importing modules that a user names, the current folder included."""

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any


def import_module(module_name: str, wanted_by: str) -> Any:
    """Import a module, the current folder included.

    Raises:
        ValueError: If it does not import, saying why.
    """
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # last, so that it hides nothing
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        failed = f"Could not import the module {module_name!r} of {wanted_by!r}: {type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and module_name.startswith(error.name or module_name):
            where = f"It must be installed or lie in the current folder, {here}; a file is named without its .py."
            raise ValueError(f"{failed}. {where}") from error
        raise ValueError(f"{failed}{_line_of(error, module_name)}") from error


def _line_of(error: Exception, module_name: str) -> str:
    """Which line of the module failed: ` (thermometer.py, line 7)`; nothing where the error says so itself."""
    file = f"{module_name.rpartition('.')[2]}.py"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == file]
    return f" ({file}, line {lines[-1]})" if lines else ""
