"""What trackers should have been told of a run, from its folder."""

import csv

import pytest


def read(path):
    """A CSV file's numbers as {column: {step: last value}}, without text and empty cells."""
    columns = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            step = int(row.pop("step"))
            for name, text in row.items():
                if text and name != "phase":
                    columns.setdefault(name, {})[step] = float(text)
    return columns


def told(run):
    """What trackers should have been told of a run, as {group/column: {step: last value}}."""
    groups = {"train": read(run / "metrics.csv"), "eval": read(run / "evals.csv")}
    return {f"{group}/{name}": steps for group, columns in groups.items() for name, steps in columns.items()}


def agree(found, run):
    """Whether a tracker has the columns of a run, and the last value that each has at each step."""
    wanted = told(run)
    assert set(found) == set(wanted)
    assert {"train/reward", "train/reward/accuracy", "eval/mae", "eval/blank_mae"} <= set(found)
    for name, steps in wanted.items():
        assert found[name] == pytest.approx(steps, rel=1e-5, abs=1e-7), name


def latest(logged):
    found = {}
    for step, values in logged:
        for name, value in values.items():
            found.setdefault(name, {})[step] = value
    return found
