"""Mistakes are told before anything is written."""

import pytest

from tests.train.conftest import SMALL

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
        ("--env clock --steps 1 --model ./taken", "--model ./taken could not be loaded"),
        ("--env clock --steps 1 --run taken", "--resume taken"),
        ("--env clock --steps 1 --run taken/file/run", "cannot be written"),
        ("--env tests.train.foreign:echo --task.size 5", "not made from a Task"),
        ("--env tests.train.foreign:ehco", "Did you mean Echo-v0"),
        ("--env tests.train.foreign:brightness --cold-start format --steps 1", "tell them: the info of its reset"),
        ("--env clock --model ./nowhere/x", "nor a folder"),
        ("--env clock --learning-rate inf", "--learning-rate must be above 0 and finite"),
        ("--env clock --task.size 4000000000", "to 4096"),
        ("--resume taken --group-size 8", "leave out --group-size"),
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
