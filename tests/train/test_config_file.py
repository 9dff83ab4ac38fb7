import json
import re

import pytest

from tests.train.conftest import SMALL
from train.cli import parse
from train.config_file import with_config_file


@pytest.fixture
def written(tmp_path):
    """Write a file, return its name."""

    def write(text, name="settings.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


FILE = """
env: clock
group_size: 8
learning-rate: 1e-3
steps: 3
minutes:
task:
  style: no-ticks
  numerals: no
  second_hand: true
"""


def test_a_file_is_read_like_flags(written):
    config, spec, fields = parse(["--config", written(FILE)])
    assert spec.id == "eyechart/Clock-v0"
    assert (config.group_size, config.learning_rate, config.steps, config.minutes) == (8, 1e-3, 3, None)
    assert fields == {"style": "no-ticks", "numerals": False, "second_hand": True}


def test_flags_win(written):
    flags = "--group-size=4 --learning_rate 0.5 --env scatter --task.style dense".split()
    file = written("env: clock\ngroup-size: 8\nlearning-rate: 0.1\nseed: 7\ntask: {style: roman, size: 84}\n")
    config, spec, fields = parse([*flags, f"--config={file}"])
    assert spec.id == "eyechart/Scatter-v0"
    assert (config.group_size, config.learning_rate, config.seed) == (4, 0.5, 7)
    assert fields == {"style": "dense", "size": 84}


def test_a_flag_of_the_warm_up_replaces_what_a_file_says_of_it(written):
    file = written("env: clock\nlr-warmup-steps: 20\n")
    for words in (["--lr_warmup", "0.1"], ["--lr-warmup=0.1"]):
        config, _, _ = parse(["--config", file, *words])
        assert (config.lr_warmup, config.lr_warmup_steps) == (0.1, None)
    config, _, _ = parse(["--config", written("preset: clock-7b\nlr_warmup_steps: 20\n")])
    assert (config.lr_warmup, config.lr_warmup_steps) == (None, 20)


def test_a_run_is_done_again_under_other_flags(train, tmp_path):
    """Settings and task of a run's own config.json; its folder is not asked for again."""
    assert train(*SMALL, "--steps", "1", "--run", "first", "--learning-rate", "0.002") == 0
    path = tmp_path / "first" / "config.json"
    document = json.loads(path.read_text())
    config, spec, fields = parse(["--config", str(path), "--seed", "9"])
    assert spec.id == document["env"]
    assert config.run is None
    assert config.seed == 9
    for name in ("steps", "problems_per_step", "group_size", "learning_rate", "max_new_tokens", "cold_start_steps"):
        assert getattr(config, name) == document["settings"][name] is not None
    kept = {name: value for name, value in document["task"]["fields"].items() if value is not None}
    assert fields == kept | {"rewards": tuple(kept["rewards"])}


@pytest.mark.parametrize(
    "text",
    [
        'env: clock\nreward: {correct: 2, "cosine:max_length=40": 0.5}',
        'env: clock\ntask: {rewards: {correct: 2, "cosine:max_length=40": 0.5}}',
        "env: clock\ntask: {rewards: [correct 2, 'cosine:max_length=40 0.5']}",
    ],
)
def test_rewards_are_weights_by_name(written, text):
    assert parse(["--config", written(text)])[2] == {"rewards": ("correct 2", "cosine:max_length=40 0.5")}
    assert parse(["--config", written(text), "--reward", "accuracy", "1"])[2] == {"rewards": ("accuracy 1",)}


def test_lists_are_written_with_commas(written):
    words, texts = with_config_file(["--config", written("task: {sides: [2, 3.5, yes]}")], {})
    assert (words, texts) == ([], {"sides": "2,3.5,true"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("env: [clock", "is no YAML"),
        ("a: 2024-13-45", "is no YAML: month must be in 1..12"),
        ("- clock", "the file must hold values by name"),
        ("1: clock", "the file must hold values by name"),
        ("env: clock\ntask: roman", "task must hold values by name"),
        ("env: clock\ntask: 0", "task must hold values by name"),
        ("env: clock\nsteps: {a: 1}", "steps must be one value"),
        ("env: clock\nreward: {corect: 1}", "Did you mean 'correct'"),
        ("env: clock\nreward: correct", "A reward is a name and a weight, such as 'correct 2', got 'correct'"),
        ("env: clock\nreward: {correct: -1}", "0 or more and finite, got '-1'"),
        ("env: clock\nreward: {correct: {a: 1}}", "A reward is a name and a weight"),
        ("env: &x [*x]", "env must be one value"),
        ("env: clock\ngroup-size: 8\ngroup_size: 4", "a name twice"),
        ("env: clock\ntask: {size: 9}", "from 28 pixels"),
        ("env: clock\ntask: {siez: 9}", "Did you mean 'size'"),
        ("env: clock\nresume: runs/clock", "resume is for the command line"),
        ("env: clock\nconfig: other.yaml", "config is for the command line"),
        ('{"settings": 3, "versions": {}}', "settings must hold values by name"),
        ('{"settings": {"1": 2}, "versions": {}, "task": {"fields": [1]}}', "task must hold values by name"),
        ("settings: {group-size: 8}", "settings must be one value"),
        ("", "which environment?"),
    ],
)
def test_a_bad_file_is_named(written, text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(["--config", written(text)])


@pytest.mark.parametrize("text", ["env: clock\nstepz: 3", "env: clock\nsteps: three", "env: clock\ngroup-size: 1"])
def test_a_bad_setting_is_refused_as_its_flag_is(written, text, capsys):
    with pytest.raises(SystemExit):
        parse(["--config", written(text)])
    assert text.split()[-2].strip(":") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config"], "--config needs a file"),
        (["--config", "--steps"], "--config needs a file"),
        (["--config", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--config", "a", "--config", "b"], "twice"),
        (["--resume", "runs/clock", "--config", "a"], "leave out --config"),
    ],
)
def test_a_bad_flag_is_named(words, said):
    with pytest.raises(ValueError, match=said):
        parse(words)
