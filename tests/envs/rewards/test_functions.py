import pytest

from envs.rewards import reward_function
from envs.rewards.functions import text_of
from tests.envs.test_task import Sum

COMPLETIONS = [
    "<answer>10</answer>",
    [{"role": "assistant", "content": "<answer>12</answer>"}],
    [{"role": "assistant", "content": [{"type": "text", "text": "<answer>10"}, {"type": "text", "text": "</answer>"}]}],
    [],
]


def test_columns_in_and_numbers_out():
    task = Sum(rewards={"correct": 2, "repetition": 1})
    whole, part = reward_function(task), reward_function(task, "correct")
    assert (whole.__name__, part.__name__) == ("reward", "correct")
    columns = {"prompts": ["?"] * 4, "trainer_state": None}
    assert whole(completions=COMPLETIONS, answer=["10"] * 4, **columns) == [2.0, 0.0, 2.0, -0.1]
    assert part(completions=COMPLETIONS, answer=["12"] * 4, **columns) == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("completion", ["", [], [{"content": None}], [{"content": [{"type": "image"}]}]])
def test_completions_without_a_text(completion):
    assert text_of(completion) == ""


def test_columns_that_do_not_fit():
    with pytest.raises(ValueError, match="zip"):
        reward_function(Sum())(["a", "b"], ["1"])


def test_an_unknown_part():
    with pytest.raises(ValueError, match="Sum has no reward 'cosine': name it in its field `rewards`"):
        reward_function(Sum(), "cosine")
