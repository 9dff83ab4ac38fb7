"""Reading an answer out of whatever a policy wrote.

Two readings exist. The committed one counts for reward and error: the policy has to settle on one answer.
The lenient one is only reported beside it, to tell a policy that cannot see from one that cannot keep to the
format.

Everything here takes any `str` (empty, megabytes long, lone surrogates), never raises, and takes time linear
in its length: plain `str` searches rather than patterns that could backtrack.
"""

import re
from collections import deque
from collections.abc import Iterator

import numpy as np

OPEN, CLOSE = "<answer>", "</answer>"
OPEN_THINK, CLOSE_THINK = "<think>", "</think>"

NUMBER = re.compile(r"(?<![0-9.])[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?![0-9]|\.[0-9])")
"""A plain decimal number of at most 15 digits on each side of the point: `3`, `-0.42`, `+.5`; no exponent."""

TIME = re.compile(r"(?<![0-9:])(?:\[{0}\]|{0})(?![0-9:]|\.[0-9])".format(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"))
"""A time of day: `07:25:30`, `7:25`, `[7:25:30]`. Whether it is possible is for `read_time` to say."""

AMOUNT = re.compile(
    r"(?<![0-9.,])(?:[-+−]?\$?|\$[-+−])"
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,15})(?:\.[0-9]{0,15})?|\.[0-9]{1,15})%?"
    r"(?![0-9]|[.,][0-9])"
)
"""A number as people write amounts: as `NUMBER`, and `1,234`, `$18.50`, `-$3`, `−3`, `20%` (which is 20)."""


MOST_CANDIDATES = 1000
"""So many are looked at in search of one that can be read: a megabyte of `1/0` holds a quarter of a million."""


def tagged(answer: str) -> str:
    """The answer as a policy is asked to write it: `<answer>07:25:30</answer>`."""
    return f"{OPEN}{answer}{CLOSE}"


def committed(text: str, label: str | None = None) -> str | None:
    """The one answer that a text commits to, or None where there is none or more than one.

    It is what stands between the tags if the text holds exactly one `<answer>` and, after it, exactly one
    `</answer>`; in a text without any such tag it is the whole text. White space around it is dropped.

    Args:
        text: What the policy wrote.
        label: In a text without tags, where a line begins with this, the answer is the rest of that line; there must be
            no other such line. None has no such lines.
    """
    opened, closed = text.count(OPEN), text.count(CLOSE)
    if opened == closed == 0:
        _, *labelled = [text] if label is None else f"\n{text}".split(f"\n{label}", 2)
        if not labelled:
            return text.strip()
        return labelled[0].partition("\n")[0].strip() if len(labelled) == 1 else None
    if opened != 1 or closed != 1:
        return None
    start, end = text.index(OPEN) + len(OPEN), text.index(CLOSE)
    return text[start:end].strip() if start <= end else None


def candidates(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """What in a text looks like an answer, the last one first, at most `MOST_CANDIDATES`."""
    spans = deque((match.span() for match in pattern.finditer(text)), maxlen=MOST_CANDIDATES)
    return (text[start:end] for start, end in reversed(spans))


def read_time(text: str) -> tuple[int, int, int] | None:
    """Read a text that matches `TIME`.

    Returns:
        `(hour, minute, second)` with hours 0 to 23, or None for an impossible time such as 7:61 or 99:99:99.
    """
    hour, minute, second = [*map(int, text.strip("[]").split(":")), 0][:3]
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def read_amount(text: str) -> float:
    """Read a text that matches `AMOUNT`: the number alone, without its dollar or percent sign."""
    return float(plain_amount(text))


def plain_amount(text: str) -> str:
    """A text that matches `AMOUNT` without dollar and percent signs and commas: `$1,080` becomes `1080`."""
    return text.translate({ord(sign): None for sign in "$%,+"}).replace("−", "-")


def plain_number(value: float, decimals: int = 0, sign: bool = False) -> str:
    """A finite number in decimals that read as exactly that number: the fewest there are, and no exponent.

    Args:
        value: The number; -0.0 is written as 0.
        decimals: The fewest decimals, 0 and up.
        sign: Put a plus before what is not negative.
    """
    return np.format_float_positional(value + 0.0, min_digits=decimals, sign=sign, trim="k" if decimals else "-")


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8, as every tokenizer does: one with a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
