"""Other people's libraries, which are imported only where they are used."""

import importlib
from types import ModuleType


class MissingExtraError(ImportError, ValueError):
    """A library that an adapter needs is not installed; the message has the command that installs it."""


def require(module: str, extra: str) -> ModuleType:
    """Import a library.

    Args:
        module: What to import, such as `stable_baselines3`.
        extra: The extra of this package that installs it.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"This takes the library {module.partition('.')[0]}: pip install 'eyechart[{extra}]' ({error})."
        ) from error
