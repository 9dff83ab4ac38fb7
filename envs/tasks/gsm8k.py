"""Solve grade-school word problems: made up in the manner of GSM8K, or the rows of GSM8K itself."""

import dataclasses
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from envs import answers, forms
from envs.data.dataset import Choice
from envs.data.formats import Item
from envs.data.sourced import SourcedTask
from envs.forms import STEPS
from envs.problems import Problem, Scalar
from envs.tasks.word_problems import MOST_STEPS, compose

MOST_DISTRACTORS = 4

CALCULATOR = re.compile(r"<<[^<>]*>>")
"""GSM8K's notes for a calculator, which stand before each result in a solution."""

CHECKED = forms.instruction(None, "NUMBER", STEPS)
"""What follows a question where its split is looked up, whatever form the prompt asks for: a problem has one split."""


@dataclass(frozen=True, kw_only=True)
class GSM8K(SourcedTask[float]):
    """Word problems of 1 to 8 steps, answered by a number.

    They are made up from more than a hundred templates, or read from the data set where there is a `source`. In a
    made-up problem all numbers and results are whole, from 1 to `10 d (d + 1)` at difficulty d: 20 at difficulty 1,
    720 at 8; its answer is 2 or more. Which split it belongs to hangs on a checksum of its text, and a row whose
    question is held out is left out of the training rows: nothing that is trained on is ever held out. Evaluating
    seeds 0 to n - 1 of n held-out rows covers each of them once.

    An answer is a number: `18`, `18.0`, `1,234`, `-3`, `$18.50`, `20%` (read as 20). Words after it are refused, for
    "3 dozen" is not 3. The error is relative: `min(1, |a - t| / max(1, |t|))` for an answer a to a truth t.

    The reward adds a part `correct`, 1 for exactly the truth and else 0, which outweighs the other two: a wrong answer
    earns less than a fifth of it.

    Attributes:
        difficulty: How many steps of calculation a made-up problem takes, 1 to 8.
        distractors: How many sentences with a useless number it holds, 0 to 4; None takes one for every three steps.
        source: Where to read problems from instead of making them up: a folder with `train.jsonl` and `test.jsonl`,
            which become the splits train and eval; one JSON Lines file, of which every tenth row, from the first on, is
            held out; or `hub` or `OWNER/NAME` on the Hugging Face hub. Parquet files and the hub take `pip install
            'eyechart[data]'`.
            `difficulty` and `distractors` then change nothing.
        accuracy_weight: Weight of `accuracy`, which falls with the error.
        correct_weight: Weight of `correct`, 0 and up.
    """

    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 1.0
    pattern = answers.AMOUNT

    difficulty: int = 1
    distractors: int | None = None
    source: str | None = None
    accuracy_weight: float = 0.1
    correct_weight: float = 0.8

    def __post_init__(self) -> None:
        """Check the fields, and read the source.

        Raises:
            ValueError: Where a field has the wrong type or is out of range, or the source cannot be used.
        """
        super().__post_init__()
        if not 1 <= self.difficulty <= MOST_STEPS:
            raise ValueError(f"GSM8K.difficulty must be from 1 to {MOST_STEPS} steps, got {self.difficulty}.")
        if self.distractors is not None and not 0 <= self.distractors <= MOST_DISTRACTORS:
            raise ValueError(f"GSM8K.distractors must be from 0 to {MOST_DISTRACTORS}, got {self.distractors}.")
        self.read_source()

    def choice(self) -> Choice:
        """Rows of GSM8K's own form."""
        return Choice(("gsm8k",))

    def asked(self, posed: Problem) -> str:
        """The question, with one and the same way to reply, whatever form the prompt asks for."""
        return posed.prompt.removesuffix(self.without_question(posed)) + CHECKED

    def levels(self) -> "tuple[GSM8K, ...]":
        """Made-up problems of more and more steps; rows of a source have no difficulty."""
        fewer = range(1, self.difficulty) if self.source is None else ()
        return (*(dataclasses.replace(self, difficulty=steps) for steps in fewer), self)

    def make_up(self, rng: np.random.Generator) -> Problem:
        """A problem of `difficulty` steps, with its useless numbers."""
        asides = self.difficulty // 3 if self.distractors is None else self.distractors
        story = compose(rng, self.difficulty, asides)
        info: dict[str, Scalar] = {"steps": self.difficulty, "distractors": asides, "situation": story.situation}
        solution = "\n".join((*story.work, f"#### {story.answer}"))
        return Problem(self._prompt(story.text), str(story.answer), solution=solution, info=info)

    def row_problem(self, item: Item) -> Problem:
        """The row with its own solution; info has how many steps that takes."""
        info = {"steps": len(CALCULATOR.findall(item.solution or "")), "row": item.number}
        return Problem(self._prompt(item.question), item.answer, solution=item.solution, info=info)

    def _prompt(self, question: str) -> str:
        return f"{question} {self.instruction('NUMBER', STEPS)}"

    def without_question(self, problem: Problem) -> str:
        """How to reply, which is what every prompt ends in."""
        return self.instruction("NUMBER", STEPS)

    def demonstration(self, posed: Problem) -> str:
        """The steps of the solution, without the notes for a calculator, and the answer."""
        return self.reply(posed.answer, CALCULATOR.sub("", (posed.solution or "").rpartition("####")[0]))

    def read(self, text: str) -> float:
        """The number, without its dollar or percent sign."""
        return answers.read_amount(text)

    def error(self, answer: float, truth: float) -> float:
        """The distance from the truth as a fraction of it, or of 1 if the truth is smaller; at most 1."""
        return min(1.0, abs(answer - truth) / max(1.0, abs(truth)))

    def parts(self, text: str, error: float) -> dict[str, float]:
        """`accuracy` and `format` of every task, and `correct`: 1.0 for exactly the truth, else 0.0."""
        return super().parts(text, error) | {"correct": float(error == 0.0)}
