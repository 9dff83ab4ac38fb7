"""The claim that everything stands on, small enough to be run again: it learns to read, and it reads the picture."""

import csv

import pytest

from train.__main__ import main


@pytest.mark.slow
def test_rewards_alone_teach_the_tiny_model_to_read_clocks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--env", "clock", "--steps", "200", "--eval-every", "100"]) == 0
    with (tmp_path / "runs" / "clock" / "evals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    mae = {row["phase"]: float(row["mae"]) for row in rows}
    assert mae["cold-start"] > 150
    assert mae["end"] < 30
    assert float(rows[-1]["blank_mae"]) > 150
    assert max(float(row["blank_parsed"]) for row in rows if row["phase"] == "train") > 0.9
