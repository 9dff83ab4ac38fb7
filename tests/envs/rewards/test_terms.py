"""The field `rewards`: what it takes, what it refuses, what a text then earns."""

import json
import pickle
import re
from dataclasses import dataclass

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

from envs import check_task, make_task
from envs.rewards import COMPONENTS
from envs.rewards.term import Term
from tests.envs.test_task import Rows, Sum

THOUGHT = "<think>one two three one two three</think><answer>10</answer>"


def test_components_add_up():
    """Correct, 61 characters, one of the 5 + ... words again: each part by hand, and the weighted sum."""
    task = Sum(rewards={"correct": 2, "cosine:max_length=100": 1, "repetition:n=1:penalty=-1": 0.5})
    score = task.score("<answer>10</answer> a a a a", "10")
    assert score.parts == {
        "accuracy": 1.0,  # reported, and not paid for
        "format": 0.0,
        "correct": 1.0,
        "cosine": pytest.approx(0.8 + 0.1 * (1 + 0.6613118653236518)),  # 27 characters: cos 48.6 degrees
        "repetition": pytest.approx(-3 / 5),  # five words, two of them different
    }
    assert score.reward == pytest.approx(2 + 0.8 + 0.1 * 1.6613118653236518 - 0.3)
    wrong = task.score("<answer>11</answer> a a a a", "10")
    assert wrong.reward == pytest.approx(-0.1 - 0.2 * 1.6613118653236518 - 0.3)
    assert task.reward_bounds == (-1.0, 3.0)


def test_what_commits_to_no_answer_gets_the_least_of_each():
    task = Sum(rewards={"accuracy": 1, "soft_format": 1, "cosine": 2, "repetition": 1})
    for text in ("", "<think>a</think><answer>ten</answer>", "<answer>10</answer><answer>10</answer>"):
        score = task.score(text, "10")
        assert score.parts == {"accuracy": 0, "format": 0, "soft_format": 0, "cosine": -0.5, "repetition": -0.1}
        assert score.reward == task.reward_bounds[0] == pytest.approx(-1.1)


def test_what_commits_to_no_answer_may_be_paid_for_its_form():
    task = Sum(rewards={"correct": 1, "tag_count:uncommitted=true": 0.5})
    assert task.score("<think>a", "10").reward == 0.125
    assert task.score("<think>a</think><answer>ten</answer>", "10").reward == 0.5
    assert task.score("<think>a</think><answer>9</answer>", "10").reward == 0.5
    assert check_task(task) == []


def test_named_parts_replace_the_weights():
    right = "<answer>3</answer>"
    assert Rows(rewards={"right": 2}).score(right, "3").reward == 2.0
    assert Rows(rewards={"accuracy": 0.25}, right_weight=9.0).score(right, "3").reward == 0.25
    assert Rows().terms == (Term("accuracy", 0.9), Term("format", 0.1), Term("right", 0.5))
    assert (Rows().reward_bounds, Sum().reward_bounds) == ((0.0, 1.5), (0.0, 1.0))


def test_the_field_is_kept_as_texts():
    task = Sum(rewards={"correct": 2, "soft-format": 0.5})
    assert task.rewards == ("correct 2.0", "soft-format 0.5")
    assert task == Sum(rewards=("correct 2", "soft-format  .5")) == Sum(rewards=["correct 2e0", "soft-format 0.50"])
    assert hash(task) == hash(Sum(rewards=task.rewards))
    assert [term.name for term in task.terms] == ["accuracy", "format", "correct", "soft_format"]
    again = pickle.loads(pickle.dumps(task))
    assert again.score(THOUGHT, "10") == task.score(THOUGHT, "10")


def test_gymnasium_keeps_it_through_json():
    env = gym.make("eyechart/Clock-v0", rewards={"correct": 2, "cosine": 1})
    for made in (env, gym.make(EnvSpec.from_json(env.spec.to_json()))):
        _, info = made.reset(seed=3)
        _, reward, _, _, info = made.step(f"<answer>{info['answer']}</answer>")
        assert reward == 2.0 + info["reward/cosine"]
        assert (info["reward/correct"], info["reward/accuracy"]) == (1.0, 1.0)
    vector = gym.make_vec(EnvSpec.from_json(env.spec.to_json()), num_envs=2)
    vector.reset(seed=[3, 3])
    *_, infos = vector.step(["", f"<answer>{info['answer']}</answer>"])
    assert infos["reward/cosine"].tolist() == [-0.5, info["reward/cosine"]]


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ({"corect": 1}, "Unknown reward 'corect'. Did you mean 'correct'?"),
        ({"zzz": 1}, "Unknown reward 'zzz'. Known: accuracy, format, correct"),
        ({"": 1}, "A reward is a name and a weight, such as 'correct 2', got '' and 1"),
        ({"correct": float("nan")}, "The weight of reward 'correct' must be a number, 0 or more and finite, got nan"),
        ({"correct": float("inf")}, "got inf"),
        ({"correct": -1}, "got -1; what should cost something has values below 0"),
        ({"correct": "two"}, "got 'two'"),
        ({"correct": True}, "got True"),
        ({"correct": 10**400}, "must be a number, 0 or more and finite, got 1000"),
        (
            {"correct": 1e308, "accuracy": 1e308},
            "pays too much for 'accuracy': its weight 1e+308 times",
        ),
        (
            {"accuracy": 1, "cosine:short_correct=1e308": 10},
            "pays too much for 'cosine': its weight 10 times",
        ),
        ({"accuracy": 1, "repetition:penalty=-1e308": 10}, "must lie within 1e+09"),
        ({"accuracy": 1.001e9}, "pays too much for 'accuracy'"),
        ({"correct": None}, "got None"),
        ({"correct": 0}, "can give no reward above 0, with these weights: accuracy 0, format 0, correct 0"),
        ({"repetition": 1, "overlong": 1}, "can give no reward above 0"),
        ({"cosine:short_correct=0:long_correct=-1": 1}, "can give no reward above 0"),
        ("correct 1", "rewards must be weights by name"),
        (3, "rewards must be weights by name"),
        (("correct",), "A reward is a name and a weight, such as 'correct 2', got 'correct'"),
        (("correct 1 2",), "A reward is a name and a weight"),
        ((1,), "A reward is a name and a weight"),
        (("correct 1", "correct 2"), "'correct' stands there twice"),
        (("cosine 1", "cosine:max_length=9 2"), "'cosine' stands there twice"),
        ({"cosine:max_lenth=9": 1}, "'cosine' has no parameter 'max_lenth'. Did you mean 'max_length'?"),
        ({"correct:limit=9": 1}, "'correct' has no parameter 'limit'. Its parameters: none"),
        ({"correct:correct=true": 1}, "has no parameter 'correct'"),
        ({"cosine:max_length=long": 1}, "'cosine': max_length must be a whole number, got 'long'"),
        ({"cosine:max_length=0": 1}, "'cosine': max_length must be 1 or more, got 0"),
        ({"cosine:short_correct=nan": 1}, "the ends must be finite"),
        ({"soft_format:style=xml": 1}, "style must be one of 'think', 'reasoning', 'labels', 'none', got 'xml'"),
        ({"tag_count:uncommitted=maybe": 1}, "uncommitted must be true or false, got 'maybe'"),
        ({"accuracy:shape=log": 1}, "'accuracy' is the task's own and takes no parameters"),
        ({"max_length=9:cosine": 1}, "A reward is NAME or module:function"),
        ({"a:b:c": 1}, "A reward is NAME or module:function"),
        ({"cosine:n=1:n=2": 1}, "A reward is NAME or module:function"),
        ({3: 1}, "A reward is a name and a weight, such as 'correct 2', got 3 and 1"),
        ({"cosine 3": 1}, "A reward is a name and a weight"),
        ({"no_such_module:f": 1}, "Could not import the module 'no_such_module' of 'no_such_module:f'"),
        ({"json:": 1}, "A reward of your own is module:function, got 'json:'"),
        (
            {"json:dump_s": 1},
            "There is no 'dump_s' in the module 'json' of reward 'json:dump_s'. Did you mean json:dump",
        ),
        ({"json:__doc__": 1}, "must be a function"),
    ],
)
def test_bad_rewards_are_refused(rewards, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Sum(rewards=rewards)


def test_weights_that_are_large():
    assert Sum(rewards={"correct": 1e9, "accuracy": 1e9, "repetition:penalty=-1": 1e9}).reward_bounds == (-1e9, 2e9)
    with pytest.raises(ValueError, match="Sum pays too much for 'format': its weight 1e\\+308"):
        Sum(format_weight=1e308)


def test_weights_that_are_all_zero():
    with pytest.raises(ValueError, match="Sum can give no reward above 0, with these weights: accuracy 0, format 0"):
        Sum(accuracy_weight=0.0, format_weight=0.0)
    assert Rows(accuracy_weight=0.0, format_weight=0.0).reward_bounds == (0.0, 0.5)


def test_a_weight_that_is_no_number_is_none():
    @dataclass(frozen=True)
    class Bold(Sum):
        font_weight: str = "bold"

    assert [term.name for term in Bold().terms] == ["accuracy", "format"]
    with pytest.raises(ValueError, match=r"Rows.right_weight must be 0 or more, got -0.5"):
        Rows(right_weight=-0.5)


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_has_what_the_table_shows(name):
    known = COMPONENTS[name]
    assert known.name == known.function.__name__ == name
    least, most = known.bounds(**known.defaults)
    assert least < most
    assert " Bounds " in known.function.__doc__.split("\n")[0]


def test_the_table_of_components(capsys):
    from envs.__main__ import main

    assert main(["rewards"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMPONENTS)


def test_names_and_weights_survive_json():
    task = make_task("clock", rewards={"repetition:n=4": 0.5, "accuracy": 1})
    assert make_task("clock", rewards=json.loads(json.dumps(task.rewards))) == task
