"""Tables of text, shown in a terminal or written as Markdown; whoever named what is in them is not trusted."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from train.evaluation.bootstrap import Interval

DASH = "–"
ENDS = ("value", "low", "high")
SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$#])")
"""What means something to Markdown inside a cell."""


@dataclass(frozen=True)
class Sheet:
    """A table: words in the first column, figures in the others."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """As many cells in each as in the header."""
    notes: tuple[str, ...] = ()
    """Lines beneath."""


def harmless(text: str) -> str:
    """Text in one line, with whatever a terminal might obey written out as an escape."""
    line = re.sub(r"\s+", " ", text).strip()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


def to_rich(sheets: Sequence[Sheet]) -> Group:
    """For a terminal, without markup."""
    shown: list[RenderableType] = []
    for sheet in sheets:
        shown.append(Text(harmless(sheet.title), style="bold"))
        if sheet.rows:
            table = Table()
            for i, name in enumerate(sheet.header):
                table.add_column(Text(harmless(name)), justify="right" if i else "left", overflow="fold")
            for row in sheet.rows:
                table.add_row(*(Text(harmless(cell)) for cell in row))
            shown.append(table)
        shown += [Text(harmless(note)) for note in sheet.notes]
        shown.append(Text())
    return Group(*shown[:-1])


def to_markdown(sheets: Sequence[Sheet]) -> str:
    """GitHub's pipe tables, each under its title in bold, figures aligned right; ends with a newline."""
    blocks = []
    for sheet in sheets:
        blocks.append(f"**{escaped(sheet.title)}**")
        if sheet.rows:
            rule = (":--", *("--:" for _ in sheet.header[1:]))
            lines = [_line(map(escaped, sheet.header)), _line(rule)]
            lines += [_line((escaped(row[0]), *map(_unlinked, row[1:]))) for row in sheet.rows]
            blocks.append("\n".join(lines))
        blocks += [escaped(note) for note in sheet.notes]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text in one line that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", harmless(text))


def with_interval(
    one: Interval | None, rate: bool = False, signed: bool = False, beside: Interval | None = None
) -> str:
    """`12.3 [10.1, 14.9]`: three digits of the largest number, at most four decimals; a dash for None.

    Args:
        one: the figure.
        rate: shown in %, or in percentage points, with one decimal.
        signed: a difference, which has its sign.
        beside: a figure that has as many decimals.
    """
    if one is None:
        return DASH
    numbers = [one[name] * (100 if rate else 1) for name in ENDS]
    decimals = 1 if rate else decimals_of(max(abs((beside or one)[name]) for name in ENDS))
    value, low, high = (rounded(number, decimals, signed) for number in numbers)
    return f"{value} [{low}, {high}]"


def decimals_of(largest: float) -> int:
    """How many decimals show three digits of a number, 0 to 4; as many as 1 has for 0."""
    if largest == 0 or not math.isfinite(largest):
        return 2
    return min(max(2 - math.floor(math.log10(largest)), 0), 4)


def rounded(number: float, decimals: int, signed: bool) -> str:
    """A number as text, with a sign where it is asked for and there is one: zero has none, nor what rounds to it."""
    number = round(number, decimals) + 0.0
    return f"{number:{'+' if signed and number else ''}.{decimals}f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _unlinked(cell: str) -> str:
    """A cell of figures: brackets and signs mean nothing there, and stay readable in the source."""
    return harmless(cell).replace("<", "&lt;").replace("|", r"\|").replace("*", r"\*")
