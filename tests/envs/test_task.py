import hashlib
import itertools
import json
import math
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from envs import Problem, Task, make_task, problem
from envs.answers import NUMBER
from rendering import render

FINGERPRINT = """
import hashlib, json
from envs import make_task, problem
from rendering import render
task = make_task("clock")
out = {}
for split in ("eval", "train"):
    for seed in (5, 0, 2**40):
        posed = problem(task, seed, split)
        told = json.dumps([posed.prompt, posed.answer, posed.solution, dict(posed.info)])
        out[f"{split} {seed}"] = told + hashlib.sha256(render(posed.scene, 112).tobytes()).hexdigest()
print(json.dumps(out))
"""


@dataclass(frozen=True)
class Sum(Task[float]):
    """A text task: the truth is drawn, the error unbounded before it is clipped."""

    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 10.0
    pattern: ClassVar[re.Pattern[str]] = NUMBER

    def generate(self, rng: np.random.Generator) -> Problem:
        a, b = map(int, rng.integers(0, 50, size=2))
        return Problem(f"{a} + {b}? <answer>NUMBER</answer>", str(a + b))

    def read(self, text: str) -> float:
        return float(text)

    def error(self, answer: float, truth: float) -> float:
        return abs(answer - truth)


def test_one_seed_is_one_problem_in_every_process(run_python):
    ran = [run_python("-c", FINGERPRINT, PYTHONHASHSEED=str(seed)) for seed in (0, 1)]
    assert [process.returncode for process in ran] == [0, 0], ran[0].stderr
    elsewhere = [json.loads(process.stdout) for process in ran]
    task = make_task("clock")
    here = {}
    for split in ("train", "eval"):  # in another order than there
        for seed in (2**40, 0, 5):
            posed = problem(task, seed, split)
            assert posed.scene is not None
            told = json.dumps([posed.prompt, posed.answer, posed.solution, dict(posed.info)])
            picture = hashlib.sha256(render(posed.scene, 112).tobytes()).hexdigest()
            here[f"{split} {seed}"] = told + picture
    assert elsewhere == [here, here]


def test_a_problem_does_not_depend_on_earlier_draws():
    task = make_task("clock")
    first = problem(task, 3)
    for seed in range(50):
        problem(task, seed, "eval")
    np.random.seed(0)  # noqa: NPY002
    assert problem(task, 3) == first


def test_train_and_eval_are_different_streams():
    task = make_task("clock")
    same = sum(problem(task, seed).answer == problem(task, seed, "eval").answer for seed in range(500))
    assert same <= 2  # one in 43,200 by chance each


def test_neighbouring_seeds_are_unrelated():
    task = make_task("clock")
    times = [task.truth(problem(task, seed).answer) for seed in range(2000)]
    apart = [task.error(a, b) for a, b in itertools.pairwise(times)]
    assert np.mean(apart) == pytest.approx(180, abs=12)  # chance; its standard error is 2.3


@pytest.mark.parametrize(("seed", "split"), [(-1, "train"), (0, "test")])
def test_bad_seeds_and_splits_are_refused(seed, split):
    with pytest.raises(ValueError, match=r"-1|'test'"):
        problem(make_task("clock"), seed, split)


def test_numpy_seeds_count():
    task = make_task("clock")
    assert problem(task, np.int64(3)) == problem(task, 3)
    with pytest.raises(TypeError):
        problem(task, 3.0)


def test_a_text_task_scores_with_bounds():
    task = Sum()
    assert task.image_shape is None
    assert task.score("<answer>12</answer>", "10").error == 2.0
    assert task.score("<answer>1e9</answer>", "10").parsed is False
    assert task.score("<answer>100000</answer>", "10").error == 10.0  # clipped
    assert task.score("<answer>100000</answer>", "10").reward == pytest.approx(0.1)
    assert task.score("it is 12", "10").lenient_error == 2.0


def test_what_python_cannot_read_is_no_answer():
    class Careless(Sum):
        def read(self, text):
            return int("9" * 5000) if text == "5" else 1 / 0

        def truth(self, answer):
            return float(answer)

    task = Careless()
    for text in ("5", "6", "<answer>6</answer>"):
        score = task.score(text, "10")
        assert (score.parsed, score.error, score.lenient_error) == (False, 10.0, 10.0)


def test_an_error_that_is_no_number_is_the_worst():
    class Lost(Sum):
        def error(self, answer, truth):
            return math.nan

    assert Lost().score("<answer>3</answer>", "3").error == 10.0


def test_an_unreadable_truth_is_said():
    with pytest.raises(ValueError, match="'ten'"):
        make_task("clock").score("7:25", "ten")


@pytest.mark.parametrize(
    ("answer", "text", "number"),
    [
        (40.0, "40", 40.0),
        (-0.0, "0", 0.0),
        (1e-7, "0.0000001", 1e-7),
        (7, "7", 7.0),
        ("a", "a", None),
        (True, "True", None),
    ],
)
def test_answers_are_written_and_counted_as_what_they_are(answer, text, number):
    assert Sum().write(answer) == text
    assert Sum().number(answer) == number


def test_numbers_stand_for_the_answers_that_read_so():
    @dataclass(frozen=True)
    class Count(Sum):
        read = lambda self, text: int(text)  # noqa: E731 (refuses decimals)

    @dataclass(frozen=True)
    class Word(Sum):
        pattern = re.compile("[a-z]+")

    assert Sum().from_number(-2.25) == -2.25
    assert [Count().from_number(number) for number in (3.0, 2.6, -0.4)] == [3, 3, 0]
    assert Word().from_number(3.0) is None


def test_what_a_task_need_not_tell():
    posed = Problem("1 + 1? <answer>NUMBER</answer>", "2")
    assert Sum().error_parts(1.0, 2.0) == {}
    assert Sum().without_question(posed) is None
    assert (Task.tolerance, Task.period, Task.unsliced) == (0.0, None, ())


def test_image_shape_comes_from_size():
    assert make_task("clock", size=64).image_shape == (64, 64, 3)


def test_problems_and_tasks_are_frozen_and_hashable():
    posed = problem(Sum(), 0)
    assert hash(posed) == hash(problem(Sum(), 0))
    with pytest.raises(AttributeError):
        posed.answer = "3"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Sum().format_weight = 3.0  # type: ignore[misc]


@dataclass(frozen=True)
class Rows(Sum):
    """Problems that stand in a list, with a reward for the right one of its own."""

    right_weight: float = 0.5

    def pose(self, seed, split):
        number = seed % 3 + (100 if split == "eval" else 0)
        return Problem(f"{number}? <answer>NUMBER</answer>", str(number), solution=f"It is {number}.")

    def parts(self, text, error):
        return super().parts(text, error) | {"right": float(error == 0.0)}


def test_a_task_may_pose_by_seed_and_split():
    assert [problem(Rows(), seed, "eval").answer for seed in range(4)] == ["100", "101", "102", "100"]
    assert problem(Rows(), 2**70).answer == str(2**70 % 3)
    with pytest.raises(ValueError, match="-1"):
        problem(Rows(), -1)


def test_a_task_may_add_a_part_of_the_reward():
    right, wrong, unread = (Rows().score(text, "3") for text in ("<answer>3</answer>", "<answer>13</answer>", "what?"))
    assert right.parts == {"accuracy": 1.0, "format": 1.0, "right": 1.0}
    assert right.reward == 0.9 + 0.1 + 0.5
    assert wrong.parts == {"accuracy": 0.0, "format": 1.0, "right": 0.0}
    assert wrong.reward == 0.1
    assert unread.parts == {"accuracy": 0.0, "format": 0.0, "right": 0.0}
    assert unread.reward == 0.0


@pytest.mark.parametrize(
    ("solution", "shown"),
    [
        (None, "<answer>7</answer>"),
        ("<think>3 + 4</think><answer>7</answer>", "<think>3 + 4</think><answer>7</answer>"),
        ("3 + 4 = 7", "<answer>7</answer>"),  # commits to nothing
        ("So <answer>7</answer>", "<answer>7</answer>"),  # without the reward for the format
    ],
)
def test_a_demonstration_earns_the_most(solution, shown):
    assert Sum().demonstration(Problem("3 + 4?", "7", solution=solution)) == shown
