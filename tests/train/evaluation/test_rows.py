"""What one answer came to: literal rows of each task, and whatever a task stumbles over."""

import json
import math
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import pytest

import envs
from envs.tasks.clock import Clock
from envs.tasks.gsm8k import GSM8K
from envs.tasks.scatter import Scatter
from rendering import Disc, Scene, render
from tests.train.pairs import Pairs
from train.evaluation.rows import at_row, depicted, row_of

NOON = envs.Problem("What time is it? <answer>HH:MM:SS</answer>", "07:25:30", info={"hour": 7, "minute": 25})
TOLD = {
    "seed": 3,
    "answer": "07:25:30",
    "best_answer": "07:25:30",
    "demonstration": "...",
    "hour": 7,
    "minute": 25,
    "error": 65.5,
    "lenient_error": 65.5,
    "parsed": True,
    "reward/accuracy": 0.25,
    "reward/format": 1.0,
}


def test_a_row_of_the_clock_by_hand():
    assert row_of(Clock(), NOON, "<answer>8:31</answer>", TOLD) == {
        "answer": "07:25:30",
        "parsed": True,
        "error": 65.5,
        "read": "08:31:00",
        "lenient_error": 65.5,
        "lenient_read": "08:31:00",
        "parts": {"accuracy": 0.25, "format": 1.0},
        "error_parts": {"hour hand (h)": 1.0, "minute hand (min)": 5.5, "second hand (s)": 30.0},
        "truth_number": 7.425,
        "read_number": pytest.approx(8 + 31 / 60),
        "info": {"hour": 7, "minute": 25},
    }


def test_the_two_readings_stand_side_by_side():
    row = row_of(Clock(), NOON, "First 8:31, then 9:00.", TOLD)
    assert (row["read"], row["read_number"], row["error_parts"]) == (None, None, {})
    assert row["lenient_read"] == "09:00:00"
    assert row["truth_number"] == 7.425


@pytest.mark.parametrize(
    ("task", "answer", "text", "read", "truth_number", "read_number"),
    [
        (Scatter(), "+0.42", "r = 0.4", "+0.40", 0.42, 0.4),
        (GSM8K(), "18", "<answer>$1,234.50</answer>", "1234.5", 18.0, 1234.5),
        (Pairs(), "[3, 4]", "<answer>5 6</answer>", "(5, 6)", None, None),
    ],
)
def test_rows_of_other_tasks_by_hand(task, answer, text, read, truth_number, read_number):
    row = row_of(task, envs.Problem("? <answer>X</answer>", answer), text, {"parsed": True, "error": 0.1})
    assert (row["answer"], row["read"], row["lenient_read"]) == (answer, read, read)
    assert (row["truth_number"], row["read_number"], row["error_parts"]) == (truth_number, read_number, {})
    assert (row["parsed"], row["error"], row["lenient_error"]) == (True, 0.1, None)


def test_without_a_task_there_is_what_the_environment_tells():
    row = row_of(None, None, "<answer>8:31</answer>", {"seed": 5, "answer": "x", "error": 1.0, "level": 3})
    assert (row["answer"], row["error"], row["parsed"]) == ("x", 1.0, None)
    assert row["info"] == {"level": 3}
    assert [row[name] for name in ("read", "lenient_read", "truth_number", "read_number")] == [None] * 4
    assert (row["parts"], row["error_parts"]) == ({}, {})
    assert row.keys() == row_of(Clock(), NOON, "", {}).keys()


def raising(*_):
    raise RuntimeError("oops")


@dataclass(frozen=True)
class Odd(Clock):
    """A clock that stumbles over everything that is not rewarded."""

    write = error_parts = number = depict = raising


@dataclass(frozen=True)
class Unbounded(Clock):
    """A clock whose numbers JSON does not have."""

    def error_parts(self, answer, truth):
        return {"far": math.inf, "none": math.nan, "near": 1}

    def number(self, answer):
        return math.nan

    def depict(self, problem, answer):
        return Scene((Disc((math.nan, 0.5), 0.1, (0, 0, 0)),)) if answer == "07:00:00" else "no scene"


def test_what_a_task_stumbles_over_is_left_out():
    row = row_of(Odd(), NOON, "07:00", TOLD)
    assert (row["read"], row["lenient_read"], row["read_number"], row["error_parts"]) == (None, None, None, {})
    assert depicted(Odd(), NOON, "07:00:00") is None
    row = row_of(Unbounded(), NOON, "07:00", {"error": np.float64(math.nan), **TOLD})
    assert (row["read"], row["read_number"], row["error_parts"]) == ("07:00:00", None, {"near": 1.0})
    assert depicted(Unbounded(), NOON, "07:00:00") is None
    assert depicted(Unbounded(), NOON, "08:00:00") is None
    json.dumps(row, allow_nan=False)


@pytest.mark.parametrize("text", ["", "\ud800", "<answer>" * 5000, "1" * 100_000, "<answer>\udfff</answer>", "7:61"])
@pytest.mark.parametrize("task", [Clock(), Scatter(), GSM8K(), Pairs()])
def test_any_text_makes_a_row(task, text):
    posed = envs.problem(task, 0)
    row = row_of(task, posed, text, {})
    json.dumps(row, allow_nan=False)
    assert row["read"] is None
    assert depicted(task, posed, row["read"]) is None


def test_an_answer_is_drawn_as_the_problem_is():
    task = Clock(size=56, style="varied")
    posed = envs.problem(task, 4)
    look = posed.info["look"]
    picture = depicted(task, posed, "03:00:00")
    assert picture.shape == (56, 56, 3)
    assert np.array_equal(picture, render(task.draw(3 * 3600, look), 56))
    assert np.array_equal(depicted(task, posed, posed.answer), render(posed.scene, 56))
    assert depicted(task, posed, "noon") is None
    assert depicted(None, None, "03:00:00") is None
    assert depicted(GSM8K(), envs.problem(GSM8K(), 0), "3") is None


def test_one_environment_of_several():
    infos = {
        "error": np.array([1.5, math.nan, 3.0]),
        "count": np.array([7, 8, 9]),
        "_count": np.array([True, False, True]),
        "parsed": np.array([True, False, True]),
        "answer": np.array(["a", "b", None], dtype=object),
        "vector": np.zeros((3, 2)),
        "nested": {"deep": np.zeros(3)},
    }
    assert at_row(infos, 0) == {"error": 1.5, "count": 7, "parsed": True, "answer": "a"}
    assert at_row(infos, 1) == {"parsed": False, "answer": "b"}
    assert at_row(infos, 2) == {"error": 3.0, "count": 9, "parsed": True}
    assert {name: type(value) for name, value in at_row(infos, 0).items()} == {
        "error": float,
        "count": int,
        "parsed": bool,
        "answer": str,
    }


def test_a_row_from_the_environments_themselves():
    clocks = gym.make_vec("eyechart/Clock-v0", num_envs=2, split="eval", size=56)
    clocks.reset(seed=[0, 1])
    _, _, _, _, infos = clocks.step(["<answer>07:00:00</answer>", "seven"])
    posed = [envs.problem(Clock(size=56), seed, "eval") for seed in (0, 1)]
    right, wrong = (row_of(clocks.task, posed[i], text, at_row(infos, i)) for i, text in enumerate(["07:00", "seven"]))
    assert right["answer"] == posed[0].answer
    assert (right["parsed"], right["error"]) == (True, Clock().error(7 * 3600, Clock().read(posed[0].answer)))
    assert (wrong["parsed"], wrong["error"], wrong["parts"]) == (False, 360.0, {"accuracy": 0.0, "format": 0.0})
    assert right["info"] == dict(posed[0].info)
