"""Beside the sampled answers of each group, the right answer to the next problem."""

import numpy as np
import pytest
import torch

from agents.batch import Answers
from agents.rollout import Rollout
from agents.tiny import build_tokenizer
from train.config import TrainConfig, resolved
from train.replay import learner_batch

TOKENIZER = build_tokenizer()
P, G, T = 3, 2, 2


class Encoder:
    """What `learner_batch` asks of a policy."""

    end_ids = (0,)

    def encode(self, texts):
        self.texts = texts
        ids = [TOKENIZER(text)["input_ids"] for text in texts]
        longest = max(map(len, ids))
        mask = torch.tensor([[t < len(row) for t in range(longest)] for row in ids])
        return torch.tensor([row + [0] * (longest - len(row)) for row in ids]), mask


def rollout():
    ids = torch.arange(P * G * T).view(P * G, T) + 100
    mask = torch.ones(P * G, T, dtype=torch.bool)
    mask[3, 1] = False
    answers = Answers(ids, mask, -torch.ones(P * G, T) * mask)
    told = np.array([f"<answer>{said}</answer>" for said in ("a", "a", "bb", "bb", "ccc", "ccc")], dtype=object)
    return Rollout(None, answers, [""] * P * G, torch.zeros(P, G), {"best_reply": told})


def batch(weight):
    policy = Encoder()
    config = resolved(TrainConfig(env="clock"), small=True, answer_tokens=T)
    return policy, learner_batch(rollout(), torch.arange(1.0, 1.0 + P * G), config, policy, weight)


def test_without_a_weight_the_rollout_is_all_there_is():
    _, plain = batch(0.0)
    assert plain.K == G
    assert torch.equal(plain.answers.ids_BT, rollout().answers.ids_BT)
    assert plain.weights_BT.sum() == pytest.approx(1.0)
    assert plain.replay_BT.sum() == 0


def test_each_group_ends_with_the_answer_to_the_next_problem():
    policy, mixed = batch(0.5)
    assert policy.texts == ["<answer>bb</answer>", "<answer>ccc</answer>", "<answer>a</answer>"]
    assert mixed.K == G + 1
    ids, mask = policy.encode(policy.texts)
    for p in range(P):
        group = slice(p * mixed.K, (p + 1) * mixed.K)
        assert torch.equal(mixed.answers.ids_BT[group][:G, :T], rollout().answers.ids_BT[p * G : (p + 1) * G])
        assert not mixed.answers.mask_BT[group][:G, T:].any()
        assert torch.equal(mixed.answers.ids_BT[group][G], ids[p])
        assert torch.equal(mixed.answers.mask_BT[group][G], mask[p])


def test_sampled_and_replayed_answers_have_weights_of_their_own():
    _, mixed = batch(0.5)
    replayed = torch.arange(P * (G + 1)) % (G + 1) == G
    assert mixed.advantages_B.tolist() == [1, 2, 0, 3, 4, 0, 5, 6, 0]
    for weights in (mixed.weights_BT, mixed.shares_BT):
        assert weights[replayed].sum() == 0
        assert weights[~replayed].sum() == pytest.approx(1.0)
        assert weights[~replayed].max() == pytest.approx(1 / 11)  # eleven sampled tokens
    assert mixed.replay_BT[~replayed].sum() == 0
    assert mixed.replay_BT.sum() == pytest.approx(0.5)
    tokens = mixed.answers.mask_BT[replayed].sum().item()
    assert mixed.replay_BT.max() == pytest.approx(0.5 / tokens)
