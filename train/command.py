"""The `eyechart` command: what `python -m train`, `agents`, `plots`, `envs` do, from any folder, whatever lies there.

`python -m` looks into the current folder first, where a folder `envs` of somebody else's would be taken for ours. This
command finds our packages beside itself. The module of `--env module:name` is still found in the current folder.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

ROOMS = ("agents", "envs", "plots", "rendering", "train")
# Each is imported only when asked for: `envs list` has no use for torch.
COMMANDS = {
    "train": ("train.__main__", "train a policy on an environment: eyechart train --env clock"),
    "evaluate": ("train.evaluate", "evaluate one: eyechart evaluate --env clock --model runs/clock"),
    "agents": ("agents.__main__", "ask a model: eyechart agents ask --model runs/clock --image clock.png QUESTION"),
    "plots": ("plots.__main__", "draw or report on runs and evaluations: eyechart plots runs/clock"),
    "envs": ("envs.__main__", "look at environments, play and check them: eyechart envs list"),
}
USAGE = "\n".join(
    [
        "usage: eyechart COMMAND ...   (eyechart COMMAND --help tells more; eyechart --version)",
        "",
        *(f"  {name:<10}{purpose}" for name, (_, purpose) in COMMANDS.items()),
    ]
)


class Beside:
    """Finds our packages beside this one, before any other of the same name on the path."""

    root = str(Path(__file__).absolute().parents[1])

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of our packages; None for everything else, which Python then looks for itself."""
        return PathFinder.find_spec(name, [cls.root]) if name in ROOMS else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: what follows `eyechart`; None takes the process's own.

    Returns:
        the exit status: that of the command, or 2 for one that does not exist.
    """
    command, *rest = (sys.argv[1:] if arguments is None else list(arguments)) or [""]
    if command in ("-h", "--help"):
        print(USAGE)
        return 0
    if command == "--version":
        print(f"eyechart {version()}")
        return 0
    if command not in COMMANDS:
        close = get_close_matches(command, COMMANDS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        print(f"error: no command {command!r}{hint}\n{USAGE}" if command else USAGE, file=sys.stderr)
        return 2
    if Beside not in sys.meta_path:
        sys.meta_path.insert(0, Beside)
    module = importlib.import_module(COMMANDS[command][0])
    return module.main(rest, prog=f"eyechart {command}") or 0


def version() -> str:
    """The installed version."""
    try:
        return importlib.metadata.version("eyechart")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
