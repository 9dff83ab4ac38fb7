"""Mistakes are told before anything is written."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from tests.train.conftest import SMALL, rows
from train.__main__ import main
from train.cli import parse
from train.environments import make_envs

# People script these names.
FIXED_FLAGS = [
    *("--env", "--model", "--steps", "--minutes", "--problems-per-step", "--group-size", "--learning-rate"),
    *("--lr-warmup-steps", "--cold-start", "--cold-start-steps", "--eval-every", "--eval-size"),
    *("--checkpoint-every", "--seed", "--run", "--resume", "--reward"),
]


def refused(train, capsys, *arguments):
    """What is said to a command line that is refused."""
    try:
        status = train(*arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "--env clock"),
        ("--env clok", "Did you mean eyechart/Clock-v0"),
        ("--env nosuchmodule:thing", "Could not import the module 'nosuchmodule'"),
        ("--env clock --stepz 3", "--stepz"),
        ("--env clock --steps three", "three"),
        ("--env clock --task.siez 3", "Did you mean 'size'"),
        ("--env clock --task.size large", "'large'"),
        ("--env clock --task.size 20", "from 28 pixels"),
        ("--env tests.train.letters:letters --task.size 20", "smaller than one of the model's patches (28 pixels"),
        ("--env clock --task.style fancy", "'fancy'"),
        ("--env clock --group-size 1", "--group-size must be at least 2"),
        ("--env clock --steps 0", "--steps must be at least 1"),
        ("--env clock --steps -5", "-5"),
        ("--env clock --minutes -1", "--minutes must be above 0"),
        ("--env clock --steps 1 --model tini", "did you mean 'tiny'?"),
        ("--env clock --steps 1 --model ./taken", "--model ./taken is no checkpoint"),
        ("--env clock --steps 1 --run taken", "--run taken exists, and has no checkpoint to go on from"),
        ("--env clock --steps 1 --run taken/file/run", "cannot be written"),
        ("--env tests.train.foreign:echo --task.size 5", "not made from a Task"),
        ("--env tests.train.foreign:ehco", "Did you mean Echo-v0"),
        ("--env tests.train.foreign:brightness --cold-start format --steps 1", "its reset must hold `answer`"),
        ("--env tests.train.foreign:brightness --replay-weight 0.1 --steps 1", "--replay-weight 0.1 needs texts"),
        ("--env tests.train.foreign:brightness --cold-start answers --steps 1", "must hold `demonstration`"),
        ("--env clock --model ./nowhere/x", "nor a folder"),
        ("--env clock --learning-rate inf", "--learning-rate must be above 0 and finite"),
        ("--env clock --task.size 4000000000", "to 4096"),
        ("--resume taken --group-size 4", "leave out --group-size"),
        ("--resume taken --task.size 8", "leave out --task.size"),
        ("--resume taken --reward correct 1", "leave out --reward"),
        ("--env clock --reward corect 1", "Unknown reward 'corect'. Did you mean 'correct'?"),
        ("--env clock --reward correct nan", "The weight of reward 'correct' must be a number"),
        ("--env clock --reward correct inf", "got 'inf'"),
        ("--env clock --reward correct -1", "0 or more and finite, got '-1'"),
        ("--env clock --reward correct much", "got 'much'"),
        ("--env clock --reward correct 0", "Clock can give no reward above 0"),
        ("--env clock --reward repetition 1", "Clock can give no reward above 0"),
        ("--env clock --task.accuracy-weight 0 --task.format-weight 0", "Clock can give no reward above 0"),
        ("--env clock --reward correct", "--reward needs a name and a weight"),
        ("--env clock --reward correct --steps 1", "--reward needs a name and a weight"),
        ("--env clock --reward=correct 1", "--reward needs a name and a weight"),
        ("--env clock --reward correct 1,5", "neither the name nor the weight has a comma"),
        ("--env clock --reward correct 1 --task.rewards accuracy", "--reward and --task.rewards say the same"),
        ("--env clock --reward nowhere:f 1", "Could not import the module 'nowhere' of 'nowhere:f'"),
        ("--env clock --reward tests.train.letters:f 1", "There is no 'f' in the module 'tests.train.letters'"),
        ("--env clock --reward math:gamma 1", "The reward 'gamma' must give a number for every text"),
        ("--env clock --reward log_length 1", "breaks a rule of tasks"),
        ("--env tests.train.foreign:echo --reward correct 1", "--reward cannot be set"),
        ("--env CartPole-v1 --steps 1", "its actions are Discrete(2); they must be texts"),
        ("--resume nowhere", "nowhere is not a run"),
        ("--resume taken --env clock", "leave out --env"),
    ],
)
def test_bad_input_is_named(train, capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    error = refused(train, capsys, *arguments.split())
    assert said in " ".join(error.split())
    assert "Traceback" not in error
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "taken"]


def test_fields_are_the_same_by_flags_and_by_gymnasium(thermometer):
    """Size, difficulty, shape and weights of the reward are fields like any other."""
    flags = "--task.size 28 --task.hottest 9 --task.reward-shape linear --task.format-weight 0.5"
    _, spec, fields = parse(["--env", f"{thermometer}:thermometer", *flags.split()])
    assert fields == {"size": 28, "hottest": 9, "reward_shape": "linear", "format_weight": 0.5}
    env = gym.make("Thermometer-v0", **fields)
    by_flags = make_envs(spec, 4, "train", fields)
    seen, infos = by_flags.reset(seed=[0, 1, 2, 3])
    for seed in range(4):
        observation, info = env.reset(seed=seed)
        assert np.array_equal(observation["image"], seen["image"][seed])
        assert observation["image"].shape == (28, 28, 3)
        assert info["heat"] == infos["heat"][seed] <= 9
        # 50 K too warm: half of the worst, so half of accuracy's 0.9; and the form's 0.5, where it is kept
        assert env.step(f"<answer>{info['heat'] + 50}</answer>")[1] == pytest.approx(0.9 * 0.5 + 0.5)
        env.reset(seed=seed)
        assert env.step(f"{info['heat'] + 50}")[1] == pytest.approx(0.9 * 0.5)


def test_rewards_are_a_field_of_the_task():
    words = "--env clock --reward correct 2 --reward cosine:max_length=40 0.5 --task.size 56".split()
    _, spec, fields = parse(words)
    assert fields == {"size": 56, "rewards": ("correct 2", "cosine:max_length=40 0.5")}
    same = parse([*words[:2], "--task.rewards", "correct 2,cosine:max_length=40 0.5"])[2]
    assert same["rewards"] == fields["rewards"]
    vector = make_envs(spec, 2, "train", fields)
    vector.reset(seed=[0, 0])
    _, rewards, _, _, infos = vector.step(["", "<answer>99:99</answer>"])
    assert rewards.tolist() == [-0.25, -0.25]
    assert infos["reward/cosine"].tolist() == [-0.5, -0.5]


def test_a_run_shows_each_part_of_its_reward(train, tmp_path):
    (tmp_path / "brief.py").write_text("def brevity(text, *, parsed): return parsed / (1 + len(text))")
    rewards = "--reward accuracy 1 --reward brief:brevity 0.5 --reward repetition:n=1 0.2".split()
    assert train(*SMALL, "--steps", "2", "--run", "run", *rewards) == 0
    for row in rows(tmp_path / "run" / "metrics.csv"):
        accuracy, brevity, repetition = (float(row[f"reward/{name}"]) for name in ("accuracy", "brevity", "repetition"))
        assert float(row["reward"]) == pytest.approx(accuracy + 0.5 * brevity + 0.2 * repetition, rel=1e-4)
        assert repetition <= 0.0 <= brevity
    samples = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert all({"accuracy", "format", "brevity", "repetition"} == set(sample["parts"]) for sample in samples)
    fields = json.loads((tmp_path / "run" / "config.json").read_text())["task"]["fields"]
    assert fields["rewards"] == ["accuracy 1.0", "brief:brevity 0.5", "repetition:n=1 0.2"]
    assert train("--resume", "run", "--steps", "3") == 0
    assert len(rows(tmp_path / "run" / "metrics.csv")) == 3
    again = parse(["--config", str(tmp_path / "run" / "config.json")])[2]["rewards"]
    assert list(again) == fields["rewards"]
    other = parse(["--config", str(tmp_path / "run" / "config.json"), "--reward", "accuracy", "1"])[2]["rewards"]
    assert other == ("accuracy 1",)


def test_a_task_that_breaks_the_rules_is_not_trained_on(thermometer, capsys):
    path = Path(f"{thermometer}.py")
    path.write_text(path.read_text().replace("abs(answer - truth)", "answer - truth"))
    assert main(["--env", f"{thermometer}:thermometer", "--steps", "1"]) == 2
    said = capsys.readouterr().err
    assert "Thermometer-v0 breaks a rule of tasks" in said
    assert "error must be finite and 0 or more" in said
    assert not Path("runs").exists()


def test_a_run_without_a_checkpoint_cannot_be_resumed(train, capsys, tmp_path):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "config.json").write_text("{}")
    assert "no checkpoint" in refused(train, capsys, "--resume", "early")


def test_names_are_numbered_when_taken(train, tmp_path):
    for _ in range(2):
        assert train(*SMALL, "--steps", "1") == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["letters", "letters-2"]


def test_help_names_every_fixed_flag(train, capsys):
    with pytest.raises(SystemExit):
        train("--help")
    said = capsys.readouterr().out
    for flag in FIXED_FLAGS:
        assert flag in said
