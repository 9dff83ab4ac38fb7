"""What a story is made of: steps, the numbers in them, and how both are written.

A `Step` takes a quantity of some kind (apples in a basket, dollars in a purse) to another one. Its sentence and
the lines of its solution are format strings with these names:

    {name} {She} {she} {Her} {her} {him}   who it is about; the pronouns agree
    {friend}                               somebody of the other gender, so that pronouns stay clear
    {items} {item} {N}                     what it is about: plural, singular, and both for a number's sake
    {boxes} {box} {B}                      what it is packed in, likewise
    {gets} {flaw} {thing}                  "picks", "rotten"; something to buy, "a scarf"
    {a} {b} {v}                            the operands; v is the quantity that the step starts from
    {calc}                                 in a solution: 12 - 5 = <<12-5=7>>7

A number takes a noun as its format: `{a:{N}}` is "1 apple" or "5 apples", `{a:box|boxes}` "5 boxes", `{a:=is|are}`
the word alone. `{calc:$}` writes dollars as GSM8K does: 9 * 2 = $<<9*2=18>>18.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Choices = Sequence[int]

SOME: Choices = range(2, 41)
"""Of something that is added or taken away."""
FEW: Choices = range(2, 11)
"""Of something that multiplies or divides."""
PERCENT: Choices = (10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90)

_TOKEN = re.compile(r"[a-z]|[0-9]+|[-+*/]")


@dataclass(frozen=True, eq=False)
class Step:
    """A sentence of the question, with what it does to the quantity.

    Attributes:
        takes: Kind of the quantity before; "" for a step that opens a story.
        gives: Kind of the quantity after.
        tells: The sentence.
        work: What is to be computed, one pair for each step of the solution: a formula such as "v-a" and the line
            that shows it. A formula is a chain of either `+ -` or `* /` over numbers and the letters v, a, b, and x,
            the result of the formula before.
        asks: The question, for a step that can only be the last; else its kind's question is asked.
        ranges: What the operands may be; those not named are `a` among `SOME` and `b` among `FEW`.
        enters: The situation that the story moves on to, if it does.
    """

    takes: str
    gives: str
    tells: str
    work: tuple[tuple[str, str], ...] = ()
    asks: str = ""
    ranges: Mapping[str, Choices] = field(default_factory=dict)
    enters: str = ""

    @property
    def letters(self) -> tuple[str, ...]:
        """The operands that are drawn for it, in a fixed order."""
        used = {token for formula, _ in self.work for token in _TOKEN.findall(formula)}
        used |= set(self.ranges)
        return tuple(letter for letter in "vab" if letter in used and not (letter == "v" and self.takes))

    def choices(self, letter: str) -> Choices:
        """What an operand may be."""
        return self.ranges.get(letter, FEW if letter == "b" else SOME)


@dataclass(frozen=True)
class Situation:
    """Where a story plays: the words that its steps leave open.

    Attributes:
        nouns: What it may be about, each "apple|apples".
        boxes: What that is packed in, each "basket|baskets".
        gets: How one comes by it: "picks".
        flaw: What is wrong with a bad one: "rotten".
        asides: Sentences with a number `{n}` that changes nothing.
    """

    nouns: tuple[str, ...] = ("thing|things",)
    boxes: tuple[str, ...] = ("box|boxes",)
    gets: str = "gets"
    flaw: str = "broken"
    asides: tuple[str, ...] = ()


def plural(noun: str) -> str:
    """`apple|apples` to `apples`."""
    return noun.partition("|")[2]


def singular(noun: str) -> str:
    """`apple|apples` to `apple`."""
    return noun.partition("|")[0]


def _agree(number: int, noun: str) -> str:
    return singular(noun) if number == 1 else plural(noun)


class Number(int):
    """A number that writes itself with its noun."""

    def __format__(self, spec: str) -> str:
        if spec.startswith("="):
            return _agree(self, spec[1:])
        return f"{int(self)} {_agree(self, spec)}" if spec else str(int(self))


@dataclass(frozen=True)
class Calculation:
    """An expression with its value, in GSM8K's notation."""

    expression: str
    value: int

    def __format__(self, spec: str) -> str:
        spaced = re.sub(r"[-+*/]", r" \g<0> ", self.expression)
        sign, noun = ("$", "") if spec == "$" else ("", spec)
        result = f"{spaced} = {sign}<<{self.expression}={self.value}>>{self.value}"
        return f"{result} {_agree(self.value, noun)}" if noun else result


def calculate(formula: str, numbers: Mapping[str, int], largest: int) -> Calculation | None:
    """Work a formula out, from left to right.

    Returns:
        None where its value is not a whole number from 1 to `largest`.
    """
    tokens = [str(numbers[token]) if token.isalpha() else token for token in _TOKEN.findall(formula)]
    value = int(tokens[0])
    for sign, number in zip(tokens[1::2], map(int, tokens[2::2]), strict=True):
        if sign == "/":
            if value % number:
                return None
            value //= number
        else:
            value = value * number if sign == "*" else value + number if sign == "+" else value - number
        if value < 1:
            return None
    return Calculation("".join(tokens), value) if value <= largest else None
