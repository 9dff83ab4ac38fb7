"""Reading and scoring answers to word problems, and what an error is worth."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import answers, check_task, make_task, problem, register, yardsticks
from envs.tasks.gsm8k import GSM8K


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>18</answer>", 18),
        ("18", 18),
        (" 18.0\n", 18),
        ("18.", 18),
        ("<think>1 + 1 = <<1+1=2>>2</think><answer> 1,234 </answer>", 1234),
        ("so <answer>$18.50</answer>.", 18.5),
        ("-$3", -3),
        ("$-3", -3),
        ("−3", -3),
        ("+7", 7),
        (".5", 0.5),
        ("20%", 20),
        ("109,200,000", 109_200_000),
        ("007", 7),
    ],
)
def test_numbers_that_are_read(text, expected):
    assert GSM8K().parse(text) == expected


@pytest.mark.parametrize(
    "body",
    [
        *("", "nan", "inf", "-inf", "1e5", "1/2", "1/0", "1,23", "1,2,3", "12,34,567", "1.2.3", "--3", "$", "%", "-"),
        *("18 dollars", "3 dozen", "18 or 19", "#### 18", "eighteen", "٣", "1 234", "0x10", "9" * 16, "1" * 100_000),
        *("18 18", "$$3", "3%%", "-$-3", "1,234,567,890,123,456"),
    ],
)
def test_texts_that_are_no_answer(body):
    assert GSM8K().parse(body) is None
    assert GSM8K().parse(f"<answer>{body}</answer>") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She has 16 - 3 = <<16-3=13>>13 left.\n#### 13", 13),
        ("#### 1,080", 1080),
        ("It is 18 dollars.", 18),
        ("first 3, then 4", 4),
        ("<answer>5</answer><answer>6</answer>", 6),
        ("no idea", None),
        ("1,2,3", None),
    ],
)
def test_the_lenient_reading(text, expected):
    assert GSM8K().parse_lenient(text) == expected


@pytest.mark.parametrize(
    ("answer", "truth", "error"),
    [
        ("18", "18", 0.0),
        ("18.0", "18", 0.0),
        ("17", "20", 0.15),
        ("0", "20", 1.0),
        ("100", "20", 1.0),
        ("0.5", "0", 0.5),
        ("-10", "-8", 0.25),
        ("10", "-10", 1.0),
        ("no idea", "20", 1.0),
    ],
)
def test_errors_by_hand(answer, truth, error):
    assert GSM8K().score(answer, truth).error == pytest.approx(error, abs=1e-12)


def test_exactness_dominates():
    task = GSM8K()
    right, bare, near, bad = (
        task.score(text, "20") for text in ("<answer>20</answer>", "20", "<answer>21</answer>", "x")
    )
    assert right.reward == 1.0
    assert right.parts == {"accuracy": 1.0, "format": 1.0, "correct": 1.0}
    assert bare.reward == pytest.approx(0.9)
    # 1 - ln(1 + 720 / 20) / ln 721 = 0.4513
    assert near.parts == {"accuracy": pytest.approx(0.4513, abs=1e-4), "format": 1.0, "correct": 0.0}
    assert near.reward == pytest.approx(0.1 + 0.04513, abs=1e-5)
    assert bad.parts == {"accuracy": 0.0, "format": 0.0, "correct": 0.0}
    assert bad.reward == 0.0
    closest = task.score("<answer>999999999999999</answer>", "999999999999998")
    assert closest.reward < 0.2


@pytest.mark.parametrize("difficulty", range(1, 9))
def test_it_keeps_the_rules(difficulty):
    assert check_task(GSM8K(difficulty=difficulty)) == []


@pytest.mark.parametrize("shape", ["linear", "exponential", "log", "mixture"])
def test_every_shape_keeps_the_rules(shape):
    assert check_task(GSM8K(reward_shape=shape, correct_weight=0.3)) == []


def test_the_demonstration_earns_everything():
    task = GSM8K(difficulty=4)
    posed = problem(task, 0)
    shown = task.demonstration(posed)
    assert task.score(shown, posed.answer).reward == 1.0
    assert shown.startswith("<think>")
    assert "<<" not in shown
    assert shown.count("\n") == 3
    assert shown.endswith(f"</think><answer>{posed.answer}</answer>")


def test_the_environment():
    env = gym.make("eyechart/GSM8K-v0", difficulty=2, split="eval")
    observation, info = env.reset(seed=3)
    posed = problem(GSM8K(difficulty=2), 3, "eval")
    assert observation == {"prompt": posed.prompt}
    assert info["steps"] == 2
    _, reward, terminated, _, info = env.step(f"<answer>{posed.answer}</answer>")
    assert (reward, terminated, info["reward/correct"], info["error"]) == (1.0, True, 1.0, 0.0)
    vector = gym.make_vec("eyechart/GSM8K-v0", num_envs=4, difficulty=8)
    observations, _ = vector.reset(seed=[1, 1, 2, 2])
    assert observations["prompt"][0] == observations["prompt"][1] != observations["prompt"][2]
    assert vector.step(["x"] * 4)[4]["reward/correct"].tolist() == [0.0] * 4


def test_the_question_can_be_taken_out():
    task = GSM8K()
    posed = problem(task, 0)
    assert task.without_question(posed) == "Reply <think>STEPS</think><answer>NUMBER</answer>"
    assert posed.prompt.endswith(f". {task.without_question(posed)}") or posed.prompt.endswith(
        f"? {task.without_question(posed)}"
    )


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("18.0", "18"),
        ("$1,234.50", "1234.5"),
        ("-0", "0"),
        ("20%", "20"),
        ("999,999,999,999,999", "999999999999999"),
        (".000000000000001", "0.000000000000001"),
    ],
)
def test_answers_are_written_without_signs_and_exponents(read, written):
    task = GSM8K()
    assert task.write(task.parse(read)) == written
    assert task.parse(written) == task.parse(read)


@given(st.from_regex(answers.AMOUNT, fullmatch=True))
def test_written_answers_are_read_back(text):
    task = GSM8K()
    answer = task.read(text)
    assert task.parse(task.write(answer)) == answer


def test_answers_as_numbers():
    assert GSM8K().number(1234.5) == 1234.5
    assert (GSM8K.tolerance, GSM8K.period, GSM8K.unsliced) == (0.0, None, ("row",))
    assert GSM8K().error_parts(1.0, 2.0) == {}


def test_it_is_found_by_its_short_name():
    assert make_task("gsm8k", difficulty=3) == GSM8K(difficulty=3)
    register("eyechart/GSM8K-v0", "envs.tasks.gsm8k:GSM8K")  # twice is no harm


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"difficulty": 0}, "difficulty must be from 1 to 8 steps, got 0"),
        ({"difficulty": 9}, "difficulty must be from 1 to 8 steps, got 9"),
        ({"difficulty": 1.5}, "difficulty must be a whole number, got 1.5"),
        ({"distractors": 5}, "distractors must be from 0 to 4, got 5"),
        ({"distractors": -1}, "distractors must be from 0 to 4, got -1"),
        ({"distractors": True}, "distractors must be a whole number or none, got True"),
        ({"correct_weight": -1.0}, "correct_weight must be 0 or more, got -1.0"),
        ({"correct_weight": float("inf")}, "correct_weight must be 0 or more, got inf"),
        ({"source": 3}, "source must be a text or none, got 3"),
        ({"level": 3}, "has no field 'level'"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        make_task("gsm8k", **fields)


def relative_errors(answers, truths):
    """Every answer against every truth: `(answers, truths)`."""
    difference = np.abs(np.subtract.outer(answers, truths))
    return np.minimum(1.0, difference / np.maximum(1.0, np.abs(truths)))


@pytest.mark.parametrize("difficulty", [1, 4])
def test_the_yardsticks(difficulty):
    task = GSM8K(difficulty=difficulty)
    truths = np.array([float(problem(task, seed, "train").answer) for seed in range(1000)])
    errors = relative_errors(truths, truths)
    sticks = yardsticks(task, samples=1600)
    assert sticks.chance == pytest.approx(errors[~np.eye(len(truths), dtype=bool)].mean(), abs=0.035)
    assert sticks.best_constant == pytest.approx(
        relative_errors(np.arange(1, 300), truths).mean(axis=1).min(), abs=0.035
    )
    assert sticks.oracle == sticks.floor == 0.0
    assert sticks.best_constant < sticks.chance
