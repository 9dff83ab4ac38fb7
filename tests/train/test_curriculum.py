"""A curriculum: which levels a step is posed at, when the next is reached, and that a resumed run climbs alike."""

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from envs import problem, register
from envs.tasks.clock import Clock
from rendering import render
from tests.train.conftest import SMALL, rows, timeless
from tests.train.letters import Letters
from train.cli import parse
from train.config import resolved
from train.curriculum import Curriculum
from train.loop import TrainerState


@dataclass(frozen=True)
class Sized(Letters):
    """Letters with a difficulty: how many letters at most are to be written."""

    most: int = 20

    def generate(self, rng):
        count = int(rng.integers(1, self.most))
        posed = super().generate(rng)
        return replace(posed, answer="a" * count, info={"count": count})

    def levels(self):
        return (replace(self, most=2), replace(self, most=8), self)


register("Sized-v0", Sized)
ENV = ("--env", "tests.train.test_curriculum:sized", *SMALL[2:])


def settings(words):
    config = parse(["--env", "clock", "--problems-per-step", "8", "--group-size", "2", *words.split()])[0]
    return resolved(config, small=True, answer_tokens=11)


def curriculum(words, task=None):
    said = []
    return Curriculum(settings(words), task or Clock(), said.append), said


def rollout(errors, parsed=None):
    infos = {"error": np.array(errors, float), "parsed": np.array(parsed or [True] * len(errors))}
    return SimpleNamespace(texts=[""] * len(errors), infos=infos)


def test_a_step_is_posed_at_its_level_and_for_review_below():
    climbing, _ = curriculum("--curriculum success --curriculum-review 0.25")
    assert climbing.levels_of_places(0, 0) == [0] * 8
    drawn = np.array([climbing.levels_of_places(step, 3) for step in range(500)])
    assert np.mean(drawn == 3) == pytest.approx(0.75, abs=0.02)
    for below in range(3):
        assert np.mean(drawn == below) == pytest.approx(0.25 / 3, abs=0.015)
    assert climbing.levels_of_places(7, 3) == climbing.levels_of_places(7, 3) != climbing.levels_of_places(8, 3)
    none, _ = curriculum("--curriculum success --curriculum-review 0")
    assert none.levels_of_places(5, 4) == [4] * 8


def test_success_is_the_share_within_the_tolerance_at_this_level_alone():
    climbing, said = curriculum("--curriculum success --curriculum-window 2 --curriculum-threshold 0.5")
    state = TrainerState(step=1, level=1)
    # the clock's tolerance is a minute; the last two problems are review
    batch = rollout([0.0, 1.0, 1.1, 360.0, 0.0, 0.0, 0.0, 0.0], parsed=[True] * 7 + [False])
    row = climbing.climb(state, batch, [1, 1, 0, 0])
    assert row == {"level": 2, "level_success": 0.5, "level_error": pytest.approx(1.05)}
    assert (state.level, state.level_measured, said) == (1, [0.5], [])
    state.step = 2
    assert climbing.climb(state, batch, [1, 1, 0, 0])["level"] == 2  # the step was at that level still
    assert (state.level, state.level_measured) == (2, [])
    assert said == ["from step 3 on at level 3 of 6: every=300, after 50% right in the last 2 steps"]


def test_what_is_unreadable_is_no_success_even_where_every_error_is_tolerated():
    @dataclass(frozen=True)
    class Lax(Clock):
        tolerance = 360.0

    climbing, _ = curriculum("--curriculum success", Lax())
    assert climbing.climb(TrainerState(), rollout([360.0, 0.0], [False, True]), [0])["level_success"] == 0.5


def test_an_error_rule_looks_at_its_quantile():
    words = "--curriculum error --curriculum-window 2 --curriculum-quantile 0.75 --curriculum-threshold 30"
    climbing, said = curriculum(words)
    state = TrainerState()
    # the upper quartile of 0, 10, 20, 40 and 400 is 40
    for step, (errors, level) in enumerate([([0, 10, 20, 40, 360], 0), ([0, 10, 20, 20, 360], 1)]):
        state.step = step + 1
        told = climbing.climb(state, rollout(errors), [0])
        assert told["level_error"] == pytest.approx([40.0, 20.0][step])
        assert state.level == level  # the mean of 40 and 20 is the threshold
    assert said == ["from step 3 on at level 2 of 6: every=900, after 30 min off in the last 2 steps"]


def test_the_defaults():
    by_error, _ = curriculum("--curriculum error")
    assert (by_error.threshold, by_error.window, by_error.quantile) == (pytest.approx(36.0), 10, 0.5)
    by_success, _ = curriculum("--curriculum success")
    assert (by_success.threshold, by_success.window) == (0.5, 10)
    assert settings("").curriculum is None
    assert settings("").curriculum_window is None


def test_only_full_windows_count_and_the_top_is_the_end():
    climbing, said = curriculum("--curriculum success --curriculum-window 3")
    state = TrainerState()
    levels = []
    for step in range(20):
        state.step = step + 1
        climbing.climb(state, rollout([0.0, 0.0]), [state.level])
        levels.append(state.level)
    assert levels == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5]
    assert len(said) == 5
    assert "level 6 of 6: the whole task" in said[-1]


def test_a_step_of_review_alone_is_not_measured():
    climbing, _ = curriculum("--curriculum success --curriculum-window 1")
    state = TrainerState(level=2, level_measured=[])
    told = climbing.climb(state, rollout([0.0, 0.0]), [1, 0])
    assert told == {"level": 3, "level_success": None, "level_error": None}
    assert (state.level, state.level_measured) == (2, [])


REFUSED = {
    "--curriculum-window 5": "--curriculum-window is for a curriculum; say --curriculum success, or error",
    "--curriculum success --curriculum-quantile 0.5": "--curriculum-quantile is for --curriculum error",
    "--curriculum error --curriculum-quantile 0": "--curriculum-quantile must be above 0 and at most 1, got 0",
    "--curriculum error --curriculum-quantile nan": "--curriculum-quantile must be above 0 and at most 1, got nan",
    "--curriculum success --curriculum-threshold 1.5": "is a share with success, above 0 and at most 1, got 1.5",
    "--curriculum error --curriculum-threshold -1": "is an error, from 0 up and finite, got -1",
    "--curriculum error --curriculum-threshold 360": "is met by any answer, for the worst error is 360 min",
    "--curriculum success --curriculum-review 1": "is a share, from 0 and below 1, got 1",
    "--curriculum success --curriculum-window 0": "--curriculum-window must be at least 1",
    "--curriculum success --algorithm sft": "--curriculum",
    "--curriculum success --task.every 3600": "needs a task with a difficulty, and clock with these fields has one",
    "--curriculum succes": "invalid choice",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_means_nothing_is_refused_before_any_work(train, capsys, tmp_path, words):
    try:
        status = train("--env", "clock", *words.split())
    except SystemExit as ended:  # tyro's own way
        status = ended.code
    assert status == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert REFUSED[words] in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ("tests.train.letters:letters", "needs a task with a difficulty"),
        ("tests.train.foreign:Echo-v0", "climbs the levels of a Task"),
        ("gsm8k", "needs a task with a difficulty"),
    ],
)
def test_a_task_without_a_difficulty_is_refused(train, capsys, tmp_path, env, said):
    assert train("--env", env, "--curriculum", "success") == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


CLIMB = "--curriculum error --curriculum-threshold 90 --curriculum-window 2".split()


def test_a_run_climbs_and_a_resumed_one_climbs_alike(train, tmp_path, capsys):
    whole = [*ENV, *CLIMB, "--run", "whole", "--steps", "8", "--lr-schedule", "constant"]
    assert train(*whole) == 0
    assert "note: from step 3 on at level 2 of 3: most=8, after" in capsys.readouterr().out
    found = rows(tmp_path / "whole" / "metrics.csv")
    assert [row["level"] for row in found] == ["1", "1", "2", "2", "3", "3", "3", "3"]
    assert all(0 <= float(row["level_error"]) <= 100 for row in found)
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert config["levels"] == ["most=2", "most=8", "the whole task"]
    assert config["settings"]["curriculum_window"] == 2

    # what was measured at a level lies in the checkpoint, and the level too
    assert train(*whole[:-5], "broken", "--steps", "6", "--lr-schedule", "constant") == 0
    state = json.loads((tmp_path / "broken/checkpoints/step-000006/trainer_state.json").read_text())
    assert (state["level"], len(state["level_measured"])) == (2, 2)
    assert train("--resume", str(tmp_path / "broken/checkpoints/step-000004"), "--steps", "8") == 0
    assert timeless(tmp_path / "whole/metrics.csv") == timeless(tmp_path / "broken/metrics.csv")


def watched_resets(trainer):
    """The answers to what the trainer's environments pose from now on, and the options they are asked with."""
    seen = []
    reset = trainer.envs.reset

    def watched(**asked):
        found = reset(**asked)
        seen.append((found[1]["answer"].tolist(), asked.get("options")))
        return found

    trainer.envs.reset = watched
    return seen


def test_training_is_on_the_level_and_evaluation_on_the_whole_task(make):
    trainer = make(curriculum="success")
    seen = watched_resets(trainer)
    trainer.train_step()
    assert seen[0][1] == {"level": [0] * 8}
    assert all(answer.endswith(":00:00") for answer, _ in seen for answer in answer)  # whole hours, also when looked at
    _, info = trainer.eval_envs.reset(seed=[0, 1, 2, 3])
    assert not any(answer.endswith(":00:00") for answer in info["answer"])


def test_the_sample_that_is_kept_is_that_of_its_level(make):
    trainer = make(curriculum="success", samples=2)
    trainer.train_step()
    kept = [json.loads(line) for line in trainer.record.samples.read_text().splitlines()]
    assert len(kept) == 4
    hour = problem(Clock(size=56, every=3600), kept[0]["seed"])
    assert {row["answer"] for row in kept} == {hour.answer}
    picture = np.asarray(Image.open(trainer.folder / kept[0]["images"][0]))
    assert np.array_equal(picture, render(hour.scene, (56, 56)))


def test_what_replaces_a_problem_has_its_level(make):
    trainer = make(curriculum="success", resample=2)
    seen = watched_resets(trainer)
    batch = trainer.sampler.batch(0, [1, 0])
    assert batch.levels == [1, 0]
    assert len(seen) == 3  # an untrained model's answers earn nothing, so that both are drawn again twice
    assert all(options == {"level": [1] * 4 + [0] * 4} for _, options in seen)
    for answers, _ in seen:
        assert all(Clock().truth(answer) % 900 == 0 for answer in answers[:4])
        assert all(Clock().truth(answer) % 3600 == 0 for answer in answers[4:])


def test_without_a_curriculum_there_are_no_columns_and_no_option(make):
    trainer = make()
    seen = watched_resets(trainer)
    trainer.train_step()
    assert [options for _, options in seen] == [None] * len(seen)
    row = rows(trainer.record.metrics.path)[0]
    assert not any(name.startswith("level") for name in row)
