"""The reward fuzzer: what it tries, and what it finds in scorers that can be fooled."""

import re
from dataclasses import dataclass

import pytest

from envs import Problem, Score, check_task, make_task, problem
from envs.answers import tagged
from envs.hacks import dressed, hacks, honest
from envs.rules import Sample
from tests.envs.test_fuzz import NEEDED, TASKS
from tests.envs.test_task import Sum

XML = ("strict_format:style=reasoning 0.5", "soft_format:style=reasoning 0.5", "tag_count:style=reasoning 0.5")
PUBLISHED = {
    "default": (),
    "gsm8k-1.5b": ("correct 2", "numeric 0.5", *XML),
    "gsm8k-0.5b": (
        "correct 2",
        "numeric 0.5",
        "strict_format 0.5",
        "soft_format 0.5",
        "tag_count 0.5",
        "log_length 0.2",
    ),
    "countdown-7b": ("accuracy 1", "format 1", "reasoning_steps 1", "cosine 1", "repetition 1"),
    "clock": ("accuracy 3", "readable 0.5", "strict_format:style=reasoning 0.5"),
    "dapo": ("correct 1", "overlong 1"),
    "partial form": ("correct 1", "tag_count:uncommitted=true 0.1", "soft_format:uncommitted=true 0.1"),
    "default form": ("correct 1", "strict_format 0.1", "soft_format 0.1", "tag_count 0.1", "log_length 0.1"),
    "labels": ("correct 1", "soft_format:style=labels 0.1", "tag_count:style=labels 0.1"),  # which see no tags
}


def sample(task, count=4):
    return Sample(task, "train", tuple(range(count)), tuple(problem(task, seed) for seed in range(count)))


@pytest.mark.parametrize("rewards", PUBLISHED.values(), ids=PUBLISHED)
@pytest.mark.parametrize("name", TASKS)
def test_published_rewards_cannot_be_had_for_nothing(name, rewards):
    assert check_task(make_task(name, rewards=rewards, **NEEDED.get(name, {})), samples=16) == []


@pytest.mark.parametrize("form", ["reasoning", "labels", "none"])
@pytest.mark.parametrize("name", TASKS)
def test_rewards_of_a_form_cannot_be_had_for_nothing(name, form):
    fields = NEEDED.get(name, {})
    assert check_task(make_task(name, form=form, rewards=PUBLISHED["default form"], **fields), samples=8) == []


def test_what_is_tried():
    task = Sum()
    drawn = sample(task)
    options = list(dict.fromkeys(posed.answer for posed in drawn.problems))
    first, second, *_, last = options
    tried = set(hacks(drawn))
    assert len(tried) > 90
    assert {
        "",
        tagged(""),
        tagged("nan"),
        "-inf",
        "99:99:99",
        tagged("99:99"),
        "\x00",
        "\ud800",
        tagged("\udfff"),
    } <= tried
    assert {tagged(first) + tagged(last), tagged(f"{first} or {last}")} <= tried
    assert tagged(", ".join(options)) in tried
    assert "".join(map(tagged, options)) in tried
    assert {f"<think>{tagged(first)}</think>", f"<think>{first}</think>{tagged(second)}"} <= tried
    assert {tagged(tagged(first)), f"<answer>{first}", f"{first}</answer>", f"</answer>{first}<answer>"} <= tried
    assert tagged("".join(chr(0x660 + int(digit)) for digit in first)) in tried  # Arabic digits
    assert sum(len(text) >= 1_000_000 for text in tried) >= 3
    assert not set(honest(drawn)) & tried


def test_honest_answers_are_honest():
    for name in TASKS:
        drawn = sample(make_task(name, **NEEDED.get(name, {})))
        for text in honest(drawn):
            assert drawn.task.score(text, drawn.problems[0].answer).error == 0.0
        assert len({drawn.task.score(text, drawn.problems[0].answer).parts["format"] for text in honest(drawn)}) == 2
    assert len(dressed("7")) == len(set(dressed("7"))) == 6


def scorer(change):
    """A `Sum` whose scores are changed; decorated, so that it breaks no other rule."""

    def score(self, text, answer):
        return change(self, Sum.score(self, text, answer), text, answer)

    return dataclass(frozen=True)(type("Fooled", (Sum,), {"score": score, "__annotations__": {}}))()


def paid(score, reward):
    return Score(reward, score.error, score.parsed, score.parts, score.lenient_error)


FOOLED = {
    "the truth anywhere": lambda self, score, text, answer: paid(score, 1.0) if answer in text else score,
    "a form without an answer": (
        lambda self, score, text, answer: paid(score, 0.9) if not score.parsed and "</think>" in text else score
    ),
    "length": lambda self, score, text, answer: paid(score, score.reward + len(text) / 1e5),
    "other digits": lambda self, score, text, answer: (
        paid(score, 0.8) if re.search(r"<answer>[٠-٩]+<", text) else score
    ),
    "no number at all": lambda self, score, text, answer: paid(score, float("inf")) if "nan" in text else score,
    "an open tag": (lambda self, score, text, answer: paid(score, 0.9) if text == f"<answer>{answer}" else score),
}


@pytest.mark.parametrize("change", FOOLED.values(), ids=FOOLED)
def test_scorers_that_are_fooled_are_found_out(change):
    assert check_task(scorer(lambda self, score, text, answer: score)) == []
    broken = check_task(scorer(change))
    assert any(re.search("no more reward than any answer|more than an honest answer", found) for found in broken), (
        broken
    )


def test_pay_for_what_trails_is_found_out(monkeypatch):
    """As `log_length` once gave it for all that stands behind a label."""
    task = make_task("gsm8k", form="labels", rewards={"correct": 1, "log_length": 0.1})
    assert check_task(task, samples=4) == []
    monkeypatch.setattr("envs.rewards.length.reasoning", lambda text, style: text.partition("<answer>")[0])
    (broken,) = check_task(task, samples=4)
    assert broken.startswith("What trails must earn nothing, but 'Answer: ")


def test_parts_need_weights_and_bounds():
    class Unweighted(Sum):
        def parts(self, text, error):
            return super().parts(text, error) | {"style": 0.5}

    class Loud(Sum):
        loud_weight: float = 0.5

        def parts(self, text, error):
            return super().parts(text, error) | {"loud": 3.0 * (error == 0.0)}

    assert any("declare a field style_weight" in found for found in check_task(dataclass(frozen=True)(Unweighted)()))
    broken = check_task(dataclass(frozen=True)(Loud)())
    assert any("own part of the reward must lie from 0 to 1, but 'loud' is 3.0" in found for found in broken)


def test_one_option_is_enough():
    @dataclass(frozen=True)
    class Constant(Sum):
        def generate(self, rng):
            return Problem(f"{rng.random()}? <answer>NUMBER</answer>", "7")

    assert check_task(Constant()) == []
