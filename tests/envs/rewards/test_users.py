"""A function of the user's own, beside ours: `module:function`."""

import re

import pytest

from envs import check_task
from envs.rewards import term
from tests.envs.test_task import Sum

RIGHT = "<answer>10</answer>"


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch):
    monkeypatch.setattr(term, "_noted", set())


def test_it_is_told_what_it_asks_for(written):
    written(
        "def all_of_it(text, *, answer, committed, error, parsed, correct, worst_error):\n"
        "    return float((text, answer, committed, error, parsed, correct, worst_error)"
        f" == ({RIGHT!r}, '12', '10', 2.0, True, False, 10.0))\n"
        "def nothing(text): return 0.25\n"
        "def whatever(text, **told): return len(told) / 10\n"
        "def bounded(text, limit: int = 10, *, parsed): return min(limit, 20) * parsed\n"
        "bounded.bounds = (-5, 20)\n"
    )
    names = ("all_of_it", "nothing", "whatever")
    task = Sum(rewards={f"my_rewards:{name}": 1 for name in names} | {"my_rewards:bounded:limit=12": 0.5})
    score = task.score(RIGHT, "12")
    assert score.parts["all_of_it"] == 1.0
    assert (score.parts["nothing"], score.parts["whatever"], score.parts["bounded"]) == (0.25, 0.6, 12.0)
    assert score.reward == pytest.approx(1.0 + 0.25 + 0.6 + 6.0)
    assert task.reward_bounds == (-2.5, 13.0)
    assert task.score("what?", "12").parts["nothing"] == 0.25  # it decides itself whom it pays


def test_it_may_fail_on_the_way(written, capsys):
    """A bad rollout is data: a part of 0, told once."""
    written("def odd(text, *, answer):\n    return {'1': 1.0, '2': float('nan'), '3': None, '4': 7.0}[answer]\n")
    task = Sum(rewards={"my_rewards:odd": 1, "accuracy": 1})
    assert [task.score(text, text).parts["odd"] for text in "123456"] == [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    told = capsys.readouterr().err
    assert told.count("note:") == 1
    assert "note: reward 'odd' counts as 0 where it fails, as here: it returns nan, which is no finite number" in told


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def mine(text): return 'a lot'", "on '<answer>.*' it returns 'a lot', which is no finite number"),
        ("def mine(text): return [1.0]", r"it returns \[1.0\], which is no finite number"),
        ("def mine(text): return 1 / 0", "it raises ZeroDivisionError"),
        ("def mine(text): return float('inf') if len(text) > 9999 else 0.5", "it returns inf"),
        ("def mine(text): return len(text.encode()) * 0.0", "it raises UnicodeEncodeError"),
        ("async def mine(text): return 1.0", "which is no finite number"),
        ("def mine(text): return 2.0", r"must lie within its bounds \(0.0, 1.0\), but .* gets 2.0: set mine.bounds"),
        ("def mine(text): return -0.1", "set mine.bounds"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_the_check_tells_what_is_wrong(written, code, message):
    written(code)
    (broken,) = check_task(Sum(rewards={"my_rewards:mine": 1, "accuracy": 1}))
    assert broken.startswith("The reward 'mine' must")
    assert re.search(message, broken), broken


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def mine(text, *, prompt): return 1.0",
            "asks for prompt, which nobody gives",
        ),
        ("mine = 3", "must be a function"),
        ("def mein(text): return 1.0", "There is no 'mine' .* Did you mean my_rewards:mein"),
        ("def mine(text): return 1.0\nmine.bounds = (1, 0)", "mine.bounds must be .least, most., two finite numbers"),
        ("def mine(text): return 1.0\nmine.bounds = 3", "mine.bounds must be"),
        ("def mine(text): return 1.0\nmine.bounds = ('x', 'y')", "mine.bounds must be .* got .'x', 'y'."),
        ("def mine(text): return 1.0\nmine.bounds = (0, 1j)", "mine.bounds must be"),
        ("def mine(text): return 1.0\nmine.bounds = (0, 10**400)", "mine.bounds must be"),
        ("def mine(text): return 1.0\nmine.bounds = (0, float('nan'))", "mine.bounds must be"),
        ("def mine(text): return 1.0\nmine.bounds = (0, 1e300)", "pays too much for 'mine'"),
        ("def mine(text): return -1.0\nmine.bounds = (-1, 0)", "can give no reward above 0"),
        ("def mine(text): return (", "SyntaxError"),
    ],
)
def test_what_is_no_reward_is_refused_at_once(written, code, message):
    written(code)
    with pytest.raises(ValueError, match=message):
        Sum(rewards={"my_rewards:mine": 1})


def test_a_name_that_is_taken(written):
    written("def cosine(text): return 1.0\ndef format(text): return 1.0")
    for name in ("cosine", "format"):
        with pytest.raises(ValueError, match=f"There is a reward {name!r} already"):
            Sum(rewards={f"my_rewards:{name}": 1})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def mine(text, *, parsed): return float(not parsed)", "no more reward than chance"),
        ("def mine(text): return min(1.0, len(text) / 1000)", "no more reward than chance"),
        ("def mine(text, *, answer): return float(answer in text)", "no more reward than chance"),
        ("def mine(text, *, correct): return float(not correct)", "The truth must earn the most"),
        ("import random\ndef mine(text): return random.random()", "score must be a pure function"),
    ],
)
def test_rewards_that_can_be_had_without_an_answer(written, code, message):
    written(code)
    broken = check_task(Sum(rewards={"my_rewards:mine": 5, "accuracy": 1}))
    assert any(message in sentence for sentence in broken), broken


def test_a_long_way_round_to_a_reward():
    """A wrong answer behind a megabyte of nothing."""
    (broken,) = check_task(Sum(rewards={"correct": 1, "log_length": 10}))
    assert broken.startswith("Nothing may earn more than an honest answer")
    assert check_task(Sum(rewards={"correct": 1, "log_length": 0.2})) == []


def test_honest_functions_keep_the_rules(written):
    written("def brevity(text, *, correct): return correct / (1 + len(text))")
    assert check_task(Sum(rewards={"my_rewards:brevity": 1, "accuracy": 1})) == []
