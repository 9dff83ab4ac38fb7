"""Maths problems of a data set, answered by a number or, through a verifier, by anything that LaTeX can write."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

from envs import answers, verifier
from envs.data.dataset import Choice
from envs.data.formats import FORMATS, Columns, Item, unboxed
from envs.data.sourced import SourcedTask
from envs.forms import STEPS
from envs.problems import Problem
from envs.tasks.maths_answers import NUMERIC, Value, read_number, read_value, unwrapped
from envs.verifier import LONGEST

WORDED = tuple(name for name in FORMATS if name != "countdown")
"""The forms whose rows are a question and its answer."""


@dataclass(frozen=True, kw_only=True)
class Maths(SourcedTask[Value]):
    r"""Problems with an answer each, from files or from the hub.

    The error is relative where answer and truth are numbers or simple fractions: `min(1, |a - t| / max(1, |t|))`, both
    exact, so that `0.75`, `3/4` and `\frac{3}{4}` are the same. Any other answer is right, 0, or wrong, 1, as the
    verifier finds.

    The reward adds a part `correct`, 1 for the truth and else 0, which outweighs the other two.

    Attributes:
        source: A folder with `train` and `test` files, `.jsonl` or `.parquet`; one such file, of which every tenth row,
            from the first on, is held out; or `OWNER/NAME` or `OWNER/NAME:CONFIGURATION` on the Hugging Face hub.
        format: The form of the rows: "bespoke", "numina", "gsm8k" or "problem"; None looks at the columns.
        compare: "numbers" takes the rows whose answer is a number or a simple fraction and leaves out all others; a
            warning says how many. "latex" takes them all, for `pip install 'eyechart[maths]'`.
        question_column: The column with the question, for a set of no published form; None is `problem`.
        answer_column: The one with the answer; None is `answer`, and the end of the solution where there is none.
        solution_column: The one with the worked solution; None is `solution`.
        accuracy_weight: Weight of `accuracy`, which falls with the error.
        correct_weight: Weight of `correct`, 0 and up.
    """

    unit: ClassVar[str] = ""
    worst_error: ClassVar[float] = 1.0
    pattern = NUMERIC

    source: str
    format: str | None = None
    compare: Literal["numbers", "latex"] = "numbers"
    question_column: str | None = None
    answer_column: str | None = None
    solution_column: str | None = None
    accuracy_weight: float = 0.1
    correct_weight: float = 0.8

    def __post_init__(self) -> None:
        """Check the fields, and read the source.

        Raises:
            ValueError: Where a field has the wrong type or is out of range, the source cannot be used, or the verifier
                is needed and not installed.
        """
        super().__post_init__()
        if self._columns is not None and self.format not in (None, "problem"):
            raise ValueError(f"The format {self.format!r} names its columns itself: leave out the name of a column.")
        if self.compare == "latex":
            verifier.require()
        self.read_source()

    @property
    def _columns(self) -> Columns | None:
        given = (self.question_column, self.answer_column, self.solution_column)
        return None if given == (None, None, None) else Columns(self.question_column or "problem", *given[1:])

    def choice(self) -> Choice:
        """Rows of any form with a question, without those whose answer cannot be compared."""
        accept = only_numbers if self.compare == "numbers" else only_short
        return Choice(WORDED, self.format, self._columns, accept)

    @property
    def is_slow(self) -> bool:
        """Whether a comparison may take the verifier, which takes milliseconds."""
        return self.compare == "latex"

    def row_problem(self, item: Item) -> Problem:
        """The row with its own solution."""
        prompt = f"{item.question} {self.instruction('ANSWER', STEPS)}"
        return Problem(prompt, unwrapped(item.answer), solution=item.solution, info={"row": item.number})

    def without_question(self, problem: Problem) -> str:
        """How to reply, which is what every prompt ends in."""
        return self.instruction("ANSWER", STEPS)

    def demonstration(self, posed: Problem) -> str:
        """The solution, its own tags taken out, and the answer."""
        return self.reply(posed.answer, posed.solution or "")

    def parse(self, text: str) -> Value | None:
        """The committed answer: a number, or any text of at most 300 characters where LaTeX is compared."""
        body = self.committed(text)
        if body is None or not body or len(body) > LONGEST or not answers.is_unicode(body):
            return None
        value = read_value(body)
        return value if value.text and (value.number is not None or self.compare == "latex") else None

    def parse_lenient(self, text: str) -> Value | None:
        r"""The last `\boxed{…}`, else the last number in the text; or the committed answer."""
        inside = unboxed(text)
        found = self.parse(inside) if inside is not None else self.parse(text)
        return found or super().parse_lenient(text)

    def read(self, text: str) -> Value | None:
        """A text that is a number, or any where LaTeX is compared."""
        value = read_value(text)
        return value if value.number is not None or self.compare == "latex" else None

    def write(self, answer: Value) -> str:
        """The answer as it was written."""
        return answer.text

    def number(self, answer: Value) -> float | None:
        """The answer, where it is a number."""
        return None if answer.number is None else float(answer.number)

    def error(self, answer: Value, truth: Value) -> float:
        """The distance from the truth as a fraction of it, or of 1 if the truth is smaller; at most 1."""
        if answer.number is not None and truth.number is not None:
            one = Fraction(1)
            return float(min(one, abs(answer.number - truth.number) / max(one, abs(truth.number))))
        if answer.text == truth.text:
            return 0.0
        return 0.0 if self.compare == "latex" and verifier.is_equal(truth.text, answer.text) else 1.0

    def parts(self, text: str, error: float) -> dict[str, float]:
        """`accuracy` and `format` of every task, and `correct`: 1.0 for the truth, else 0.0."""
        return super().parts(text, error) | {"correct": float(error == 0.0)}


def only_numbers(answer: str) -> str | None:
    """Why a row is left out where only numbers are compared; None where it is not."""
    if read_number(unwrapped(answer)) is not None:
        return None
    return f"its answer {answer[:60]!r} is no number; --task.compare latex takes it"


def only_short(answer: str) -> str | None:
    """Why a row is left out whatever is compared; None where it is not."""
    if unwrapped(answer) and len(answer) <= LONGEST:
        return None
    return f"its answer has {len(answer)} characters, and more than {LONGEST} are not compared"
