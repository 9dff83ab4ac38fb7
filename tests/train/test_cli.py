"""Mistakes are told before anything is written."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from tests.train.conftest import SMALL
from train.__main__ import main
from train.cli import parse
from train.environments import make_envs

# People script these names.
FIXED_FLAGS = [
    *("--env", "--model", "--steps", "--minutes", "--problems-per-step", "--group-size", "--learning-rate"),
    *("--lr-warmup-steps", "--cold-start", "--cold-start-steps", "--eval-every", "--eval-size"),
    *("--checkpoint-every", "--seed", "--run", "--resume"),
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
