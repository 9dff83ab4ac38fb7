import math
from pathlib import Path

import numpy as np
import pytest

from plots.runs import RunError, read_run
from tests.plots.conftest import EVAL_HEADER, METRIC_HEADER, MakeRun


def test_every_column_is_read_as_written(make_run: MakeRun):
    run = read_run(make_run("clock-2", learning_rate=0.01))
    assert (run.name, run.env, run.unit) == ("clock-2", "eyechart/Clock-v0", "min")
    assert run.phases == ("start", "cold-start", "train", "end")
    assert run.evals["step"].tolist() == [0, 0, 10, 20]
    assert run.evals["mae"].tolist() == [360, 180, 60, 12]
    assert run.evals["seconds_total"].tolist() == [5, 20, 50, 80]
    assert run.evals["mae"].dtype == np.float64
    assert run.metrics["reward"].tolist() == [0.1, 0.3, 0.2]
    assert run.metrics["seconds_rollout"].tolist() == [0.5, 0.5, 0.5]
    assert run.settings["learning_rate"] == 0.01
    assert run.task_fields == {"size": 112}


def test_an_empty_cell_is_nan(make_run: MakeRun):
    skill = read_run(make_run()).evals["skill"]
    assert skill.shape == (4,)
    assert np.isnan(skill).all()


def test_of_the_yardsticks_only_numbers_are_kept(make_run: MakeRun):
    yardsticks = {"chance": 180, "best_constant_answer": "03:00:00", "oracle": None, "floor": math.nan}
    assert read_run(make_run(yardsticks=yardsticks)).yardsticks == {"chance": 180.0}
    assert read_run(make_run("none", yardsticks=None)).yardsticks == {}


@pytest.mark.parametrize("half", ["train,30,1920,15360,1", "train,30,1920,15360,11,2,1,0.7,,11,181,9"])
def test_a_half_written_last_line_is_left_out(make_run: MakeRun, half: str):
    folder = make_run()
    with (folder / "evals.csv").open("a") as file:
        file.write(half)  # the second one has all its cells, but is the 9 the whole number?
    with (folder / "metrics.csv").open("a") as file:
        file.write("4,64,5")
    run = read_run(folder)
    assert run.evals["step"].tolist() == [0, 0, 10, 20]
    assert run.metrics["step"].tolist() == [1, 2, 3]


def test_windows_line_ends_read_the_same(make_run: MakeRun):
    folder = make_run()
    for table in ("evals.csv", "metrics.csv"):
        path = folder / table
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    run = read_run(folder)
    assert run.evals["mae"].tolist() == [360, 180, 60, 12]
    assert run.metrics["seconds_total"].tolist() == [23, 26, 29]


@pytest.mark.parametrize("text", [None, "", METRIC_HEADER[:12], METRIC_HEADER])
def test_metrics_may_not_have_begun(make_run: MakeRun, text: str | None):
    folder = make_run()
    (folder / "metrics.csv").unlink()
    if text is not None:
        (folder / "metrics.csv").write_text(text)
    run = read_run(folder)
    assert run.metrics["step"].tolist() == []
    assert run.metrics["seconds_total"].shape == (0,)


def test_a_folder_that_does_not_exist_gets_a_suggestion(make_run: MakeRun):
    runs = make_run("clock").parent
    make_run("scatter")
    with pytest.raises(RunError) as error:
        read_run(runs / "clok")
    assert str(error.value) == (
        f"{runs}/clok does not exist. Did you mean {runs}/clock? The runs in {runs}: clock, scatter."
    )


def test_a_folder_without_siblings_says_so(tmp_path: Path):
    with pytest.raises(RunError) as error:
        read_run(tmp_path / "clock")
    assert str(error.value) == f"{tmp_path}/clock does not exist. There are no runs in {tmp_path}."


def test_the_folder_of_all_runs_is_not_a_run(make_run: MakeRun):
    runs = make_run().parent
    with pytest.raises(RunError, match=r"holds no config.json, .*The runs inside it: clock\.$"):
        read_run(runs)


def test_a_file_is_not_a_run(make_run: MakeRun):
    with pytest.raises(RunError, match=r"evals.csv is a file, not the folder of a run"):
        read_run(make_run() / "evals.csv")


def test_no_evals(make_run: MakeRun):
    folder = make_run()
    (folder / "evals.csv").unlink()
    with pytest.raises(RunError, match=r"runs/clock has no evals.csv: the run has not evaluated yet"):
        read_run(folder)


BROKEN_EVALS = {
    "empty": ("", r"evals.csv has no complete row: the first evaluation is not done yet"),
    "half a header": (EVAL_HEADER[:20], r"evals.csv has no complete row"),
    "no rows": (EVAL_HEADER, r"evals.csv has no complete row"),
    "no such column": (
        "phase,step,seconds_total\nstart,0,1\n",
        r"has no column 'mae'; it has phase, step, sec",
    ),
    "short row": (
        EVAL_HEADER + "start,0,0,0,360,360,0,0,,360,360,5\ntrain,10,64\n",
        r"evals.csv, line 3: 3 cells, but the header has 12 columns",
    ),
    "not a number": (
        EVAL_HEADER + "start,0,0,0,much,360,0,0,,360,360,5\n",
        r"evals.csv, line 2, column 'mae': 'much' is not a number",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN_EVALS.values(), ids=BROKEN_EVALS.keys())
def test_broken_evals_name_the_place(make_run: MakeRun, text: str, message: str):
    folder = make_run()
    (folder / "evals.csv").write_text(text)
    with pytest.raises(RunError, match=message):
        read_run(folder)


def test_a_broken_row_of_metrics_names_the_place(make_run: MakeRun):
    folder = make_run()
    (folder / "metrics.csv").write_text("step,reward,seconds_total\n1,0.5,2\n2,x,3\n")
    with pytest.raises(RunError, match=r"metrics.csv, line 3, column 'reward': 'x' is not a number"):
        read_run(folder)


BROKEN_CONFIGS = {
    "empty": ("", r"config.json is empty: the run is still starting"),
    "not JSON": ("{", r"config.json is not valid JSON"),
    "a list": ("[]", r"config.json has no 'env' \(str\)"),
    "no task": ('{"env": "e", "settings": {}}', r"config.json has no 'task' \(dict\)"),
    "no unit": ('{"env": "e", "task": {}, "settings": {}}', r"does not say the task's unit"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN_CONFIGS.values(), ids=BROKEN_CONFIGS.keys())
def test_a_broken_config_says_what_is_wrong(make_run: MakeRun, text: str, message: str):
    folder = make_run()
    (folder / "config.json").write_text(text)
    with pytest.raises(RunError, match=message):
        read_run(folder)


def test_bytes_that_are_no_text(make_run: MakeRun):
    folder = make_run()
    (folder / "evals.csv").write_bytes(b"phase,step\n\xff\xfe\n")
    with pytest.raises(RunError, match=r"evals.csv is not text in UTF-8"):
        read_run(folder)
