"""What is held out for evaluation is not learned from a data file, and what training asks anyway is."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from envs import Problem, Task, make_task, problem
from envs.answers import NUMBER
from tests.envs.data.rows import gsm8k, lines
from tests.train.conftest import rows as csv_rows
from train.config import TrainConfig
from train.held_out import examples_of


@pytest.fixture
def data(tmp_path):
    """Writes prompts to a file; returns the settings that name it."""

    def write(*prompts):
        path = lines(tmp_path / "rows.jsonl", [{"prompt": prompt, "response": "2"} for prompt in prompts])
        return TrainConfig(env="x", algorithm="sft", data=path, eval_size=2)

    return write


@pytest.fixture
def word_problems(tmp_path):
    """Rows 1 to 20 of made-up questions; the first and the eleventh are held out."""
    return make_task("gsm8k", source=str(lines(tmp_path / "source.jsonl", map(gsm8k, range(1, 21)))))


def test_rows_that_ask_what_is_held_out_are_left_out(data, word_problems, capsys):
    instruction = word_problems.without_question(problem(word_problems, 0))
    told = [f"{question} {instruction}" for question in ("what is 1 + 1?", "What is 3 + 3?")]
    config = data("What is 2 + 2?", "What  is 11+11 ?", *told)
    assert [row.prompt[:13] for row in examples_of(config, word_problems)] == ["What is 2 + 2", "What is 3 + 3"]
    assert capsys.readouterr().out == (
        f"note: 2 of 4 rows of --data {config.data} are left out, for they ask what is held out for evaluation; the "
        f"first, {config.data}, line 2\n"
    )
    assert examples_of(TrainConfig(env="x"), word_problems) is None


def test_a_file_of_held_out_questions_is_refused(data, word_problems):
    with pytest.raises(ValueError, match=r"rows\.jsonl asks only what is held out for evaluation, so nothing is left"):
        examples_of(data("What is 1 + 1?"), word_problems)


@pytest.mark.parametrize("env", ["gsm8k", "countdown"])
def test_made_up_problems_that_are_held_out_are_known(data, env):
    task = make_task(env)
    train, held_out = ([problem(task, seed, split).prompt for seed in (0, 1, 2000)] for split in ("train", "eval"))
    assert [row.prompt for row in examples_of(data(*train, *held_out), task)] == train


def test_pictures_are_what_is_held_out_not_their_prompts(data):
    clock = make_task("clock")
    config = data(*[problem(clock, seed, "eval").prompt for seed in range(3)])
    assert len(examples_of(config, clock)) == len(examples_of(config, None)) == 3


@dataclass(frozen=True)
class Dozen(Task[float]):
    """A dozen questions, which both splits ask."""

    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 1.0
    pattern = NUMBER

    def generate(self, rng):
        number = int(rng.integers(12))
        return Problem(f"Write {number}. <answer>NUMBER</answer>", str(number))

    def read(self, text):
        return float(text)

    def error(self, answer, truth):
        return float(answer != truth)


def test_what_training_asks_too_is_not_held_out(data):
    config = data(*[f"Write {number}. <answer>NUMBER</answer>" for number in range(12)])
    assert len(examples_of(config, Dozen())) == 12


def test_the_command_line_tells(train, tmp_path, capsys):
    source = lines(tmp_path / "source.jsonl", map(gsm8k, range(1, 21)))
    rows = [{"prompt": f"What is {i} + {i}?", "response": f"<answer>{2 * i}</answer>"} for i in range(1, 21)]
    lines(tmp_path / "rows.jsonl", rows)
    words = "--env gsm8k --algorithm sft --data rows.jsonl --problems-per-step 18 --eval-size 2 --samples 0 --epochs 1"
    assert train(*words.split(), "--task.source", str(source), "--run", "run") == 0
    assert "note: 2 of 20 rows of --data rows.jsonl are left out" in capsys.readouterr().out
    assert len(csv_rows(tmp_path / "run" / "metrics.csv")) == 1
