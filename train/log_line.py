"""A step in one line, for people who watch."""

from collections.abc import Iterable, Mapping
from typing import Any

# What stands before and after each figure of `metrics.csv`: those of the update, then, behind the rewards, the others.
UPDATE = (
    ("loss", "loss {:.3g}"),
    ("token_accuracy", "right {:.0%}"),
    ("teacher_agreement", "agree {:.0%}"),
    ("learning_rate", "rate {:.2g}"),
    ("kl", "KL {:.2g}"),
    ("entropy", "entropy {:.3g}"),
    ("clip_fraction", "clipped {:.1%}"),
    ("grad_norm", "gradient {:.2g}"),
)
ANSWERS = (
    ("groups_without_spread", "{:.0f} groups without spread"),
    ("formatted", "in form {:.0%}"),
    ("answer_tokens", "{:.0f} tokens"),
    ("truncated", "cut off {:.0%}"),
    ("thinking", "thinking {:.0%}"),
    ("repeated_ngrams", "repeated {:.0%}"),
    ("seconds_draw", "draw {:.2g} s"),
    ("seconds_generate", "generate {:.2g} s"),
    ("seconds_score", "score {:.2g} s"),
    ("seconds_learn", "learn {:.2g} s"),
    ("machine_samples_per_second", "{:.0f} answers/s"),
    ("machine_memory_mib", "{:.0f} MiB"),
    ("machine_cuda_peak_mib", "{:.0f} MiB on the GPU"),
    ("machine_cpu_percent", "CPU {:.0f}%"),
)
# Not worth the room where they are 0.
SILENT_AT_ZERO = ("kl", "clip_fraction", "groups_without_spread", "truncated", "thinking", "repeated_ngrams")


def training_line(row: Mapping[str, Any]) -> str:
    """The figures of a row of `metrics.csv`; what it does not have is left out."""
    return f"in step {row['step']}: {', '.join([*_figures(row, UPDATE), *_rewards(row), *_figures(row, ANSWERS)])}"


def _figures(row: Mapping[str, Any], forms: Iterable[tuple[str, str]]) -> list[str]:
    return [
        form.format(row[name])
        for name, form in forms
        if row.get(name) is not None and (row[name] or name not in SILENT_AT_ZERO)
    ]


def _rewards(row: Mapping[str, Any]) -> list[str]:
    """The reward and its parts: mean ± deviation [minimum, maximum] over answers, or the one value that all have."""
    shown = []
    for name in row:
        figures = [row.get(name + suffix) for suffix in ("", "_std", "_min", "_max")]
        if name.split("/")[0] != "reward" or None in figures:
            continue
        mean, deviation, least, most = figures
        spread = f"±{deviation:.2g} [{least:.3g}, {most:.3g}]" if deviation else ""
        shown.append(f"{name.removeprefix('reward/')} {mean:.3g}{spread}")
    return shown
