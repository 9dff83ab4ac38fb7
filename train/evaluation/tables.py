"""What an evaluation, or a comparison of several, says: as tables for a terminal, as Markdown, and as JSON."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group

from train.evaluation.bootstrap import Interval
from train.evaluation.cells import Sheet, to_markdown, to_rich, with_interval
from train.evaluation.compare import Comparison, Document, excludes_zero

BRACKETS = "In brackets: 95% bootstrap intervals over problems."
RATES = ("exact", "within", "parsed", "truncated", "pass@", "majority@")
ERRORS = {
    "mae": "MAE",
    "median_error": "median error",
    "p90_error": "90th-percentile error",
    "median@": "MAE of the median@",
    "best@": "MAE of the best@",
}
Figures = Mapping[str, Interval | None]


def terminal(subject: Document | Comparison) -> Group:
    """An evaluation or a comparison for `rich.console.Console.print`."""
    return to_rich(sheets(subject))


def markdown(subject: Document | Comparison) -> str:
    """An evaluation, without its slices, or a comparison as Markdown, for a paper or a README."""
    shown = sheets(subject)
    return to_markdown(shown if isinstance(subject, Comparison) else shown[: 1 + (len(subject["conditions"]) > 1)])


def figures_json(subject: Document | Comparison) -> str:
    """The figures of an evaluation, or of a comparison, alone: without answers and pictures."""
    if isinstance(subject, Comparison):
        told = dataclasses.asdict(subject)
        told["excludes_zero"] = {name: list(map(excludes_zero, row)) for name, row in subject.differences.items()}
    else:
        names = ("env", "task", "model", "name", "settings", "yardsticks", "conditions", "drops", "slices")
        told = {name: subject.get(name) for name in names}
    return json.dumps(told, indent=1, allow_nan=False) + "\n"


def sheets(subject: Document | Comparison) -> list[Sheet]:
    """The tables of an evaluation or of a comparison."""
    if isinstance(subject, Comparison):
        return [comparison_sheet(subject)]
    found = [figures_sheet(subject), *slice_sheets(subject)]
    if len(subject["conditions"]) > 1:
        found.insert(1, conditions_sheet(subject))
    return found


def figures_sheet(document: Document) -> Sheet:
    """The figures of the plain condition, strictly and leniently read side by side, with the yardsticks beneath."""
    asked = document["conditions"][0]
    figures: Figures = asked["figures"]
    strict = [name for name in figures if not name.startswith("lenient_")]
    lenient = len(strict) < len(figures)
    rows = []
    for name in strict:
        cells = [label(name, document["task"]), cell(name, figures)]
        twin = f"lenient_{name}"
        rows.append((*cells, *([cell(name, {name: figures[twin]}) if twin in figures else ""] if lenient else [])))
    each = asked["answers"] // asked["problems"]
    sampled = f", {each} answers each" if each > 1 else ""
    title = f"{document['name']} on {document['env']}: {asked['problems']} problems{sampled}"
    header = ("figure", "strict", "lenient") if lenient else ("figure", "value")
    notes = (BRACKETS, *_rule_of_three(figures, asked["problems"]), *_yardsticks(document))
    return Sheet(title, header, tuple(rows), notes)


def conditions_sheet(document: Document) -> Sheet:
    """Controls and styles beside the plain condition, and what each changes."""
    task, conditions = document["task"], document["conditions"]
    figures: Figures = conditions[0]["figures"]
    main = _main(figures)
    names = [name for name in (main, "within", "parsed") if any(name in one["figures"] for one in conditions)]
    changed = f"change of {label(main, task)}"
    header = ("condition", "problems", label(main, task), changed, *(label(name, task) for name in names[1:]))
    drops, rows = document.get("drops") or {}, []
    for one in conditions:
        change = drops.get(one["name"], {}).get(main)
        first, *others = (cell(name, one["figures"], figures) for name in names)
        drop = "" if one["kind"] == "asked" else with_interval(change, signed=True, beside=figures.get(main))
        rows.append((one["name"], str(one["problems"]), first, drop, *others))
    notes = ("One answer to each problem. Changes are paired: condition − asked.",)
    return Sheet("Controls and styles", header, tuple(rows), notes)


def slice_sheets(document: Document) -> list[Sheet]:
    """A table for each key that the problems are sliced by."""
    figures: Figures = document["conditions"][0]["figures"]
    main = _main(figures)
    names = (main, "within") if main == "mae" else (main,)
    found = []
    for key in document.get("slices") or ():
        header = (key["by"], "problems", *(label(name, document["task"]) for name in names))
        rows = (
            (one["label"], str(one["problems"]), *(cell(name, one, figures) for name in names)) for one in key["slices"]
        )
        found.append(Sheet(f"By {key['by']}", header, tuple(rows)))
    return found


def comparison_sheet(comparison: Comparison) -> Sheet:
    """A row per figure, a column per evaluation, and one per difference from the first."""
    first, *others = comparison.names
    rows = []
    for name, values in comparison.figures.items():
        cells = [label(name, comparison.task), *(with_interval(one, is_rate(name)) for one in values)]
        for change in comparison.differences[name]:
            mark = " *" if excludes_zero(change) else ""
            cells.append(with_interval(change, is_rate(name), signed=True) + mark)
        rows.append(tuple(cells))
    notes = [f"{BRACKETS} Differences are paired by problem; * marks an interval that excludes 0."]
    for name, shares in zip(others, comparison.shares, strict=False):
        notes.append(
            f"By {label(str(comparison.judged_by), None)} per problem, {name} is better than {first} on "
            f"{shares.better:.1%}, worse on {shares.worse:.1%}, and equal on {shares.ties:.1%}."
        )
    title = f"{', '.join(others)} against {first} on {comparison.env}: {comparison.problems} problems"
    header = ("figure", *comparison.names, *(f"{name} − {first}" for name in others))
    return Sheet(title, header, tuple(rows), tuple(notes))


def label(name: str, task: Mapping[str, Any] | None) -> str:
    """A figure's name with its unit, such as `MAE (min)` or `parsed (%)`."""
    if name.startswith("lenient_"):
        return f"lenient {label(name.removeprefix('lenient_'), task)}"
    if name.startswith("error/"):
        return name.removeprefix("error/")
    base, at, k = name.partition("@")
    if base + at in ERRORS:
        unit = (task or {}).get("unit")
        return f"{ERRORS[base + at]}{k}" + (f" ({unit})" if unit else "")
    if name == "within" and task is not None:
        return f"within {task['tolerance']:g} {task['unit']}".rstrip() + " (%)"
    return f"{name} (%)" if is_rate(name) else name.replace("reward/", "reward: ")


def is_rate(name: str) -> bool:
    """Whether a figure is a share of the answers or problems."""
    return name.removeprefix("lenient_").startswith(RATES)


def cell(name: str, figures: Mapping[str, Any], beside: Figures | None = None) -> str:
    """A figure with its interval, and as many decimals as the same figure beside it; a dash where there is none."""
    return with_interval(figures.get(name), is_rate(name), beside=(beside or {}).get(name))


def _main(figures: Figures) -> str:
    """The figure that conditions and slices are judged by."""
    return "mae" if "mae" in figures else "reward"


def _yardsticks(document: Document) -> Sequence[str]:
    yardsticks = document.get("yardsticks")
    if not yardsticks:
        return ()
    words = {"chance": "chance", "best_constant": "best constant", "floor": "floor", "oracle": "oracle"}
    told = []
    for name, word in words.items():
        if yardsticks.get(name) is not None:
            answer = yardsticks.get("best_constant_answer") if name == "best_constant" else None
            told.append(f"{word} {yardsticks[name]:.4g}" + (f" ({answer})" if answer else ""))
    return (f"Yardsticks, {label('mae', document['task'])}: {', '.join(told)}.",)


def _rule_of_three(figures: Figures, problems: int) -> Sequence[str]:
    """What to read into a rate of 0 or 1, whose interval has no width."""
    if not any(is_rate(name) and one is not None and one["value"] in (0, 1) for name, one in figures.items()):
        return ()
    return (f"A rate of 0 or 100% may by chance be up to {min(3 / problems, 1):.1%} off (3/{problems}).",)
