"""Countdown: problems that can be solved, answers scored by hand, and the solver against a search of its own."""

import json
import zlib
from fractions import Fraction
from itertools import permutations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import check_task, make_task, problem, yardsticks
from envs.answers import tagged
from envs.tasks.countdown import Countdown
from envs.tasks.countdown_solver import nearest, random_expression
from tests.envs.arithmetic import evaluate

POSED = json.dumps({"target": 65, "numbers": [19, 36, 55, 7], "solution": "36 + 55 - 19 - 7"})


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("36 + 55 - 19 - 7", 0.0),
        ("(55+36)-(19+7)", 0.0),
        ("(55 + 36) − 7 − 19", 0.0),
        ("-19 - 7 + 55 + 36", 0.0),
        ("19 + 36 + 7 + 55", 52.0),
        ("55 - 36 + 19 + 7", 20.0),
        ("55 × 36 − 19 − 7", 100.0),
        ("(55 + 36 - 19) / 7", float(65 - Fraction(72, 7))),
        ("55 + 36 - 19", 100.0),
        ("55 + 36 - 19 - 7 + 1 - 1", 100.0),
        ("55 + 36 - 19 - 7 - 7 + 7", 100.0),
        ("60 + 5", 100.0),
        ("19 * 36 - 55 * 7 - 299 + 65", 100.0),
    ],
)
def test_errors_by_hand(answer, error):
    score = Countdown().score(tagged(answer), POSED)
    assert score.parsed
    assert score.error == pytest.approx(error, abs=1e-12)
    assert score.parts["correct"] == (error == 0.0)


@pytest.mark.parametrize(
    "answer",
    [
        *("65", "", "36 + 55 - 19 - 7 = 65", "36 + 55 - 19 - 07", "36 / (55 - 55)", "(36 + 55 - 19 - 7", "36 55 19 7"),
        *("x = 65", "36 ** 2", "36 + 55\n- 19 - 7", "-65", "(((65)))", "__import__('os').getcwd()"),
    ],
)
def test_texts_that_are_no_answer(answer):
    for text in (answer, tagged(answer)):
        score = Countdown().score(text, POSED)
        assert (score.parsed, score.error, score.reward) == (False, 100.0, 0.0)


def test_rewards_by_hand():
    task = Countdown()
    right, near, wrong, foreign = (
        task.score(tagged(text), POSED) for text in ("36+55-19-7", "19+36+7+55", "19*36*55*7", "60+5")
    )
    assert right.reward == pytest.approx(1.0)
    # 1 - ln(1 + 720 * 0.52) / ln 721 = 0.09917
    assert near.reward == pytest.approx(0.1 + 0.4 * 0.09917, abs=1e-5)
    assert wrong.reward == foreign.reward == pytest.approx(0.1)
    assert task.score("36+55-19-7", POSED).reward == pytest.approx(0.9)
    one_off = json.dumps({"target": 6, "numbers": [2, 3], "solution": "2 * 3"})
    assert 0.3 < task.score(tagged("2 + 3"), one_off).reward < 0.5


def test_the_lenient_reading():
    task = Countdown()
    assert task.score("I get (55+36)-(19+7) = 65", POSED).lenient_error == 0.0
    assert task.score("36 + 55 = 91, so 91 - 19 = 72", POSED).lenient_error == 100.0
    assert task.score("no idea", POSED).lenient_error == 100.0


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["train", "eval"]), st.integers(2, 6))
def test_every_problem_can_be_solved(seed, split, count):
    task = Countdown(fewest=count, most=count)
    posed = problem(task, seed, split)
    told = json.loads(posed.answer)
    assert evaluate(told["solution"]) == told["target"]
    assert 1 <= told["target"] <= 100
    assert len(told["numbers"]) == count == posed.info["numbers"]
    assert all(1 <= number <= 99 for number in told["numbers"])
    written = told["solution"].translate(str.maketrans("+-*/()", "      ")).split()
    assert sorted(map(int, written)) == sorted(told["numbers"])
    assert posed.prompt.startswith(f"Make {told['target']} from {', '.join(map(str, told['numbers']))} with + - * / ")
    shown = task.demonstration(posed)
    assert shown == posed.solution
    assert task.score(shown, posed.answer).reward == pytest.approx(1.0)
    steps = shown.removeprefix("<think>").partition("</think>")[0].splitlines()
    assert len(steps) == count - 1
    for step in steps:
        left, _, result = step.partition(" = ")
        assert evaluate(left) == int(result) > 0
    assert result == str(told["target"])
    listed = f"{sorted(told['numbers'])} {told['target']}"
    assert (zlib.crc32(listed.encode()) % 4 == 0) == (split == "eval")


def test_nothing_trained_on_is_held_out():
    task = Countdown(fewest=2, most=3, largest=12, largest_target=30)

    def keys(split):
        told = [json.loads(problem(task, seed, split).answer) for seed in range(2000)]
        return {(tuple(sorted(one["numbers"])), one["target"]) for one in told}

    train, held_out = keys("train"), keys("eval")
    assert len(train) > 600
    assert len(held_out) > 200
    assert not train & held_out


def every_value(parts):
    """Every value of the numbers, each used once: two of them are combined in every way until one is left."""
    if len(parts) == 1:
        return {parts[0]}
    found = set()
    for first, second, *rest in permutations(parts):
        results = [first + second, first - second, first * second] + ([first / second] if second else [])
        found |= {value for result in results for value in every_value([result, *rest])}
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=3), st.integers(0, 120))
def test_the_solver_agrees_with_brute_force(numbers, target):
    closest = min(abs(value - target) for value in every_value([Fraction(number) for number in numbers]))
    text = nearest(tuple(numbers), target)
    assert abs(evaluate(text) - target) == closest
    written = text.translate(str.maketrans("+-*/()", "      ")).split()
    assert sorted(map(int, written)) == sorted(numbers)


@pytest.mark.parametrize(
    ("numbers", "target", "exact"),
    [((3, 3, 8, 8), 24, True), ((1, 5, 5, 5), 24, True), ((1, 1, 1, 1), 24, False), ((4, 7, 8, 8), 24, True)],
)
def test_the_solver_on_games_of_24(numbers, target, exact):
    assert (evaluate(nearest(numbers, target)) == target) is exact


def test_the_solver_keeps_to_the_operations():
    assert evaluate(nearest((2, 3, 4), 24, "+-")) == 9
    assert nearest((5,), 7) == "5"


def test_random_expressions_are_whole_and_positive():
    rng = np.random.default_rng(0)
    made = [random_expression(rng, [7, 5, 3], "-/") for _ in range(200)]
    assert None in made
    assert {one[0] for one in made if one} == {1, 5}  # 3 - (7 - 5), 5 - (7 - 3) and 7 - (5 - 3)
    assert all(evaluate(one[1]) == one[0] > 0 for one in made if one)


def test_it_keeps_the_rules():
    assert check_task(Countdown()) == []
    assert check_task(Countdown(fewest=5, most=6, operations="+-", reward_shape="linear")) == []


@pytest.mark.parametrize("operations", ["+", "-+", "*+", "+-*/"])
def test_operations(operations):
    task = Countdown(operations=operations)
    for seed in range(50):
        told = json.loads(problem(task, seed).answer)
        assert set(told["solution"]) & set("+-*/") <= set(operations)
    assert task.parse("1 + 2").value == 3
    assert (task.parse("1 / 2") is None) == ("/" not in operations)
    assert (task.parse("-1 + 2") is None) == ("-" not in operations)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fewest": 1}, "fewest and most must be from 2 to 6, in that order, got 1 and 4"),
        ({"fewest": 4, "most": 3}, "in that order, got 4 and 3"),
        ({"most": 7}, "got 3 and 7"),
        ({"largest": 0}, "largest must be from 1 to 1,000,000, got 0"),
        ({"largest_target": -1}, "largest_target must be from 1 to 1,000,000, got -1"),
        ({"operations": ""}, "operations must be some of"),
        ({"operations": "+^"}, "each once, got '+^'"),
        ({"operations": "++"}, "each once, got '++'"),
        ({"operations": "/", "most": 3, "largest": 1}, "too few problems with numbers from 1 to 1"),
        ({"operations": "+", "largest_target": 2}, "finds no problem with 3 numbers from 1 to 99, the operations +"),
        ({"correct_weight": -0.5}, "correct_weight must be 0 or more, got -0.5"),
        ({"source": "no.jsonl"}, "There is no file or folder 'no.jsonl'"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(ValueError, match=message.replace("+", r"\+").replace("^", r"\^")):
        Countdown(**fields)


def test_the_environment():
    env = gym.make("eyechart/Countdown-v0")
    observation, info = env.reset(seed=7)
    assert observation["prompt"].endswith("Reply <think>STEPS</think><answer>EXPRESSION</answer>")
    _, reward, terminated, _, info = env.step(info["demonstration"])
    assert (reward, terminated, info["error"]) == (pytest.approx(1.0), True, 0.0)
    assert Countdown().without_question(problem(Countdown(), 7)) in observation["prompt"]
    assert make_task("countdown") == Countdown()


def test_the_yardsticks():
    # an answer to another problem has other numbers, so that it is worth nothing
    sticks = yardsticks(Countdown(), samples=400)
    assert sticks.chance == sticks.best_constant == pytest.approx(100.0, abs=0.5)
    assert sticks.oracle == sticks.floor == 0.0
    # where few numbers are to be had, one answer fits more problems: 2 or 1 with + and -, 0.5 off on average
    few = yardsticks(Countdown(fewest=2, most=2, largest=3, operations="+*"), samples=2000)
    assert 0 < few.best_constant < few.chance < 100


def test_expressions_made_by_chance():
    task, rng, errors = Countdown(), np.random.default_rng(0), []
    counts = []
    for seed in range(1500):
        posed = problem(task, seed)
        numbers = json.loads(posed.answer)["numbers"]
        counts.append(len(numbers))
        made = [random_expression(rng, numbers, "+-*/") for _ in range(4)]
        errors += [task.score(one[1], posed.answer).error for one in made if one]
    assert np.mean(errors) == pytest.approx(84, abs=3)
    assert np.mean(np.array(errors) == 0.0) == pytest.approx(0.05, abs=0.015)
    assert np.mean(np.array(counts) == 3) == pytest.approx(0.5, abs=0.05)


@pytest.fixture
def rows(tmp_path):
    """Rows in the form of Countdown-Tasks-3to4, one of them without a solution."""
    listed = [{"nums": [i, 2 * i, 3], "target": 3 * i + 3} for i in range(4, 30)]
    listed += [{"target": 65, "nums": [19, 36, 55, 7]}, {"target": 100000, "nums": [1, 1, 1]}]
    path = tmp_path / "countdown.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in listed))
    return path


def test_rows_of_a_file(rows):
    task = Countdown(source=str(rows))
    assert (task.num_problems("train"), task.num_problems("eval")) == (25, 3)
    posed = {
        (one := problem(task, seed, split)).info["row"]: one
        for split in ("train", "eval")
        for seed in range(task.num_problems(split))
    }
    assert sorted(posed) == list(range(1, 29))
    assert posed[1].prompt.startswith("Make 15 from 4, 8, 3 with + - * / and brackets, each number exactly once. ")
    for number in range(1, 28):
        told = json.loads(posed[number].answer)
        assert evaluate(told["solution"]) == told["target"]
        assert task.score(posed[number].solution, posed[number].answer).reward == pytest.approx(1.0)
    hopeless = posed[28]
    assert evaluate(json.loads(hopeless.answer)["solution"]) == 3
    assert task.score(hopeless.solution, hopeless.answer).error == task.least_error(hopeless.answer) == 100.0


def test_rows_without_a_solution_keep_the_rules(tmp_path):
    listed = [{"nums": [1, 1, i], "target": 2 * i + 5} for i in range(1, 60)]  # (1 + 1) * i is 5 off, or i + 2 nearer
    path = tmp_path / "hopeless.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in listed))
    task = Countdown(source=str(path))
    for seed in range(task.num_problems("train")):
        posed = problem(task, seed)
        one, other, number = json.loads(posed.answer)["numbers"]
        closest = min(abs(value - posed.info["target"]) for value in every_value(list(map(Fraction, (1, 1, number)))))
        assert (one, other) == (1, 1)
        assert task.least_error(posed.answer) == closest > 0
        assert task.score(task.demonstration(posed), posed.answer).error == closest
    assert check_task(task) == []
    assert yardsticks(task, samples=200).oracle > 3
    assert Countdown().least_error(POSED) == 0.0


def test_rows_do_not_overlap_in_another_order(tmp_path):
    path = tmp_path / "twice.jsonl"
    twice = [{"nums": [1, 2, 3], "target": 6}, {"nums": [3, 1, 2], "target": 6}, {"nums": [3, 1, 2], "target": 5}]
    path.write_text("".join(json.dumps(row) + "\n" for row in twice))
    task = Countdown(source=str(path))
    assert (task.num_problems("train"), task.num_problems("eval")) == (1, 1)
    assert problem(task, 0).info["target"] == 5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"nums": [1, 2]}', "line 2: the field 'target' is missing. A row needs nums and target; this one has nums."),
        ('{"target": 3}', "line 2: the field 'nums' is missing"),
        ('{"nums": null, "target": 3}', "'nums' must be a list of 2 to 5 whole numbers from 0 up, got None"),
        ('{"nums": [1], "target": 3}', r"'nums' must be a list of 2 to 5 whole numbers from 0 up, got \[1\]"),
        ('{"nums": [1, 2, 3, 4, 5, 6], "target": 3}', "'nums' must be a list of 2 to 5"),
        ('{"nums": "1, 2", "target": 3}', "'nums' must be a list"),
        ('{"nums": [1, -2], "target": 3}', "'nums' must be a list"),
        ('{"nums": [1, 2.5], "target": 3}', "'nums' must be a list"),
        ('{"nums": [1, true], "target": 3}', "'nums' must be a list"),
        ('{"nums": [1, 2], "target": "3"}', "'target' must be a whole number from 0 up, got '3'"),
        ('{"nums": [1, 2], "target": NaN}', "'target' must be a whole number from 0 up, got nan"),
        ('{"nums": [1, 2], "target": 99999999999}', "'target' must be a whole number"),
        ("[1, 2]", "line 2: a row is a JSON object with nums and target"),
    ],
)
def test_broken_rows(tmp_path, line, message):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"nums": [1, 2], "target": 3}\n' + line + "\n")
    with pytest.raises(ValueError, match=message):
        Countdown(source=str(path))
