"""`python -m agents`: put a question to a model, about pictures or about none; export it for other programs."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.choices import Dtype

Pictures = Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True)
class Ask:
    """Ask a model a question, and print its most likely answer."""

    question: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="QUESTION")]
    """What to ask, as the model is to read it."""
    model: str
    """A run, a Hugging Face folder or hub id, or a tiny model (which has learned nothing)."""
    image: Pictures = ()
    """A picture to show it; say it again for another one."""
    max_new_tokens: int = 256
    """The longest answer."""
    device: str | None = None
    """cpu, cuda, or cuda:N. Default: a GPU if there is one."""

    def run(self) -> int:
        """Print the answer."""
        if self.max_new_tokens < 1:
            raise ValueError(f"--max-new-tokens must be at least 1, got {self.max_new_tokens}")
        import numpy as np
        from PIL import Image

        pictures = []
        for path in self.image:
            try:
                with Image.open(path) as picture:
                    pictures.append(np.asarray(picture.convert("RGB")))
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                raise ValueError(f"--image {path} is no picture that can be read: {error}") from error

        from agents.fitting import answer  # seconds of imports, after the rest is known to be right
        from agents.loading import load_policy

        policy = load_policy(self.model, 0, device=self.device)
        policy.max_new_tokens = self.max_new_tokens
        answers = answer(policy, policy.prepare([self.question], [pictures] if pictures else None))
        (text,) = policy.decode(answers)
        # a model's output is anything at all: a terminal's control codes among it
        print("".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text))
        return 0


@dataclass(frozen=True)
class Export:
    """Write a model as an ordinary Hugging Face folder, an adapter merged into its weights."""

    model: str
    """A run, a Hugging Face folder or hub id."""
    out: Path
    """Folder to write, which must be new."""
    dtype: Dtype = "float32"
    """Precision of the weights."""

    def run(self) -> int:
        """Write the folder."""
        if self.out.exists() and not (self.out.is_dir() and not any(self.out.iterdir())):
            raise ValueError(f"--out {self.out} exists; name another folder")
        import torch
        from safetensors import SafetensorError

        from agents.loading import load_policy

        policy = load_policy(self.model, 0, device="cpu", dtype="float32", adapter="merged")
        if self.dtype == "bfloat16":
            print("note: bfloat16 rounds away much of what a short training changed; evaluate the exported folder")
        policy.cast(getattr(torch, self.dtype))
        try:
            policy.save(self.out)
        except (OSError, SafetensorError) as error:
            raise ValueError(f"--out {self.out} cannot be written: {error}") from error
        print(self.out)
        return 0


def main(arguments: Sequence[str] | None = None, prog: str = "python -m agents") -> int:
    """Run a command line.

    Args:
        arguments: what follows `python -m agents`; None takes the process's own.
        prog: what usage and messages call the program.

    Returns:
        the exit status: 0, or 2 for bad input.
    """
    try:
        return tyro.extras.subcommand_cli_from_dict({"ask": Ask, "export": Export}, args=arguments, prog=prog).run()
    except (ValueError, MemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
