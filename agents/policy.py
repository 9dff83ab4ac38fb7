"""What it takes to be a policy."""

from collections.abc import Mapping
from typing import Any, Protocol


class Policy(Protocol):
    """Anything that answers: Qwen-VL, an oracle, a constant, a service."""

    def respond(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> list[str]:
        """Answer a batch of B observations.

        Args:
            observations: as a `gymnasium.vector.VectorEnv` gives them: `prompt`, a tuple of B strings, and, where
                there is a picture, `image`, uint8 (B, H, W, 3).
            infos: the reset's infos, in gymnasium's vector layout. An honest policy does not look.

        Returns:
            B texts.
        """
        ...
