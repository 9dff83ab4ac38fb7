"""`python -m envs gallery`: a page that shows every task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from envs.fields import flag_of
from envs.gallery import gallery
from envs.sheet import write_png


@dataclass(frozen=True)
class Gallery:
    """Write a page of tasks from the code: samples, looks, yardsticks, options and levels."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]")] = ()
    """The environments: `clock`, `eyechart/Clock-v0` or `module:name`; all built-in ones where none is named."""
    out: Path = Path("docs/GALLERY.md")
    """The Markdown file to write; its pictures go to a folder beside it, of the same name in lower case."""

    def run(self, texts: dict[str, str]) -> int:
        """Write the page and its pictures."""
        if texts:
            raise ValueError(f"`gallery` shows every task as registered and takes no {flag_of(next(iter(texts)))}.")
        if not self.out.suffix:
            raise ValueError(f"--out names the Markdown file, such as docs/GALLERY.md, got {self.out}.")
        made = gallery(self.names, self.out.stem.lower())
        for path, picture in made.pictures.items():
            write_png(picture, self.out.parent / path)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text(made.text, encoding="utf-8")
        except OSError as error:
            raise ValueError(f"Cannot write {self.out}: {error.strerror or error}.") from error
        print(f"{self.out}: {len(made.pictures)} pictures")
        return 0
