"""Published settings: what they come to, what wins against them, and whom they do not fit."""

import json

import pytest

import envs
from envs.fields import field_types
from envs.registry import registered
from train.cli import parse
from train.config import TrainConfig, plain, resolved
from train.presets import PRESETS
from train.schedule import learning_rate_factor

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
        "lr_warmup": 0.18,
        "lr_warmup_steps": None,
        "lr_schedule": "constant",
    },
    "gsm8k-1.5b": {
        "model": "Qwen/Qwen2.5-1.5B-Instruct",
        "group_size": 16,
        "learning_rate": 5e-6,
        "kl_weight": 0.04,
        "temperature": 0.9,
        "reference": "fixed",
        "steps": 340,
        "lr_warmup": 0.18,
    },
    "gsm8k-llama-3b": {"model": "meta-llama/Llama-3.2-3B-Instruct", "epochs": 1.0, "steps": None},
    "gsm8k-0.5b": {
        "model": "Qwen/Qwen2.5-0.5B-Instruct",
        "learning_rate": 3e-6,
        "lr_schedule": "cosine",
        "lr_decay_start": 0.0,
        "lr_final": 0.0,
        "weight_decay": 0.0,
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


def test_the_warm_up_is_the_published_part_of_any_bound():
    for words, last in (("", 2300), (" --steps 100", 100)):
        found, _, _ = settings(f"--preset clock-7b{words}")
        risen = [step for step in range(last) if learning_rate_factor(found, step, step / last) == 1.0]
        assert risen == list(range(round(0.18 * last) - 1, last))
    found, _, _ = settings("--preset clock-7b --lr-warmup-steps 3")
    assert (found.lr_warmup_steps, found.lr_warmup) == (3, None)
    found, _, _ = settings("--preset clock-7b --lr-warmup 0.5")
    assert (found.lr_warmup_steps, found.lr_warmup) == (None, 0.5)


def test_answers_are_paid_as_published():
    whole, form = ("numeric:whole=true", 0.5), [("strict_format", 0.5), ("soft_format", 0.5), ("tag_count", 0.5)]
    for name in ("gsm8k-1.5b", "gsm8k-llama-3b"):  # an integer
        assert list(PRESETS[name].rewards) == [("correct", 2.0), whole, *form]
    assert list(PRESETS["gsm8k-0.5b"].rewards)[:2] == [("correct", 2.0), ("numeric", 0.5)]
    task = envs.make_task("gsm8k", rewards=dict(PRESETS["gsm8k-1.5b"].rewards))
    half, three = (task.score(f"<answer>{text}</answer>", "18").reward for text in ("2.5", "3"))
    assert three - half == pytest.approx(0.5)
    task = envs.make_task("countdown", rewards=dict(PRESETS["countdown-7b"].rewards))
    # correct, form and steps 0 to 1, cosine −0.5 to 1, repetition −0.1 to 0
    assert task.reward_bounds == (pytest.approx(-0.6), pytest.approx(4.0))


def test_another_algorithm_leaves_out_what_is_for_grpo(data, capsys):
    found, _, _ = settings(f"--preset gsm8k-llama-3b --algorithm sft {data}")
    assert (found.algorithm, found.loss, found.group_size, found.epochs) == ("sft", None, 1, 1.0)
    assert "note: --preset gsm8k-llama-3b with --algorithm sft leaves out --loss grpo\n" in capsys.readouterr().out
    found, _, _ = settings("--preset clock-7b --algorithm=sft")
    assert (found.kl_weight, found.temperature, found.learning_rate, found.max_grad_norm) == (0.0, 1.0, 5e-6, 0.1)
    assert "out --loss grpo, --group-size 16, --kl-weight 0.04, --temperature 0.9\n" in capsys.readouterr().out
    found, _, _ = settings("--preset clock-7b --algorithm distill --teacher x/y --distill on-policy")
    assert (found.loss, found.group_size, found.temperature) == (None, 16, 0.9)
    settings("--preset clock-7b --algorithm distill --teacher x/y --distill-texts demonstrations")
    settings("--preset clock-7b --algorithm grpo --group-size 4")
    assert capsys.readouterr().out.count("note: ") == 2


def test_a_flag_that_the_user_gives_another_algorithm_is_still_refused(capsys):
    with pytest.raises(SystemExit):
        parse("--preset clock-7b --algorithm sft --kl-weight 0.1".split())
    said = capsys.readouterr()
    assert "out --loss grpo, --group-size 16, --temperature 0.9\n" in said.out
    assert "--kl-weight is for --algorithm grpo" in said.err


def test_the_list_tells_every_setting_and_its_origin(monkeypatch, capsys):
    """On a terminal of the usual width, with nothing cut off."""
    from train import preset_flag

    monkeypatch.setattr(preset_flag.console, "width", 80)
    with pytest.raises(SystemExit) as stopped:
        parse(["--preset", "list"])
    assert stopped.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    said = " ".join(" ".join(lines).split())
    assert "…" not in said
    for name, preset in PRESETS.items():
        _, _, told = said.partition(f"--preset {name} {preset.origin}. --env {preset.env} --model ")
        flags = told.partition(" --preset ")[0]
        for key, value in preset.settings.items():
            assert key == "model" or f"--{key.replace('_', '-')} {value} " in flags
        for key, value in preset.task.items():
            assert f"--task.{key.replace('_', '-')} {value} " in flags
        for reward, weight in preset.rewards:
            assert f"--reward {reward} {weight:g} " in flags
        assert f"Assumed: {preset.assumed}." in flags
        assert f"Otherwise here: {preset.differs}." in flags


ALL = f"{', '.join(PRESETS)}, check, list (which tells what each is)"


@pytest.mark.parametrize(
    ("words", "got"),
    [
        ("--preset clock7b", "'clock7b'; did you mean clock-7b?"),
        ("--preset=lst", "'lst'; did you mean list?"),
        ("--preset something-else", "'something-else'"),
        ("--preset", "none"),
        ("--preset --env clock", "none"),
    ],
)
def test_an_unknown_preset_is_told_the_known_ones(train, capsys, words, got):
    assert train(*words.split()) == 2
    assert capsys.readouterr().err == f"error: --preset takes one of {ALL}, got {got}\n"


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
