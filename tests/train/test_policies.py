"""Which models train, and on what."""

import csv
import json

import pytest

import envs
from agents.choices import TINY_MODELS
from agents.loading import load_policy
from tests.train.conftest import SMALL
from train.evaluate import main as evaluate
from train.evaluation.results import read_results
from train.policies import check_pictures

TEXT_MODELS = ("tiny-qwen2", "tiny-qwen3", "tiny-llama")


@pytest.mark.parametrize(
    ("model", "env"),
    [(model, "words" if model in TEXT_MODELS else "letters") for model in TINY_MODELS[1:]] + [("tiny", "words")],
)
def test_every_family_trains_resumes_and_is_evaluated(train, tmp_path, model, env):
    env = f"tests.train.{env}:{env}"
    arguments = ("--env", env, *SMALL[2:])
    assert train(*arguments, "--steps", "1", "--model", model, "--run", "run") == 0
    assert train("--resume", "run", "--steps", "2") == 0
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert all(float(row["logp_gap"]) < 1e-4 for row in rows)
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["model"], settings["optimizer"], settings["cold_start"]) == (model, "muon", "format")
    assert evaluate(["--env", env, "--model", "run", "--eval-size", "6", "--out", "x.json"]) == 0
    document = read_results(tmp_path / "x.json")
    assert (document["policy"]["kind"], document["policy"]["checkpoint"]) == ("run", "step-000002")
    with (tmp_path / "run" / "evals.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    asked, *controls = document["conditions"]
    assert asked["figures"]["mae"]["value"] == pytest.approx(float(last["mae"]), rel=1e-3)
    if last["blank_mae"]:
        assert controls[0]["figures"]["mae"]["value"] == pytest.approx(float(last["blank_mae"]), rel=1e-3)


@pytest.mark.parametrize("model", TEXT_MODELS)
@pytest.mark.parametrize("entry", ["train", "evaluate"])
def test_a_model_that_cannot_see_is_refused_pictures(train, tmp_path, capsys, model, entry):
    run = {"train": train, "evaluate": lambda *arguments: evaluate(arguments)}[entry]
    assert run("--env", "clock", "--model", model) == 2
    said = capsys.readouterr().err
    assert f"Clock shows pictures, and a {model.removeprefix('tiny-')} model reads text only" in said
    assert "--model tiny" in said
    assert not list(tmp_path.iterdir())


def test_pictures_that_are_no_whole_patches_are_noted(capsys):
    task = envs.make_task("clock", size=112)
    check_pictures(load_policy("tiny", 0), task, [task.image_shape])
    assert capsys.readouterr().err == ""
    check_pictures(load_policy("tiny-qwen3-vl", 0), task, [task.image_shape])
    said = capsys.readouterr().err
    assert "note: pictures of 112x112 pixels are resampled to 128x128 for the model" in said
    assert "patches are 32 pixels" in said
