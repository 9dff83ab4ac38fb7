"""Groups without spread are replaced by groups of later draws."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from agents.batch import Answers
from agents.rollout import Rollout
from tests.agents.conftest import noise_pictures, tiny
from tests.train.steps import P
from train import sampling
from train.resampling import flat_groups, with_spread
from train.seeds import problem_seeds, replacement_seeds

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


def part(whole, rows):
    """Some groups of a rollout."""
    members = [row * G + member for row in rows for member in range(G)]
    answers = Answers(*(getattr(whole.answers, name)[members] for name in ("ids_BT", "mask_BT", "logp_BT")))
    infos = {key: values[members] for key, values in whole.infos.items()}
    texts = [whole.texts[i] for i in members]
    return Rollout(whole.prompts.select(torch.tensor(rows)), answers, texts, whole.rewards_PG[rows], infos)


def drawn(*rollouts):
    asked = []

    def draw(round_, rows):
        asked.append((round_, list(rows)))
        return part(rollouts[round_ - 1], rows), [100 * round_ + row for row in rows]

    return draw, asked


A = [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [5.0, 5.0]]
B = [[2.0, 2.0], [3.0, 3.0], [4.0, 2.0], [7.0, 7.0]]
C = [[6.0, 2.0], [3.0, 3.0], [9.0, 9.0], [8.0, 8.0]]


def test_a_group_without_spread_is_replaced_by_the_next_in_its_place(policy):
    first, second, third = rollout(policy, A, "a"), rollout(policy, B, "b"), rollout(policy, C, "b")
    draw, asked = drawn(second, third)
    batch, seeds = with_spread(first, [0, 1, 2, 3], draw, 2, policy.pad_id)
    assert asked == [(1, [0, 2, 3]), (2, [0, 3])]
    assert batch.rewards_PG.tolist() == [[6.0, 2.0], [0.0, 1.0], [4.0, 2.0], [5.0, 5.0]]  # the last one stays
    assert batch.texts == ["b00", "b01", "a10", "a11", "b20", "b21", "a30", "a31"]
    assert seeds == [200, 1, 102, 3]
    assert batch.infos["error"].tolist() == [100, 101, 2, 3, 104, 105, 6, 7]
    assert policy.decode(batch.answers) == batch.texts
    assert batch.answers.logp_BT[:, 0].tolist() == [-2, -2, -1, -1, -2, -2, -1, -1]


def test_what_was_joined_is_computed_as_apart(policy):
    first, second = rollout(policy, A, "a"), rollout(policy, B, "b")
    batch, _ = with_spread(first, [0, 1, 2, 3], drawn(second)[0], 1, policy.pad_id)
    with torch.no_grad():
        joined, _ = policy.log_probabilities(batch.prompts, batch.answers.ids_BT, batch.answers.mask_BT)
        for place, source in enumerate([first, first, second, first]):
            alone = part(source, [place])
            logp_BT, _ = policy.log_probabilities(alone.prompts, alone.answers.ids_BT, alone.answers.mask_BT)
            own = slice(place * G, (place + 1) * G)
            together = joined[own][batch.answers.mask_BT[own]]
            torch.testing.assert_close(together, logp_BT[alone.answers.mask_BT], atol=1e-4, rtol=0)


def test_nothing_more_is_drawn_than_is_needed(policy):
    draw, asked = drawn(rollout(policy, A, "a"))
    lively = rollout(policy, [[0.0, 1.0]], "a")
    assert with_spread(lively, [5], draw, 5, policy.pad_id) == (lively, [5])
    assert asked == []


def test_a_round_that_others_need_changes_nothing_here(policy):
    draw, asked = drawn(rollout(policy, C, "b"))
    lively = rollout(policy, [[0.0, 1.0], [2.0, 1.0]], "a")
    batch, seeds = with_spread(lively, [5, 6], draw, 1, policy.pad_id, agree=lambda needed: True)
    assert asked == [(1, [0])]
    assert batch.texts == lively.texts
    assert seeds == [5, 6]


@pytest.mark.parametrize("size", [2, 6, 7, 8, 12, 16])
@pytest.mark.parametrize("P", [1, 2])
def test_a_flat_group_is_found_whatever_it_earned_and_alone_too(size, P):
    for reward in (0.1, 0.2, 0.9, 2.1, 3.3, 1000.1):
        rewards = torch.full((P, size), reward)
        assert flat_groups(SimpleNamespace(rewards_PG=rewards)) == list(range(P))
        rewards[0, -1] = torch.nextafter(rewards[0, -1], torch.tensor(0.0))
        assert flat_groups(SimpleNamespace(rewards_PG=rewards)) == list(range(1, P))


def test_in_training(make, monkeypatch):
    """A step learns from the problems that were drawn again, and tells of those that were drawn first."""
    sampled, rounds = sampling.collect, []

    def flat_at_first(*args, rows=None, **kwargs):
        rollout = sampled(*args, rows=rows, **kwargs)
        rounds.append(rows)
        if rows is None:
            rollout.rewards_PG[0] = 0.25
        return rollout

    monkeypatch.setattr(sampling, "collect", flat_at_first)
    trainer = make(env="Letters-v0", resample=3)
    learned, plain = [], trainer.learn
    monkeypatch.setattr(trainer, "learn", lambda *args: learned.append(args) or plain(*args))
    trainer.train_step()
    assert rounds == [None, [0]]
    columns, values = (trainer.folder / "metrics.csv").read_text().splitlines()
    row = dict(zip(columns.split(","), values.split(","), strict=True))
    assert (row["groups_without_spread"], row["groups_replaced"]) == ("1", "1")
    assert (row["problems"], row["rollouts"]) == (str(P + 1), str((P + 1) * 4))
    batch, seeds = learned[0][0].rollout, learned[0][0].seeds
    assert seeds == [replacement_seeds(0, 0, 1, P)[0], problem_seeds(0, 0, P)[1]]
    observations, _ = trainer.envs.reset(seed=[seed for seed in seeds for _ in range(4)])
    posed = trainer.policy.prepare(observations["prompt"][::4], observations["image"][::4])
    assert torch.equal(batch.prompts.pixel_values, posed.pixel_values)
    _, rewards, *_ = trainer.envs.step(tuple(batch.texts))  # each answer has its own problem's reward
    assert batch.rewards_PG.flatten().tolist() == pytest.approx(rewards.tolist())
