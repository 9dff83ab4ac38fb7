"""What it takes to be a policy."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Policy(Protocol):
    """Anything that answers: a language model, an oracle, a constant, a service."""

    def respond(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> list[str]:
        """Answer a batch of B observations.

        Args:
            observations: as a `gymnasium.vector.VectorEnv` gives them: `prompt`, a tuple of B strings, and, where
                there are pictures, `image` or `images` (see `pictures`).
            infos: the reset's infos, in gymnasium's vector layout. An honest policy does not look.

        Returns:
            B texts.
        """
        ...


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
