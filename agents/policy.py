"""What it takes to be a policy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Reply:
    """What a policy wrote."""

    text: str
    tokens: int | None = None
    """How many its model wrote, the closing one included; None where there is no model, or it does not tell."""
    truncated: bool | None = None
    """Whether it ends because it may not be longer; None likewise."""


@dataclass(frozen=True)
class Draws:
    """How B answers are drawn."""

    keys: Sequence[tuple[int, ...]]
    """All the chance of each answer: (seed of the evaluation, the problem's seed, which of its answers this is)."""
    temperature: float = 0.0
    """Divides the logits; 0 takes the most likely token each time."""

    @classmethod
    def greedy(cls, seeds: Sequence[int]) -> "Draws":
        """One answer each to problems of these seeds, without chance."""
        return cls([(0, seed, 0) for seed in seeds])

    def some(self, rows: Sequence[int]) -> "Draws":
        """Those of some of the answers."""
        return Draws([self.keys[row] for row in rows], self.temperature)


class Policy(Protocol):
    """Anything that answers: a language model, an oracle, a constant, a service."""

    def respond(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any], draws: Draws
    ) -> Iterator[tuple[int, Reply]]:
        """Answer a batch of B observations.

        Args:
            observations: as a `gymnasium.vector.VectorEnv` gives them: `prompt`, a tuple of B strings, and, where
                there are pictures, `image` or `images` (see `pictures`).
            infos: the reset's infos, in gymnasium's vector layout. An honest policy does not look.
            draws: how each is drawn. Several answers to one problem stand one after the other.

        Yields:
            row and reply of each answer, as it arrives and in whichever order; each row once.
        """
        ...


def in_order(replies: Iterator[tuple[int, Reply]]) -> list[Reply]:
    """All replies, in the order of their rows."""
    return [reply for _, reply in sorted(replies, key=lambda pair: pair[0])]


def texts_of(replies: Iterator[tuple[int, Reply]]) -> list[str]:
    """The texts of all replies, in the order of their rows."""
    return [reply.text for reply in in_order(replies)]


def pictures(observations: Mapping[str, Any]) -> list[list[np.ndarray]] | None:
    """The pictures of each of B observations, uint8 arrays (H, W, 3); None if observations hold no pictures.

    Args:
        observations: as a `gymnasium.vector.VectorEnv` gives them. `image` is one picture each: (B, H, W, 3), or B
            arrays. `images` is several: (B, K, H, W, 3) from a `Box`, B tuples of any length from a `Sequence`, or K
            arrays (B, H, W, 3) from a `Tuple`.

    Raises:
        ValueError: not as many entries as prompts.
    """
    B = len(observations["prompt"])
    if "image" in observations:
        found = [[image] for image in observations["image"]]
    elif "images" in observations:
        images = observations["images"]
        if isinstance(images, tuple) and all(isinstance(i, np.ndarray) and i.ndim == 4 and len(i) == B for i in images):
            images = zip(*images, strict=True)
        found = [list(several) for several in images]
    else:
        return None
    if len(found) != B:
        raise ValueError(f"{B} prompts came with pictures for {len(found)}")
    return found
