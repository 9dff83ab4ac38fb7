"""Countdown: reach a target with three or four numbers and the four operations, made up or from a data set."""

import dataclasses
import functools
import json
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from envs import answers, expressions
from envs.data.dataset import Choice
from envs.data.formats import Item
from envs.data.sourced import SourcedTask, is_held_out
from envs.expressions import Expression
from envs.forms import STEPS
from envs.problems import Problem
from envs.tasks.countdown_solver import nearest, random_expression

SIGNS = "+-*/"

_SIGN = re.compile(r"[-+*/×÷−]")

TRIES = 3000
"""How many draws may fail before fields are said to allow no problem."""


@dataclass(frozen=True, kw_only=True)
class Countdown(SourcedTask[Expression]):
    """Make a target out of numbers, each used exactly once.

    A made-up problem can always be solved with whole numbers above 0 on the way. An answer is an expression such as
    `(19 + 36) * 2`, read by `envs.expressions`, with fractions kept exact; an operation that is not among `operations`
    and a division by zero are no answer, and neither is an expression without one. The error is the distance of its
    value from the target, at most 100; it is 100 for an expression with other numbers than the problem's, or with one
    left out or used twice. A minus before a number or bracket is read; it reaches no target above 0 that the rest of
    the game would not.

    Which split a made-up problem belongs to hangs on a checksum of its sorted numbers and its target, and a row whose
    numbers and target are held out is left out of the training rows: nothing that is trained on is ever held out.

    The reward adds a part `correct`, 1 for exactly the target, else 0: a wrong answer earns less than half. Neither
    yardstick without eyes comes far here: an answer to another problem has the wrong numbers, so that chance and the
    best constant are the worst error. An expression that chance makes of the right numbers is 84 off on average, and
    right one time in twenty.

    Attributes:
        fewest: How many numbers a made-up problem has at least, from 2 up.
        most: How many at most, up to 6; any count between the two is as likely.
        largest: The largest number; any from 1 on is as likely, before those that cannot be solved are left out.
        largest_target: The largest target; the smallest is 1.
        operations: Which operations may be used, of `+-*/`.
        source: Where to read problems from instead of making them up, in the form of Countdown-Tasks-3to4 (`nums` and
            `target`): a folder, a JSON Lines or Parquet file, of which every tenth row, from the first on, is held out;
            or `hub` or `OWNER/NAME` on the Hugging Face hub. The fields above but `operations` then change nothing.
            Solutions are searched for when rows are posed, some milliseconds each, too long to look first for those
            that have none. Of such a row the expression that comes nearest is the best answer, and its distance the
            least error; the oracle among the yardsticks tells how much there is of that.
        accuracy_weight: Weight of `accuracy`, which falls with the error.
        correct_weight: Weight of `correct`, 0 and up.
    """

    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 100.0
    pattern = expressions.CHARACTERS

    fewest: int = 3
    most: int = 4
    largest: int = 99
    largest_target: int = 100
    operations: str = SIGNS
    source: str | None = None
    accuracy_weight: float = 0.4
    correct_weight: float = 0.5

    def __post_init__(self) -> None:
        """Check the fields, and read the source.

        Raises:
            ValueError: Where a field has the wrong type or is out of range, or the source cannot be used.
        """
        super().__post_init__()
        if not 2 <= self.fewest <= self.most <= 6:
            raise ValueError(
                f"Countdown.fewest and most must be from 2 to 6, in that order, got {self.fewest} and {self.most}."
            )
        for name in ("largest", "largest_target"):
            if not 1 <= getattr(self, name) <= 10**6:
                raise ValueError(f"Countdown.{name} must be from 1 to 1,000,000, got {getattr(self, name)}.")
        if not self.operations or set(self.operations) - set(SIGNS) or len(set(self.operations)) < len(self.operations):
            raise ValueError(f"Countdown.operations must be some of {SIGNS!r}, each once, got {self.operations!r}.")
        if self.source is None:
            _require_problems(self.fewest, self.most, self.largest, self.largest_target, self.operations)
        self.read_source()

    def choice(self) -> Choice:
        """Rows of the form of Countdown-Tasks-3to4."""
        return Choice(("countdown",))

    def asked(self, posed: Problem) -> str:
        """The numbers, in whatever order they are told, and the target."""
        return _asked(json.loads(posed.answer)["numbers"], int(posed.info["target"]))

    def levels(self) -> "tuple[Countdown, ...]":
        """Made-up problems with more and more numbers, from two on; rows of a source have no difficulty."""
        fewer = range(2, self.most) if self.source is None else ()
        easier = (dataclasses.replace(self, fewest=min(self.fewest, count), most=count) for count in fewer)
        return (*easier, self)

    def make_up(self, rng: np.random.Generator) -> Problem:
        """A problem that can be solved; info has `numbers`, how many there are, and `target`."""
        count = int(rng.integers(self.fewest, self.most + 1))
        while True:
            drawn = _draw(rng, count, self.largest, self.largest_target, self.operations)
            if drawn is not None:
                return self._problem(*drawn)

    def row_problem(self, item: Item) -> Problem:
        """The row with the solution that is found, or what comes nearest."""
        row = json.loads(item.answer)
        numbers, target = row["numbers"], row["target"]
        return self._problem(numbers, target, nearest(tuple(sorted(numbers)), target, self.operations), row=item.number)

    def _problem(self, numbers: list[int], target: int, solution: str, **info: int) -> Problem:
        listed = ", ".join(map(str, numbers))
        signs = " ".join(self.operations)
        question = f"Make {target} from {listed} with {signs} and brackets, each number exactly once."
        best = expressions.read(solution)
        assert best is not None
        steps = "\n".join(best.steps)
        return Problem(
            f"{question} {self.instruction('EXPRESSION', STEPS)}",
            json.dumps({"target": target, "numbers": numbers, "solution": best.text}),
            solution=answers.OPEN_THINK + steps + answers.CLOSE_THINK + answers.tagged(best.text),
            info={"numbers": len(numbers), "target": target} | info,
        )

    def without_question(self, problem: Problem) -> str:
        """How to reply, which is what every prompt ends in."""
        return self.instruction("EXPRESSION", STEPS)

    def best_answer(self, answer: str) -> str:
        """The solution: the expression that comes to the target."""
        return json.loads(answer)["solution"]

    def least_error(self, answer: str) -> float:
        """0, but for a row that cannot be solved: how far the nearest expression is from the target, at most 100."""
        best = expressions.read(self.best_answer(answer))
        assert best is not None
        return self.bounded_error(best, self.truth(answer))

    def truth(self, answer: str) -> Expression:
        """An expression with the problem's numbers whose value is the target."""
        problem = json.loads(answer)
        numbers = tuple(sorted(problem["numbers"]))
        return Expression(problem["solution"], Fraction(problem["target"]), numbers, frozenset())

    def read(self, text: str) -> Expression | None:
        """The expression; None if there is no operation in it, or one that is not among `operations`."""
        if _SIGN.search(text) is None:
            return None  # told cheaply, for a text may hold a million numbers
        found = expressions.read(text)
        return found if found is not None and found.steps and found.signs <= set(self.operations) else None

    def write(self, answer: Expression) -> str:
        """The expression in ASCII."""
        return answer.text

    def number(self, answer: Expression) -> float:
        """What the expression comes to."""
        return float(answer.value)

    def error(self, answer: Expression, truth: Expression) -> float:
        """The distance of an answer's value from the target; 100 if it has not each of the numbers exactly once."""
        if answer.numbers != truth.numbers:
            return self.worst_error
        return float(abs(answer.value - truth.value))

    def parts(self, text: str, error: float) -> dict[str, float]:
        """`accuracy` and `format` of every task, and `correct`: 1.0 for exactly the target, else 0.0."""
        return super().parts(text, error) | {"correct": float(error == 0.0)}


def _asked(numbers: list[int], target: int) -> str:
    return f"{sorted(numbers)} {target}"


def _draw(
    rng: np.random.Generator, count: int, largest: int, largest_target: int, operations: str
) -> tuple[list[int], int, str] | None:
    """Numbers, a target and its expression; None where chance led to none."""
    numbers = [int(number) for number in rng.integers(1, largest + 1, size=count)]
    made = random_expression(rng, numbers, operations)
    if made is None or made[0] > largest_target:
        return None
    return numbers, int(made[0]), made[1]


@functools.lru_cache(maxsize=64)
def _require_problems(fewest: int, most: int, largest: int, largest_target: int, operations: str) -> None:
    """Refuse fields under which (nearly) no problem can be made.

    Raises:
        ValueError: For such fields.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    allowed = f"numbers from 1 to {largest}, the operations {operations} and a target up to {largest_target}"
    splits: set[bool] = set()
    for count in range(fewest, most + 1):
        drawn = [_draw(rng, count, largest, largest_target, operations) for _ in range(TRIES)]
        made = [_asked(one[0], one[1]) for one in drawn if one is not None]
        if not made:
            raise ValueError(
                f"Countdown finds no problem with {count} {allowed}: allow more operations, larger targets or smaller "
                "numbers."
            )
        splits |= set(map(is_held_out, made))
    if len(splits) < 2:
        raise ValueError(f"Countdown finds too few problems with {allowed} to hold some of them out: allow more.")
