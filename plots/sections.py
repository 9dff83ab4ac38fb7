"""The parts of a report above its cards: facts, figures, conditions and slices, ready to be written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plots.evaluations import ASKED, EvaluationFile, Interval
from plots.runs import Run
from plots.untrusted import short
from plots.words import asked_how, called, difference, duration, ends, figure, flat, number, plain, trained_how
from plots.yardsticks import DRAWN

MOST_SLICES = 24  # of one key
READING_HELP = {
    "blank": "A policy that looks gets much worse on blank pictures; one that only knows which answers are "
    "common does not.",
    "shuffled": "Shown another problem's picture, one that looks answers about that picture, and is wrong.",
    "no-question": "One that reads the question cannot answer without it.",
}


@dataclass(frozen=True)
class Source:
    """What a report is made from: a run or an evaluation.

    Attributes:
        model: its place among the models, which gives its colour.
        name: what it is called.
        kind: `run` or `evaluation`.
        words: what it is, in words.
        settings: every setting, by group.

    """

    model: int
    name: str
    kind: str
    words: tuple[str, ...]
    settings: tuple[tuple[str, list[tuple[str, str]]], ...]


@dataclass(frozen=True)
class Cell:
    """A figure to show: its value, its interval's ends in words (empty where there is none), a bar."""

    value: str
    ends: str = ""
    bar: "Bar | None" = None


@dataclass(frozen=True)
class Bar:
    """A bar from 0 to the value, and its interval from `low` to `high`, in percent of the width there is."""

    start: float
    length: float
    low: float
    high: float


@dataclass(frozen=True)
class TableRow:
    """A row: what it is called, and for each model its cells; None is an empty one."""

    name: str
    cells: tuple[tuple[Cell | None, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Cut:
    """The problems cut by one key: rows of one bar per model; `left_out` slices are not shown."""

    by: str
    measure: str
    rows: tuple[TableRow, ...]
    left_out: int


def source_of_run(model: int, name: str, run: Run) -> Source:
    """Say what a run is."""
    groups = (("settings", flat(run.settings)), ("task", flat(run.task_fields)))
    return Source(model, name, "run", (plain(run.settings.get("model", "")), trained_how(run)), groups)


def source_of_evaluation(model: int, name: str, evaluation: EvaluationFile) -> Source:
    """Say what an evaluation is."""
    others = [short(condition.name, 40) for condition in evaluation.conditions[1:]]
    words = [plain(evaluation.model), asked_how(evaluation)]
    if others:
        words.append(f"also {', '.join(others)}")
    words.append(duration(evaluation.seconds))
    facts = {"commit": evaluation.git_commit, **evaluation.versions}
    groups = (("settings", flat(evaluation.settings)), ("policy", flat(evaluation.policy)), ("made with", flat(facts)))
    return Source(model, name, "evaluation", tuple(filter(None, words)), groups)


def yardsticks_in_words(evaluation: EvaluationFile) -> str:
    """What the yardsticks are: `chance 180 min, best constant 179 min`; empty where there are none."""
    of_unit = f" {short(evaluation.unit, 24)}" if evaluation.unit else ""
    known = [(name, evaluation.yardsticks[key]) for key, name in DRAWN.items() if key in evaluation.yardsticks]
    return ", ".join(f"{name} {number(value)}{of_unit}" for name, value in known)


def unlike_problems(evaluations: Sequence[EvaluationFile]) -> str:
    """How many problems each is about, `256, 64`, if they are not all the same ones; else nothing."""
    seeds = [frozenset(row.seed for row in each.rows if row.condition == ASKED) for each in evaluations]
    return ", ".join(str(len(each)) for each in seeds) if len(set(seeds)) > 1 else ""


def figure_rows(evaluations: Sequence[EvaluationFile]) -> list[TableRow]:
    """List the figures of the asked condition: for each evaluation the strict reading, then the lenient one."""
    asked = [evaluation.conditions[0].figures for evaluation in evaluations]
    names = dict.fromkeys(name for figures in asked for name in figures)
    stems = dict.fromkeys(name.removeprefix("lenient_") for name in names)
    first = evaluations[0]
    return [
        TableRow(
            called(stem, first.unit, first.tolerance),
            tuple((_cell(figures, stem), _cell(figures, f"lenient_{stem}")) for figures in asked),
        )
        for stem in stems
    ]


def _cell(figures: Mapping[str, Interval], name: str) -> Cell | None:
    if name not in figures:
        return None
    stem, interval = name.removeprefix("lenient_"), figures[name]
    return Cell(figure(stem, interval.value), "" if interval.low == interval.high else ends(stem, interval))


def condition_rows(evaluations: Sequence[EvaluationFile]) -> list[TableRow]:
    """List the conditions: for each evaluation the measure, as a bar, and the drop that the condition causes."""
    measure = evaluations[0].measure
    kinds = {condition.name: condition.kind for each in evaluations for condition in each.conditions}
    if len(kinds) < 2:
        return []
    found = [{condition.name: condition.figures.get(measure) for condition in each.conditions} for each in evaluations]
    scale = _scale([interval for of_one in found for interval in of_one.values()])
    return [
        TableRow(
            short(name, 40),
            tuple(
                (_bar_cell(measure, found[index].get(name), scale), _drop(each, name, measure))
                for index, each in enumerate(evaluations)
            ),
            note=READING_HELP.get(name, ""),
        )
        for name in kinds
    ]


def _drop(evaluation: EvaluationFile, condition: str, measure: str) -> Cell | None:
    drop = evaluation.drops.get(condition, {}).get(measure)
    if drop is None:
        return None
    between = [f"{difference(measure, drop.low)} to {difference(measure, drop.high)}"] if drop.low != drop.high else []
    rates = {one.name: one.figures.get("parsed") for one in evaluation.conditions}
    plain, own = rates[ASKED], rates.get(condition)
    if plain is not None and own is not None and abs(own.value - plain.value) > 0.005:  # form was lost, not sight
        between.append(f"{figure('parsed', own.value)} read")
    return Cell(difference(measure, drop.value), ", ".join(between))


def cuts(evaluations: Sequence[EvaluationFile]) -> list[Cut]:
    """List the error by slice, one chart per key, for each evaluation a bar."""
    found = []
    measure = evaluations[0].measure
    for by in dict.fromkeys(cut.by for each in evaluations for cut in each.slices):
        of_each = [{part.label: part for cut in each.slices if cut.by == by for part in cut.slices}
                   for each in evaluations]  # fmt: skip
        labels = list(dict.fromkeys(label for parts in of_each for label in parts))
        shown = labels[:MOST_SLICES]
        scale = _scale([parts[label].figures.get(measure) for parts in of_each for label in shown if label in parts])
        rows = [
            TableRow(
                short(label, 24),
                tuple(
                    (_bar_cell(measure, parts[label].figures.get(measure), scale) if label in parts else None,)
                    for parts in of_each
                ),
                note=str(max(parts[label].problems for parts in of_each if label in parts)),
            )
            for label in shown
        ]
        title = called(measure, evaluations[0].unit)
        found.append(Cut(short(by, 40), title, tuple(rows), len(labels) - len(shown)))
    return found


def _scale(intervals: Sequence[Interval | None]) -> tuple[float, float]:
    """The values at the left and the right end of the bars: 0 is between them."""
    known = [interval for interval in intervals if interval is not None]
    low = min([0.0, *(interval.low for interval in known)])
    high = max([0.0, *(interval.high for interval in known), *(interval.value for interval in known)])
    return low, high if high > low else low + 1.0


def _bar_cell(measure: str, interval: Interval | None, scale: tuple[float, float]) -> Cell | None:
    if interval is None:
        return None
    low, high = scale
    values = (0.0, interval.value, interval.low, interval.high)
    zero, value, *both = (round((value - low) / (high - low) * 100, 2) for value in values)
    between = "" if interval.low == interval.high else ends(measure, interval)
    bar = Bar(min(zero, value), round(abs(value - zero), 2), *both)
    return Cell(figure(measure, interval.value), between, bar)
