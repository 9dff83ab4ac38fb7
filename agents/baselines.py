"""Policies that never look at the picture: the ends of the scale on which the others are read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from agents.policy import Draws, Reply


def tagged(answer: str) -> str:
    """An answer in the form that every task reads."""
    return f"<answer>{answer}</answer>"


class Baseline(ABC):
    """A policy whose answers stand ready at once."""

    @abstractmethod
    def answers(self, infos: Mapping[str, Any], draws: Draws) -> Sequence[str]:
        """The answer to each of the B problems, without its tags."""

    def respond(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any], draws: Draws
    ) -> Iterator[tuple[int, Reply]]:
        """Answer each problem (see `agents.policy.Policy`)."""
        yield from enumerate(Reply(tagged(answer)) for answer in self.answers(infos, draws))


class Oracle(Baseline):
    """Answers with the truth, taken from the infos: the best error that the scoring itself allows."""

    def answers(self, infos: Mapping[str, Any], draws: Draws) -> Sequence[str]:
        """Each problem's own answer."""
        return list(infos["best_answer"])


class Constant(Baseline):
    """Answers every problem with the same text."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def answers(self, infos: Mapping[str, Any], draws: Draws) -> Sequence[str]:
        """The constant."""
        return [self.answer] * len(draws.keys)


class Chance(Baseline):
    """Answers at random from a pool of other problems' answers: the prior, and nothing seen."""

    def __init__(self, answers: Sequence[str]) -> None:
        if not answers:
            raise ValueError("the chance policy needs answers to draw from, got none")
        self.pool = list(answers)

    def answers(self, infos: Mapping[str, Any], draws: Draws) -> Sequence[str]:
        """Independent draws from the pool, each fixed by its key."""
        generators = [np.random.default_rng(np.random.SeedSequence(key)) for key in draws.keys]
        return [self.pool[generator.integers(len(self.pool))] for generator in generators]
