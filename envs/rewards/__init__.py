"""What a text is paid for: reward components, each a pure function of a text and of what is told of its answer.

Every component has documented bounds, takes time linear in the length of the text, and raises on none. `accuracy` and
`formatted` are the parts that every task has; the others are registered by name, for `--reward NAME WEIGHT` and the
field `rewards` of every task, and are plain functions for other libraries.
"""

from envs.rewards.answer import correct, numeric, readable
from envs.rewards.component import COMPONENTS, TOLD, Component, component
from envs.rewards.form import formatted, soft_format, strict_format, tag_count
from envs.rewards.functions import reward_function
from envs.rewards.length import cosine, log_length, overlong
from envs.rewards.reasoning import reasoning_steps, repetition
from envs.rewards.shapes import SHAPES, RewardShape, accuracy
from envs.rewards.term import Term
from envs.rewards.terms import bounds_of, canonical, task_terms

__all__ = [
    "COMPONENTS",
    "SHAPES",
    "TOLD",
    "Component",
    "RewardShape",
    "Term",
    "accuracy",
    "bounds_of",
    "canonical",
    "component",
    "correct",
    "cosine",
    "formatted",
    "log_length",
    "numeric",
    "overlong",
    "readable",
    "reasoning_steps",
    "repetition",
    "reward_function",
    "soft_format",
    "strict_format",
    "tag_count",
    "task_terms",
]
