import subprocess
import sys
from pathlib import Path

import pytest

from tests.plots.conftest import MakeRun
from tests.plots.evaluation_files import clock_evaluation, interval, write_evaluation

ROOT = Path(__file__).parents[2]


def python(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "COLUMNS": "200",
        "MPLCONFIGDIR": str(cwd / "mpl"),
    }
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def plots(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return python("-m", "plots", *arguments, cwd=cwd)


def test_one_run_is_drawn_in_its_own_folder(make_run: MakeRun, tmp_path: Path):
    make_run()
    done = plots("runs/clock", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Wrote runs/clock/curves.png"
    assert (tmp_path / "runs/clock/curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_shows_first_last_and_best_mae(make_run: MakeRun, tmp_path: Path):
    make_run(evals=(("start", 0, 360, 360, 0, 0, 360, 5), ("train", 10, 9.5, 9, 1, 1, 180, 50),
                    ("end", 20, 11.25, 9, 1, 1, 180, 80)))  # fmt: skip
    lines = plots("runs/clock", cwd=tmp_path).stdout.splitlines()
    assert lines[0].strip() == "held-out MAE (min)"
    header, row = (
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in (lines[2], lines[4])
    )
    assert header == ["run", "steps", "seconds", "first", "last", "best", "at step"]
    assert row == ["runs/clock", "20", "80", "360", "11.25", "9.5", "10"]


def test_several_runs_are_drawn_in_the_current_folder(make_run: MakeRun, tmp_path: Path):
    make_run("a")
    make_run("b", seed=1)
    done = plots("runs/a", "runs/b", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "Wrote curves.png"
    assert (tmp_path / "curves.png").is_file()
    assert not (tmp_path / "runs/a/curves.png").exists()


def test_every_option(make_run: MakeRun, tmp_path: Path):
    make_run("a")
    make_run("b", seed=1)
    options = [
        "--out",
        "figures/both.svg",
        "--by",
        "seconds",
        "--spread",
        "std",
        "--scale",
        "linear",
        "--each",
    ]
    done = plots("runs/a", "runs/b", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "figures/both.svg").read_text()


def test_a_mistyped_flag_gets_a_suggestion(make_run: MakeRun, tmp_path: Path):
    make_run()
    done = plots("runs/clock", "--oot", "x.png", cwd=tmp_path)
    assert done.returncode == 2
    assert "--oot" in done.stderr
    assert "--out" in done.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_suffix_makes_it_a_report(make_run: MakeRun, tmp_path: Path):
    make_run()
    write_evaluation(tmp_path / "gpt.json", clock_evaluation("gpt", problems=5))
    done = plots("runs/clock", "gpt.json", "--out", "new/both.html", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Wrote new/both.html"
    page = (tmp_path / "new/both.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<title>eyechart/Clock-v0: clock, gpt</title>" in page


def test_an_evaluation_beside_a_run_is_a_line(make_run: MakeRun, tmp_path: Path):
    make_run()
    write_evaluation(tmp_path / "gpt.json", clock_evaluation("gpt", problems=5))
    done = plots("gpt.json", "runs/clock", "--out", "both.svg", "--by", "steps", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '<g id="model gpt">' in (tmp_path / "both.svg").read_text()
    assert plots("gpt.json", "runs/clock", cwd=tmp_path).stdout.splitlines()[-1] == "Wrote curves.png"
    assert not (tmp_path / "runs/clock/curves.png").exists()


def test_evaluations_alone_are_points(tmp_path: Path):
    for name in ("gpt", "qwen"):
        document = clock_evaluation(name, problems=5)
        document["conditions"][0]["figures"] |= {"mae": interval(42.42, 33.3, 55.5), "parsed": interval(0.955)}
        write_evaluation(tmp_path / f"{name}.json", document)
    done = plots("gpt.json", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "Wrote gpt.png"
    assert (tmp_path / "gpt.png").read_bytes().startswith(b"\x89PNG")
    done = plots("gpt.json", "qwen.json", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[-1] == "Wrote evaluations.png"
    assert lines[0].strip() == "eyechart/Clock-v0"
    header, row = (
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in (lines[2], lines[4])
    )
    assert header == ["evaluation", "problems", "MAE (min)", "95% interval", "answers read"]
    assert row == ["gpt", "5", "42.4", "33.3 to 55.5", "95.5%"]


MISTAKES = {
    "missing folder": (["runs/clok"], "error: runs/clok does not exist. Did you mean runs/clock?"),
    "no run": ([], "error: No run was given: name at least one folder"),
    "suffix": (["runs/clock", "--out", "x.jpg"], "error: x.jpg must end in one of .png, .svg, .pdf"),
    "folder as output": (
        ["runs/clock", "--out", "d.png"],
        "error: d.png is a folder: give the name of a file.",
    ),
    "file in the way": (["runs/clock", "--out", "file/x.png"], "error: file cannot be read or written: "),
    "missing evaluation": (["gpt.json"], "error: gpt.json does not exist: give an evaluation file"),
    "no evaluation": (["runs/clock/config.json"], "error: runs/clock/config.json is not an evaluation file"),
    "newer evaluation": (
        ["runs/clock", "new.json"],
        "error: new.json was written by a newer Eyechart (version 3; this one reads up to 1): upgrade.",
    ),
    "option of curves, report": (
        ["runs/clock", "--out", "x.html", "--each"],
        "error: --each is for pictures of runs, which x.html is not: leave it out.",
    ),
    "option of curves, points": (["ok.json", "--scale", "log"], "error: --scale is for pictures of runs"),
    "report on nothing": (["--out", "x.html"], "error: Nothing was given to report on"),
    "environments": (["runs/scatter", "ok.json"], "error: Runs and evaluations of different environments"),
    "units": (["runs/clock", "runs/scatter"], "error: The runs measure their errors in different units"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line_and_no_traceback(make_run: MakeRun, tmp_path: Path, arguments, message):
    make_run()
    make_run("scatter", unit="r")
    write_evaluation(tmp_path / "ok.json", clock_evaluation(problems=2))
    write_evaluation(tmp_path / "new.json", {"format": "eyechart evaluation", "version": 3})
    (tmp_path / "d.png").mkdir()
    (tmp_path / "file").touch()
    done = plots(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


FORBIDDEN = (
    "torch",
    "transformers",
    "pandas",
    "envs",
    "agents",
    "train",
    "rendering",
    "gymnasium",
    "matplotlib.pyplot",
)


def test_drawing_imports_neither_torch_nor_the_other_rooms(make_run: MakeRun, tmp_path: Path):
    make_run()
    write_evaluation(tmp_path / "gpt.json")
    program = (
        "import sys; from plots.__main__ import main; "
        "main(['runs/clock', 'gpt.json', '--out', 'x.html']); main(['runs/clock']); "
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    done = python("-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["Wrote runs/clock/curves.png", "[]"]
