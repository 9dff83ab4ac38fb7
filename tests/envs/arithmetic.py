"""An independent evaluator of GSM8K's little expressions: numbers, `+ - * /`, brackets; exact fractions.

sum     = product (("+" | "-") product)*
product = signed (("*" | "/") signed)*
signed  = ("-" | "+") signed | number | "(" sum ")"
"""

import re
from fractions import Fraction

_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+|[-+*/()])")


def evaluate(expression: str) -> Fraction:
    """The value of an expression; ValueError where it is none."""
    tokens, end = [], 0
    while end < len(expression.rstrip()):
        match = _TOKEN.match(expression, end)
        if match is None:
            raise ValueError(f"{expression!r} at {end}")
        tokens.append(match[1])
        end = match.end()
    tokens.append("")
    value = _sum(tokens)
    if tokens != [""]:
        raise ValueError(f"{expression!r} goes on with {tokens}")
    return value


def _sum(tokens):
    value = _product(tokens)
    while tokens[0] in ("+", "-"):
        sign = tokens.pop(0)
        other = _product(tokens)
        value = value + other if sign == "+" else value - other
    return value


def _product(tokens):
    value = _signed(tokens)
    while tokens[0] in ("*", "/"):
        sign = tokens.pop(0)
        other = _signed(tokens)
        value = value * other if sign == "*" else value / other
    return value


def _signed(tokens):
    token = tokens.pop(0)
    if token in ("-", "+"):
        return _signed(tokens) * (-1 if token == "-" else 1)
    if token == "(":
        value = _sum(tokens)
        if tokens.pop(0) != ")":
            raise ValueError("an open bracket")
        return value
    return Fraction(token)
