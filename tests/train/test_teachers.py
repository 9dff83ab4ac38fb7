"""Teachers from the command line: which fit, and that a run goes on with the one that it began with."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from agents.loading import load_policy
from agents.qwen_vl import QwenVL
from tests.train.conftest import SMALLEST, refused, rows
from train.config import TrainConfig
from train.distributed import Processes
from train.imitated import imitated_by, pinned_teacher, require_same_vocabulary, settings_of


def test_another_vocabulary_is_refused_before_any_work(train, capsys, tmp_path):
    student, teacher = load_policy("tiny", 0), load_policy("tiny-half", 0)
    require_same_vocabulary(student, teacher)
    (tmp_path / "other").mkdir()
    teacher.tokenizer.add_tokens(["<more>"])
    teacher.save(tmp_path / "other" / "model")
    said = refused(
        train, capsys, *SMALLEST, "--algorithm", "distill", "--teacher", "other/model", "--steps", "1", "--run", "run"
    )
    assert "--teacher has another vocabulary than --model (the student's has 512 tokens, the teacher's 513)" in said
    assert not Path("run").exists()


def test_a_vocabulary_of_the_same_size_is_told_apart_by_its_first_other_token():
    class Named:
        def __init__(self, *tokens):
            self.tokenizer = self
            self.get_vocab = lambda: {token: number for number, token in enumerate(tokens)}

    require_same_vocabulary(Named("a", "b", "c"), Named("a", "b", "c"))
    with pytest.raises(ValueError, match="token 1 is 'b' to the student and 'x' to the teacher"):
        require_same_vocabulary(Named("a", "b", "c"), Named("a", "x", "c"))


def test_what_either_may_not_sample_neither_may(tmp_path):
    """A text model's teacher that sees keeps some tokens for pictures; the student gets them as a part of no answer."""
    load_policy("tiny", 0).save(tmp_path / "seeing")
    config = TrainConfig(env="x", algorithm="distill", model="tiny-qwen2", teacher=str(tmp_path / "seeing"))
    student = load_policy("tiny-qwen2", 0)
    assert student.never_sampled == []
    teacher = imitated_by(config, student, Processes("cpu"), None).teacher
    assert len(teacher.never_sampled) == 4
    assert student.never_sampled == teacher.never_sampled
    assert not teacher.model.training
    assert not any(parameter.requires_grad for parameter in teacher.model.parameters())


def test_a_run_as_a_teacher_is_its_newest_checkpoint_for_good(sft, train, tmp_path, capsys):
    assert pinned_teacher(str(sft)) == str(sft / "checkpoints" / "step-000004")
    assert pinned_teacher("OWNER/NAME") == "OWNER/NAME"
    assert pinned_teacher(None) is None
    teacher = tmp_path / "teacher"
    load_policy(str(sft), 0).save(teacher)
    student = [*SMALLEST, "--model", "tiny-half", "--algorithm", "distill", "--teacher", "teacher", "--run", "run"]
    assert train(*student, "--steps", "2") == 0
    changed = load_policy("teacher", 0)
    with torch.no_grad():
        changed.model.get_input_embeddings().weight.mul_(1.5)
    changed.save(teacher)
    said = refused(train, capsys, "--resume", "run", "--steps", "3")
    assert "run cannot go on, for its --teacher is not what it was when the run began" in said
    assert len(rows(Path("run/metrics.csv"))) == 2


def test_a_teacher_that_is_gone_is_told_to_be_the_teacher(sft, train, tmp_path, capsys):
    shutil.copytree(sft, tmp_path / "old")
    student = [*SMALLEST, "--model", "tiny-half", "--algorithm", "distill", "--teacher", "old", "--run", "run"]
    assert train(*student, "--steps", "1") == 0
    pinned = str(tmp_path / "old/checkpoints/step-000004")
    Path(pinned, "model.safetensors").unlink()
    said = refused(train, capsys, "--resume", "run", "--steps", "3")
    assert f"run cannot go on without its teacher, {pinned}, which was pinned when the run began: --teacher" in said
    Path(pinned).rename("old/checkpoints/step-000009")
    said = refused(train, capsys, "--resume", "run", "--steps", "3")
    assert f"its teacher, {pinned}, which was pinned when the run began: it is gone, as all but the newest" in said
    assert "neither one of" not in said


def test_student_and_teacher_see_pictures_as_small(sft, train, tmp_path, monkeypatch):
    """Of 56 pixels a side 28 are left, also where the run goes on: four times fewer patches for both."""
    seen, prepare = [], QwenVL.prepare

    def watched(self, *arguments):
        prompts = prepare(self, *arguments)
        if prompts.pixel_values is not None:
            seen.append((self.model.num_parameters(), *prompts.picture_inputs["image_grid_thw"][0].tolist()))
        return prompts

    monkeypatch.setattr(QwenVL, "prepare", watched)
    words = [*SMALLEST, "--model", "tiny-half", "--algorithm", "distill", "--teacher", str(sft), "--run", "run"]
    assert train(*words, "--max-pixels", str(28 * 28), "--steps", "1") == 0
    first = len(seen)
    assert train("--resume", "run", "--steps", "2") == 0
    for some in (seen[:first], seen[first:]):
        assert len({parameters for parameters, *_ in some}) == 2
        assert {tuple(grid) for _, *grid in some} == {(1, 2, 2)}


def test_a_run_goes_on_from_another_folder(sft, train, tmp_path, monkeypatch):
    """With the data, the pictures and the teacher that it began with, named as they were from where it began."""
    row = {"prompt": "b", "response": "<answer>c</answer>", "images": ["a.png"]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    Image.new("RGB", (56, 56)).save(tmp_path / "a.png")
    load_policy(str(sft), 0).save(tmp_path / "teacher")
    student = ["--model", "tiny-half", "--algorithm", "distill", "--teacher", "teacher", "--data", "rows.jsonl"]
    assert train(*SMALLEST, *student, "--steps", "1", "--run", "run") == 0
    settings = settings_of("run")
    assert (settings["data"], settings["teacher"]) == (str(tmp_path / "rows.jsonl"), str(tmp_path / "teacher"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train("--resume", "../run", "--steps", "2") == 0
    monkeypatch.chdir(sft.parent)
    assert pinned_teacher(sft.name) == str(sft / "checkpoints" / "step-000004")
