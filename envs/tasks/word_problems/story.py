"""Chaining steps into a story of a wanted length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from envs.tasks.word_problems import crowds, goods, journeys, money, pastimes
from envs.tasks.word_problems.grammar import Calculation, Number, Step, calculate, plural, singular
from envs.tasks.word_problems.words import BOYS, CONNECTORS, GIRLS, PRONOUNS, QUESTIONS, SITUATIONS, THINGS

STEPS: tuple[Step, ...] = (*goods.STEPS, *money.STEPS, *journeys.STEPS, *pastimes.STEPS, *crowds.STEPS)
"""All templates."""

MOST_STEPS = 8

SMALLEST = 2
"""No step of a story comes to less: of a single thing one speaks differently, of none at all not at all."""

TRIES = 24
"""How many operands a step may try until its results are whole numbers of a fitting size."""

COMPUTED_OPENINGS = 0.25
"""How many stories open with a step of calculation, rather than with a number that is given."""

ASIDE_NUMBERS = range(2, 21)

_FROM = {kind: tuple(step for step in STEPS if step.takes == kind) for kind in {step.takes for step in STEPS}}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Story:
    """A word problem.

    Attributes:
        text: The story and, last, its question.
        work: The lines of the solution, one for each step of calculation.
        answer: The value of the last one.
        situation: Where it begins: a name in `SITUATIONS`.
        steps: The templates that it is made of, in order.
    """

    text: str
    work: tuple[str, ...]
    answer: int
    situation: str
    steps: tuple[Step, ...]


def largest(steps: int) -> int:
    """No number in a story of so many steps is larger: 20 with one step, 720 with eight."""
    return 10 * steps * (steps + 1)


def compose(rng: np.random.Generator, steps: int, asides: int = 0) -> Story:
    """Make up a story.

    Args:
        rng: The source of chance.
        steps: Steps of calculation, from 1 to `MOST_STEPS`.
        asides: Sentences with numbers that are of no use, up to 4.
    """
    while True:
        draft = _Draft(rng, steps)
        if draft.complete():
            return draft.story(asides)


class _Draft:
    """A story in the making."""

    def __init__(self, rng: np.random.Generator, steps: int) -> None:
        self.rng, self.left, self.largest = rng, steps, largest(steps)
        self.kind, self.value, self.situation = "", 0, ""
        self.sentences: list[str] = []
        self.work: list[str] = []
        self.steps: list[Step] = []
        self.question = ""
        self.computed_opening = rng.random() < COMPUTED_OPENINGS
        girl = bool(rng.integers(2))
        self.friends, self.things = BOYS if girl else GIRLS, [THINGS[i] for i in rng.permutation(len(THINGS))]
        self.words: dict[str, Any] = {"name": self.pick(GIRLS if girl else BOYS), **PRONOUNS[girl]}

    def pick(self, choices: Sequence[Item]) -> Item:
        """One of them, each as likely as the others."""
        return choices[int(self.rng.integers(len(choices)))]

    def complete(self) -> bool:
        """Add steps until none is left to add; False where the story runs into a dead end."""
        while self.left or not self.steps:
            options = [step for step in _FROM[self.kind] if self._fits(step)]
            order = self.rng.permutation(len(options))
            if not any(self._add(options[i]) for i in order):
                return False
        return True

    def _fits(self, step: Step) -> bool:
        size = len(step.work)
        if not step.takes and bool(size) != self.computed_opening:
            return False
        return size <= self.left and (not step.asks or size == self.left) and step not in self.steps

    def _add(self, step: Step) -> bool:
        """Add a step, if operands are found for it."""
        found = self._operands(step)
        if found is None:
            return False
        numbers, done = found
        self._choose_words(step)
        words = self.words | {letter: Number(number) for letter, number in numbers.items()}
        if step.tells:
            self.sentences.append(self._connected(step.tells).format_map(words))
        for (_, line), calculation in zip(step.work, done, strict=True):
            self.work.append(line.format_map(words | {"calc": calculation}))
        self.kind, self.value = step.gives, done[-1].value if done else numbers["v"]
        self.left -= len(step.work)
        self.steps.append(step)
        if not self.left:
            self.question = (step.asks or QUESTIONS[step.gives]).format_map(words)
        return True

    def _operands(self, step: Step) -> tuple[Mapping[str, int], list[Calculation]] | None:
        """Draw operands; None where no try gives a result from `SMALLEST` to `self.largest`."""
        letters = step.letters
        ranges = [[n for n in step.choices(letter) if n <= self.largest] for letter in letters]
        if not all(ranges):
            return None
        rows = (
            self.rng.integers(0, [len(numbers) for numbers in ranges], size=(TRIES, len(ranges))) if letters else [()]
        )
        for row in rows:
            numbers = {"v": self.value}
            numbers |= {letter: ranges[i][row[i]] for i, letter in enumerate(letters)}
            done: list[Calculation] = []
            for formula, _ in step.work:
                calculation = calculate(formula, numbers, self.largest)
                if calculation is None:
                    break
                done.append(calculation)
                numbers["x"] = calculation.value
            if len(done) == len(step.work) and (not done or done[-1].value >= SMALLEST):
                return numbers, done
        return None

    def _choose_words(self, step: Step) -> None:
        """Draw the words that a step leaves open."""
        if step.enters:
            self.situation = self.situation or step.enters
            place = SITUATIONS[step.enters]
            noun, box = self.pick(place.nouns), self.pick(place.boxes)
            self.words |= {"N": noun, "items": plural(noun), "item": singular(noun)}
            self.words |= {"B": box, "boxes": plural(box), "box": singular(box)}
            self.words |= {"gets": place.gets, "flaw": place.flaw}
        self.words |= {"friend": self.pick(self.friends), "thing": self.things[len(self.steps) % len(THINGS)]}

    def _connected(self, sentence: str) -> str:
        """A sentence with, now and then, a word that joins it to the one before."""
        if not sentence.startswith("{She} "):
            return sentence
        connector = self.pick(CONNECTORS)
        return connector + sentence.replace("{She}", "{she}", 1) if connector else sentence

    def story(self, asides: int) -> Story:
        """The finished story, with sentences strewn in that do not matter."""
        strewn = SITUATIONS[self.situation].asides
        for i in self.rng.permutation(len(strewn))[:asides]:
            number = self.pick(ASIDE_NUMBERS)
            place = int(self.rng.integers(1, len(self.sentences) + 1))
            self.sentences.insert(place, strewn[i].format_map(self.words | {"n": number}))
        text = " ".join((*self.sentences, self.question))
        return Story(text, tuple(self.work), self.value, self.situation, tuple(self.steps))
