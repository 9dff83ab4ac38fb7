"""Components that look at the length of a text, in characters.

The papers count tokens. A task knows no tokenizer, and one that did would score the same words differently for
different models, so characters are counted here: about four to a token of English, about one to a token of digits.
"""

import math

from envs.forms import Form
from envs.rewards.component import Bounds, component, require
from envs.rewards.reasoning import reasoning


def _ends(short_correct: float, long_correct: float, short_wrong: float, long_wrong: float, **_: float) -> Bounds:
    ends = (short_correct, long_correct, short_wrong, long_wrong)
    return min(ends), max(ends)


@component(bounds=_ends)
def cosine(
    text: str,
    *,
    correct: bool,
    short_correct: float = 1.0,
    long_correct: float = 0.8,
    short_wrong: float = -0.5,
    long_wrong: float = -0.1,
    max_length: int = 1000,
) -> float:
    """Correct answers earn more if short, wrong ones lose less if long. Bounds [short_wrong, short_correct].

    `long + (short − long) · (1 + cos(π · min(1, L / max_length))) / 2` with L the characters of the text, and the two
    ends of correct or of wrong answers. Yeo et al. 2025 (arXiv 2502.03373), appendix C.1, in tokens; that it goes from
    −0.5 to 1 is from an R1-Zero tutorial. A cosine turns back up beyond `max_length`; this one stays at its end.

    Args:
        text: What the policy wrote.
        correct: Whether its answer is.
        short_correct: What a correct answer of length 0 earns.
        long_correct: What a correct answer of `max_length` or more earns.
        short_wrong: What a wrong answer of length 0 earns.
        long_wrong: What a wrong answer of `max_length` or more earns.
        max_length: In characters, 1 and up.
    """
    require(max_length >= 1, "max_length must be 1 or more", max_length)
    for end in (short_correct, long_correct, short_wrong, long_wrong):
        require(math.isfinite(end), "the ends must be finite", end)
    short, long = (short_correct, long_correct) if correct else (short_wrong, long_wrong)
    return long + (short - long) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, len(text) / max_length)))


@component()
def log_length(text: str, *, enough: int = 1000, style: Form = "think") -> float:
    """Longer reasoning earns more, ever more slowly. Bounds [0, 1].

    `min(1, ln(1 + L) / ln(1 + enough))` with L the characters before the answer, white space around them apart, so
    that nothing is earned by what trails. Any text earns it, so give it a small weight, and `repetition` beside it.
    After a run of Qwen2.5-0.5B on GSM8K.

    Args:
        text: What the policy wrote.
        enough: As many characters as earn all of it, 1 and up.
        style: Where the answer begins, see `envs.rewards.reasoning.reasoning`.
    """
    require(enough >= 1, "enough must be 1 or more", enough)
    return min(1.0, math.log1p(len(reasoning(text, style).strip())) / math.log1p(enough))


@component(-1.0, 0.0)
def overlong(text: str, *, max_length: int = 4000, cache: int = 800) -> float:
    """A penalty for a text that comes near a bound. Bounds [-1, 0].

    0 up to `max_length − cache` characters, −1 beyond `max_length`, and `(max_length − cache − L) / cache` between.
    Soft overlong punishment: DAPO (Yu et al. 2025, arXiv 2503.14476), equation 13, in tokens: 20480 and 4096.

    Args:
        text: What the policy wrote.
        max_length: In characters, 1 and up.
        cache: Characters before it over which the penalty grows, 0 to `max_length`.
    """
    require(max_length >= 1, "max_length must be 1 or more", max_length)
    require(0 <= cache <= max_length, f"cache must be from 0 to max_length {max_length}", cache)
    length, free = len(text), max_length - cache
    if length <= free:
        return 0.0
    return -1.0 if length > max_length else (free - length) / cache
