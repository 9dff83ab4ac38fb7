"""The `eyechart` command, in fresh processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import ROOT, example
from train.command import COMMANDS, ROOMS, main

SCRIPT = Path(sys.executable).with_name("eyechart")
# Where Eyechart is installed its own script is tested, else the module that the script calls.
COMMAND = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "train.command"]


def eyechart(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def crowded(tmp_path):
    """A folder that holds others of our names, and a user's task."""
    (tmp_path / "thermometer.py").write_text(example("register("))
    for room in ROOMS:
        if room != "train" or SCRIPT.exists():  # `python -m train.command` would find that one
            (tmp_path / room).mkdir()
            (tmp_path / room / "__init__.py").write_text(f"raise ImportError('the wrong {room}')")
    return tmp_path


def test_other_folders_of_the_same_names_do_no_harm(crowded):
    listed = eyechart("envs", "list", "thermometer", cwd=crowded)
    assert listed.returncode == 0, listed.stderr
    assert "eyechart/Clock-v0" in listed.stdout
    assert "hottest=80" in listed.stdout
    small = "--steps 1 --problems-per-step 2 --group-size 2 --eval-size 4 --cold-start-steps 1".split()
    trained = eyechart("train", "--env", "thermometer:thermometer", *small, cwd=crowded)
    assert trained.returncode == 0, trained.stderr
    drawn = eyechart("plots", "runs/thermometer", cwd=crowded)
    assert drawn.stdout.splitlines()[-1] == "Wrote runs/thermometer/curves.png"


def test_looking_at_environments_needs_no_torch(tmp_path):
    code = (
        "import sys; from train.command import main; main(['envs', 'list']); "
        "print(sorted({'torch', 'transformers', 'matplotlib'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    "mistake", ["train --env clock --stepz 3", "evaluate --env clock --modell x", "evaluate --help"]
)
def test_flags_are_read_before_torch_is_loaded(tmp_path, mistake):
    code = (
        f"import sys; from train.command import main\ntry:\n    main({mistake.split()!r})\n"
        "except SystemExit:\n    print('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
    assert f"eyechart {mistake.split()[0]}" in done.stdout + done.stderr  # it calls itself by the name that was typed


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"eyechart {command} " in said for command in COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("eyechart ")


def test_a_mistyped_command(capsys):
    assert main(["trian", "--env", "clock"]) == 2
    assert "no command 'trian'; did you mean 'train'?" in capsys.readouterr().err
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("usage: eyechart COMMAND")


def test_the_status_is_the_commands(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["envs", "show", "clok"]) == 2
    assert main(["train", "--env", "clok"]) == 2
    assert main(["evaluate", "--env", "clok", "--model", "tiny"]) == 2
    with pytest.raises(SystemExit) as stopped:
        main(["plots", "runs/none"])
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
