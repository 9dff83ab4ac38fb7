"""The report: one HTML file that shows what runs and evaluations came to, and the answers themselves."""

import base64
import hashlib
import warnings
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from plots.answers import Answers, answers_of_evaluation, answers_of_run
from plots.cards import Budget, Card, make_cards
from plots.confusion import draw_confusion, readings_of
from plots.curves import checked_out, draw_curves
from plots.evaluations import EvaluationFile, read_evaluation
from plots.groups import group_runs
from plots.models import check_evaluations, labels_of
from plots.pictures import Picture, picture
from plots.points import draw_points
from plots.rows import read_samples
from plots.runs import Run, RunError, read_run
from plots.sections import (
    Source,
    condition_rows,
    cuts,
    figure_rows,
    source_of_evaluation,
    source_of_run,
    unlike_problems,
    yardsticks_in_words,
)
from plots.style import color_of, theme
from plots.untrusted import short, visible
from plots.words import called, difference, number

SUFFIX = ".html"
TEMPLATES = "templates"


def read_sources(paths: Sequence[str | Path]) -> tuple[list[Run], list[EvaluationFile]]:
    """Read what was given: evaluation files, which end in .json, and folders of runs; a RunError for a broken one."""
    given = [Path(path) for path in paths]
    files = [path.suffix.lower() == ".json" and not path.is_dir() for path in given]
    runs = [read_run(path) for path, is_file in zip(given, files, strict=True) if not is_file]
    return runs, [read_evaluation(path) for path, is_file in zip(given, files, strict=True) if is_file]


def write_report(paths: Sequence[str | Path], out: str | Path) -> Path:
    """Read runs and evaluations and write one HTML file about them.

    The file needs no network and no other file. All that comes from the inputs is escaped, and its content security
    policy lets nothing run or load but what this package put there. The same inputs give the same bytes.

    Args:
        paths: folders of runs and evaluation files, of one env; several evaluations are paired by seed.
        out: the file to write; missing folders are made.

    Returns:
        The path written.

    Raises:
        RunError: an input cannot be read, or they do not belong together.
        OSError: the file cannot be written.

    """
    out = checked_out(Path(out), (SUFFIX,))
    return save_report(render_report(*read_sources(paths)), out)


def save_report(text: str, out: Path) -> Path:
    """Write the page, making missing folders; return `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", newline="\n")
    return out


def render_report(runs: Sequence[Run], evaluations: Sequence[EvaluationFile]) -> str:
    """Make the text of the page; see `write_report`."""
    if not runs and not evaluations:
        raise RunError("Nothing was given to report on: name a run's folder or an evaluation file.")
    check_evaluations(evaluations, runs)
    groups = group_runs(runs, each=True) if runs else []
    names = [
        short(name) for name in (*(group.label for group in groups), *labels_of(evaluations))
    ]  # as in the pictures
    first = len(runs)
    models = [answers_of_run(run, read_samples(run.folder), names[index]) for index, run in enumerate(runs)]
    models += [answers_of_evaluation(each, names[first + index]) for index, each in enumerate(evaluations)]
    sources = [source_of_run(index, names[index], run) for index, run in enumerate(runs)]
    evaluated = [source_of_evaluation(first + i, names[first + i], each) for i, each in enumerate(evaluations)]
    env = short((runs[0] if runs else evaluations[0]).env)
    return _environment().get_template("report.html").render(
        title=f"{env}: {', '.join(names)}",
        env=env,
        sources=[*sources, *evaluated],
        evaluated=evaluated,
        models=models,
        **_quietly_drawn(runs, evaluations, evaluated),
        figures=figure_rows(evaluations) if evaluations else [],
        unlike=unlike_problems(evaluations),
        yardsticks=yardsticks_in_words(evaluations[0]) if evaluations else "",
        conditions=condition_rows(evaluations) if evaluations else [],
        cuts=cuts(evaluations) if evaluations else [],
        measured=called(evaluations[0].measure, evaluations[0].unit) if evaluations else "",
        **_answers(models),
        **_static(),
    )  # fmt: skip


def _quietly_drawn(*sources: Any) -> dict[str, Any]:
    """Draw the pictures; a name in letters that the font lacks is drawn as boxes, and no matter for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _pictures(*sources)


def _pictures(
    runs: Sequence[Run], evaluations: Sequence[EvaluationFile], evaluated: Sequence[Source]
) -> dict[str, Any]:
    curves: Picture | None = None
    title = ""
    if runs:
        title = "Curves"
        drawn = [draw_curves(runs, each=True, evaluations=evaluations)]
        drawn.append(draw_curves(runs, each=True, evaluations=evaluations, by="steps", narrow=True))
        curves = picture("Error of the held-out problems, reward and parsed answers over training", *drawn)
    elif any(evaluation.measured for evaluation in evaluations):
        title = "At a glance"
        curves = picture(
            "Each model beside the yardsticks", *(draw_points(evaluations, narrow) for narrow in (False, True))
        )
    confusions = []
    for source, evaluation in zip(evaluated, evaluations, strict=True):
        found = readings_of(evaluation)
        if found.read.size:
            both = [draw_confusion(found, source.name, color_of(source.model), narrow) for narrow in (False, True)]
            confusions.append(picture(f"What {source.name} read against what was true", *both))
    dial = any(evaluation.period for evaluation in evaluations)
    return {"curves": curves, "curves_title": title, "confusions": confusions, "dial": dial}


def _answers(models: Sequence[Answers]) -> dict[str, Any]:
    budget = Budget()
    cards, counts = make_cards(models, budget)
    return {
        "cards": cards,
        "counts": {short(name): count for name, count in counts.items()},
        "bounded": any(shown < there for shown, there in counts.values()),
        "refused": budget.refused,
        "kinds": list(dict.fromkeys(card.kind for card in cards if card.kind)),
        "slices": _slices(models, cards),
        "steps": any(card.row.step is not None for card in cards),
        "facts": [card.facts for card in cards],
    }


def _slices(models: Sequence[Answers], cards: Sequence[Card]) -> dict[str, list[str]]:
    """List the slices to filter by, those that the cards belong to."""
    there = {name for card in cards for name in card.slices}
    found: dict[str, list[str]] = {}
    for cut in (cut for answers in models for cut in answers.slices):
        by = short(cut.by, 40)
        for name in (f"{by}: {short(each.label, 40)}" for each in cut.slices):
            if name in there and name not in found.setdefault(by, []):
                found[by].append(name)
    return {by: names for by, names in found.items() if names}


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("plots", TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["name"] = short
    environment.globals.update(number=number, signed=lambda value: difference("", value))
    return environment


def _shown(value: object) -> object:
    """Make whatever is written into the page visible; the escaping comes after it."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return "" if value is None else value


def _static() -> dict[str, Any]:
    """The style and the script, as they stand between their tags, and their hashes."""
    folder = resources.files("plots") / TEMPLATES
    style = theme() + (folder / "report.css").read_text(encoding="utf-8")
    script = (folder / "report.js").read_text(encoding="utf-8")
    return {
        "style": Markup(style),
        "script": Markup(script),
        "style_hash": _sha256(style),
        "script_hash": _sha256(script),
    }


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
