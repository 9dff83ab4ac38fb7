"""Episodes through SkyRL-gym's own `make`, `init`, `step` and means."""

import base64
import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skyrl_gym", reason="SkyRL-gym has an environment of its own: .ci/adapters")

import skyrl_gym
from datasets import load_dataset
from skyrl_gym.metrics import aggregate_for_environment

from envs import make_task, problem
from envs.adapters.skyrl_gym import to_skyrl
from envs.answers import tagged
from envs.question import draw
from tests.envs.adapters.guide import snippets


@pytest.fixture(autouse=True)
def registered():
    data, registration = snippets("SkyRL-gym and NeMo-Gym")
    exec(registration, {})
    yield data
    skyrl_gym.envs.deregister("eyechart")


def play(row, text):
    """An episode as SkyRL's generators play it: the prompt apart, the other columns as extras."""
    extras = {name: value for name, value in row.items() if name not in ("prompt", "env_class")}
    env = skyrl_gym.make(row["env_class"], env_config={}, extras=extras | {"max_turns": 1})
    conversation, _ = env.init(row["prompt"])
    ended = env.step(text)
    env.close()
    return conversation, ended, env.get_metrics()


def test_the_guide_and_an_episode_of_every_row(registered, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ", 4096)" in registered
    assert ", 256, " in registered
    exec(registered.replace("4096", "5").replace("256", "3"), {})
    task = make_task("clock")
    answers = {}
    for file, split, n in (("train", "train", 5), ("validation", "eval", 3)):
        rows = load_dataset("parquet", data_files=f"{file}.parquet", cache_dir=str(tmp_path))["train"]
        assert len(rows) == n
        for seed, row in enumerate(rows):
            posed = problem(task, seed, split)
            conversation, ended, metrics = play(row, tagged(posed.answer))
            picture, text = conversation[0]["content"]
            assert (conversation[0]["role"], text["text"]) == ("user", posed.prompt)
            shown = Image.open(io.BytesIO(base64.b64decode(picture["image_url"]["url"].partition("base64,")[2])))
            assert np.array_equal(np.asarray(shown), draw(task, posed))
            assert (ended["reward"], ended["done"], ended["observations"]) == (1.0, True, [])
            assert (metrics["error"], metrics["parsed"]) == (0.0, 1.0)
            assert play(row, tagged("12:00:00"))[1]["reward"] == task.score(tagged("12:00:00"), posed.answer).reward
            answers[split, seed] = posed.answer
    assert len(set(answers.values())) == 8


@pytest.mark.parametrize("text", ["", "\ud800", "<answer>99:99:99</answer>", "a" * 100_000])
def test_any_text_is_scored(text):
    (row,) = to_skyrl("clock", 1, seed=4)
    _, ended, metrics = play(row, text)
    assert (ended["reward"], metrics["error"], metrics["parsed"]) == (0.0, 360.0, 0.0)


def test_means_over_a_batch():
    rows = to_skyrl("clock", 2)
    answers = [row["reward_spec"]["ground_truth"] for row in rows]
    episodes = [play(row, text)[2] for row, text in zip(rows, (tagged(answers[0]), "nothing"), strict=True)]
    means = aggregate_for_environment("eyechart", episodes)
    assert (means["error"], means["parsed"], means["reward/accuracy"]) == (180.0, 0.5, 0.5)


def test_fields_travel_with_the_row_and_texts_have_no_picture():
    (row,) = to_skyrl("gsm8k", 1, seed=2, split="eval", rewards=("correct 2",))
    assert json.loads(row["extra_info"]["fields"]) == {"rewards": ["correct 2"]}
    assert row["extra_info"] | {"fields": ""} == {
        "index": 2, "split": "eval", "env": "eyechart/GSM8K-v0", "fields": ""
    }  # fmt: skip
    posed = problem(make_task("gsm8k"), 2, "eval")
    conversation, ended, _ = play(row, tagged(posed.answer))
    assert conversation == [{"role": "user", "content": posed.prompt}]
    assert ended["reward"] == 2.0


def test_a_task_of_ones_own_has_to_be_imported(thermometer):
    (row,) = to_skyrl(f"{thermometer}:thermometer", 1)
    assert play(row, tagged(row["reward_spec"]["ground_truth"]))[1]["reward"] == 1.0
    sys.modules.pop("no_such_task", None)
    row["extra_info"]["env"] = "no_such_task:thing"
    with pytest.raises(ValueError, match="import its module yourself"):
        play(row, "")
    row["extra_info"]["env"] = "Thermometre-v0"
    with pytest.raises(ValueError, match="Did you mean Thermometer-v0"):
        play(row, "")


@pytest.mark.parametrize("extras", [{}, {"reward_spec": {}}, {"reward_spec": None, "extra_info": {}}])
def test_other_rows_are_refused(extras):
    with pytest.raises(ValueError, match="none of to_skyrl"):
        skyrl_gym.make("eyechart", extras=extras)


@pytest.mark.parametrize(
    ("arguments", "changes", "reason"),
    [(("clock", 0), {}, "n must be 1"), (("clock", 1), {"seed": -1}, "seed must be 0"),
     (("clock", 1.5), {}, "a whole number"), (("clocc", 1), {}, "Did you mean"),
     (("clock", 1), {"split": "test"}, "Unknown split"), (("clock", 1), {"sise": 3}, "sise")],
)  # fmt: skip
def test_bad_settings_are_told(arguments, changes, reason):
    with pytest.raises(ValueError, match=reason):
        to_skyrl(*arguments, **changes)
