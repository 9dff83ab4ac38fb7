"""`--algorithm sft` and `distill` from the command line: the run's folder, resuming, what follows, what is refused."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from agents.loading import load_policy
from agents.qwen_vl import QwenVL
from tests.train.conftest import SMALL, rows, timeless
from train.config import TrainConfig, resolved
from train.distributed import Processes
from train.imitated import imitated_by, pinned_teacher, require_same_vocabulary, settings_of, taught

SMALLEST = (
    "--env tests.train.letters:letters --problems-per-step 4 --eval-size 6 --eval-every 2 --checkpoint-every 2"
    " --samples 2"
).split()
SFT = [*SMALLEST, "--algorithm", "sft"]
TOLD = ["step", "problems", "rollouts", "loss", "token_accuracy", "grad_norm", "answer_tokens", "skipped_steps"]
TIMES = [
    "learning_rate",
    *(f"machine_{name}" for name in ("samples_per_second", "memory_mib", "cuda_peak_mib", "cpu_percent")),
    *(f"seconds_{name}" for name in ("total", "rollout", "learn", "draw", "generate", "score", "per_sample")),
]


def refused(train, capsys, *arguments):
    capsys.readouterr()
    assert train(*arguments) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return " ".join(error.split())


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    """A run of SFT of four steps."""
    from train.__main__ import main

    folder = tmp_path_factory.mktemp("sft") / "run"
    assert main([*SFT, "--steps", "4", "--run", str(folder)]) == 0
    return folder


def test_a_run_of_sft_is_a_run_like_any_other(sft):
    assert [row["phase"] for row in rows(sft / "evals.csv")] == ["start", "train", "end"]
    told = rows(sft / "metrics.csv")
    assert list(told[0]) == [*TOLD, *TIMES]
    assert [row["problems"] for row in told] == ["4", "8", "12", "16"]
    assert {row["rollouts"] for row in told} == {"0"}
    assert float(told[-1]["loss"]) < 0.8 * float(told[0]["loss"])
    assert sorted(path.name for path in (sft / "checkpoints").iterdir()) == ["step-000002", "step-000004"]
    assert (sft / "report.html").exists()
    assert (sft / "curves.png").exists()
    settings = json.loads((sft / "config.json").read_text())["settings"]
    assert (settings["group_size"], settings["cold_start"], settings["entropy_bonus"]) == (1, "none", 0.0)


@pytest.mark.parametrize("how", ["sft", "data", "off-policy", "on-policy"])
def test_a_resumed_run_is_the_same_run(train, tmp_path, sft, how):
    teacher = ["--algorithm", "distill", "--teacher", str(sft), "--model", "tiny-half", "--distill", how]
    flags = {"sft": SFT, "data": [*SFT, "--data", "rows.jsonl"]}.get(how, [*SMALLEST, *teacher])
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"prompt": f"{n}?", "response": f"<answer>{n * 'a'}</answer>"}) + "\n" for n in range(1, 8))
    )
    assert train(*flags, "--steps", "4", "--run", "whole") == 0
    assert train(*flags, "--steps", "4", "--run", "parts") == 0
    assert timeless(Path("parts/metrics.csv")) == timeless(Path("whole/metrics.csv"))
    assert train("--resume", "parts/checkpoints/step-000002") == 0
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(Path("parts", table)) == timeless(Path("whole", table))
    told = rows(Path("whole/metrics.csv"))
    for row in told:
        draw, generate, score, rollout = (
            float(row[f"seconds_{name}"]) for name in ("draw", "generate", "score", "rollout")
        )
        assert 0 < draw + generate + score <= rollout
        assert [generate > 0, score > 0] == {"on-policy": [True, True], "off-policy": [True, False]}.get(
            how, [False, False]
        )
        assert float(row["machine_memory_mib"]) > 50
    assert ("reward_max" in told[0], "truncated" in told[0]) == ((True, True) if how == "on-policy" else (False, False))
    if how == "on-policy":
        assert [row["rollouts"] for row in told] == ["4", "8", "12", "16"]
        assert all(float(row["reward"]) >= 0 for row in told)
    assert ("token_accuracy" in told[0]) == (how in ("sft", "data"))
    assert ("teacher_agreement" in told[0]) == (how in ("off-policy", "on-policy"))


def test_a_students_own_answers_are_watched(train, tmp_path, sft, capsys):
    teacher = ["--algorithm", "distill", "--teacher", str(sft), "--model", "tiny-half", "--distill", "on-policy"]
    watched = ["--group-size", "2", "--eval-every", "50", "--show-samples", "2"]
    assert train(*SMALLEST, *teacher, *watched, "--steps", "4", "--run", "run") == 0
    said = capsys.readouterr().out
    assert [said.count(f"step {step}, training problem ") for step in (1, 2, 3, 4)] == [0, 1, 0, 1]
    found = [json.loads(line) for line in Path("run/samples.jsonl").read_text().splitlines()]
    found = [row for row in found if row["phase"] == "rollout"]
    assert [(row["step"], row["sample"]) for row in found] == [(step, i) for step in (1, 2, 4) for i in (0, 1)]
    assert {row["advantage"] for row in found} == {None}
    for row in found:
        told = rows(Path("run/metrics.csv"))[row["step"] - 1]
        assert float(told["reward_min"]) <= row["reward"] <= float(told["reward_max"])
        assert row["tokens"] <= float(told["answer_tokens_max"])


def test_an_epoch_is_every_row_once(train, tmp_path, monkeypatch):
    texts = [f"<answer>{n * 'a'}</answer>" for n in range(1, 8)]
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"prompt": "?", "response": text}) + "\n" for text in texts)
    )
    longest = load_policy("tiny", 0).encode(texts)[0].shape[1]
    given, encode = [], QwenVL.encode
    monkeypatch.setattr(QwenVL, "encode", lambda self, texts: given.append(list(texts)) or encode(self, texts))
    assert train(*SFT, "--data", "rows.jsonl", "--epochs", "2", "--problems-per-step", "2") == 0
    assert json.loads(Path("runs/letters/config.json").read_text())["settings"]["max_new_tokens"] == longest
    learned = [text for some in given if len(some) == 2 for text in some]
    assert len(learned) == 14
    assert sorted(learned[:7]) == sorted(learned[7:]) == texts
    assert learned[:7] != learned[7:]


def test_grpo_from_a_run_of_sft_begins_where_that_ended(sft, train, capsys):
    """No cold start, room for whole solutions, and no noise to find what labels have taught."""
    longest = settings_of(str(sft))["max_new_tokens"]
    assert taught(str(sft)) == taught(str(sft / "checkpoints" / "step-000004")) == longest > 12
    small = [*SMALLEST, "--group-size", "2", "--model", str(sft), "--steps", "1"]
    assert train(*small) == 0
    settings = settings_of("runs/letters")
    assert (settings["algorithm"], settings["max_new_tokens"]) == ("grpo", longest)
    assert (settings["cold_start"], settings["entropy_bonus"], settings["replay_weight"]) == ("none", 0.0, 0.0)
    start, end = timeless(Path("runs/letters/evals.csv"))[0], timeless(sft / "evals.csv")[-1]
    assert [start[name] for name in ("mae", "reward", "parsed")] == [end[name] for name in ("mae", "reward", "parsed")]


@pytest.mark.parametrize("first", ["sft", "answers"])
def test_what_labels_taught_is_handed_from_run_to_run(sft, train, capsys, first):
    """The third run has room for whole solutions too, and no noise to find what is known; a shorter one says so."""
    small = [*SMALLEST, "--group-size", "2", "--steps", "1"]
    cold = ["--cold-start", "answers", "--cold-start-steps", "1"] if first == "answers" else ["--model", str(sft)]
    assert train(*small, *cold) == 0
    longest = settings_of(str(sft))["max_new_tokens"]
    for run, model in (("second", "runs/letters"), ("third", "second/checkpoints/step-000001")):
        capsys.readouterr()
        assert train(*small, "--model", model, "--run", run) == 0
        settings = settings_of(run)
        assert (settings["max_new_tokens"], settings["entropy_bonus"], taught(run)) == (longest, 0.0, longest)
        assert "cut at" not in capsys.readouterr().err
    assert train(*small, "--model", "third", "--max-new-tokens", "5", "--run", "short") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"note: --model third has learned with answers of up to {longest} tokens, and here they are cut at 5" in said
    assert taught("short") == longest


def test_a_length_that_is_not_taken_over_is_told(train, capsys):
    """Without labels the next run has the task's own length, and says what the run before it had."""
    small = [*SMALLEST, "--group-size", "2", "--cold-start", "none", "--steps", "1"]
    assert train(*small, "--max-new-tokens", "30", "--run", "long") == 0
    assert taught("long") is None
    assert "cut at" not in capsys.readouterr().err
    assert train(*small, "--model", "long", "--run", "next") == 0
    assert settings_of("next")["max_new_tokens"] < 30
    assert "--max-new-tokens 30 leaves them room" in " ".join(capsys.readouterr().err.split())


def test_what_was_not_recorded_is_told_by_the_algorithm(tmp_path):
    for algorithm, told in (("sft", 52), ("grpo", None)):
        document = {"settings": {"algorithm": algorithm, "max_new_tokens": 52}}
        (tmp_path / "config.json").write_text(json.dumps(document))
        assert taught(str(tmp_path)) == told


def test_a_run_of_grpo_tells_nothing_of_labels():
    config = TrainConfig(env="clock")
    assert resolved(config, True, 11).entropy_bonus == 0.05
    assert resolved(config, True, 11, labelled=True).entropy_bonus == 0.0
    assert resolved(config, False, 300).max_new_tokens == 256
    assert resolved(config, False, 300, labelled=True).max_new_tokens == 300
    answers = dataclasses.replace(config, cold_start="answers")
    assert resolved(answers, False, 300).max_new_tokens == 300
    assert taught("tiny") is taught("nowhere") is None


def test_labels_bear_larger_rates():
    sft = TrainConfig(env="clock", algorithm="sft")
    assert (resolved(sft, True, 50).learning_rate, resolved(sft, True, 50).adamw_learning_rate) == (0.02, 3e-3)
    assert resolved(sft, False, 300).learning_rate == 1e-5
    assert resolved(sft, False, 300).max_new_tokens == 300
    assert resolved(dataclasses.replace(sft, lora=True), False, 50).learning_rate == pytest.approx(1e-4)
    assert resolved(dataclasses.replace(sft, learning_rate=0.1), True, 50).learning_rate == 0.1
    assert resolved(sft, True, 50).group_size == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--teacher {run}", "--teacher is for --algorithm distill, and this run has --algorithm grpo"),
        ("--data rows.jsonl", "--data is for --algorithm sft and distill"),
        ("--algorithm sft --distill on-policy", "--distill is for --algorithm distill"),
        ("--algorithm sft --kl-weight 0.1", "--kl-weight is for --algorithm grpo, and this run has --algorithm sft"),
        ("--algorithm sft --cold-start answers", "--cold-start is for --algorithm grpo"),
        ("--algorithm sft --group-size 4", "--group-size 4: where texts are given there is one to each problem"),
        ("--algorithm sft --temperature 0.7", "--temperature 0.7: --algorithm sft on given texts samples nothing"),
        ("--algorithm sft --max-new-tokens 5", "--max-new-tokens 5 is too short for the longest of the worked"),
        ("--algorithm sft --data none.jsonl", "--data none.jsonl cannot be read: No such file"),
        ("--algorithm sft --show-samples 5", "training, and with --algorithm sft it samples none; leave it out"),
        ("--algorithm distill --teacher {run} --show-samples 5", "with --algorithm distill off-policy it samples none"),
        (
            "--algorithm sft --data rows.jsonl",
            "rows.jsonl, line 1: the field 'prompt' is missing. A row needs prompt and",
        ),
        ("--algorithm distill", "--algorithm distill needs --teacher: a run, a checkpoint's folder or a hub id"),
        ("--algorithm distill --teacher tiny", "--teacher tiny has random weights"),
        ("--algorithm distill --teacher ./nowhere/x", "--teacher ./nowhere/x is neither one of tiny"),
        ("--algorithm distill --teacher {run} --resample 1", "--resample is for --algorithm grpo"),
        ("--algorithm distill --teacher {run} --distill on-policy --data rows.jsonl", "--data is for --distill off-"),
        ("--algorithm distill --teacher {run} --data rows.jsonl --distill-texts teacher", "both say which texts"),
        ("--algorithm distill --teacher {run} --distill-temperature 0", "--distill-temperature must be above 0"),
        ("--algorithm ppo", "ppo"),
    ],
)
def test_what_does_not_go_together_is_refused(sft, train, capsys, tmp_path, arguments, said):
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    words = ["--env", "tests.train.letters:letters", *arguments.format(run=sft).split(), "--steps", "1"]
    capsys.readouterr()
    try:
        status = train(*words)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_an_environment_that_tells_no_solutions_has_none_to_imitate(train, capsys):
    said = refused(train, capsys, "--env", "tests.train.foreign:brightness", "--algorithm", "sft", "--steps", "1")
    assert "--algorithm sft needs texts that this environment does not tell" in said
    assert "must hold `demonstration`" in said


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
    pinned = "old/checkpoints/step-000004"
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


def test_data_that_have_changed_are_told(train, tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "b", "response": "<answer>c</answer>"}\n')
    assert train(*SFT, "--data", "rows.jsonl", "--steps", "1", "--run", "run") == 0
    path.write_text('{"prompt": "b", "response": "<answer>d</answer>"}\n')
    assert "its --data is not what it was" in refused(train, capsys, "--resume", "run", "--steps", "2")


def test_grpo_is_what_it_was(train):
    """No column, no setting of another algorithm shows in it."""
    assert train(*SMALL, "--steps", "1") == 0
    with Path("runs/letters/metrics.csv").open() as file:
        assert {"reward", "entropy", "kl", "logp_gap"} <= set(next(csv.reader(file)))
    settings = settings_of("runs/letters")
    names = ("algorithm", "data", "teacher", "distill", "distill_texts", "distill_temperature", "adamw_learning_rate")
    assert [settings[name] for name in names] == ["grpo", None, None, None, None, None, 3e-4]
