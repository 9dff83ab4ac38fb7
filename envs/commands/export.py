"""`python -m envs export`: problems as a data set in files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from envs.adapters.export import export
from envs.fields import read_fields
from envs.registry import resolve, task_class


@dataclass(frozen=True)
class Export:
    """Write problems to a folder as a data set, with a data card.

    What was killed on the way, the same command goes on with.
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """The environment: `clock`, `eyechart/Clock-v0` or `module:name`."""
    size: int = 1000
    """How many problems."""
    format: Literal["parquet", "hf", "jsonl"] = "parquet"
    """`parquet`, as the Hugging Face hub has it; `hf`, a folder for `datasets.load_from_disk`; `jsonl`, JSON Lines and
    PNG files."""
    split: Literal["train", "eval"] = "train"
    """Whose problems: those trained on or those held out."""
    seed: int = 0
    """Seed of the first; the next ones follow."""
    out: Path | None = None
    """The folder, a new or an empty one; by default `exports/NAME-SPLIT-FORMAT`."""

    def run(self, texts: dict[str, str]) -> int:
        """Write the rows."""
        spec = resolve(self.name)
        fields = read_fields(task_class(spec), texts)
        out = self.out or Path("exports") / f"{spec.name.lower()}-{self.split}-{self.format}"
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("", total=self.size)
            try:
                export(
                    self.name,
                    out,
                    self.size,
                    file_format=self.format,
                    split=self.split,
                    seed=self.seed,
                    on_row=lambda: progress.advance(bar),
                    **fields,
                )
            except OSError as error:
                if isinstance(error, ValueError):
                    raise
                begun = " The same command goes on from there." if _has_files(out) else " Give another --out."
                raise ValueError(f"{out} cannot be written to: {error.strerror or error}.{begun}") from error
            except KeyboardInterrupt:
                progress.stop()
                print(f"\nstopped; the same command goes on with {out}")
                return 130
        print(f"{out}: {self.size} problems, {self.format}, described in its README.md")
        return 0


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
