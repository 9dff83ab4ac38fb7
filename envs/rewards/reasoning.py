"""Components that look at the reasoning: its steps, what it repeats."""

import re

from envs.answers import OPEN
from envs.forms import Form, answer_label
from envs.rewards.component import component, require

STEP = re.compile(
    r"^[ \t]{0,8}(?:[Ss]tep [0-9]{1,3}[:.]|[0-9]{1,3}[.)][ \t]|[-*•][ \t])"
    r"|\b(?:First|Second|Third|Next|Then|Finally),",
    re.MULTILINE,
)
"""What begins a step: `Step 3:`, `3. `, `- ` at the beginning of a line, or a word such as `Next,` anywhere."""


def reasoning(text: str, style: Form = "think") -> str:
    """What stands before the first `<answer>` and, with labels, the first `Answer:` that begins a line; else all."""
    before = text.partition(OPEN)[0]
    label = answer_label(style)
    return before if label is None else f"\n{before}".partition(f"\n{label}")[0]


@component()
def reasoning_steps(text: str, *, enough: int = 3, style: Form = "think") -> float:
    """How many steps the reasoning shows, as a share of what is enough. Bounds [0, 1].

    `min(1, n / enough)` with n markers of a step (`STEP`) before the answer. It counts markers, not thoughts: give it a
    small weight, for it is paid for a list of anything. After R1-Zero tutorials, which take 3 to be enough.

    Args:
        text: What the policy wrote.
        enough: As many steps as earn all of it, 1 and up.
        style: Where the answer begins, see `reasoning`.
    """
    require(enough >= 1, "enough must be 1 or more", enough)
    return min(1.0, sum(1 for _ in STEP.finditer(reasoning(text, style))) / enough)


@component(bounds=lambda penalty, **_: (penalty, 0.0))
def repetition(text: str, *, n: int = 3, penalty: float = -0.1) -> float:
    """A penalty for n-grams of words that occur again. Bounds [penalty, 0].

    `penalty · (1 − distinct / all)` over the n-grams of the text in lower case, words being what white space parts; 0
    for a text of fewer than n words. Yeo et al. 2025 (arXiv 2502.03373), appendix C.2, there over tokens. A text
    without white space is one word, so that nothing in it is ever repeated: bound the length as well.

    Args:
        text: What the policy wrote.
        n: Words in an n-gram, 1 and up.
        penalty: What a text pays that is all repetition, 0 or less.
    """
    require(n >= 1, "n must be 1 or more", n)
    require(float("-inf") < penalty <= 0.0, "penalty must be 0 or less", penalty)
    words = text.lower().split()
    total = len(words) - n + 1
    if total < 1:
        return 0.0
    return penalty * (1.0 - len(set(zip(*(words[i:] for i in range(n)), strict=False))) / total)
