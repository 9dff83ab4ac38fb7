import sys
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from envs import make_task, problem, register
from envs.__main__ import main
from envs.sheet import contact_sheet
from rendering import render
from tests.envs.test_task import Sum


def test_list(run_python):
    ran = run_python("-m", "envs", "list")
    assert ran.returncode == 0, ran.stderr
    assert "eyechart/Clock-v0" in ran.stdout
    assert "second_hand=True" in ran.stdout
    assert "min" in ran.stdout


def test_list_imports_modules_first(run_python, thermometer, tmp_path):
    ran = run_python("-m", "envs", "list", thermometer, cwd=tmp_path)
    assert "Thermometer-v0" in ran.stdout
    assert "hottest=80" in ran.stdout


def test_list_survives_a_module_that_is_gone(capsys, clean_registry):
    from envs import register

    register("Gone-v0", "no_such_module:Gone")
    assert main(["list"]) == 0
    assert "Gone-v0" in capsys.readouterr().out


def test_show_writes_a_contact_sheet(run_python, tmp_path):
    arguments = ["show", "clock", "--out", "made/sheet.png", "--count", "5", "--seed", "2", "--split", "eval"]
    ran = run_python("-m", "envs", *arguments, "--task.size", "64", "--task.numerals", "false", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    sheet = np.asarray(Image.open(tmp_path / "made" / "sheet.png").convert("RGB"))
    task = make_task("clock", size=64, numerals=False)
    assert np.array_equal(sheet, contact_sheet(task, 5, 2, "eval"))
    picture = render(problem(task, 2, "eval").scene, 64)
    assert np.array_equal(sheet[10:74, 10:74], picture)
    second = render(problem(task, 3, "eval").scene, 64)
    assert np.array_equal(sheet[10:74, 84:148], second)


def test_captions_tell_the_answers():
    task = make_task("clock", size=64)
    sheet = contact_sheet(task, 2)
    captions = sheet[74:96, 10:74], sheet[74:96, 84:148]
    assert captions[0].min() < 120  # something dark is written
    assert not np.array_equal(*captions)


def test_text_tasks_show_their_prompts():
    sheet = contact_sheet(Sum(), 3, columns=2)
    assert sheet.shape == (10 + 2 * (224 + 22 + 10), 10 + 2 * (224 + 10), 3)
    assert sheet[10:234, 10:234].min() < 120
    assert sheet[276:, 244:].min() == 255  # the fourth cell is empty


def test_play_scores_what_is_typed(run_python, tmp_path):
    truth = problem(make_task("clock"), 0).answer
    typed = f"<answer>{truth}</answer>\n{problem(make_task('clock'), 1).answer}\nno idea\n\n7:25\n"
    ran = run_python("-m", "envs", "play", "clock", "--picture", "p.png", text=typed, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "reward 1.000 (accuracy 1.000, format 1.000)" in ran.stdout
    assert "reward 0.900 (accuracy 1.000, format 0.000)" in ran.stdout
    assert "not an answer; reward 0.000" in ran.stdout
    assert "3 answers, 2 of them readable: mean error 120.000 min, mean reward 0.633." in ran.stdout
    shown = np.asarray(Image.open(tmp_path / "p.png").convert("RGB"))
    assert np.array_equal(shown, render(problem(make_task("clock"), 3).scene, 112))


def test_play_takes_any_bytes_and_ends_with_the_input(run_python, tmp_path):
    ran = run_python("-m", "envs", "play", "clock", text="\x00\x7f\n7:25")
    assert ran.returncode == 0, ran.stderr
    assert "2 answers, 1 of them readable" in ran.stdout
    assert "No answers." in run_python("-m", "envs", "play", "clock", text="").stdout


def test_play_ends_with_ctrl_c(monkeypatch, capsys):
    def interrupt(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupt)
    assert main(["play", "clock"]) == 0
    assert "No answers." in capsys.readouterr().out


def test_check(capsys):
    assert main(["check", "clock", "--samples", "8"]) == 0
    told = capsys.readouterr().out
    assert "no broken rule in 8 problems" in told
    assert "chance        179.425 min" in told
    assert "repeat" not in told


def test_check_notes_problems_that_repeat(capsys, clean_registry, monkeypatch):
    register("Sum-v0", "tests.envs.test_task:Sum")
    drawn = iter(["1+1", "1+2", "1+1", "1+2", "1+1", "1+2", "1+3", "1+4", "1+5", "1+6", "1+7", "1+7"])
    asked = {(split, seed): next(drawn) for split in ("train", "eval") for seed in range(6)}
    pose = Sum.pose

    def posed(self, seed, split):
        return replace(
            pose(self, seed, split), prompt=f"{asked.get((split, seed), 'more')} = ? <answer>NUMBER</answer>"
        )

    monkeypatch.setattr(Sum, "pose", posed)
    assert main(["check", "Sum", "--samples", "6"]) == 0  # no broken rule
    told = capsys.readouterr().out
    assert "note: problems repeat: 2 different questions among 6 of the split train" in told
    assert "note: problems repeat: 5 different questions among 6 of the split eval" in told


def test_check_of_every_task(run_python, tmp_path):
    ran = run_python("-m", "envs", "check", "--samples", "2", "--reward", "accuracy", "1", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines() == [
        "eyechart/Clock-v0: no broken rule in 2 problems.",
        "eyechart/Countdown-v0: no broken rule in 2 problems.",
        "eyechart/GSM8K-v0: no broken rule in 2 problems.",
        "eyechart/Maths-v0: not checked, for it needs --task.source; check it by its name",
        "eyechart/Scatter-v0: no broken rule in 2 problems.",
        "eyechart/Correlation-v0: the same as eyechart/Scatter-v0",
    ]


def test_check_of_every_task_tells_what_is_broken(capsys, clean_registry, monkeypatch):
    gym.registry.clear()
    register("Sum-v0", "tests.envs.test_task:Sum")
    assert main(["check", "--samples", "4"]) == 0
    monkeypatch.setattr(Sum, "error", lambda self, answer, truth: -1.0)
    assert main(["check", "--samples", "4"]) == 1
    assert "Sum-v0:\nbroken: " in capsys.readouterr().out


def test_a_pipe_that_is_closed_early_is_no_traceback(run_python):
    """As by `| head`: the reading end is gone before anything is written."""
    code = (
        "import os, sys\n"
        "reading, writing = os.pipe()\n"
        "os.close(reading)\n"
        "os.dup2(writing, 1)\n"
        "from envs.__main__ import main\n"
        "sys.exit(main(['check', 'clock', '--samples', '2']))"
    )
    ran = run_python("-c", code)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_check_of_a_reward(run_python, tmp_path):
    (tmp_path / "mine.py").write_text("def half(text): return 0.5\ndef silence(text, *, parsed): return 1.0 - parsed")
    flags = ["check", "clock", "--samples", "4", "--reward", "accuracy", "1", "--reward"]
    ran = run_python("-m", "envs", *flags, "mine:half", "1", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = run_python("-m", "envs", *flags, "mine:silence", "2", cwd=tmp_path)
    assert ran.returncode == 1
    assert "broken: A text without an answer must get worst_error and no more reward than chance" in ran.stdout


def test_check_of_a_users_task(run_python, thermometer, tmp_path):
    ran = run_python("-m", "envs", "check", f"{thermometer}:thermometer", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    path = tmp_path / f"{thermometer}.py"
    path.write_text(path.read_text().replace("return abs(answer - truth)", "return answer - truth"))
    ran = run_python("-m", "envs", "check", f"{thermometer}:thermometer", cwd=tmp_path)
    assert ran.returncode == 1
    assert "broken: error must be finite and 0 or more" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "clok"], "Did you mean eyechart/Clock-v0?"),
        (["show", "clock", "--task.siez", "3"], "Did you mean 'size'? Its fields: reward_shape"),
        (["show", "clock", "--task.size", "abc"], "Clock.size must be a whole number, got 'abc'"),
        (["show", "clock", "--task.size", "3"], "Clock.size must be from 28"),
        (["show", "clock", "--task.size"], "--task.size needs a value"),
        (["show", "clock", "--count", "0"], "at least 1 problem"),
        (
            ["check", "clock", "--task.accuracy-weight", "5", "--reward", "correct", "1"],
            "changes nothing beside --reward, which names all that is paid: leave it out, or say --reward accuracy 5.",
        ),
        (
            ["check", "gsm8k", "--task.correct_weight=0.5", "--reward", "accuracy", "1"],
            "--task.correct_weight changes nothing beside --reward",
        ),
        (
            ["check", "clock", "--task.reward-sharpness", "5", "--task.reward-shape", "linear"],
            "--task.reward_sharpness changes nothing with the reward shape 'linear'",
        ),
        (["show", "clock", "--seed", "-1"], "A seed must be 0 or more, got -1"),
        (["show", "no_module:clock"], "Could not import the module 'no_module'"),
        (["show", "FrozenLake-v1"], "FrozenLake-v1 has no Task"),
        (["check", "clock", "--samples", "1"], "at least 2 samples"),
        (["list", "--task.size", "3"], "takes no --task.size"),
        (["check", "--task.size", "3"], "`check` without a name goes over every task and takes no --task.size"),
        (["rewards", "--reward", "correct", "3"], "takes no --reward"),
        (["check", "clock", "--reward", "corect", "3"], "Did you mean 'correct'?"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, message, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert message in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["show", "clock", "--cuont", "3"], ["shwo", "clock"], ["show"], []])
def test_mistyped_flags_and_commands(arguments, run_python):
    ran = run_python("-m", "envs", *arguments)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    if "--cuont" in arguments:
        assert "--count" in ran.stderr


def test_a_picture_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["show", "clock", "--out", str(tmp_path / "file" / "sheet.png")]) == 2
    assert "Cannot write the picture" in capsys.readouterr().err


def test_help_names_the_commands(run_python):
    ran = run_python("-m", "envs", "--help")
    assert ran.returncode == 0
    for command in ("list", "show", "play", "check", "rewards", "--task.FIELD VALUE", "--reward NAME WEIGHT"):
        assert command in ran.stdout


def test_the_command_line_is_not_the_processes_own(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["envs", "nonsense"])
    assert main(["list"]) == 0
