"""Published forms of a row, and what is read out of each: a question, its answer, a worked solution.

A form is known by its columns. To add one, add it to `FORMATS`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from envs import answers

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One problem of a data set.

    Attributes:
        number: Where it stands in its file, from 1 up.
        question: As it stands there.
        answer: The truth; for Countdown a JSON object with `numbers` and `target`.
        solution: Worked text, or None.
    """

    number: int
    question: str
    answer: str
    solution: str | None


@dataclass(frozen=True)
class Columns:
    """What the columns of a form without fixed names are called.

    Attributes:
        question: The column with the question.
        answer: The one with the answer; None takes `answer` where a row has it, else what its solution ends in.
        solution: The one with the worked solution; None takes `solution` where a row has it.
    """

    question: str = "problem"
    answer: str | None = None
    solution: str | None = None


class NoAnswerError(ValueError):
    """A row is sound but holds no answer that can be checked, such as a proof: it is left out."""


@dataclass(frozen=True)
class Format:
    """A published form of rows.

    Attributes:
        name: What it is called on the command line.
        columns: What a row of it must have, and what it is known by.
        read: Makes question, answer and solution of a row. Raises a ValueError for a broken row, in words that go on
            after "FILE, line N: ", and a NoAnswerError for one to leave out.
        published: The set on the hub, `OWNER/NAME` or `OWNER/NAME:CONFIGURATION`.
        also: What else a row must have, in words, where its columns may be called this or that.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Document], tuple[str, str, str | None]]
    published: str | None = None
    also: str = ""

    @property
    def wanted(self) -> str:
        """What a row must have, in words."""
        *most, last = (*self.columns, *filter(None, (self.also,)))
        return f"{', '.join(most)} and {last}" if most else last

    def item(self, document: Any, number: int, place: str) -> Item:
        """Read a row.

        Raises:
            ValueError: Naming its place.
            NoAnswerError: For a row to leave out, likewise.
        """
        row = require_object(document, self.wanted, place)
        try:
            return Item(number, *self.read(row))
        except NoAnswerError as error:
            raise NoAnswerError(f"{place}: {error}") from None
        except ValueError as error:
            raise broken_row(place, error, self.wanted, row) from None


def require_object(document: Any, wanted: str, place: str) -> Document:
    """Refuse a row that has no columns.

    Raises:
        ValueError: Naming its place.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"{place}: a row is a JSON object with {wanted}, got {str(document)[:60]!r}.")
    return document


def broken_row(place: str, error: ValueError, wanted: str, row: Document) -> ValueError:
    """What is wrong with a row, where it stands, what it should have and what it has."""
    has = ", ".join(map(str, row)) or "nothing"
    return ValueError(f"{place}: {error} A row needs {wanted}; this one has {has}.")


def value_of(document: Document, column: str) -> Any:
    """What a row has in a column.

    Raises:
        ValueError: If it has no such column.
    """
    if column not in document:
        raise ValueError(f"the field {column!r} is missing.")
    return document[column]


def text_of(document: Document, column: str) -> str:
    """A text that is neither empty nor impossible to write."""
    text = value_of(document, column)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"the field {column!r} must be a text, got {text!r:.60}.")
    if not answers.is_unicode(text):
        raise ValueError(f"the field {column!r} holds half a character (a lone surrogate).")
    return text


def gsm8k(document: Document) -> tuple[str, str, str | None]:
    """Read `question`, and `answer`: a worked solution that ends in `#### NUMBER`.

    The set is that of Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021,
    https://arxiv.org/abs/2110.14168.
    """
    question, worked = text_of(document, "question"), text_of(document, "answer")
    _, mark, last = worked.rpartition("####")
    if not mark:
        raise ValueError(f"the answer must end in '#### NUMBER', got {worked[-60:]!r}.")
    if not answers.AMOUNT.fullmatch(last.strip()):
        raise ValueError(f"what follows #### must be a number, got {last.strip()[:60]!r}.")
    return question, answers.plain_amount(last.strip()), worked


MOST_NUMBERS, LARGEST = 5, 10**9
"""How many numbers a Countdown row may have, for the solver tries them all, and how large they may be."""


def countdown(document: Document) -> tuple[str, str, str | None]:
    """Read `nums`, from 2 to 5 whole numbers, and `target`, which is to be made of them."""
    numbers, target = value_of(document, "nums"), value_of(document, "target")
    if not isinstance(numbers, Sequence) or not 2 <= len(numbers) <= MOST_NUMBERS or not all(map(_whole, numbers)):
        raise ValueError(
            f"the field 'nums' must be a list of 2 to {MOST_NUMBERS} whole numbers from 0 up, got {numbers!r:.60}."
        )
    if not _whole(target):
        raise ValueError(f"the field 'target' must be a whole number from 0 up, got {target!r:.60}.")
    listed = ", ".join(map(str, sorted(numbers)))  # one question, whatever the order; commas, for spaces do not count
    return f"{listed} = {target}", json.dumps({"numbers": list(numbers), "target": target}), None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def numina(document: Document) -> tuple[str, str, str | None]:
    r"""Read `problem`, and `solution`: steps, programs and their output, ending in `\boxed{…}`.

    `messages` holds the same two as a conversation. Where a row also has an `answer`, as those of OpenR1-Math-220k do,
    that counts.
    """
    messages = value_of(document, "messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise ValueError(f"the field 'messages' must be a list, got {messages!r:.60}.")
    question, solution = text_of(document, "problem"), text_of(document, "solution")
    answer = boxed(solution) if document.get("answer") is None else _scalar(document, "answer")
    return question, answer, solution


_SPOKEN = ("user", "assistant")
_INSTRUCTION = re.compile(r"\AReturn your final response within \\boxed\{\}\.\s*")
_MARKS = re.compile(r"<\|(?:begin|end)_of_(?:thought|solution)\|>")


def bespoke(document: Document) -> tuple[str, str, str | None]:
    r"""Read `conversations`: what the user asks and the assistant thinks and answers.

    The answer is `<|begin_of_thought|>…<|end_of_thought|><|begin_of_solution|>…\boxed{…}<|end_of_solution|>`. The
    sentence that asks for a box is taken out of the question, for the task says itself how to reply.
    """
    turns = value_of(document, "conversations")
    if not isinstance(turns, Sequence) or not all(isinstance(turn, Mapping) for turn in turns):
        raise ValueError(f"the field 'conversations' must be a list of objects with from and value, got {turns!r:.60}.")
    said = {turn.get("from"): turn for turn in reversed(turns)}
    for speaker in _SPOKEN:
        if speaker not in said:
            speakers = [turn.get("from") for turn in turns]
            raise ValueError(f"the conversation must have a turn from {speaker!r}, got {speakers}.")
    question, reply = (text_of(said[speaker], "value") for speaker in _SPOKEN)
    solution = reply.partition("<|begin_of_solution|>")[2] or reply
    worked = "\n".join(part.strip() for part in _MARKS.split(reply) if part.strip())
    return _INSTRUCTION.sub("", question).strip(), boxed(solution), worked


def named(columns: Columns) -> Format:
    """The form of any set with a column for the question, and one for the answer or a solution that ends in it."""

    def read(document: Document) -> tuple[str, str, str | None]:
        question = text_of(document, columns.question)
        solution_column = columns.solution or "solution"
        has_solution = columns.solution is not None or document.get(solution_column) is not None
        solution = text_of(document, solution_column) if has_solution else None
        answer_column = columns.answer or "answer"
        if columns.answer is not None or document.get(answer_column) is not None:
            return question, _scalar(document, answer_column), solution
        if solution is None:
            raise ValueError("there is no answer.")
        return question, boxed(solution), solution

    named_too = tuple(filter(None, (columns.answer, columns.solution)))
    also = "" if named_too else "answer (or a solution that ends in it)"
    return Format("problem", (columns.question, *named_too), read, also=also)


def _scalar(document: Document, column: str) -> str:
    """An answer, which may stand there as a number."""
    value = value_of(document, column)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return answers.plain_number(value) if isinstance(value, float) else str(value)
    text = text_of(document, column)
    return (unboxed(text) or text).strip()


def boxed(text: str) -> str:
    r"""What the last `\boxed{…}` of a text holds, or what stands after its last `####`.

    Raises:
        NoAnswerError: If there is neither.
    """
    found = unboxed(text) or text.rpartition("####")[2 if "####" in text else 0]
    found = found.strip()
    if not found:
        raise NoAnswerError(f"there is no answer in \\boxed{{…}}, got {text.strip()[-60:]!r}.")
    return found


def unboxed(text: str) -> str | None:
    r"""What the last `\boxed{…}` of a text holds, braces balanced; None where there is none. Takes linear time."""
    start = max(text.rfind(r"\boxed{"), text.rfind(r"\fbox{"))
    if start < 0:
        return None
    start = text.index("{", start)
    depth = 0
    for match in re.compile(r"(?<!\\)[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return text[start + 1 : match.start()]
    return None


FORMATS: dict[str, Format] = {
    "countdown": Format("countdown", ("nums", "target"), countdown, "Jiayi-Pan/Countdown-Tasks-3to4"),
    "bespoke": Format("bespoke", ("conversations",), bespoke, "bespokelabs/Bespoke-Stratos-17k"),
    "numina": Format("numina", ("problem", "solution", "messages"), numina, "AI-MO/NuminaMath-TIR"),
    "gsm8k": Format("gsm8k", ("question", "answer"), gsm8k, "openai/gsm8k:main"),
    "problem": named(Columns()),
}
"""Forms by name; the first whose columns a row has is taken for its own."""


def format_named(name: str, allowed: Sequence[str]) -> Format:
    """A form by its name.

    Raises:
        ValueError: Naming those there are.
    """
    if name not in allowed:
        close = get_close_matches(name, allowed, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"Unknown format {name!r}.{hint} Formats: {', '.join(allowed)}.")
    return FORMATS[name]


def detected(document: Any, allowed: Sequence[str], place: str) -> Format:
    """The form that a row has the columns of.

    Raises:
        ValueError: Naming the row's columns and those of the forms there are.
    """
    wanted = "; ".join(f"{name}: {', '.join(FORMATS[name].columns)}" for name in allowed)
    columns = require_object(document, "columns", place).keys()
    for name in allowed:
        if columns >= set(FORMATS[name].columns):
            return FORMATS[name]
    raise ValueError(
        f"{place}: the columns {', '.join(map(str, columns))} are of no form that is known ({wanted}). "
        "Where the question has a column of its own, name it."
    )
