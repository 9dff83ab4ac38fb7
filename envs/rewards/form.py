"""Components that look at the form of a text, in one of the four styles that `envs.forms` has.

None of them looks at what the answer says, so give them small weights. `formatted`, every task's own part `format`,
takes a text with and without reasoning alike, and asks for no newlines. In a task with a `form` that is their style.
"""

from envs.answers import CLOSE, OPEN
from envs.forms import MARKS, Form, is_formatted
from envs.rewards.component import component, require


def formatted(text: str, form: Form | None = None) -> float:
    """1.0 if the text is one answer in the form, at most a reasoning before it; otherwise 0.0. None is `think`."""
    return float(is_formatted(text, form))


@component()
def strict_format(text: str, *, style: Form = "think") -> float:
    """1 for a text in exactly this form, every tag on a line of its own; else 0. Bounds {0, 1}.

    `<think>⏎…⏎</think>⏎<answer>⏎…⏎</answer>`, one newline after it allowed; each tag once in all; what stands between
    them may have many lines and must not be blank. With labels: `Reasoning:…⏎Answer:…`, the answer on the last line.
    Published runs give it weight 0.5.

    Args:
        text: What the policy wrote.
        style: See `envs.forms`.
    """
    marks = _marks(style)
    if _singles(text, marks) < len(marks):
        return 0.0
    body = text.removesuffix("\n")
    if style == "labels":
        first, last = marks
        thought, found, answer = body.removeprefix(first).partition(f"\n{last}")
        whole = body.startswith(first) and found and "\n" not in answer
        return float(bool(whole and thought.strip() and answer.strip()))
    opening, between, closing = f"{marks[0]}\n", f"\n{marks[1]}\n{OPEN}\n", f"\n{CLOSE}"
    if not (body.startswith(opening) and body.endswith(closing)):
        return 0.0
    inside = [body[len(opening) : -len(closing)]]
    if style != "none":
        thought, found, answer = body.partition(between)
        inside = [thought[len(opening) :], answer[: -len(closing)]] if found else [""]
    return float(all(map(str.strip, inside)))


@component()
def soft_format(text: str, *, style: Form = "think") -> float:
    """1 for a text that holds the form somewhere, newlines or not; else 0. Bounds {0, 1}.

    Each tag once, in order, and nothing but white space between reasoning and answer; what stands before and after
    does not matter, nor what stands inside. With labels: both once, in order. Published runs give it weight 0.5.

    Args:
        text: What the policy wrote.
        style: See `envs.forms`.
    """
    marks = _marks(style)
    if _singles(text, marks) < len(marks):
        return 0.0
    places = [_place(text, mark) for mark in marks]
    if places != sorted(places):
        return 0.0
    return float(len(marks) < 4 or not text[places[1] + len(marks[1]) : places[2]].strip())


@component()
def tag_count(text: str, *, style: Form = "think", penalty: float = 0.004) -> float:
    """The share of the style's tags that stand there exactly once, less a penalty for what trails. Bounds [0, 1].

    `max(0, n / N − penalty · t)` with n of N tags that occur once, and t the characters after the answer, white space
    around them apart. A slope towards the form, where the other two are all or nothing. Published runs pay 0.125 a tag
    and take 0.001 a character twice, once for each of two ways of closing the answer, which is this at weight 0.5;
    theirs has no lower bound, and asks for newlines.

    Args:
        text: What the policy wrote.
        style: See `envs.forms`.
        penalty: What a trailing character costs, 0 and up.
    """
    require(0.0 <= penalty < float("inf"), "penalty must be 0 or more", penalty)
    marks = _marks(style)
    last = _place(text, marks[-1], last=True)
    trailing = "" if last < 0 else text[last + len(marks[-1]) :]
    if style == "labels":  # the answer itself is the rest of the line
        trailing = trailing.partition("\n")[2]
    return max(0.0, _singles(text, marks) / len(marks) - penalty * len(trailing.strip()))


PAID_FORMS = ("strict_format", "soft_format", "tag_count")
"""The components that pay for all of a form, by name."""


def _marks(style: Form) -> tuple[str, ...]:
    require(style in MARKS, f"style must be one of {', '.join(MARKS)}", style)
    return MARKS[style]


def _singles(text: str, marks: tuple[str, ...]) -> int:
    """How many of the marks occur exactly once; labels count at the beginning of a line alone."""
    lines = f"\n{text}"
    return sum((text.count(mark) if mark.startswith("<") else lines.count(f"\n{mark}")) == 1 for mark in marks)


def _place(text: str, mark: str, last: bool = False) -> int:
    """Where a mark stands, the first or the last of it; -1 where it does not."""
    lines, sought = (text, mark) if mark.startswith("<") else (f"\n{text}", f"\n{mark}")
    return lines.rfind(sought) if last else lines.find(sought)
