"""Cards: one problem each, with the answers to it, of every model beside each other."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from plots.answers import Answers, slice_of
from plots.rows import ROLLOUT, Row
from plots.untrusted import clipped, short

EACH_KIND = 24  # worst, median and best problems, and those on which two models differ most
OF_OTHER_CONDITIONS = 8
ROLLOUT_GROUPS = 24
MOST_CARDS = 400
MOST_SAMPLES = 32
LONGEST_TEXT, LONGEST_SAMPLE, LONGEST_PROMPT = 4000, 600, 2000  # characters
MOST_INFO = 12
PICTURE_BUDGET = 24_000_000  # characters of data URIs


@dataclass(frozen=True)
class Answer:
    """An answer as a card shows it: the row, its text cut, and the picture that the answer would be."""

    row: Row
    text: str
    cut: int
    depicted: str | None


@dataclass(frozen=True)
class Column:
    """The answers of one model to one problem.

    Attributes:
        model: its place among the models.
        samples: the answers, the first of them in full.
        more: how many further ones have not been taken along.
        images: the pictures that it was shown, where they are not those of the card.

    """

    model: int
    samples: tuple[Answer, ...]
    more: int
    images: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Card:
    """One problem as one condition posed it.

    Attributes:
        number: its place in the report.
        condition: the condition, or phase.
        kind: why it is shown: `worst`, `median`, `best`, `difference`, or empty.
        row: any row of it, for what they share: the prompt, the truth, the info, the step.
        unit: the unit of the errors.
        prompt: the prompt, cut.
        cut: how many characters of it were cut off.
        info: what describes the problem, as words.
        images: the pictures shown, as data URIs.
        missing: how many pictures were shown that cannot be.
        columns: the answers, a column per model that has some.
        slices: which slices it belongs to, such as `hour: 7`.

    """

    number: int
    condition: str
    kind: str
    row: Row
    unit: str
    prompt: str
    cut: int
    info: tuple[tuple[str, str], ...]
    images: tuple[str, ...]
    missing: int
    columns: tuple[Column, ...]
    slices: tuple[str, ...]

    @property
    def facts(self) -> dict[str, object]:
        """What the page filters and sorts by; `errors`, `rewards`, `parsed` are by model."""
        errors = {column.model: mean_of(column, "error") for column in self.columns}
        known = [error for error in errors.values() if error is not None]
        return {
            "condition": short(self.condition),
            "kind": self.kind,
            "seed": self.row.seed,
            "step": self.row.step or 0,
            "errors": errors,
            "rewards": {column.model: mean_of(column, "reward") for column in self.columns},
            "parsed": {column.model: sorted({str(a.row.parsed) for a in column.samples}) for column in self.columns},
            "difference": max(known) - min(known) if len(known) > 1 else None,
            "slices": self.slices,
        }


@dataclass
class Budget:
    """How many characters of pictures may still be taken along."""

    left: int = PICTURE_BUDGET
    refused: int = field(default=0)

    def take(self, uri: str | None) -> str | None:
        """Return the picture, or None once it does not fit any more."""
        if uri is None or len(uri) <= self.left:
            self.left -= len(uri or "")
            return uri
        self.refused += 1
        return None


class Key(NamedTuple):
    """What answers share that are shown on one card; `step` is that of a group of rollouts, else 0."""

    condition: str
    step: int
    seed: int
    answer: str | None
    prompt: str


Problems = dict[Key, dict[int, list[Row]]]  # the rows by model


def _key(row: Row) -> Key:
    step = row.step or 0 if row.condition == ROLLOUT else 0
    return Key(row.condition, step, row.seed, row.answer, row.prompt)


def mean_of(column: Column, name: str) -> float | None:
    """The mean of a number over the shown answers of a column; None where none has it."""
    return _mean(getattr(answer.row, name) for answer in column.samples)


def make_cards(models: Sequence[Answers], budget: Budget) -> tuple[list[Card], dict[str, tuple[int, int]]]:
    """Choose the problems to show and make their cards.

    Of the asked condition: the worst, the median and the best, and with several models those on which they differ
    most, by mean error (by mean reward where there are no errors). Of every other condition: some of the same
    problems. Of a run: the last evaluation's problems, and the newest groups of rollouts.

    Args:
        models: the answers, a model each.
        budget: for pictures.

    Returns:
        The cards, and for each condition how many of its problems are shown, and how many there are.

    """
    problems: Problems = {}
    for index, answers in enumerate(models):
        for row in answers.rows:
            problems.setdefault(_key(row), {}).setdefault(index, []).append(row)
    keys_of: dict[str, list[Key]] = {}
    for key in problems:
        keys_of.setdefault(key.condition, []).append(key)
    asked = {answers.asked: None for answers in models if answers.asked in keys_of}
    chosen: dict[Key, str] = {}
    for condition in asked:
        chosen |= _choose({key: problems[key] for key in keys_of[condition]})
    for condition, keys in keys_of.items():
        if condition == ROLLOUT:
            chosen |= dict.fromkeys(keys[:ROLLOUT_GROUPS], "")
        elif condition not in asked:
            seeds = {key.seed for key in chosen if key.condition in asked}
            shared = [key for key in keys if key.seed in seeds] or keys
            chosen |= dict.fromkeys(shared[:: max(1, len(shared) // OF_OTHER_CONDITIONS)][:OF_OTHER_CONDITIONS], "")
    chosen = dict(list(chosen.items())[:MOST_CARDS])
    shown = Counter(key.condition for key in chosen)
    counts = {condition: (shown[condition], len(keys)) for condition, keys in keys_of.items()}
    cards = [_card(i, key, kind, problems[key], models, budget) for i, (key, kind) in enumerate(chosen.items())]
    return cards, counts


def _choose(problems: Problems) -> dict[Key, str]:
    """Pick the worst, the most different, the median and the best problems; each once, in this order."""
    ranked = sorted(problems, key=lambda key: (-_badness(problems[key]), key.seed))
    middle = max(0, (len(ranked) - EACH_KIND) // 2)
    gaps = {key: gap for key in ranked if (gap := _gap(problems[key])) > 0}
    different = sorted(gaps, key=lambda key: (-gaps[key], key.seed))[:EACH_KIND]
    if len(ranked) <= 3 * EACH_KIND:  # all of them: thirds are as good a name as any
        third = -(-len(ranked) // 3)
        parts = {"worst": ranked[:third], "median": ranked[third:-third], "best": ranked[-third:]}
    else:
        parts = {
            "worst": ranked[:EACH_KIND],
            "difference": different,
            "median": ranked[middle : middle + EACH_KIND],
            "best": ranked[-EACH_KIND:],
        }
    chosen: dict[Key, str] = {}
    for kind, keys in parts.items():
        for key in keys:
            chosen.setdefault(key, kind)
    return chosen


def _badness(rows: Mapping[int, Sequence[Row]]) -> float:
    together = [row for of_model in rows.values() for row in of_model]
    error, reward = _mean(row.error for row in together), _mean(row.reward for row in together)
    return error if error is not None else -(reward or 0.0)


def _gap(rows: Mapping[int, Sequence[Row]]) -> float:
    means = [_badness({0: of_model}) for of_model in rows.values()]
    return max(means) - min(means)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known else math.inf
    return mean if math.isfinite(mean) else None


def _card(
    number: int, key: Key, kind: str, rows: Mapping[int, Sequence[Row]], models: Sequence[Answers], budget: Budget
) -> Card:
    index, row = next((index, of_model[0]) for index, of_model in rows.items())
    shown = [models[index].picture(name) for name in row.images]
    images = [budget.take(image) for image in shown]
    prompt, cut = clipped(row.prompt, LONGEST_PROMPT)
    found = ((cut_by.by, slice_of(cut_by, row)) for cut_by in models[index].slices)
    return Card(
        number=number,
        condition=key.condition,
        kind=kind,
        row=row,
        unit=models[index].unit,
        prompt=prompt,
        cut=cut,
        info=tuple((short(name, 40), short(str(value), 60)) for name, value in list(row.info.items())[:MOST_INFO]),
        images=tuple(image for image in images if image is not None),
        missing=images.count(None),
        columns=tuple(_column(model, rows[model], models[model], shown, budget) for model in sorted(rows)),
        slices=tuple(f"{short(by, 40)}: {short(each.label, 40)}" for by, each in found if each is not None),
    )


def _column(model: int, rows: Sequence[Row], answers: Answers, of_card: Sequence[str | None], budget: Budget) -> Column:
    ordered = sorted(rows, key=lambda row: row.sample)
    own = [answers.picture(name) for name in ordered[0].images]
    images = [] if own == of_card else [budget.take(image) for image in own]
    shown = tuple(
        _answer(row, answers, budget, LONGEST_SAMPLE if index else LONGEST_TEXT)
        for index, row in enumerate(ordered[:MOST_SAMPLES])
    )
    return Column(model, shown, len(rows) - len(shown), tuple(image for image in images if image is not None))


def _answer(row: Row, answers: Answers, budget: Budget, longest: int) -> Answer:
    text, cut = clipped(row.text, longest)
    return Answer(row, text, cut, budget.take(answers.picture(row.depicted)))
