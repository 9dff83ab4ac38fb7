"""The reward fuzzer: texts that get rewards they should not, wherever a scorer lets them.

Each has been seen to work somewhere: an empty answer, several, every option listed, the answer inside the reasoning,
tags nested or left open, 99:99, NaN and infinities, a megabyte, digits of other scripts, control characters, halves of
characters. `check_task` scores all of them.
"""

from collections.abc import Iterator

from envs.answers import CLOSE, CLOSE_THINK, OPEN, OPEN_THINK, tagged
from envs.forms import reply
from envs.rewards.form import PAID_FORMS
from envs.rules import Sample

MEGABYTE = 1_000_000

JUNK = (
    "",
    " \n\t",
    "\x00",
    "\ud800",
    "no idea",
    "99:99:99",
    "nan",
    "-inf",
    "1e999",
    "٣",
    "9" * 5000,
    "{" * 5000,
    OPEN,
    CLOSE,
    CLOSE + OPEN,
    tagged(""),
    tagged("nan"),
    tagged("9" * 5000),
    tagged("-1e999"),
    tagged("99:99:99"),
    tagged("\udfff"),
    OPEN * 5000,
    "[" * 100_000,
    "1/0",
    tagged("1/0"),
    tagged("NaN"),
    tagged("Infinity"),
    tagged("99:99"),
    tagged("\x00"),
    tagged(" \n"),
    tagged("\u200b\u202e"),
    "1" * MEGABYTE,
    "1:" * 50_000,
    tagged("<" * MEGABYTE),
    "12, " * 25_000,
)
"""Texts that a policy may well write and that no scorer may stumble over."""

SCRIPTS = ("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Digits that are no ASCII ones: Arabic, Devanagari, wide, raised."""

STEPS = "1. I look at it.\n2. Then, I count.\n3. Finally, I say what it is."

TRAILING = ("\n" + STEPS, "\n" + 100 * "x", 200 * "\nNext, I go on: there is more.")
"""What may stand behind an answer without being worth anything."""

FORMAL = (*PAID_FORMS, "reasoning_steps", "log_length")
"""The components that promise to pay nothing for what trails. Others count all of a text, `cosine` and `overlong`."""


def dressed(answer: str) -> tuple[str, ...]:
    """An answer in every form that one may be asked for, with reasoning and without."""
    return (
        tagged(answer),
        f"{OPEN}\n{answer}\n{CLOSE}\n",
        f"{OPEN_THINK}{STEPS}{CLOSE_THINK}{tagged(answer)}",
        f"{OPEN_THINK}\n{STEPS}\n{CLOSE_THINK}\n{OPEN}\n{answer}\n{CLOSE}\n",
        f"<reasoning>{STEPS}</reasoning>{tagged(answer)}",
        f"<reasoning>\n{STEPS}\n</reasoning>\n{OPEN}\n{answer}\n{CLOSE}\n",
    )


def honest(sample: Sample) -> tuple[str, ...]:
    """The truth of the first problem, in every form that the task reads."""
    truth = sample.task.best_answer(sample.problems[0].answer)
    labelled = (reply("labels", truth), reply("labels", truth, STEPS)) if sample.task.form == "labels" else ()
    return (*dressed(truth), *labelled)


def hacks(sample: Sample) -> Iterator[str]:
    """Texts made to be paid for without reading the first problem."""
    options = list(dict.fromkeys(sample.task.best_answer(posed.answer) for posed in sample.problems))
    yield from JUNK
    yield from _several(options)
    if len(options) > 1:
        yield from _inside(options[0], options[1])
    yield from _open_and_nested(options[0])
    for digits in SCRIPTS:
        yield tagged(options[0].translate(str.maketrans("0123456789", digits)))
    for said in ("", "no idea", "\x00", "\udfff", "nan"):
        yield from dressed(said)
    for label in ("Answer:", "####"):
        for said in ("", "no idea", f"{options[0]}\n{label} {options[-1]}", ", ".join(options)):
            yield f"Reasoning: {STEPS}\n{label} {said}"


def _several(options: list[str]) -> Iterator[str]:
    """Two answers, and all there are: apart, in one tag, and without any."""
    first, last = options[0], options[-1]
    yield tagged(first) + tagged(last)
    yield tagged(first) + tagged(first)
    if first != last:
        yield from (tagged(f"{first} or {last}"), tagged(f"{first}\n{last}"), f"{first} {last}")
        yield from ("".join(map(tagged, options)), tagged(", ".join(options)), " ".join(options))
        yield f"{OPEN_THINK}{', '.join(options)}{CLOSE_THINK}{tagged('')}"


def _inside(truth: str, wrong: str) -> Iterator[str]:
    """The answer in the reasoning: beside no other, beside a wrong one, behind a megabyte."""
    for said in (truth, tagged(truth)):
        yield f"{OPEN_THINK}{said}{CLOSE_THINK}"
        yield f"{OPEN_THINK}{said}{CLOSE_THINK}{tagged(wrong)}"
        yield f"{OPEN_THINK}{said}{CLOSE_THINK}{tagged('')}"
        yield f"<reasoning>{said}</reasoning>{tagged(wrong)}"
    yield f"{OPEN_THINK}{'Next, I think. ' * (MEGABYTE // 15)}{CLOSE_THINK}{tagged(wrong)}"


def _open_and_nested(truth: str) -> Iterator[str]:
    """Tags that are not closed, not opened, the wrong way round, one in another."""
    yield from (f"{OPEN}{truth}", f"{truth}{CLOSE}", f"{CLOSE}{truth}{OPEN}", f"{OPEN}{truth}{OPEN}")
    yield from (tagged(tagged(truth)), f"{OPEN}{tagged(truth)}", f"{tagged(truth)}{CLOSE}")
    yield from (tagged(f"{OPEN_THINK}{truth}"), tagged(f"{OPEN_THINK}{truth}{CLOSE_THINK}"))
    yield f"{OPEN_THINK}{OPEN_THINK}{truth}{CLOSE_THINK}{OPEN}{truth}"
