"""Expressions over whole numbers, as a policy writes them: read by a grammar of our own, exactly, in linear time.

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/") signed)*
    signed  = "-" signed | number | "(" sum ")"
    number  = "0" | [1-9][0-9]{0,9}

`×`, `÷` and `−` are read as `*`, `/` and `-`, and spaces may stand between any two of these. There is no sign `+`, no
`2(3)`, no `**` and no leading zero. Reading is Dijkstra's shunting-yard algorithm
(https://ir.cwi.nl/pub/9251, 1961), which keeps its own stack, so that no depth of brackets exhausts Python's.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

CHARACTERS = re.compile(r"[-+*/×÷−()0-9 ]{3,}")
"""A stretch of text that may be an expression with a sign in it, `1+1` or longer; matches in linear time."""

LONGEST, MOST_NUMBERS = 1000, 16
"""An expression with more characters or numbers is refused, which bounds its value: |value| < 10^160."""

_TOKEN = re.compile(r"[1-9][0-9]{0,9}(?![0-9])|0(?![0-9])|[-+*/()]")
_ASCII = str.maketrans("×÷−", "*/-")
_RANK = {"(": 0, "+": 1, "-": 1, "*": 2, "/": 2, "negative": 3}


@dataclass(frozen=True)
class Expression:
    """An expression that was read.

    Attributes:
        text: As it was read, in ASCII, one space on each side of a sign between two values.
        value: What it comes to, exactly.
        numbers: The numbers in it, in ascending order.
        signs: Which of `+-*/` stand in it.
        steps: Its calculations, the innermost first: `3 + 4 = 7`.
    """

    text: str
    value: Fraction
    numbers: tuple[int, ...]
    signs: frozenset[str]
    steps: tuple[str, ...] = field(default=(), compare=False)


def read(text: str) -> Expression | None:
    """Read an expression.

    Returns:
        None for a text that is none, that is too long, or that divides by zero. Nothing is raised.
    """
    tokens = _tokens(text)
    if tokens is None:
        return None
    try:
        value, steps = _evaluate(tokens)
    except (IndexError, ZeroDivisionError, _NoExpressionError):
        return None
    numbers = tuple(sorted(int(token) for token in tokens if token.isdigit()))
    signs = frozenset("-" if token == "negative" else token for token in tokens if token in _RANK and token != "(")
    return Expression(_written(tokens), value, numbers, signs, tuple(steps))


class _NoExpressionError(Exception):
    """The tokens are no expression."""


def _tokens(text: str) -> list[str] | None:
    """Numbers, signs and brackets, a minus that negates as "negative"; None where something else stands there."""
    if len(text) > LONGEST:
        return None
    tokens: list[str] = []
    end, text = 0, text.translate(_ASCII)
    while end < len(text):
        if text[end] == " ":
            end += 1
            continue
        match = _TOKEN.match(text, end)
        if match is None:
            return None
        follows_value = bool(tokens) and (tokens[-1].isdigit() or tokens[-1] == ")")
        tokens.append("negative" if match[0] == "-" and not follows_value else match[0])
        end = match.end()
    return tokens if 0 < sum(token.isdigit() for token in tokens) <= MOST_NUMBERS else None


def _evaluate(tokens: list[str]) -> tuple[Fraction, list[str]]:
    """The value of tokens in the order of the grammar, and the calculations on the way."""
    values: list[Fraction] = []
    waiting: list[str] = []
    steps: list[str] = []
    expected = True  # a value, rather than a sign
    for token in tokens:
        if expected != (token.isdigit() or token in ("(", "negative")):
            raise _NoExpressionError
        if token.isdigit():
            values.append(Fraction(token))
            expected = False
        elif token in ("(", "negative"):
            waiting.append(token)
        elif token == ")":
            while waiting[-1] != "(":
                _apply(waiting.pop(), values, steps)
            waiting.pop()
        else:
            while waiting and _RANK[waiting[-1]] >= _RANK[token]:
                _apply(waiting.pop(), values, steps)
            waiting.append(token)
            expected = True
    if expected or "(" in waiting:
        raise _NoExpressionError
    while waiting:
        _apply(waiting.pop(), values, steps)
    return values.pop(), steps


def _apply(sign: str, values: list[Fraction], steps: list[str]) -> None:
    """Replace the last values by what a sign makes of them."""
    if sign == "negative":
        values[-1] = -values[-1]
        return
    second, first = values.pop(), values.pop()
    result = combine(first, sign, second)
    steps.append(f"{_bracketed(first)} {sign} {_bracketed(second)} = {result}")
    values.append(result)


def combine(first: Fraction, sign: str, second: Fraction) -> Fraction:
    """`first sign second`, for a sign of `+-*/`.

    Raises:
        ZeroDivisionError: For a division by zero.
    """
    if sign == "+":
        return first + second
    if sign == "-":
        return first - second
    return first * second if sign == "*" else first / second


def _bracketed(value: Fraction) -> str:
    return str(value) if value >= 0 and value.denominator == 1 else f"({value})"


def _written(tokens: list[str]) -> str:
    """The tokens as one text that reads as the same expression."""
    return "".join("-" if t == "negative" else f" {t} " if t in "+-*/" else t for t in tokens)
