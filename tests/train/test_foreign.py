"""Training on environments that know nothing of ours (tests/train/foreign.py), through the command line."""

import csv
import json
import re
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from agents.language_model import LanguageModel
from envs.foreign import EVAL_SEEDS
from plots.__main__ import main as plots
from tests.train.conftest import SMALL, TIMED
from train.environments import column, mean
from train.evaluate import main as evaluate
from train.evaluation.results import read_results

REST = SMALL[2:]


def rows(path):
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if not k.startswith(TIMED)} for row in csv.DictReader(file)]


@pytest.fixture
def brightness(train, tmp_path):
    assert train("--env", "tests.train.foreign:brightness", *REST, "--steps", "3") == 0
    return tmp_path / "runs" / "brightness"


def test_what_is_not_told_stays_empty(brightness):
    config = json.loads((brightness / "config.json").read_text())
    assert (config["env"], config["module"]) == ("tests/Brightness-v0", "tests.train.foreign")
    assert (config["task"], config["yardsticks"]) == (None, None)
    assert config["settings"]["cold_start"] == "none"
    evals = rows(brightness / "evals.csv")
    assert [row["phase"] for row in evals] == ["start", "train", "end"]
    unknown = ["mae", "median_error", "exact", "parsed", "skill", "lenient_mae", "blank_mae", "blank_parsed"]
    assert {row[name] for row in evals for name in unknown} == {""}
    assert all(float(row["reward"]) <= 0 and float(row["blank_reward"]) <= 0 for row in evals)
    metrics = rows(brightness / "metrics.csv")
    assert {row[name] for row in metrics for name in ("mae", "parsed")} == {""}
    assert all(float(row["logp_gap"]) < 1e-4 for row in metrics)


def test_the_samples_are_the_held_out_problems(brightness):
    sample, other = [json.loads(line) for line in (brightness / "samples.jsonl").read_text().splitlines()][-2:]
    assert (sample["seed"], other["seed"]) == (EVAL_SEEDS, EVAL_SEEDS + 1)
    assert (sample["answer"], sample["error"], sample["parsed"]) == (None, None, None)
    env = gym.make("tests/Brightness-v0")
    observation, _ = env.reset(seed=sample["seed"])
    assert np.array_equal(np.asarray(Image.open(brightness / sample["images"][0])), observation["image"])
    assert env.step(sample["text"])[1] == pytest.approx(sample["reward"])


def test_it_goes_on_draws_and_is_evaluated(brightness, train, tmp_path, capsys):
    whole = tmp_path / "whole"
    shutil.copytree(brightness, whole)
    shutil.rmtree(brightness / "checkpoints" / "step-000003")  # as if killed before its last step was kept
    assert train("--resume", str(brightness)) == 0
    for table in ("metrics.csv", "evals.csv"):
        assert rows(brightness / table) == rows(whole / table)
    capsys.readouterr()
    plots([str(brightness)])
    last = f"{float(rows(whole / 'evals.csv')[-1]['reward']):.4g}"
    assert "held-out reward" in (said := capsys.readouterr().out)
    assert last in said
    arguments = ["--env", "tests.train.foreign:brightness", "--model", str(brightness), "--eval-size", "6"]
    assert evaluate([*arguments, "--out", "x.json"]) == 0
    document = read_results(Path("x.json"))
    asked = document["conditions"][0]["figures"]
    assert f"{asked['reward']['value']:.4g}" == last
    assert set(asked) == {"reward", "tokens", "truncated"}
    assert [condition["name"] for condition in document["conditions"]] == ["asked", "blank", "shuffled"]
    assert f"reward │ {asked['reward']['value']:.3f}"[:12] in " ".join(capsys.readouterr().out.split())
    for baseline in ("oracle", "constant", "chance"):
        assert evaluate([*arguments, "--model", baseline]) == 2
        assert f"--model {baseline} needs a Task" in capsys.readouterr().err


@pytest.mark.parametrize("cold_start", ["format", "answers"])
def test_texts_alone_with_errors_and_a_cold_start_that_is_asked_for(train, tmp_path, cold_start):
    arguments = [*REST, "--steps", "1", "--cold-start", cold_start]
    assert train("--env", "tests.train.foreign:echo", *arguments) == 0
    first, *_, last = rows(tmp_path / "runs" / "echo" / "evals.csv")
    assert float(last["mae"]) == pytest.approx(1 - float(last["reward"]))
    assert (last["parsed"], last["skill"], last["blank_reward"]) == ("1", "", "")
    assert first["phase"] == "start"
    config = json.loads((tmp_path / "runs" / "echo" / "config.json").read_text())
    assert config["settings"]["cold_start"] == cold_start


@pytest.mark.parametrize("env", ["stacked", "both", "some"])
def test_several_pictures_reach_the_policy_the_blank_control_and_the_samples(train, tmp_path, capsys, env):
    assert train("--env", f"tests.train.foreign:{env}", *REST, "--steps", "1") == 0
    assert ("28x28 pixels are resampled" in capsys.readouterr().err) == (env == "some")
    run = tmp_path / "runs" / env
    assert all(float(row["blank_reward"]) <= 0 for row in rows(run / "evals.csv"))
    sample = json.loads((run / "samples.jsonl").read_text().splitlines()[0])
    shown = gym.make(f"{env.capitalize()}-v0").reset(seed=EVAL_SEEDS)[0]["images"]
    assert len(sample["images"]) == len(shown)
    for path, picture in zip(sample["images"], shown, strict=True):
        assert np.array_equal(np.asarray(Image.open(run / path)), picture)
    assert all(float(row["logp_gap"]) < 1e-4 for row in rows(run / "metrics.csv"))


def test_answers_that_are_json_are_taught_and_replayed_as_a_policy_writes_them(train, tmp_path, monkeypatch):
    taught, encode = [], LanguageModel.encode
    monkeypatch.setattr(LanguageModel, "encode", lambda self, texts: taught.extend(texts) or encode(self, texts))
    assert train("--env", "tests.train.pairs:pairs", *REST, "--steps", "1") == 0
    assert len(taught) > 2 * 4
    assert all(re.fullmatch(r"<answer>[0-9] [0-9]</answer>", text) for text in taught)


def test_a_small_model_may_write_32_tokens(train, tmp_path):
    rest = " ".join(REST).replace("--max-new-tokens 12", "").split()
    assert train("--env", "tests.train.foreign:echo", *rest, "--steps", "1") == 0
    assert json.loads((tmp_path / "runs" / "echo" / "config.json").read_text())["settings"]["max_new_tokens"] == 32


def test_an_environment_that_fails_on_the_way_is_named(train, tmp_path, capsys):
    """No probe finds it: it fails on the problem of one held-out seed alone."""
    assert train("--env", "tests.train.foreign:trap", *REST, "--steps", "1") == 1
    assert f"Trap-v0 cannot be trained on: reset(seed={EVAL_SEEDS + 3}) raises OSError" in capsys.readouterr().err


def test_a_cold_start_without_its_texts_is_refused(train, tmp_path, capsys):
    for cold_start, needed in {"format": "answer", "answers": "demonstration"}.items():
        assert train("--env", "tests.train.foreign:brightness", *REST, "--cold-start", cold_start) == 2
        assert f"the info of its reset must hold `{needed}`" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_rewards_alone_teach_it_to_write_vowels(train, tmp_path):
    options = "--problems-per-step 8 --group-size 16 --entropy-bonus 0 --max-new-tokens 6 --eval-size 16 --steps 20"
    assert train("--env", "tests.train.foreign:vowels", *options.split()) == 0
    first, last = rows(tmp_path / "runs" / "vowels" / "evals.csv")
    assert float(first["reward"]) < 0.3
    assert float(last["reward"]) > 0.5


def test_a_column_counts_only_where_every_environment_gives_it():
    infos = {"a": np.array([1.0, 0.0]), "_a": np.array([True, False]), "b": np.array([1, 4]), "_b": np.ones(2, bool)}
    assert column(infos, "a") is None
    assert column(infos, "b").tolist() == [1, 4]
    assert (mean(infos, "b"), mean(infos, "a"), mean(infos, "c")) == (2.5, None, None)
