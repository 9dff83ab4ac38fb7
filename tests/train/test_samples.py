"""What `samples.jsonl` keeps of a run: greedy answers of each evaluation, and groups that were learned from."""

import json
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from PIL import Image

import envs
from agents.grpo import group_advantages
from rendering import render
from tests.train import letters
from tests.train.conftest import SMALL, rows
from train import loop, samples
from train.checkpoint import checkpoints
from train.samples import widest_group
from train.sampling import Batch

KEYS = (
    "phase step seed sample prompt text tokens reward advantage answer parsed error read lenient_error lenient_read"
    " parts error_parts truth_number read_number info images depicted"
).split()


def read(run):
    return [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]


def groups(run):
    return [row for row in read(run) if row["phase"] == "rollout"]


def batch(rewards, seeds):
    """What of a batch counts here."""
    P, G = len(rewards), len(rewards[0])
    mask_BT = torch.ones(P * G, 3, dtype=torch.bool)
    mask_BT[:, 2] = torch.arange(P * G) % 2 == 0
    infos = {"seed": np.repeat(np.arange(P) + 70, G), "error": np.arange(P * G) / 2}
    rollout = SimpleNamespace(
        rewards_PG=torch.tensor(rewards),
        texts=[str(i) for i in range(P * G)],
        answers=SimpleNamespace(mask_BT=mask_BT),
        infos=infos,
    )
    return Batch(rollout, rollout, seeds, P)


def config(scale="group"):
    return SimpleNamespace(algorithm="grpo", advantage_scale=scale, advantage_baseline="group", samples=8)


def test_the_group_whose_rewards_differ_most():
    found = widest_group(batch([[0.5, 0.5], [0.0, 1.0], [0.2, 0.9]], [70, 71, 72]), config("none"))
    assert found.seed == 71
    assert (found.texts, found.tokens) == (["2", "3"], [3, 2])
    assert (found.rewards, found.advantages) == ([0.0, 1.0], [-0.5, 0.5])
    assert found.told == [{"seed": 71, "error": 1.0}, {"seed": 71, "error": 1.5}]


def test_the_first_of_equal_groups():
    assert widest_group(batch([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0]], [5, 6, 7]), config()).seed == 6
    assert widest_group(batch([[0.5, 0.5], [0.1, 0.1]], [5, 6]), config()).seed == 5


def test_advantages_are_those_of_the_learner_by_hand():
    # mean 0.25 and unbiased standard deviation 0.5: 0.75 / 0.5001, -0.25 / 0.5001
    found = widest_group(batch([[0.3] * 4, [1.0, 0.0, 0.0, 0.0]], [5, 6]), config("group"))
    assert found.advantages == pytest.approx([1.4997, -0.4999, -0.4999, -0.4999], abs=1e-4)
    # "batch" divides by the deviation of all eight centred rewards, sqrt(0.75 / 7)
    found = widest_group(batch([[0.3] * 4, [1.0, 0.0, 0.0, 0.0]], [5, 6]), config("batch"))
    assert found.advantages == pytest.approx([0.75 / 0.32743, *[-0.25 / 0.32743] * 3], abs=1e-3)


def test_a_student_compares_no_answers():
    settings = config()
    settings.algorithm = "distill"
    found = widest_group(batch([[0.5, 0.5], [0.0, 1.0]], [5, 6]), settings)
    assert (found.seed, found.rewards, found.advantages) == (6, [0.0, 1.0], [None, None])


def test_a_reward_that_is_no_number_is_kept_as_none():
    found = widest_group(batch([[float("nan"), 1.0], [0.0, 1.0]], [5, 6]), config())
    assert found.seed == 6
    found = widest_group(batch([[float("nan"), 1.0]], [5]), config())
    assert found.rewards == [None, 1.0]


@pytest.fixture
def run(train, tmp_path):
    """A run of three steps, with evaluations at the second and the third, of clocks that are not all alike."""
    train(*SMALL, "--steps", "3")
    return tmp_path / "runs" / "letters"


def test_every_row_has_every_field(run):
    assert [list(row) for row in read(run)] == [KEYS] * (4 * 2 + 3 * 4)
    told = [(row["phase"], row["step"], row["sample"]) for row in read(run)]
    assert told == [
        *[("start", 0, 0), ("start", 0, 0), ("cold-start", 0, 0), ("cold-start", 0, 0)],
        *[("rollout", 1, i) for i in range(4)],
        *[("rollout", 2, i) for i in range(4)],
        *[("train", 2, 0), ("train", 2, 0)],
        *[("rollout", 3, i) for i in range(4)],
        *[("end", 3, 0), ("end", 3, 0)],
    ]


def test_rows_are_what_the_task_makes_of_their_texts(run):
    task = envs.make_task("tests.train.letters:letters")
    assert any(row["read"] for row in read(run))
    for row in read(run):
        split = "train" if row["phase"] == "rollout" else "eval"
        posed = envs.problem(task, row["seed"], split)
        score = task.score(row["text"], posed.answer)
        assert (row["prompt"], row["answer"], row["info"]) == (posed.prompt, posed.answer, posed.info)
        assert (row["reward"], row["error"]) == (pytest.approx(score.reward), score.error)
        assert (row["parsed"], row["parts"], row["lenient_error"]) == (score.parsed, score.parts, score.lenient_error)
        count = task.parse(row["text"])
        assert (row["read"], row["read_number"]) == (None if count is None else "a" * count, count)
        assert row["truth_number"] == posed.info["count"]
        assert 1 <= row["tokens"] <= 12
        (path,) = row["images"]
        assert path == f"images/{split}-{row['seed']:06d}.png"
        assert np.array_equal(np.asarray(Image.open(run / path)), render(posed.scene, 56))
        assert (row["depicted"] is None) == (not count)
        if count:
            assert row["depicted"].startswith(f"images/{split}-{row['seed']:06d}-answer-")
            assert np.array_equal(np.asarray(Image.open(run / row["depicted"])), render(letters.draw(count), 56))


def test_a_group_is_one_problem_of_the_step_with_its_advantages(train, tmp_path, monkeypatch):
    batches = {}
    learn = loop.Trainer.learn

    def watched(self, batch, factor, bonus):
        batches[self.state.step + 1] = batch.rollout, list(batch.seeds)
        return learn(self, batch, factor, bonus)

    monkeypatch.setattr(loop.Trainer, "learn", watched)
    train(*SMALL, "--steps", "3", "--resample", "2")
    found = groups(tmp_path / "runs" / "letters")
    assert sorted({row["step"] for row in found}) == [1, 2, 3]
    for step in (1, 2, 3):
        rollout, seeds = batches[step]
        group = [row for row in found if row["step"] == step]
        p = seeds.index(group[0]["seed"])
        assert {row["seed"] for row in group} == {seeds[p]}
        assert [row["text"] for row in group] == rollout.texts[4 * p : 4 * p + 4]
        assert [row["reward"] for row in group] == pytest.approx(rollout.rewards_PG[p].tolist(), abs=1e-6)
        expected = group_advantages(rollout.rewards_PG, "group")[p].tolist()
        assert [row["advantage"] for row in group] == pytest.approx(expected, abs=1e-5)
        spread = rollout.rewards_PG.std(dim=1)
        assert spread[p] == pytest.approx(float(spread.max()), abs=1e-6)


@pytest.mark.parametrize("kept", [0, 2, 3])
def test_a_resumed_run_keeps_the_same(train, tmp_path, kept):
    words = [*SMALL, "--keep-checkpoints", "9", "--checkpoint-every", "1", "--steps", "4"]
    train(*words, "--run", "whole")
    train(*words, "--run", "cut")
    for path in checkpoints(tmp_path / "cut"):
        if int(path.name[-6:]) > kept:
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
    assert train("--resume", "cut") == 0
    assert (tmp_path / "cut" / "samples.jsonl").read_bytes() == (tmp_path / "whole" / "samples.jsonl").read_bytes()
    names = [sorted(path.name for path in (tmp_path / run / "images").iterdir()) for run in ("cut", "whole")]
    assert names[0] == names[1]


def test_what_the_terminal_shows_is_kept_too(train, tmp_path, capsys):
    words = [*SMALL, "--eval-every", "100", "--checkpoint-every", "3", "--steps", "6", "--show-samples", "2"]
    assert train(*words, "--run", "whole") == 0
    said = capsys.readouterr().out
    found = groups(tmp_path / "whole")
    # the first step, those that are shown, and once the last, which is evaluated too
    assert [row["step"] for row in found] == [step for step in (1, 2, 4, 6) for _ in range(4)]
    for step in (2, 4, 6):
        (seed,) = {row["seed"] for row in found if row["step"] == step}
        assert said.count(f"step {step}, training problem {seed}: ") == 1
    train(*words, "--run", "cut")
    for file in (tmp_path / "cut" / "checkpoints" / "step-000006").iterdir():
        file.unlink()
    (tmp_path / "cut" / "checkpoints" / "step-000006").rmdir()
    assert train("--resume", "cut") == 0
    assert (tmp_path / "cut" / "samples.jsonl").read_bytes() == (tmp_path / "whole" / "samples.jsonl").read_bytes()


def test_a_step_is_kept_once(train, tmp_path):
    train(*SMALL, "--steps", "1", "--eval-every", "1")
    assert len(groups(tmp_path / "runs" / "letters")) == 4


def test_none_are_kept_where_none_are_wanted(train, tmp_path):
    train(*SMALL, "--steps", "1", "--samples", "0")
    run = tmp_path / "runs" / "letters"
    assert len(rows(run / "metrics.csv")) == 1
    assert (run / "samples.jsonl").read_text() == ""
    assert not (run / "images").exists()


def test_a_picture_that_cannot_be_drawn_ends_no_run(train, tmp_path, monkeypatch):
    def failing(*_):
        raise RuntimeError("oops")

    assert train(*SMALL, "--steps", "1", "--run", "plain") == 0
    # after the check that comes before training, which would tell
    monkeypatch.setattr(samples.Samples, "hold", replaced(samples.Samples.hold, monkeypatch, failing))
    assert train(*SMALL, "--steps", "1", "--run", "odd") == 0
    plain, odd = ([row for row in read(tmp_path / run) if row["step"] == 1] for run in ("plain", "odd"))
    assert any(row["depicted"] for row in plain)
    assert [row | {"depicted": None} for row in plain] == odd


def replaced(method, monkeypatch, depict):
    """A method before which `depict` takes its place."""

    def first(*arguments):
        monkeypatch.setattr(letters.Letters, "depict", depict)
        return method(*arguments)

    return first


@pytest.mark.parametrize(("env", "number"), [("brightness", 1), ("both", 2), ("echo", 0)])
def test_groups_of_environments_without_a_task(train, tmp_path, env, number):
    small = [word for word in SMALL if not word.startswith("tests.")]
    small = small[1:]  # without its --env
    assert train("--env", f"tests.train.foreign:{env}", *small, "--steps", "1") == 0
    found = groups(tmp_path / "runs" / env)
    assert [row["sample"] for row in found] == [0, 1, 2, 3]
    assert {(row["read"], row["depicted"], row["truth_number"]) for row in found} == {(None, None, None)}
    (seed,) = {row["seed"] for row in found}
    name = {"brightness": "tests/Brightness-v0", "both": "Both-v0", "echo": "Echo-v0"}[env]
    shown = gym.make(name).reset(seed=seed)[0]
    assert {row["prompt"] for row in found} == {shown if env == "echo" else "How bright?"}
    assert all(len(row["images"]) == number for row in found)
    wanted = [] if env == "echo" else [shown["image"]] if number == 1 else shown["images"]
    for path, picture in zip(found[0]["images"], wanted, strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / "runs" / env / path)), picture)
