"""The ablation runs what its table says."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import ablation
from tests.readme import ROOT
from train.cli import parse
from train.config import plain, resolved


def settings(words):
    config, _, fields = parse(words)
    assert fields == {"size": 56}
    return plain(resolved(config, small=True, answer_tokens=11))


def test_every_variant_is_a_run_that_differs_from_the_defaults_in_what_it_says(tmp_path):
    def of(variant):
        return settings(ablation.command(tmp_path, ablation.SHARED, variant, 3, 200, 50))

    defaults = of("defaults")
    # after a cold start that was done before, it is as if it had been this run's own
    own = settings([*ablation.SHARED.split(), "--steps", "200", "--seed", "3", "--eval-every", "50"])
    differing = {name for name in own if own[name] != defaults[name]}
    assert differing == {"cold_start", "cold_start_steps", "model", "run"}
    seen = []
    for variant in ablation.VARIANTS:
        changed = {name: value for name, value in of(variant).items() if value != defaults[name]}
        assert changed.pop("run", None) or variant == "defaults"
        assert changed or variant == "defaults"
        seen.append(json.dumps(changed, sort_keys=True))
    assert len(set(seen)) == len(seen) >= 10


def test_the_best_comes_first_and_a_failure_last():
    results = [
        ablation.Result("resample", "", 0, 100, 61.4, 5120, {50: 90.0, 100: 40.26}),
        ablation.Result("adamw", "", 0, 0, 0.0, 0, {}, "exit status 1: error: no"),
        ablation.Result("defaults", "", 0, 100, 30.0, 2560, {50: 80.0, 100: 39.0}),
    ]
    assert ablation.table(results).splitlines() == [
        "| variant | what it sets | seed | steps | rollouts | seconds | MAE at 50 | MAE at 100 |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        "| defaults | nothing | 0 | 100 | 2560 | 30 | 80 | 39 |",
        "| resample | `--resample 3` | 0 | 100 | 5120 | 61 | 90 | 40.3 |",
        "| adamw | `--optimizer adamw` | 0 | 0 | 0 | 0 |  |  | exit status 1: error: no",
    ]


@pytest.mark.slow
def test_a_short_ablation(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    small = ablation.SHARED.replace("32", "2").replace("256", "4") + " --cold-start-steps 1"
    words = ["--out", str(tmp_path), "--steps", "2", "--eval-every", "1", "--only", "defaults", "dapo", "--shared"]
    ablation.main([*words, small])
    told = json.loads((tmp_path / "ablation.json").read_text())["results"]
    assert [(one["variant"], one["steps"], sorted(one["mae"])) for one in told] == [
        ("defaults", 2, ["0", "1", "2"]),
        ("dapo", 2, ["0", "1", "2"]),
    ]
    assert told[0]["mae"]["0"] == told[1]["mae"]["0"]  # one cold start
    first = Path(tmp_path / "ablation.md").read_text()
    ablation.main([*words, small])  # nothing is run again
    assert Path(tmp_path / "ablation.md").read_text() == first
    assert "MAE at 2" in capsys.readouterr().out
