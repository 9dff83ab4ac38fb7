import dataclasses

import numpy as np
import pytest

import envs
from agents.baselines import Chance, Oracle
from agents.chat_format import data_uri
from agents.policy import Reply, pictures
from envs.question import draw
from rendering import render
from train.evaluation.conditions import Condition
from train.evaluation.journal import Journal
from train.evaluation.results import Images
from train.evaluation.session import Plan, Session, advantages_of

ASKED = Condition("asked", "asked", {"size": 56})
IMAGES = Images()
BLANK = Condition("blank", "control", {"size": 56})


def plan(env="clock", **changes):
    kept = {"problems": 7, "samples": 1, "temperature": 0.0, "seed": 0, "batch_size": 3, "pictured": 5, **changes}
    return Plan(spec=envs.resolve(env), **kept)


def asked(policy, path, condition=ASKED, **changes):
    with Journal(path, {}) as journal:
        return list(Session(plan(**changes), policy, journal, IMAGES).answers(condition))


class Counting:
    """Answers at random, in reverse, and counts; gives up after so many answers."""

    def __init__(self, patience=10**6):
        self.keys, self.patience, self.seen = [], patience, []
        self.policy = Chance(["01:00:00", "noon", "07:30:00"])

    def respond(self, observations, infos, draws):
        assert len(observations["prompt"]) == len(draws.keys)
        shown = pictures(observations)
        for row, reply in reversed(list(self.policy.respond(observations, infos, draws))):
            if len(self.keys) == self.patience:
                raise RuntimeError("enough")
            self.keys.append(draws.keys[row])
            self.seen.append((draws.keys[row][1], None if shown is None else shown[row][0]))
            yield row, dataclasses.replace(reply, tokens=len(self.keys))


def test_every_problem_in_order_with_its_own_picture(tmp_path):
    policy = Counting()
    found = asked(policy, tmp_path / "x", samples=2)
    assert [[row["seed"] for row in samples] for samples in found] == [[seed] * 2 for seed in range(7)]
    assert [[row["sample"] for row in samples] for samples in found] == [[0, 1]] * 7
    assert sorted(policy.keys) == [(0, seed, sample) for seed in range(7) for sample in range(2)]
    task = envs.make_task("clock", size=56)
    for seed, image in policy.seen:
        assert np.array_equal(image, draw(task, envs.problem(task, seed, "eval")))
    for samples in found:
        problem = envs.problem(task, samples[0]["seed"], "eval")
        for row in samples:
            score = task.score(row["text"], problem.answer)
            assert (row["reward"], row["error"]) == (score.reward, score.error)
            assert row["lenient_error"] == score.lenient_error
            assert row["answer"] == problem.answer
            assert row["parsed"] is score.parsed
            assert len(row["images"]) == (row["seed"] < 5)
            if row["images"]:
                assert IMAGES.uris[row["images"][0]] == data_uri(draw(task, problem))
            read = task.parse(row["text"])
            wanted = None if read is None or row["seed"] > 4 else render(task.draw(read), (56, 56))
            assert (row["depicted"] is None) == (wanted is None)
            if wanted is not None:
                assert IMAGES.uris[row["depicted"]] == data_uri(wanted)


@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_the_size_of_a_batch_changes_nothing(tmp_path, size):
    rows = [
        [{**row, "tokens": None} for row in samples]
        for path, batch in (("a", 3), ("b", size))
        for samples in asked(Counting(), tmp_path / path, samples=2, temperature=1.0, batch_size=batch)
    ]
    assert rows[:7] == rows[7:]


@pytest.mark.parametrize("patience", [0, 1, 4, 5, 9, 13])
def test_what_was_answered_is_not_asked_again(tmp_path, patience):
    whole = asked(Counting(), tmp_path / "whole", samples=2)
    first, second = Counting(patience), Counting()
    with pytest.raises(RuntimeError, match="enough"):
        asked(first, tmp_path / "x", samples=2)
    found = asked(second, tmp_path / "x", samples=2)
    assert len(first.keys) == patience
    assert sorted(first.keys + second.keys) == [(0, seed, sample) for seed in range(7) for sample in range(2)]
    texts = [[row["text"] for row in samples] for samples in found]
    assert texts == [[row["text"] for row in samples] for samples in whole]
    third = Counting()
    asked(third, tmp_path / "x", samples=2)
    assert third.keys == []


def test_controls_get_one_answer_each(tmp_path):
    found = asked(Oracle(), tmp_path / "x", BLANK, samples=4)
    assert [len(samples) for samples in found] == [1] * 7
    assert {row["error"] for samples in found for row in samples} == {0.0}
    assert [bool(samples[0]["images"]) for samples in found] == [True] * 4 + [False] * 3
    assert IMAGES.uris[found[0][0]["images"][0]] == data_uri(np.full((56, 56, 3), 128, np.uint8))


class Silent:
    def respond(self, observations, infos, draws):
        yield from enumerate([Reply("", 1)] * len(draws.keys))


def test_environments_that_know_nothing_of_tasks(tmp_path):
    found = asked(Silent(), tmp_path / "x", Condition("asked", "asked"), env="tests.train.foreign:some")
    row = found[0][0]
    assert (row["error"], row["answer"], row["read"], row["parts"], row["truth_number"]) == (None, None, None, {}, None)
    assert row["reward"] == pytest.approx(-len(row["images"]) / 10)


def test_advantages_by_hand():
    assert advantages_of([0.3]) == [None]
    assert advantages_of([0.0, 1.0]) == pytest.approx([-0.7070, 0.7070], abs=1e-4)
    assert advantages_of([0.5, 0.5, 0.5]) == [0.0, 0.0, 0.0]


def test_a_changed_question_is_noticed(tmp_path):
    with pytest.raises(RuntimeError, match="enough"):
        asked(Counting(4), tmp_path / "x")
    with pytest.raises(ValueError, match="the environment or its data have changed"):
        asked(Counting(), tmp_path / "x", Condition("asked", "asked", {"size": 56, "second_hand": False}))
