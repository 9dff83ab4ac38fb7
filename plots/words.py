"""Numbers and settings in words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plots.evaluations import EvaluationFile, Interval
from plots.runs import Run
from plots.untrusted import short

RATES = ("truncated", "exact", "within", "parsed", "pass@", "majority@")  # shown in percent
NAMES = {
    "median_error": "median error",
    "p90_error": "90th-percentile error",
    "skill": "skill against chance",
    "exact": "exactly right",
    "parsed": "answers read",
    "reward": "mean reward",
    "tokens": "tokens per answer",
    "truncated": "answers cut off",
}


def number(value: float | None) -> str:
    """Three or four digits, without an exponent where a reader needs none; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")


def percent(value: float) -> str:
    """A rate in percent."""
    return f"{100 * value:.3g}%".replace("-", "−")


def is_rate(name: str) -> bool:
    """Tell whether a figure of this name is a share, shown in percent."""
    return name.startswith(RATES)


def figure(name: str, value: float) -> str:
    """A figure's value: in percent for a rate."""
    return percent(value) if is_rate(name) else number(value)


def ends(name: str, interval: Interval) -> str:
    """An interval's ends: `4.1 to 6.6`."""
    return f"{figure(name, interval.low)} to {figure(name, interval.high)}"


def difference(name: str, value: float) -> str:
    """A difference, its sign shown; of a rate in percentage points."""
    sign = "+" if value > 0 else ""
    return f"{sign}{number(100 * value)} points" if is_rate(name) else f"{sign}{number(value)}"


def called(name: str, unit: str = "", tolerance: float = 0.0) -> str:
    """What a figure is called, with its unit: `MAE (min)`."""
    of_unit = f" ({short(unit, 24)})" if unit else ""
    stem, _, k = name.partition("@")
    kind, _, part = name.partition("/")
    if part:
        return f"{short(part)} (reward)" if kind == "reward" else short(part)
    if name == "mae":
        return f"MAE{of_unit}"
    if name in ("median_error", "p90_error"):
        return NAMES[name] + of_unit
    if name == "within":
        return f"right within {number(tolerance)} {short(unit, 24)}".strip()
    if k:
        return {
            "pass": f"pass@{k}",
            "majority": f"majority of {k} right",
            "median": f"MAE of the median of {k}{of_unit}",
            "best": f"MAE of the best of {k}{of_unit}",
        }.get(stem, short(name))
    return NAMES.get(name, short(name))


def asked_how(evaluation: EvaluationFile) -> str:
    """How an evaluation was made: `256 held-out problems, one answer to each, greedy, seed 0`."""
    asked = evaluation.conditions[0]
    each = asked.answers // asked.problems if asked.problems else 0
    problems = f"{asked.problems:,} held-out problem{'s' if asked.problems != 1 else ''}"
    words = [problems, "one answer to each" if each == 1 else f"{each} answers to each"]
    temperature = evaluation.settings.get("temperature")
    if isinstance(temperature, int | float):
        words.append("greedy" if temperature == 0 else f"temperature {number(temperature)}")
    if "seed" in evaluation.settings:
        words.append(f"seed {plain(evaluation.settings['seed'])}")
    return ", ".join(words)


def trained_how(run: Run) -> str:
    """How far a run has come: `600 steps of 32 problems with 16 answers each, 8 min, seed 0`."""
    settings = run.settings
    words = [f"{run.evals['step'][-1]:.0f} steps"]
    if {"problems_per_step", "group_size"} <= settings.keys():
        words[0] += (
            f" of {plain(settings['problems_per_step'])} problems, {plain(settings['group_size'])} answers to each"
        )
    words.append(duration(float(run.evals["seconds_total"][-1])))
    if "seed" in settings:
        words.append(f"seed {plain(settings['seed'])}")
    return ", ".join(filter(None, words))


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours; empty for None and nan."""
    if seconds is None or seconds != seconds:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plain(value: Any) -> str:
    """A setting's value on one line; of an absolute path the last part, for whoever reads it has another disk."""
    if isinstance(value, str):
        return short(f"…/{Path(value).name}" if Path(value).is_absolute() else value, 200)
    return short(json.dumps(value), 200)


def flat(values: Mapping[str, Any], most: int = 80) -> list[tuple[str, str]]:
    """Settings as names and values, in their order; those that are unset are left out."""
    kept = [(short(name), plain(value)) for name, value in values.items() if value not in (None, [], {}, "")]
    return kept[:most]
