"""The GPU's script where there is none."""

import json
import math
import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.gpu.run import ROOT, SECTIONS


def run(out, *flags):
    """The script as a user starts it, in a fresh process that sees no GPU."""
    command = [sys.executable, "tests/gpu/run.py", "--out", str(out), *flags]
    variables = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    return results, done.stdout


def test_without_a_gpu_says_what_it_skipped(tmp_path):
    results, printed = run(tmp_path)
    assert list(results["sections"]) == list(SECTIONS)
    for name, found in results["sections"].items():
        assert found["status"] == "skipped: torch sees no GPU here"
        assert f"## {name}: skipped: torch sees no GPU here" in printed
    assert results["machine"]["gpu"] is None


def test_what_no_longer_fits_is_skipped(tmp_path):
    results, _ = run(tmp_path, "--rehearse", "--minutes", "0.1", "--only", "learning")
    assert re.fullmatch(r"skipped: [0-6] s of the 0.1 minutes were left", results["sections"]["learning"]["status"])


@pytest.mark.slow
def test_rehearsal(tmp_path):
    """Every section at toy sizes on a processor, by the code that a GPU runs."""
    results, printed = run(tmp_path, "--rehearse")
    assert {name: found["status"] for name, found in results["sections"].items()} == dict.fromkeys(SECTIONS, "done")
    assert all(row["verdict"] == "fine" for row in results["sections"]["correctness"]["rows"])
    for found in results["sections"].values():
        if found["kind"] == "speed":
            rows = {row["way"]: row for row in found["rows"]}
            assert list(rows) == ["ours", "ours, equal steps", "ours, equal steps, activations kept", "plain", "TRL"]
            if find_spec("trl") is None:
                assert rows.pop("TRL")["failed"].startswith("skipped: not installed")
            assert all(math.isfinite(row["step_s"]) for row in rows.values())
    assert [row["phase"] for row in results["sections"]["learning"]["rows"]] == ["start", "cold-start", "train", "end"]
    assert (tmp_path / "tiny-evals.csv").exists()
    assert "times as fast as TRL" in printed or find_spec("trl") is None
