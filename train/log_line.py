"""A step in one line, for people who watch."""

from collections.abc import Mapping
from typing import Any

# What stands before and after each figure of `metrics.csv`; several forms of one name share the name.
FIGURES = (
    ("loss", "loss {:.3g}"),
    ("learning_rate", "rate {:.2g}"),
    ("kl", "KL {:.2g}"),
    ("entropy", "entropy {:.3g}"),
    ("clip_fraction", "clipped {:.1%}"),
    ("grad_norm", "gradient {:.2g}"),
    ("reward_std", "reward ±{:.2g}"),
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
    shown = [
        form.format(row[name])
        for name, form in FIGURES
        if row.get(name) is not None and (row[name] or name not in SILENT_AT_ZERO)
    ]
    return f"in step {row['step']}: {', '.join(shown)}"
