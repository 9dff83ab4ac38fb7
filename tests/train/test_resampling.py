"""Groups without spread are replaced by groups of later draws."""

import numpy as np
import pytest
import torch

from agents.batch import Answers
from agents.rollout import Rollout
from tests.agents.conftest import noise_pictures, tiny
from train.resampling import flat_groups, with_spread

G = 2


@pytest.fixture(scope="module")
def policy():
    return tiny("tiny")


def rollout(policy, rewards, name):
    """Groups of two answers whose texts tell the draw and the group."""
    P = len(rewards)
    texts = [f"{name}{group}{member}" for group in range(P) for member in range(G)]
    questions = [f"{name * (4 if name == 'b' else 1)}?"] * P  # prompts of another length in each draw
    prompts = policy.prepare(questions, noise_pictures(*[56 if name == "a" else 84] * P))
    ids_BT, mask_BT = policy.encode(texts)
    answers = Answers(ids_BT, mask_BT, -mask_BT.float() * (1 if name == "a" else 2))
    infos = {"error": np.arange(P * G) + (0 if name == "a" else 100), "_error": np.ones(P * G, bool)}
    return Rollout(prompts, answers, texts, torch.tensor(rewards), infos)


def drawn(*rollouts):
    asked = []

    def draw(round_):
        asked.append(round_)
        return rollouts[round_], [100 * round_ + i for i in range(len(rollouts[round_].rewards_PG))]

    return draw, asked


A = [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
B = [[2.0, 2.0], [3.0, 2.0], [4.0, 2.0]]


def test_groups_with_spread_take_the_place_of_those_without(policy):
    first, second = rollout(policy, A, "a"), rollout(policy, B, "b")
    draw, asked = drawn(first, second)
    batch, seeds, rounds = with_spread(draw, 5, policy.pad_id)
    assert (asked, rounds) == ([0, 1], 2)
    assert batch.texts == ["b10", "b11", "a10", "a11", "b20", "b21"]
    assert batch.rewards_PG.tolist() == [[3.0, 2.0], [0.0, 1.0], [4.0, 2.0]]
    assert seeds == [101, 1, 102]
    assert batch.infos["error"].tolist() == [102, 103, 2, 3, 104, 105]
    assert policy.decode(batch.answers) == batch.texts
    assert batch.answers.logp_BT[:, 0].tolist() == [-2, -2, -1, -1, -2, -2]


def test_what_was_joined_is_computed_as_apart(policy):
    first, second = rollout(policy, A, "a"), rollout(policy, B, "b")
    batch, _, _ = with_spread(drawn(first, second)[0], 1, policy.pad_id)
    with torch.no_grad():
        joined, _ = policy.log_probabilities(batch.prompts, batch.answers.ids_BT, batch.answers.mask_BT)
        for row, (source, group) in enumerate([(second, 1), (first, 1), (second, 2)]):
            own = slice(group * G, (group + 1) * G)
            alone, _ = policy.log_probabilities(
                source.prompts.select(torch.tensor([group])), source.answers.ids_BT[own], source.answers.mask_BT[own]
            )
            mask = batch.answers.mask_BT[row * G : (row + 1) * G]
            torch.testing.assert_close(
                joined[row * G : (row + 1) * G][mask], alone[source.answers.mask_BT[own]], atol=1e-4, rtol=0
            )


def test_nothing_more_is_drawn_than_is_needed(policy):
    draw, asked = drawn(rollout(policy, [[0.0, 1.0]], "a"))
    assert with_spread(draw, 5, policy.pad_id)[2] == 1
    assert asked == [0]


def test_what_nothing_is_found_for_stays(policy):
    flat = rollout(policy, [[1.0, 1.0], [0.0, 0.0]], "a")
    batch, seeds, rounds = with_spread(drawn(flat, flat, flat)[0], 2, policy.pad_id)
    assert rounds == 3
    assert batch.rewards_PG.tolist() == flat.rewards_PG.tolist()
    assert seeds == [0, 1]
    assert flat_groups(batch).tolist() == [0, 1]
