"""Trends of a run that usually mean trouble, found in the rows of `metrics.csv` alone.

A figure is the mean of the last `WINDOW` steps, and is compared with that of the first ones, so no single step raises
an alert. What an alert depends on are the rows as they stand in the file, in their order: a resumed run that is shown
its earlier rows says what the uninterrupted one says.
"""

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

# Steps that a figure is averaged over: a mean of ten is steady enough to halve or double by more than noise.
WINDOW = 10
# The reward is compared after so many steps, then after twice as many, and so on. The recorded runs of all three tasks
# had risen by more than ten standard errors by then; windows of 25 steps tell two standard errors from chance.
STUCK_AFTER, STUCK_WINDOW, STUCK_ERRORS = 200, 25, 2.0
# Entropy falls in every run that learns, to a twentieth in a recorded one whose reward doubled meanwhile. A tenth of
# what it was at first is a collapse if the reward has gained less than a tenth since the entropy was at half.
ENTROPY_LEFT, ENTROPY_HALF = 0.1, 0.5
# By how much a reward has to be larger to have gained something.
GAIN = 0.1
# There is no more to gain within a tenth of the most that an answer can earn, nor where errors are a hundredth of the
# worst: some components, such as those of length, give no honest answer all that they could.
NEAR_BEST, NEAR_EXACT = 0.1, 0.01
# Nats a token: at 1 an answer of ten tokens is some e^10 times as likely as under the reference, or as unlikely.
# Published runs with a KL term stay below 0.1.
KL_LARGE = 1.0
# Answers three times as long as at first, and some of them cut off, or the reward no larger: growth that pays, and that
# there is room for, may well be reasoning.
LENGTH_GROWN, CUT_SOME = 3.0, 0.05
# Half of the answers cut off: most of the batch earns nothing, whatever it says.
CUT_MANY = 0.5
# Of all answers, how many fewer can be read than at the best time: far more than the noise of a batch.
PARSED_FALL = 0.2

# What usually helps: where rewards are learned from, and a student who learns from its own answers, who has no use for
# most of those flags.
HELP = {
    "reward": (
        "a larger --learning-rate or --group-size, an easier task, or --cold-start answers may help",
        "a larger --learning-rate, or --distill off-policy before, may help",
    ),
    "length": (
        "--normalise constant takes away what length alone earns, --kl-weight 0.02 holds the policy back, "
        "--max-new-tokens gives room",
        "a lower --learning-rate holds the student back, --max-new-tokens gives room",
    ),
    "parsed": (
        "a lower --learning-rate, --kl-weight 0.02 or, after a cold start, a larger --replay-weight keeps the form",
        "a lower --learning-rate, or --distill off-policy before, keeps the form",
    ),
}

Row = Mapping[str, Any]


class Alerts:
    """Finds the trends of one run.

    Each is told once; again when it is twice as bad, or when it comes back after it was less than half as bad as what
    raises it.

    Args:
        best: the most that an answer can earn; None takes the largest reward that was seen.
        worst_error: of the task; None where nobody can say.
        student: whether a teacher is learned from, not rewards.
    """

    def __init__(self, best: float | None = None, worst_error: float | None = None, student: bool = False) -> None:
        self.best, self.worst_error = best, worst_error
        self.help = {trend: texts[student] for trend, texts in HELP.items()}
        self.latest: dict[str, deque[float]] = {}
        self.firsts: dict[str, float] = {}
        """What each figure was in the first `WINDOW` steps."""
        self.said: dict[str, float] = {}
        """How bad each trend was when it was last told, in units of what raises it."""
        self.reward_first: list[float] = []
        self.reward_last: deque[float] = deque(maxlen=STUCK_WINDOW)
        self.reward_at_half: float | None = None
        self.top: float | None = None
        """The largest reward of any answer."""
        self.best_parsed: tuple[float, int] = (-math.inf, 0)

    def feed(self, row: Row) -> list[str]:
        """Take the next row of `metrics.csv`; returns what there is to say about it.

        Args:
            row: numbers or their text; what is missing, empty or no finite number counts for nothing.
        """
        step = int(row["step"])
        means = {}
        for name in ("reward", "entropy", "kl", "answer_tokens", "truncated", "parsed", "mae"):
            mean = self._mean(name, number(row.get(name)))
            if mean is not None:
                means[name] = mean
        top = number(row.get("reward_max"))
        self.top = top if self.top is None or (top is not None and top > self.top) else self.top
        found = [self._reward(step, number(row.get("reward")), means), self._infinite_kl(step, row.get("kl"))]
        for trend in (self._entropy, self._kl, self._length, self._cut, self._parsed):
            found.append(trend(step, means))
        return [text for text in found if text is not None]

    def _mean(self, name: str, value: float | None) -> float | None:
        """The mean of a figure's last steps; None before there are enough of them."""
        latest = self.latest.setdefault(name, deque(maxlen=WINDOW))
        if value is not None:
            latest.append(value)
        if len(latest) < WINDOW:
            return None
        mean = sum(latest) / WINDOW
        self.firsts.setdefault(name, mean)
        return mean

    def _tell(self, trend: str, badness: float, text: Callable[[], str]) -> str | None:
        """The text, if the trend is bad enough (1 and more) to be told, or told again."""
        before = self.said.get(trend)
        if badness >= 1 and (before is None or badness >= 2 * before):
            self.said[trend] = badness
            return text()
        if badness < 0.5:
            self.said.pop(trend, None)
        return None

    def _perfect(self, reward: float, means: Mapping[str, float]) -> bool:
        """Whether there is no more to gain."""
        error, best = means.get("mae"), self.top if self.best is None else self.best
        if error is not None and self.worst_error is not None and error <= NEAR_EXACT * self.worst_error:
            return True
        return best is not None and best > 0 and best - reward <= NEAR_BEST * best

    def _reward(self, step: int, reward: float | None, means: Mapping[str, float]) -> str | None:
        """Whether the reward is still what it was at first; asked after 200 steps, 400, 800 and so on."""
        if reward is not None:
            self.reward_last.append(reward)
            if len(self.reward_first) < STUCK_WINDOW:
                self.reward_first.append(reward)
        due = step >= STUCK_AFTER and math.log2(step / STUCK_AFTER).is_integer()
        if not due or len(self.reward_last) < STUCK_WINDOW:
            return None
        first, first_error = mean_and_error(self.reward_first)
        last, last_error = mean_and_error(self.reward_last)
        risen = last - first >= STUCK_ERRORS * math.hypot(first_error, last_error) and last > first
        if risen or self._perfect(last, means):
            return None
        return (
            f"the reward has not risen in {step} steps: {last:.3g} in the last {STUCK_WINDOW}, {first:.3g} in the first"
            f"; {self.help['reward']}"
        )

    def _entropy(self, step: int, means: Mapping[str, float]) -> str | None:
        """Whether answers have become all alike without having become better."""
        first, now, reward = self.firsts.get("entropy"), means.get("entropy"), means.get("reward")
        if first is None or now is None or reward is None or first <= 0:
            return None
        if now <= ENTROPY_HALF * first and self.reward_at_half is None:
            self.reward_at_half = reward
        before = reward if self.reward_at_half is None else self.reward_at_half
        gained = reward - before > GAIN * abs(before)
        badness = 0.0 if gained or self._perfect(reward, means) else ENTROPY_LEFT * first / max(now, 1e-9)
        return self._tell(
            "entropy",
            badness,
            lambda: (
                f"entropy collapse: {now:.2g} nats a token at step {step}, {first:.2g} at first, and the reward went "
                f"from {before:.3g} to {reward:.3g} meanwhile; --entropy-target or --entropy-bonus keeps "
                "answers apart; so does a larger --clip-high where --updates-per-batch is above 1"
            ),
        )

    def _kl(self, step: int, means: Mapping[str, float]) -> str | None:
        """Whether the policy has left its reference far behind."""
        kl = means.get("kl", 0.0)
        return self._tell(
            "kl",
            kl / KL_LARGE,
            lambda: (
                f"the KL divergence from the reference is {kl:.2g} nats a token at step {step}; a larger --kl-weight, "
                "a lower --learning-rate or a smaller --max-grad-norm holds the policy back"
            ),
        )

    def _infinite_kl(self, step: int, cell: Any) -> str | None:
        """Whether the KL divergence is no number any more, which is told once."""
        try:
            broken = not math.isfinite(float(cell))
        except (TypeError, ValueError):  # there is none
            return None
        if not broken or "infinite kl" in self.said:
            return None
        self.said["infinite kl"] = math.inf
        return (
            f"the KL divergence from the reference is {float(cell)} at step {step}: the policy says what is impossible "
            "under it; begin again from an earlier checkpoint (--model), with a lower --learning-rate or a smaller "
            "--max-grad-norm"
        )

    def _length(self, step: int, means: Mapping[str, float]) -> str | None:
        """Whether answers grow until they are cut off, or for nothing."""
        first, now, cut = (*(of.get("answer_tokens") for of in (self.firsts, means)), means.get("truncated"))
        if first is None or now is None or cut is None or first <= 0:
            return None
        before, reward = self.firsts.get("reward", 0.0), means.get("reward", 0.0)
        if cut < CUT_SOME and reward - before > GAIN * abs(before):
            return self._tell("length", 0.0, str)
        meanwhile = f"and {cut:.0%} of them cut off"
        if cut < CUT_SOME:
            meanwhile = f"and the reward went from {before:.3g} to {reward:.3g} meanwhile"
        return self._tell(
            "length",
            now / first / LENGTH_GROWN,
            lambda: (
                f"answers have {now:.0f} tokens at step {step}, {first:.0f} at first, {meanwhile}; "
                f"{self.help['length']}"
            ),
        )

    def _cut(self, step: int, means: Mapping[str, float]) -> str | None:
        """Whether most answers do not come to their end."""
        cut = means.get("truncated", 0.0)
        return self._tell(
            "truncated",
            cut / CUT_MANY if cut < CUT_MANY else 1.0,  # all of them is not twice as bad as half
            lambda: f"{cut:.0%} of the answers are cut off at step {step}; a larger --max-new-tokens gives them room",
        )

    def _parsed(self, step: int, means: Mapping[str, float]) -> str | None:
        """Whether fewer answers can be read than could be before."""
        parsed = means.get("parsed")
        if parsed is None:
            return None
        if parsed > self.best_parsed[0]:
            self.best_parsed = parsed, step
        best, at = self.best_parsed
        return self._tell(
            "parsed",
            (best - parsed) / PARSED_FALL,
            lambda: (
                f"{parsed:.0%} of the answers can be read at step {step}, {best:.0%} at step {at}; "
                f"{self.help['parsed']}"
            ),
        )


def number(value: Any) -> float | None:
    """A cell as a finite number with the digits of `metrics.csv`; None for anything else."""
    try:
        found = float(f"{float(value):.7g}")
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def mean_and_error(values: Collection[float]) -> tuple[float, float]:
    """The mean of at least two numbers, and its standard error."""
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))
