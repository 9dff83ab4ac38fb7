"""Each broken task breaks one rule, and `check_task` names that one."""

import itertools
import math
import random
import re
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from envs import Problem, Score, Task, check_task
from envs.tasks.clock import Clock
from rendering import Disc, Scene
from tests.envs.test_task import Sum

COUNTER = itertools.count()


@dataclass(frozen=True)
class Spot(Sum):
    """Fit to train on: where a disc stands."""

    size: int = 28

    def generate(self, rng):
        x = round(float(rng.random()), 2)
        spot = Scene((Disc((x, 0.5), 0.1, (0, 0, 0)),))
        return Problem("Where? <answer>NUMBER</answer>", f"{x:.2f}", spot, info={"x": x})


def altered(**changes):
    """A `generate` that changes the problem of `Spot`."""

    def generate(self, rng):
        return replace(Spot.generate(self, rng), **changes)

    return generate


def broken(name, fields=None, **members):
    """A subclass of `Spot`, decorated, with some members of its own."""
    return dataclass(frozen=True)(type(name, (Spot,), {"__annotations__": fields or {}, **members}))


def unreadable_scored_better(self, text, answer):
    score = Spot.score(self, text, answer)
    return score if score.parsed else replace(score, error=5.0)


def unreadable_rewarded(self, text, answer):
    score = Spot.score(self, text, answer)
    return score if score.parsed else replace(score, reward=0.95)


def stumbling(self, text, answer):
    return Spot.score(self, text.encode().decode(), answer)  # lone surrogates do not encode


def unbounded_score(self, text, answer):
    score = Spot.score(self, text, answer)
    return replace(score, error=1000 * score.error) if score.parsed else score


def any_of_several(self, text):
    return self.parse_lenient(text)


def one_too_many(self, text):
    answer = Spot.parse(self, text)
    return None if answer is None else answer + 1.0


def rising_reward(self, text, answer):
    score = Spot.score(self, text, answer)
    return replace(score, reward=score.error if 0.0 < score.error < 10.0 else 10.0 * score.parsed)


def moody(self, text, answer):
    return replace(Spot.score(self, text, answer), lenient_error=float(next(COUNTER)))


def counting(self, rng):
    return replace(Spot.generate(self, rng), answer=str(next(COUNTER)))


def advancing_global_state(self, rng):
    np.random.random()  # noqa: NPY002
    return Spot.generate(self, rng)


def raising(self, *arguments):
    raise RuntimeError("oops")


BROKEN = [
    (broken("NoUnit", unit=None), "unit must be a string"),
    (broken("Unbounded", worst_error=math.inf), "worst_error must be finite and above 0"),
    (broken("NoBound", worst_error=0.0), "worst_error must be finite and above 0"),
    (broken("NoPattern", pattern=r"\d+"), "pattern must be a compiled regular expression"),
    (broken("Reserved", {"split": str}, split="train"), "'split' must be renamed"),
    (broken("Listed", {"colors": list}, colors=field(default_factory=list)), "must be hashable"),
    (broken("Raising", generate=raising), "generate must not raise, but raises RuntimeError: oops"),
    (broken("NoProblem", generate=lambda self, rng: None), "generate must return a Problem"),
    (broken("NumberAnswer", generate=altered(answer=0.5)), "Problem.answer must be a string, got 0.5"),
    (
        broken("Uninstructed", generate=altered(prompt="Where?")),
        "must ask for the answer as <answer>…</answer>",
    ),
    (
        broken("HalfCharacter", generate=altered(prompt="\ud800? <answer>NUMBER</answer>")),
        "The prompt must hold no half characters (lone surrogates), got '\\ud800?",
    ),
    (broken("ArrayInfo", generate=altered(info={"x": np.float64(1)})), "Info values must be plain"),
    (broken("NanInfo", generate=altered(info={"x": math.nan})), "Info values must be plain"),
    (
        broken("TakenInfo", generate=altered(info={"seed": 1})),
        "Info keys must be strings that the environment",
    ),
    (broken("NumberSolution", generate=altered(solution=3)), "Problem.solution must be a string or None"),
    (broken("Counting", generate=counting), "One seed must fix one problem"),
    (broken("Halved", num_problems=lambda self, split: 2.5), "num_problems must be a whole number from 1 up"),
    (broken("Finite", num_problems=lambda self, split: 7), "Of 7 problems, seeds 0 and 7 must pose the same one"),
    (broken("TouchesGlobalState", generate=advancing_global_state), "draws from a global random generator"),
    (broken("Sighted", generate=altered(scene=None)), "or neither of them has one"),
    (broken("Undrawable", generate=altered(scene="a disc")), "Every scene must render, but that of seed 0"),
    (broken("Misread", parse=one_too_many), "The truth must be read with error 0"),
    (
        broken("Negative", error=lambda self, answer, truth: -abs(answer - truth)),
        "error must be finite and 0 or",
    ),
    (
        broken("Infinite", error=lambda self, answer, truth: math.inf if answer != truth else 0.0),
        "error must be finite and 0 or more, got inf",
    ),
    (
        broken("Boastful", demonstration=lambda self, posed: f"It is {posed.answer}."),
        "demonstration must earn the most, but 'It is 0.",
    ),
    (broken("OverflowingScore", score=unbounded_score), "A scored error must be at most worst_error 10.0"),
    (broken("Rising", score=rising_reward), "The reward must not rise with the error"),
    (
        broken("Stumbling", score=stumbling),
        "score must never raise, but on '\\ud800' it raises UnicodeEncodeError",
    ),
    (broken("Lenient", parse=any_of_several), "Several answers are no answer"),
    (broken("Forgiving", score=unreadable_scored_better), "must get worst_error and no more reward"),
    (broken("Generous", score=unreadable_rewarded), "must get worst_error and no more reward"),
    (broken("Moody", score=moody), "score must be a pure function"),
    (broken("NoDepiction", depict=raising), "depict must give a scene or None"),
    (broken("Tolerant", tolerance=11.0), "tolerance must be from 0 to worst_error 10.0, got 11.0"),
    (broken("Intolerant", tolerance=-1.0), "tolerance must be from 0 to worst_error 10.0, got -1.0"),
    (broken("Pointlike", period=0.0), "period must be finite and above 0, or None, got 0.0"),
    (broken("Unsliced", unsliced="x"), "unsliced must be a tuple of info keys, got 'x'"),
    (
        broken("Coarse", write=lambda self, answer: f"{answer:.1f}"),
        "must be read as that answer, but 0.94 becomes '0.9'",
    ),
    (broken("Chatty", write=lambda self, answer: f"about {answer}"), "becomes 'about 0.94'"),
    (broken("Offscale", period=0.5), "number must be at least 0 and below the period 0.5, or None, got 0.94"),
    (
        broken("Astray", from_number=lambda self, number: 1.0 - number),
        "from_number must give the answer that has a number, but 0.94 gives 0.06",
    ),
    (broken("Boundless", number=lambda self, answer: math.inf), "number must be finite, or None, got inf"),
    (
        broken("Signed", error_parts=lambda self, answer, truth: {"way": answer - truth}),
        "error_parts must be finite and 0 or more, got way -",
    ),
    (
        broken("Moody", error_parts=lambda self, answer, truth: {"right" if answer == truth else "wrong": 0.0}),
        "error_parts must have the same names every time, but has ['right'] and ['wrong']",
    ),
    (
        broken("Mute", without_question=lambda self, posed: "Reply"),
        "without_question must keep what asks for the answer",
    ),
    (broken("Asking", without_question=lambda self, posed: posed.prompt), "must take the question out"),
    (
        broken("Telling", without_question=lambda self, posed: f"{posed.answer} <answer>NUMBER</answer>"),
        "must take the question out, but '0.03 <answer>NUMBER</answer>' still tells which",
    ),
]


def test_a_good_task_breaks_no_rule():
    assert check_task(Spot) == []
    assert check_task(Sum()) == []


@pytest.mark.parametrize(
    "task", [Clock(), Clock(second_hand=False, numerals=False, size=28), Clock(reward_shape="mixture")]
)
def test_the_clock_breaks_no_rule(task):
    assert check_task(task) == []


@pytest.mark.parametrize(("task", "message"), BROKEN, ids=[task.__name__ for task, _ in BROKEN])
def test_each_broken_rule_is_named_alone(task, message):
    (found,) = check_task(task)
    assert message in found


def test_answers_that_are_no_numbers_may_go_unwritten():
    class Pair(Spot):
        pattern = re.compile("[0-9.]+")
        read = lambda self, text: (text, text)  # noqa: E731
        error = lambda self, answer, truth: float(answer != truth)  # noqa: E731

    assert check_task(dataclass(frozen=True)(Pair)) == []


def test_all_problems_alike():
    class Same(Spot):
        def generate(self, rng):
            return Spot.generate(self, np.random.default_rng(0))

    (found,) = check_task(dataclass(frozen=True)(Same))
    assert "all 32 tried give the same" in found


def test_the_best_answer_must_earn_the_most():
    class Upside(Spot):
        def score(self, text, answer):
            score = super().score(text, answer)
            return Score(1.0 - score.reward, score.error, score.parsed, score.parts, score.lenient_error)

    assert any("The truth must earn the most" in found for found in check_task(dataclass(frozen=True)(Upside)))


def test_a_class_without_decorator_is_found():
    class Bare(Spot):
        colors: int = 3

    (found,) = check_task(Bare())
    assert "Bare must be decorated with @dataclass(frozen=True)" in found


def test_identity_is_not_equality():
    (found,) = check_task(
        dataclass(frozen=True, eq=False)(
            type("Identity", (Sum,), {"__eq__": object.__eq__, "__hash__": object.__hash__})
        )
    )
    assert "Two tasks with equal fields must be equal" in found


def test_a_class_that_needs_arguments_is_said_to():
    @dataclass(frozen=True, kw_only=True)
    class Needy(Spot):
        count: int

    (found,) = check_task(Needy)
    assert "Needy() must work with its defaults, but raises TypeError" in found
    assert check_task(Needy(count=3)) == []


def test_nothing_escapes_a_task_that_raises_everywhere():
    members = dict.fromkeys(("read", "error", "score", "parse", "best_answer", "depict"), raising)
    assert check_task(broken("Hopeless", **members)) != []


def test_a_scorer_that_always_raises():
    found = check_task(broken("Refusing", score=raising))
    assert found
    assert all("raised RuntimeError: oops" in sentence for sentence in found)


def test_a_scorer_that_raises_without_tags():
    def picky(self, text, answer):
        return Spot.score(self, text, answer) if "<" in text else raising(self)

    found = check_task(broken("Picky", score=picky))
    assert "score must never raise, but on '' it raises RuntimeError: oops." in found


def test_too_few_samples():
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        check_task(Spot, samples=1)


def test_global_state_is_left_alone():
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    check_task(Spot)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_abstract_members_are_few():
    assert Task.__abstractmethods__ == {"generate", "read", "error"}
    assert isinstance(Sum.pattern, re.Pattern)
