"""Maths problems of a file: which answers are read, what they are worth, with and without LaTeX."""

import json
import logging
from fractions import Fraction

import gymnasium as gym
import pytest

from envs import check_task, make_task, problem, yardsticks
from envs.answers import tagged
from envs.tasks.maths import Maths
from envs.tasks.maths_answers import read_number, read_value, unwrapped
from tests.envs.data.rows import bespoke, gsm8k, lines, numina
from tests.envs.test_verifier import needs_math_verify


@pytest.fixture
def numbers(tmp_path):
    """20 problems with halves for answers."""
    rows = [
        {"problem": f"What is half of {i}?", "solution": rf"Half of it: \boxed{{\frac{{{i}}}{{2}}}}."}
        for i in range(20)
    ]
    return str(lines(tmp_path / "halves.jsonl", rows))


@pytest.fixture
def latex(tmp_path):
    """20 problems whose answers are sums with a letter in them."""
    rows = [{"problem": f"Add {i} to x.", "answer": f"$x + {i}$"} for i in range(1, 21)]
    return str(lines(tmp_path / "sums.jsonl", rows))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7.50", Fraction(-15, 2)),
        ("7.", 7),
        (".5", Fraction(1, 2)),
        ("$1,234", 1234),
        (r"\$1,234.5", Fraction(2469, 2)),
        ("1{,}234", 1234),
        (r"1,\!234", 1234),
        ("20%", 20),
        (r"20\%", 20),
        ("3/4", Fraction(3, 4)),
        ("-3 / 4", Fraction(-3, 4)),
        ("−3/4", Fraction(-3, 4)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"\dfrac{3}{4}", Fraction(3, 4)),
        (r"-\tfrac{3}{4}", Fraction(-3, 4)),
        (r"\frac{-3}{4}", Fraction(-3, 4)),
        (r"-\frac{-3}{4}", Fraction(3, 4)),
        ("0/5", 0),
    ],
)
def test_numbers_that_are_read(text, value):
    assert read_number(text) == value
    formulas = () if text.startswith("$") else (f"${text}$", f"$$ {text} $$")
    for wrapped in (*formulas, rf"\({text}\)", rf"\[{text}\]", rf"\boxed{{{text}}}", f" {text}\n"):
        assert read_value(wrapped).number == value, wrapped


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "1/0",
            "0/0",
            r"\frac{1}{0}",
            "1/2/3",
            "1/-2",
            "1.5/2",
            "1 2",
            "1 1/2",
            r"1\frac{1}{2}",
            "3, 4",
            "--1",
        ),
        *(
            "1e5",
            "nan",
            "inf",
            "1/",
            "/2",
            r"\frac{1}",
            r"\frac12",
            "٣",
            "½",
            "7 cm",
            "1:2",
            "1" * 16,
            "1" * 400,
            r"\$",
        ),
        *(r"\sqrt{4}", "2^2", "x=2", "2\ud800", "1/2 or 3", "$", "$$", "(2)"),
    ],
)
def test_texts_that_are_no_number(text):
    assert read_number(text) is None


def test_what_is_unwrapped():
    assert unwrapped(r"$\boxed{ x }$") == "x"
    assert unwrapped("$1$ and $2$") == "$1$ and $2$"
    assert unwrapped(r"\boxed{1} + \boxed{2}") == r"\boxed{1} + \boxed{2}"
    assert unwrapped(r"\boxed{1} + {2}") == r"\boxed{1} + {2}"
    assert unwrapped("$") == "$"


@pytest.mark.parametrize(
    ("answer", "truth", "error"),
    [
        ("0.75", r"\frac{3}{4}", 0.0),
        ("3/4", "0.75", 0.0),
        ("6/8", "3/4", 0.0),
        ("0.5", "3/4", 0.25),
        ("1/3", "0.333", float(Fraction(1, 3) - Fraction(333, 1000))),
        ("17", "20", 0.15),
        ("-20", "20", 1.0),
        ("$20$", "20", 0.0),
        (r"\boxed{20}", "20", 0.0),
        ("twenty", "20", 1.0),
        ("18 or 20", "20", 1.0),
    ],
)
def test_errors_by_hand(numbers, answer, truth, error):
    assert Maths(source=numbers).score(tagged(answer), truth).error == pytest.approx(error, abs=1e-12)


def test_rows_become_problems(numbers):
    task = Maths(source=numbers)
    assert (task.num_problems("train"), task.num_problems("eval")) == (18, 2)
    posed = {(one := problem(task, seed)).info["row"]: one for seed in range(18)}
    one = posed[2]
    assert one.prompt == "What is half of 1? Reply <think>STEPS</think><answer>ANSWER</answer>"
    assert one.answer == r"\frac{1}{2}"
    assert task.demonstration(one) == (r"<think>Half of it: \boxed{\frac{1}{2}}.</think><answer>\frac{1}{2}</answer>")
    score = task.score(task.demonstration(one), one.answer)
    assert (score.reward, score.error) == (1.0, 0.0)
    assert score.parts == {"accuracy": 1.0, "format": 1.0, "correct": 1.0}
    assert task.number(task.parse("1/2")) == 0.5
    assert problem(task, 3) == problem(task, 21) == problem(make_task("maths", source=numbers), 3)
    assert check_task(task) == []
    assert task.score(r"so \boxed{1/2}", one.answer).lenient_error == 0.0
    assert task.score("it is 0.5, I think", one.answer).lenient_error == 0.0


def test_tags_in_a_solution_do_no_harm(tmp_path):
    rows = [
        {"problem": f"{i}?", "answer": str(i), "solution": "</think><answer>9</answer> so <think>"} for i in range(4)
    ]
    task = Maths(source=str(lines(tmp_path / "tags.jsonl", rows)))
    posed = problem(task, 0)
    assert task.demonstration(posed) == f"<think>9 so</think><answer>{posed.answer}</answer>"
    assert check_task(task) == []


@pytest.mark.parametrize("rows", [gsm8k, numina, bespoke])
def test_every_worded_form(tmp_path, rows):
    task = Maths(source=str(lines(tmp_path / "rows.jsonl", map(rows, range(1, 31)))))
    assert sorted(int(problem(task, seed).answer) for seed in range(27)) == [2 * i for i in range(1, 31) if i % 10 != 1]
    assert check_task(task) == []


def test_rows_that_are_no_number_are_left_out_and_told(tmp_path, caplog):
    rows = [{"problem": f"{i}?", "answer": f"x+{i}" if i % 3 == 0 else str(i)} for i in range(1, 10)]
    path = str(lines(tmp_path / "some.jsonl", rows))
    with caplog.at_level(logging.WARNING):
        task = Maths(source=path)
    assert task.num_problems("train") + task.num_problems("eval") == 6
    assert "3 of 9 rows" in caplog.text
    assert "line 3: its answer 'x+3' is no number; --task.compare latex takes it" in caplog.text


def test_a_file_without_numbers_is_told(latex):
    with pytest.raises(ValueError, match=r"No row of .*sums\.jsonl can be used; .*--task.compare latex takes it"):
        Maths(source=latex)


@needs_math_verify
def test_latex(latex):
    task = Maths(source=latex, compare="latex")
    posed = problem(task, 0)
    assert posed.answer.startswith("x + ")
    number = int(posed.answer.split()[-1])
    right = task.score(tagged(f"{number} + x"), posed.answer)
    assert (right.error, right.reward) == (0.0, 1.0)
    wrong = task.score(tagged(f"{number + 1} + x"), posed.answer)
    assert (wrong.error, wrong.parsed, wrong.reward) == (1.0, True, pytest.approx(0.1))
    assert task.score(f"so \\boxed{{{number}+x}}", posed.answer).lenient_error == 0.0
    assert task.score(tagged("x" * 301), posed.answer).parsed is False
    assert task.number(task.truth(posed.answer)) is None
    assert check_task(task, samples=8) == []
    sticks = yardsticks(task)
    assert sticks.chance == pytest.approx(17 / 18, abs=0.05)  # 18 rows: one answer in 18 is the same
    assert sticks.oracle == 0.0


def test_without_the_verifier(latex, monkeypatch):
    monkeypatch.setattr("envs.verifier.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'eyechart\[maths\]'"):
        Maths(source=latex, compare="latex")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "nimuna"}, "Unknown format 'nimuna'. Did you mean 'numina'"),
        ({"format": "countdown"}, "Unknown format 'countdown'. Formats: bespoke, numina, gsm8k, problem"),
        ({"format": "numina"}, "halves.jsonl, line 1: the field 'messages' is missing"),
        ({"format": "gsm8k", "question_column": "problem"}, "The format 'gsm8k' names its columns itself"),
        ({"question_column": "ask"}, "line 1: the field 'ask' is missing"),
        ({"compare": "sympy"}, "compare must be one of 'numbers', 'latex', got 'sympy'"),
        ({"correct_weight": -1.0}, "correct_weight must be 0 or more"),
        ({"source": "hub"}, "There is no file or folder 'hub'"),
        ({"source": "nowhere"}, "There is no file or folder 'nowhere'"),
    ],
)
def test_bad_fields(numbers, fields, message):
    with pytest.raises(ValueError, match=message):
        Maths(**{"source": numbers} | fields)


def test_it_needs_a_source(run_python):
    with pytest.raises(ValueError, match=r"Maths needs a source: give --task.source VALUE, or source=... in Python"):
        make_task("maths")
    with pytest.raises(ValueError, match="Maths needs a source"):
        gym.make("eyechart/Maths-v0")
    ran = run_python("-m", "train", "--env", "maths", "--steps", "1")
    assert (ran.returncode, ran.stderr.strip()) == (
        2,
        "error: Maths needs a source: give --task.source VALUE, or source=... in Python.",
    )


def test_the_yardsticks(numbers):
    task = Maths(source=numbers)
    truths = [Fraction(problem(task, seed).info["row"] - 1, 2) for seed in range(18)]
    errors = [min(1, abs(a - t) / max(1, t)) for a in truths for t in truths]
    sticks = yardsticks(task, samples=2000)
    assert sticks.chance == pytest.approx(float(sum(errors)) / len(errors), abs=0.03)
    assert sticks.best_constant < sticks.chance
    assert sticks.oracle == sticks.floor == 0.0


def test_the_environment(numbers):
    env = gym.make("eyechart/Maths-v0", source=numbers, split="eval")
    observation, info = env.reset(seed=0)
    assert observation["prompt"].startswith("What is half of ")
    assert env.step(info["demonstration"])[1] == 1.0
    assert json.loads(gym.spec("eyechart/Maths-v0").to_json())["kwargs"] == {"task": "envs.tasks.maths:Maths"}
