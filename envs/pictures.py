"""What environments that are not ours may show: one picture, `image`, or several, `images`."""

from typing import Any

import gymnasium as gym
import numpy as np


def picture_spaces(space: gym.Space) -> list[gym.Space]:
    """The spaces of the single pictures that a member `image` or `images` of an observation holds."""
    if isinstance(space, gym.spaces.Tuple):
        return list(space.spaces)
    if isinstance(space, gym.spaces.Sequence) and not space.stack:
        return [space.feature_space]
    if isinstance(space, gym.spaces.Box) and len(space.shape) == 4:
        return [gym.spaces.Box(0, 255, space.shape[1:], space.dtype.type)] * space.shape[0]
    return [space]


def wanted(name: str, space: gym.Space) -> str | None:
    """What the space of a member `image` or `images` should be; None if it is that."""
    parts = picture_spaces(space)
    several = parts != [space]
    if several == (name == "images") and all(map(_is_picture, parts)):
        return None
    if name == "image":
        return "a Box of uint8, (height, width, 3)"
    return "a Box of uint8, (pictures, height, width, 3), or a Tuple or Sequence of Boxes of uint8, (height, width, 3)"


def _is_picture(space: gym.Space) -> bool:
    return isinstance(space, gym.spaces.Box) and space.dtype == np.uint8 and space.shape[2:] == (3,)


def hold(space: gym.Space, shown: Any) -> bool:
    """Whether what is shown are arrays of the shapes that their space has; Gymnasium would let lists of lists pass."""
    if isinstance(space, gym.spaces.Tuple):
        return isinstance(shown, tuple) and len(shown) == len(space.spaces) and all(map(hold, space.spaces, shown))
    if isinstance(space, gym.spaces.Sequence):
        return isinstance(shown, tuple) and all(hold(space.feature_space, one) for one in shown)
    return isinstance(shown, np.ndarray) and shown.dtype == np.uint8 and shown.shape == space.shape


def equal(one: Any, other: Any) -> bool:
    """Whether two members of observations are the same: texts, pictures or tuples of pictures."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return np.array_equal(one, other)


def form(shown: Any) -> str:
    """Type and shape of pictures, or of the space that they should be of, in words."""
    if isinstance(shown, np.ndarray | gym.spaces.Box):
        return f"{shown.dtype} {shown.shape}"
    if isinstance(shown, gym.spaces.Sequence):
        return f"a tuple of {form(shown.feature_space)}"
    if isinstance(shown, tuple | gym.spaces.Tuple):
        return f"({', '.join(map(form, shown))})"
    return f"{shown!r:.60}"
