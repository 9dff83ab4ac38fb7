"""A grammar of word problems: each step is a sentence with an operation, and steps that fit make a story."""

from envs.tasks.word_problems.story import MOST_STEPS, STEPS, Story, compose

__all__ = ["MOST_STEPS", "STEPS", "Story", "compose"]
