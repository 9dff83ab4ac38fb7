"""What a section found: rows that are written down one by one, and the tables they are read in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GIB = 2**30
# Targets, of TRL's: how many times as fast a step is, and the share of its peak memory.
FASTER, SMALLER = 5.0, 0.6
COLUMNS: dict[str, dict[str, str]] = {
    "speed": {
        "way": "way",
        "step_s": "step, s",
        "rollout_s": "rollout, s",
        "rollout_tokens_s": "tokens/s",
        "rollout_share": "of peak",
        "learn_s": "update, s",
        "learn_tokens_s": "tokens/s",
        "learn_share": "of peak",
        "peak_gib": "peak, GiB",
        "beside_state_gib": "beside state, GiB",
        "logp_gap": "gap",
    },
    "correctness": {
        "precision": "precision",
        "what": "computation",
        "logp_gap": "largest gap, nats",
        "gradient_difference": "gradient's relative difference",
        "verdict": "",
    },
    "learning": {
        "phase": "phase",
        "step": "step",
        "seconds_total": "seconds",
        "mae": "MAE, minutes",
        "median_error": "median",
        "parsed": "parsed",
    },
}


@dataclass
class Report:
    """One section's findings, on disk as soon as they are there."""

    path: Path
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def fact(self, **facts: Any) -> None:
        """Write down what holds for the whole section."""
        self.facts |= facts
        self.write()

    def row(self, **row: Any) -> None:
        """Write down a row, and print it."""
        self.rows.append(row)
        self.write()
        print(
            "  " + ", ".join(f"{name} {shown(value)}" for name, value in row.items() if value is not None), flush=True
        )

    def write(self) -> None:
        """The file, whole at any time."""
        aside = self.path.with_suffix(".partial")
        aside.write_text(json.dumps({"kind": self.kind, "facts": self.facts, "rows": self.rows}, indent=2))
        aside.replace(self.path)


def shown(value: Any) -> str:
    """A value in a table."""
    if isinstance(value, bool) or not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def table(found: Mapping[str, Any]) -> str:
    """A section's rows in Markdown, those that failed below."""
    columns = COLUMNS[found["kind"]]
    first = next(iter(columns))
    rows = [row for row in found["rows"] if "failed" not in row]
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)] if rows else []
    lines += ["| " + " | ".join(shown(row.get(name)) for name in columns) + " |" for row in rows]
    lines += ["", *(f"{row[first]}: {row['failed']}" for row in found["rows"] if "failed" in row)]
    facts = [(name, value) for name, value in found["facts"].items() if value is not None]
    told = ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in facts)
    return "\n".join([told, "", *lines]).strip()


def against_trl(rows: Sequence[Mapping[str, Any]], tokens: int) -> list[str]:
    """What TRL's step takes of ours, by each way of ours, and whether the targets are met."""
    measured = {row["way"]: row for row in rows if "failed" not in row}
    trl = measured.get("TRL")
    if trl is None:
        return ["targets: not known, for there is no figure of TRL's"]
    told = []
    for way, row in measured.items():
        if way == "TRL":
            continue
        faster = trl["step_s"] / row["step_s"]
        told.append(f"{way}: {faster:.2f} times as fast as TRL" + met(faster >= FASTER, way, tokens, f"{FASTER:g}"))
        for what, name in (("peak memory", "peak_gib"), ("peak beside weights, gradients and optimizer", None)):
            name = name or "beside_state_gib"
            if row.get(name) and trl.get(name):
                share = row[name] / trl[name]
                told[-1] += f"; {what} {share:.2f} of TRL's" + met(share <= SMALLER, way, tokens, f"{SMALLER:g}")
    return told


def met(yes: bool, way: str, tokens: int, target: str) -> str:
    """The verdict on one of ours; the target is for short answers."""
    if not way.startswith("ours") or tokens > 32:
        return ""
    return f" (target {target}: {'met' if yes else 'missed'})"
