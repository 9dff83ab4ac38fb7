"""Policies that never look at the picture: the ends of the scale on which the others are read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def tagged(answer: str) -> str:
    """An answer in the form that every task reads."""
    return f"<answer>{answer}</answer>"


class Oracle:
    """Answers with the truth, taken from the infos: the best error that the scoring itself allows."""

    def respond(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> list[str]:
        """Answer with each problem's own answer."""
        return [tagged(answer) for answer in infos["best_answer"]]


class Constant:
    """Answers every problem with the same text."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def respond(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> list[str]:
        """Answer with the constant."""
        return [tagged(self.answer)] * len(observations["prompt"])


class Chance:
    """Answers at random from a pool of other problems' answers: the prior, and nothing seen."""

    def __init__(self, answers: Sequence[str], seed: int) -> None:
        if not answers:
            raise ValueError("the chance policy needs answers to draw from, got none")
        self.answers = list(answers)
        self.rng = np.random.default_rng(seed)

    def respond(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> list[str]:
        """Answer with independent draws from the pool."""
        return [tagged(str(a)) for a in self.rng.choice(self.answers, size=len(observations["prompt"]))]
