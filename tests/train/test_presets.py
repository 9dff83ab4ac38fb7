"""Published settings: what they come to, what wins against them, and whom they do not fit."""

import json

import pytest

import envs
from envs.fields import field_types
from envs.registry import registered
from train.cli import parse
from train.config import TrainConfig, plain, resolved
from train.presets import PRESETS

ROW = {"question": "Two and three?", "answer": "2 + 3 = 5\n#### 5"}
COUNTDOWN = any("countdown" in spec.id.lower() for spec in registered())


@pytest.fixture
def data(tmp_path):
    """A folder in the form of GSM8K, so that no hub is asked."""
    for number, name in enumerate(("train", "test")):
        lines = [json.dumps({**ROW, "question": f"{ROW['question']} {number} {i}"}) + "\n" for i in range(4)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    return f"--task.source {tmp_path}"


def settings(words):
    config, spec, fields = parse(words.split())
    return resolved(config, small=False, answer_tokens=11, gpu=True), spec, fields


# What was told of each, and no more: the defaults of a real checkpoint are the rest.
TOLD = {
    "clock-7b": {
        "model": "Qwen/Qwen2.5-VL-7B-Instruct",
        "problems_per_step": 1,
        "group_size": 16,
        "optimizer": "adamw",
        "learning_rate": 5e-6,
        "weight_decay": 0.1,
        "max_grad_norm": 0.1,
        "kl_weight": 0.04,
        "temperature": 0.9,
        "max_new_tokens": 786,
        "steps": 2300,
        "minutes": None,
        "lr_warmup_steps": 0.18 * 2300,
    },
    "gsm8k-1.5b": {
        "model": "Qwen/Qwen2.5-1.5B-Instruct",
        "group_size": 16,
        "learning_rate": 5e-6,
        "kl_weight": 0.04,
        "temperature": 0.9,
        "reference": "fixed",
        "steps": 340,
    },
    "gsm8k-llama-3b": {"model": "meta-llama/Llama-3.2-3B-Instruct", "epochs": 1.0, "steps": None},
    "gsm8k-0.5b": {
        "model": "Qwen/Qwen2.5-0.5B-Instruct",
        "learning_rate": 3e-6,
        "lr_schedule": "cosine",
        "dtype": "bfloat16",
        "checkpoint_every": 500,
    },
    "countdown-7b": {
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "learning_rate": 5e-5,
        "dtype": "bfloat16",
        "epochs": 1.0,
        "attention": "sdpa",
    },
}
TOLD["correlation-7b"] = TOLD["clock-7b"]


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "countdown-7b" or COUNTDOWN])
def test_a_preset_is_what_was_published(name, data, tmp_path):
    if name == "countdown-7b":
        rows = [{"nums": [1, 2, i], "target": 3 + i} for i in range(3, 23)]
        (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        data = f"--task.source {tmp_path / 'train.jsonl'}"
    source = data if PRESETS[name].env in ("gsm8k", "countdown") else ""
    found, spec, _ = settings(f"--preset {name} {source}")
    recorded = plain(found)
    assert {key: recorded[key] for key in TOLD[name]} == pytest.approx(TOLD[name])
    assert (recorded["preset"], recorded["loss"], recorded["normalise"]) == (name, "grpo", "sequence")
    assert spec.id == envs.resolve(PRESETS[name].env).id


def test_the_tasks_are_theirs():
    _, _, clock = settings("--preset clock-7b")
    assert (clock["size"], clock["second_hand"], clock["reward_shape"]) == (224, True, "linear")
    _, spec, scatter = settings("--preset correlation-7b")
    task = envs.make_task(spec, **scatter)
    for seed in range(20):
        assert envs.problem(task, seed).info["points"] == 75
    assert (task.low, task.high, task.worst_error) == (0.0, 1.0, 2.0)
    posed = envs.problem(task, 0)
    exact, off = (task.score(f"<answer>{float(posed.answer) - by:+.2f}</answer>", posed.answer) for by in (0.0, 0.25))
    # 1 − |error| but for what all answers get alike
    assert exact.reward - off.reward == pytest.approx(off.error - exact.error)


def test_a_clock_is_paid_from_plus_three_to_minus_three():
    _, spec, fields = settings("--preset clock-7b")
    task = envs.make_task(spec, **fields)
    exact, quarter, opposite = (
        task.score(f"<answer>{time}</answer>", "12:00:00").reward for time in ("12:00:00", "03:00:00", "06:00:00")
    )
    assert (exact - quarter, exact - opposite) == (pytest.approx(3.0), pytest.approx(6.0))


def test_flags_win_and_their_bound_replaces_the_preset_s():
    found, _, fields = settings("--learning-rate 1e-6 --preset clock-7b --lora --task.size 112 --task.reward-shape log")
    assert (found.learning_rate, found.lora, found.weight_decay) == (1e-6, True, 0.1)
    assert (fields["size"], fields["reward_shape"]) == (112, "log")
    assert (found.steps, found.minutes) == (2300, None)
    for bound in ("--minutes 30", "--minutes=30"):
        found, _, _ = settings(f"--preset clock-7b {bound}")
        assert (found.steps, found.minutes) == (None, 30.0)
    found, _, _ = settings("--preset clock-7b --loss dapo")
    assert (found.loss, found.kl_weight, found.clip_high, found.group_size) == ("dapo", 0.0, 0.28, 16)
    found, _, _ = settings("--preset clock-7b --kl_weight 0.1")
    assert (found.loss, found.kl_weight) == ("grpo", 0.1)


def test_a_file_stands_between_the_two(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("preset: clock-7b\ngroup-size: 4\ntemperature: 0.5\ntask:\n  size: 56\n")
    found, _, fields = settings(f"--config {path} --temperature 0.7")
    assert (found.preset, found.group_size, found.temperature, found.weight_decay) == ("clock-7b", 4, 0.7, 0.1)
    assert fields["size"] == 56


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "--preset clock-7b --env scatter",
            "7b is for --env clock, got --env scatter; .* correlation-7b",
        ),
        (
            "--preset correlation-7b --env clock",
            "is for --env correlation, got .*; for that there are clock-7b",
        ),
        ("--preset gsm8k-0.5b --env clock", "is for --env gsm8k, got --env clock"),
        ("--preset clock-7b --env tests.train.foreign:echo", "is for --env clock, got --env tests.train.foreign:echo$"),
        ("--preset clock-7b --env clok", "Did you mean eyechart/Clock-v0"),
        ("--preset clock-7b --resume runs/x --steps 3", "leave out --preset"),
    ],
)
def test_what_does_not_fit_is_refused(words, said):
    with pytest.raises(ValueError, match=said):
        parse(words.split())


def test_another_name_of_the_same_task_fits():
    _, spec, _ = settings("--preset correlation-7b --env scatter")
    assert spec.id == "eyechart/Scatter-v0"


def test_the_list_tells_every_setting_and_its_origin(monkeypatch, capsys):
    from train import preset_flag

    monkeypatch.setattr(preset_flag.console, "width", 400)
    with pytest.raises(SystemExit) as stopped:
        parse(["--preset", "list"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    for name, preset in PRESETS.items():
        assert name in said
        assert preset.origin in said
        for key, value in preset.settings.items():
            assert f"--{key.replace('_', '-')} {value}" in said


def test_an_unknown_preset_is_told_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(["--preset", "clock-8b"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in PRESETS)


def test_presets_set_what_there_is_and_cannot_be_changed():
    for preset in PRESETS.values():
        TrainConfig(env=preset.env, **preset.settings)
        assert preset.origin
        with pytest.raises(TypeError):
            preset.settings["steps"] = 1
        if preset.env != "countdown" or COUNTDOWN:
            assert preset.task.keys() <= field_types(type(envs.make_task(envs.resolve(preset.env)))).keys()


def test_a_short_run_under_a_preset(train, tmp_path):
    """With another model and bound; its config.json has all that it was trained with."""
    small = "--model tiny --steps 1 --eval-size 2 --task.size 56 --max-new-tokens 12 --cold-start-steps 1".split()
    assert train("--preset", "clock-7b", *small, "--run", "a") == 0
    document = json.loads((tmp_path / "a" / "config.json").read_text())
    assert document["settings"]["preset"] == "clock-7b"
    assert (document["settings"]["kl_weight"], document["settings"]["learning_rate"]) == (0.04, 5e-6)
    assert document["task"]["fields"]["reward_shape"] == "linear"
    assert train("--resume", "a", "--steps", "2") == 0
    assert train("--resume", "a", "--preset", "clock-7b", "--steps", "3") == 2


@pytest.mark.parametrize("name", PRESETS)
def test_no_presets_reward_can_be_had_for_nothing(name):
    """The reward fuzzer, on problems that are made up where a preset reads them from the hub."""
    preset = PRESETS[name]
    fields = {key: value for key, value in preset.task.items() if key != "source"}
    assert envs.check_task(envs.make_task(preset.env, **fields, rewards=dict(preset.rewards)), samples=8) == []
