r"""Answers to maths problems: numbers and simple fractions read here, LaTeX left to a verifier.

A number may be dressed as people and textbooks dress it: `$1,234.50`, `20%`, `3/4`, `-\frac{3}{4}`, `\(12\)`.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from envs import answers
from envs.data.formats import unboxed
from envs.verifier import LONGEST

_FRACTION = r"[-+−]?(?:\\[dt]?frac\{[-−]?[0-9]{1,15}\}\{[0-9]{1,15}\}|[0-9]{1,15} ?/ ?[0-9]{1,15})"
NUMERIC = re.compile(rf"(?<![0-9.,/]){_FRACTION}(?![0-9/]|[.,][0-9])|(?:{answers.AMOUNT.pattern})(?! ?/ ?[0-9])")
"""A number as `answers.AMOUNT` has it, or a simple fraction of whole numbers."""

_INTEGERS = re.compile(r"[0-9]+")
_UNDRESS = re.compile(r"\\[,;!:]|\\(?:left|right)(?![a-z])|(?<=[0-9])\{,\}|\\(?=[$%])")
_WRAPPED = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))


@dataclass(frozen=True)
class Value:
    """An answer.

    Attributes:
        text: As it was written, without what it was wrapped in.
        number: What it comes to, exactly; None for one that is no number to us.
    """

    text: str
    number: Fraction | None


def read_value(text: str) -> Value:
    """Read any text; one that is no number has none."""
    text = unwrapped(text)
    return Value(text, read_number(text))


def unwrapped(text: str) -> str:
    r"""A text without the `$…$`, `\(…\)`, `\[…\]` or `\boxed{…}` around all of it."""
    text = text.strip()
    for opening, closing in _WRAPPED:
        inner = text[len(opening) : -len(closing)]
        wraps = len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing)
        bare = inner.replace(r"\$", "")  # a dollar of money
        if wraps and opening not in bare and closing not in bare:
            text = inner.strip()
    inside = unboxed(text)
    return text if inside is None or text != rf"\boxed{{{inside}}}" else inside.strip()


def read_number(text: str) -> Fraction | None:
    """What a number or simple fraction comes to; None for any other text, and for a division by zero."""
    if len(text) > LONGEST:
        return None
    plain = _UNDRESS.sub("", text).strip()
    if not NUMERIC.fullmatch(plain):
        return None
    if "/" in plain or "frac" in plain:
        over, under = (Fraction(digits) for digits in _INTEGERS.findall(plain))
        negative = sum(plain.count(sign) for sign in "-−") % 2
        return None if not under else -over / under if negative else over / under
    return Fraction(answers.plain_amount(plain).rstrip("."))
