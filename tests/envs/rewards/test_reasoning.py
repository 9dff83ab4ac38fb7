import numpy as np
import pytest

from envs.rewards import reasoning_steps, repetition


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", 0),
        ("1. add\n2. take away", 2),
        ("1) add\n  2) take away\n", 2),
        ("Step 1: add. Step 2: no line of its own", 1),
        ("First, add. Then, take away. Finally, stop.", 3),
        ("first, it thirst, then it ends", 0),
        ("- one\n* two\n• three\n- four", 4),
        ("1.5 and 2.5\n-3\n*", 0),  # numbers, and no text
        ("<think>1. add\n2. take away</think><answer>3</answer>", 1),  # the first has <think> before it
        ("<think>\n1. add\n</think><answer>\n2. more\n3. more</answer>", 1),  # what is answered is no reasoning
    ],
)
def test_steps(text, steps):
    assert reasoning_steps(text, enough=10) == steps / 10
    assert reasoning_steps(text) == min(1.0, steps / 3)


def test_steps_behind_an_answer_are_none():
    text = "Reasoning: I add.\n1. four\nAnswer: 7\n2. more\n3. more"
    assert reasoning_steps(text, enough=10, style="labels") == 0.1
    assert reasoning_steps(text, enough=10) == 0.3


@pytest.mark.parametrize(
    ("text", "n", "share"),
    [
        ("the cat sat the cat sat", 2, 1 - 3 / 5),  # the-cat, cat-sat, sat-the
        ("The cat THE CAT", 2, 1 / 3),
        ("a a a a a", 3, 2 / 3),
        ("a a a a a", 1, 4 / 5),
        ("one two three four", 3, 0.0),
        ("a a", 3, 0.0),  # too short
        ("", 1, 0.0),
        ("\n\ta\n\n a ", 1, 1 / 2),
        ("啊" * 50, 1, 0.0),  # one word, as the docstring says
    ],
)
def test_repetition(text, n, share):
    assert repetition(text, n=n) == pytest.approx(-0.1 * share, abs=1e-15)
    assert repetition(text, n=n, penalty=-2.0) == pytest.approx(-2.0 * share, abs=1e-15)


def test_repetition_is_trls_over_words():
    trl = pytest.importorskip("trl.rewards")
    theirs = trl.get_repetition_penalty_reward(ngram_size=3, max_penalty=-0.1)
    rng = np.random.default_rng(0)
    for length in (0, 2, 3, 10, 100):
        ids = rng.integers(0, 3, size=length).tolist()
        assert repetition(" ".join(map(str, ids))) == pytest.approx(theirs([ids])[0], abs=1e-15)


@pytest.mark.parametrize(
    ("function", "parameters", "message"),
    [
        (reasoning_steps, {"enough": 0}, "enough must be 1 or more, got 0"),
        (repetition, {"n": 0}, "n must be 1 or more, got 0"),
        (repetition, {"penalty": 0.1}, "penalty must be 0 or less, got 0.1"),
        (repetition, {"penalty": float("nan")}, "penalty must be 0 or less, got nan"),
    ],
)
def test_bad_parameters(function, parameters, message):
    with pytest.raises(ValueError, match=message):
        function("", **parameters)
