from types import SimpleNamespace

import numpy as np
import pytest
import torch

from agents.batch import Answers
from train.answer_metrics import answer_metrics, clipped_apart, repeated_ngrams, spread

END = 9


def rollout(ids, texts, rewards, infos=None):
    """Answers of these tokens; a 0 is padding."""
    ids_BT = torch.tensor(ids)
    return SimpleNamespace(
        answers=Answers(ids_BT, ids_BT != 0, torch.zeros(ids_BT.shape)),
        texts=texts,
        rewards_PG=torch.tensor(rewards),
        infos=infos or {},
    )


def test_the_columns_of_four_answers_by_hand():
    found = answer_metrics(
        rollout(
            [[1, 2, END, 0, 0], [1, 2, 1, 2, 1], [END, 0, 0, 0, 0], [1, 1, 1, 1, END]],
            ["<answer>3</answer>", "<think>abcd</think> <answer>3</answer>", "", "<think>xy"],
            [[0.0, 1.0], [1.0, 2.0]],
            {"reward/accuracy": np.array([0.0, 0.5, 0.5, 1.0]), "error": np.array([1.0, 2.0, 3.0, 4.0])},
        ),
        [END, 8],
    )
    assert found == {
        "reward_std": pytest.approx(0.5**0.5),  # deviations 1, 0, 0, 1
        "reward_min": 0.0,
        "reward_max": 2.0,
        "reward/accuracy_std": pytest.approx(0.125**0.5),
        "reward/accuracy_min": 0.0,
        "reward/accuracy_max": 1.0,
        "formatted": 0.5,
        "answer_tokens_max": 5.0,
        "truncated": 0.25,  # the second
        "thinking": 0.25,
        "thinking_characters": 4.0,
        # 0 of 1; 121 again among 121 212 121; none to count; 111 again among 111 111 119
        "repeated_ngrams": pytest.approx((0 + 1 / 3 + 1 / 3) / 3),
    }


def test_nothing_to_tell_is_none():
    found = answer_metrics(rollout([[END], [END]], ["a", "b"], [[float("nan"), float("inf")]]), [END])
    empty = [name for name, value in found.items() if value is None]
    assert empty == ["reward_std", "reward_min", "reward_max", "thinking_characters", "repeated_ngrams"]


def test_a_part_that_only_some_answers_have_is_left_out():
    infos = {"reward/style": np.array([0.0, 1.0]), "_reward/style": np.array([False, True])}
    assert "reward/style_std" not in answer_metrics(rollout([[END], [END]], ["a", "b"], [[0.0, 1.0]], infos), [END])


def test_a_spread_leaves_out_what_is_not_finite():
    assert spread("x", np.array([1.0, np.nan, 5.0, -np.inf])) == {"x_std": 2.0, "x_min": 1.0, "x_max": 5.0}


def test_columns_of_a_form():
    texts = ["<reasoning>ab</reasoning><answer>3</answer>", "<think>abcd</think><answer>3</answer>"]
    told = rollout([[END], [END]], texts, [[0.0, 1.0]])
    for form, characters in (("reasoning", 2.0), (None, 4.0), ("think", 4.0)):
        found = answer_metrics(told, [END], form)
        assert [found[name] for name in ("formatted", "thinking", "thinking_characters")] == [0.5, 0.5, characters]
    found = answer_metrics(told, [END], "labels")
    assert [found[name] for name in ("formatted", "thinking", "thinking_characters")] == [0.0, 0.0, None]


def test_repeated_ngrams_against_brute_force():
    generator = torch.Generator().manual_seed(0)
    ids_BT = torch.randint(0, 3, (50, 20), generator=generator) + 2**20 - 3
    lengths_B = torch.randint(0, 21, (50,), generator=generator)
    shares = []
    for row, length in zip(ids_BT.tolist(), lengths_B.tolist(), strict=True):
        grams = [tuple(row[i : i + 3]) for i in range(length - 2)]
        if grams:
            shares.append(1 - len(set(grams)) / len(grams))
    expected = sum(shares) / len(shares)
    assert 0.1 < expected < 0.9
    assert repeated_ngrams(ids_BT, torch.arange(20) < lengths_B[:, None]) == pytest.approx(expected)


def test_ngrams_of_large_ids_are_told_apart():
    """Ids that a sum, or fewer bits, would mix up."""
    top = 2**21 - 1
    ids_BT = torch.tensor([[top, 0, top, 0, 1, top, 1, 0, top]])
    assert repeated_ngrams(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool)) == 0.0


def test_clips_by_their_bound():
    clipped_BT = torch.tensor([[True, False], [True, True], [False, False]])
    found = clipped_apart(clipped_BT, torch.tensor([[0.7, 0.7], [1.3, 0.5], [2.0, 1.0]]))
    assert found["clip_fraction_low"].tolist() == [[True, False], [False, True], [False, False]]
    assert found["clip_fraction_high"].tolist() == [[False, False], [True, False], [False, False]]
