"""Reading GSM8K's files: made-up ones by hand, and the real ones where EYECHART_GSM8K says they are."""

import json
import os
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from envs import check_task, make_task, problem, yardsticks
from envs.data.dataset import Choice
from envs.data.dataset import load as load_any
from envs.tasks.gsm8k import GSM8K
from tests.envs.arithmetic import evaluate
from tests.envs.test_gsm8k import relative_errors

REAL = os.environ.get("EYECHART_GSM8K")
needs_real = pytest.mark.skipif(REAL is None, reason="EYECHART_GSM8K names no folder with train.jsonl and test.jsonl")


def load(source):
    return load_any(source, Choice(("gsm8k",)))


def row(i, answer=None):
    return {
        "question": f"What is {i} + {i}?",
        "answer": f"It is {i}+{i}=<<{i}+{i}={2 * i}>>{2 * i}\n#### {answer or 2 * i}",
    }


def write(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "train.jsonl", [row(i) for i in range(1, 31)])
    write(tmp_path / "test.jsonl", [row(i) for i in range(31, 41)])
    return tmp_path


@pytest.mark.parametrize("source", ["~nobody-of-that-name/gsm8k", "a" * 5000])
def test_a_path_that_the_system_refuses(source):
    with pytest.raises(ValueError, match=r"^The source '.{1,79} cannot be read: "):
        make_task("gsm8k", source=source)


def test_the_files_of_a_folder_are_the_splits(folder):
    task = make_task("gsm8k", source=str(folder))
    train = [problem(task, seed) for seed in range(30)]
    held_out = [problem(task, seed, "eval") for seed in range(10)]
    assert sorted(int(one.answer) for one in train) == list(range(2, 62, 2))  # each row once
    assert sorted(int(one.answer) for one in held_out) == list(range(62, 82, 2))
    assert [one.answer for one in held_out] != sorted(one.answer for one in held_out)  # not in the file's order
    assert (task.num_problems("train"), task.num_problems("eval")) == (30, 10)
    assert GSM8K().num_problems("train") is None
    assert problem(task, 3) == problem(task, 33) == problem(make_task("gsm8k", source=str(folder)), 3)
    one = train[0]
    number = int(one.answer) // 2
    assert one.prompt == f"What is {number} + {number}? Reply <think>STEPS</think><answer>NUMBER</answer>"
    assert one.solution == row(number)["answer"]
    assert one.info == {"steps": 1, "row": number}
    text = task.demonstration(one)
    assert text == f"<think>It is {number}+{number}={one.answer}</think><answer>{one.answer}</answer>"
    assert task.score(text, one.answer).reward == 1.0
    assert check_task(task) == []


def test_rows_keep_the_rules_and_lose_their_question(folder):
    task = GSM8K(source=str(folder))
    assert check_task(task) == []
    posed = problem(task, 0)
    assert posed.prompt.startswith("What is ")
    assert task.without_question(posed) == "Reply <think>STEPS</think><answer>NUMBER</answer>"
    assert task.write(task.truth(posed.answer)) == posed.answer


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(ValueError, match=r"pipe.jsonl is neither a file nor a folder"):
        GSM8K(source=str(tmp_path / "pipe.jsonl"))


def test_a_single_file_is_split_by_index(tmp_path):
    path = write(tmp_path / "all.jsonl", [row(i) for i in range(25)])
    rows = load(str(path))
    assert [one.answer for one in rows["eval"]] == ["0", "20", "40"]  # rows 0, 10 and 20
    assert [one.number for one in rows["train"]] == [*range(2, 11), *range(12, 21), *range(22, 26)]


def test_what_is_held_out_is_not_trained_on(folder):
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps(row(35)) + "\n")
    rows = load(str(folder))
    assert len(rows["train"]) == 30
    assert not {one.question for one in rows["train"]} & {one.question for one in rows["eval"]}
    write(folder / "train.jsonl", [row(35)])
    with pytest.raises(ValueError, match="nothing is left to train on"):
        load(str(folder))


@pytest.mark.parametrize(
    ("written", "answer", "value"),
    [
        ("1,080", "1080", 1080),
        ("-10", "-10", -10),
        ("$18.50", "18.50", 18.5),
        (" 7 ", "7", 7),
        ("$1,234,567", "1234567", 1234567),
        ("−3", "-3", -3),
    ],
)
def test_how_truths_are_written(tmp_path, written, answer, value):
    path = write(tmp_path / "one.jsonl", [row(1, written), row(2, written)])
    task = GSM8K(source=str(path))
    posed = problem(task, 0, "eval")
    assert posed.answer == answer
    assert task.truth(posed.answer) == value
    assert task.score(task.demonstration(posed), posed.answer).reward == 1.0


def test_a_path_is_kept_as_every_folder_finds_it(folder, monkeypatch):
    monkeypatch.chdir(folder)
    task = GSM8K(source=".")
    assert task == GSM8K(source=str(folder))
    assert task.source == str(folder)
    monkeypatch.chdir("/")
    assert problem(GSM8K(source=task.source), 3) == problem(task, 3)


def test_blank_lines_and_other_line_ends(tmp_path):
    path = tmp_path / "dos.jsonl"
    path.write_bytes(b"\r\n".join(json.dumps(row(i)).encode() for i in range(3)) + b"\r\n\r\n \n")
    assert sum(map(len, load(str(path)).values())) == 3


GOOD = json.dumps(row(1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"bad\.jsonl is empty"),
        ("\n \n", r"bad\.jsonl is empty"),
        (GOOD, "has a single row: it takes two"),
        (f"{GOOD}\n{{'question': 1}}\n", r"bad\.jsonl, line 2: this is not JSON"),
        (f"{GOOD}\n{GOOD[:-9]}", r"bad\.jsonl, line 2: this is not JSON .* JSON object with question and answer\."),
        (f"{GOOD}\n\n" + "[" * 100_000, r"bad\.jsonl, line 3: this is not JSON"),
        (f"{GOOD}\n[1, 2]", r"line 2: a row is a JSON object with question and answer, got '\[1, 2\]'"),
        (
            f'{GOOD}\n{{"question": "How many?"}}',
            r"line 2: the field 'answer' is missing\. A row needs question and answer; this one has question\.",
        ),
        (f'{GOOD}\n{{"answer": "#### 3"}}', "line 2: the field 'question' is missing"),
        (f'{GOOD}\n{{"question": null, "answer": "#### 3"}}', "line 2: the field 'question' must be a text, got None"),
        (f'{GOOD}\n{{"question": " ", "answer": "#### 3"}}', "line 2: the field 'question' must be a text, got ' '"),
        (f'{GOOD}\n{{"question": "a", "answer": 3}}', "line 2: the field 'answer' must be a text, got 3"),
        (
            f'{GOOD}\n{{"question": "a", "answer": "It is 3"}}',
            "line 2: the answer must end in '#### NUMBER', got 'It is 3'",
        ),
        (
            f'{GOOD}\n{{"question": "a", "answer": "#### three"}}',
            "line 2: what follows #### must be a number, got 'three'",
        ),
        (f'{GOOD}\n{{"question": "a", "answer": "#### "}}', "line 2: what follows #### must be a number, got ''"),
        (
            f'{GOOD}\n{{"question": "\\ud800", "answer": "#### 3"}}',
            "line 2: the field 'question' holds half a character",
        ),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        GSM8K(source=str(path))


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(GOOD.encode() + b"\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"latin\.jsonl, line 2: this is not JSON.*utf-8"):
        GSM8K(source=str(path))


@pytest.mark.parametrize("missing", ["train.jsonl", "test.jsonl"])
def test_a_folder_without_one_of_the_files(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(ValueError, match=f"has no {re.escape(missing)}: it needs train.jsonl and test.jsonl"):
        GSM8K(source=str(folder))


def test_a_file_that_cannot_be_read(folder):
    (folder / "test.jsonl").unlink()
    (folder / "test.jsonl").mkdir()
    with pytest.raises(ValueError, match=r"test\.jsonl cannot be read: Is a directory"):
        GSM8K(source=str(folder))


@pytest.mark.parametrize("source", ["", "no.jsonl", "./no/such", "/no/such", "../x", "a/b/c"])
def test_a_source_that_is_not_there(source):
    with pytest.raises(ValueError, match="There is no file or folder"):
        GSM8K(source=source)


def test_a_changed_file_is_read_again(tmp_path):
    path = write(tmp_path / "all.jsonl", [row(i) for i in range(5)])
    assert len(load(str(path))["train"]) == 4
    write(path, [row(i) for i in range(9)])
    os.utime(path, ns=(1, 1))
    assert len(load(str(path))["train"]) == 8


def test_the_command_line_tells_in_one_line(run_python, tmp_path):
    (tmp_path / "bad.jsonl").write_text(f"{GOOD}\nnonsense\n")
    ran = run_python("-m", "envs", "show", "gsm8k", "--task.source", "bad.jsonl", cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: bad.jsonl, line 2: ") or "bad.jsonl, line 2" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_the_hub_takes_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    for source in ("hub", "somebody/problems"):
        with pytest.raises(ValueError, match=r"pip install 'eyechart\[data\]'"):
            GSM8K(source=source)


def test_the_hub(monkeypatch):
    asked = []

    def load_dataset(*arguments):
        asked.append(arguments)
        if arguments[0] == "no/such":
            raise RuntimeError("Dataset 'no/such' doesn't exist\nor it is private")
        if arguments[0] == "odd/one":
            return {"train": [{"question": "a"}], "test": []}
        return {"train": [row(i) for i in range(6)], "test": [row(i) for i in range(6, 9)]}

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    task = GSM8K(source="hub")
    assert sorted(problem(task, seed, "eval").answer for seed in range(3)) == ["12", "14", "16"]
    GSM8K(source="some-body/problems.v2")
    assert asked == [("openai/gsm8k", "main"), ("some-body/problems.v2", "main")]
    with pytest.raises(ValueError, match=r"no/such could not be loaded from the hub: Dataset 'no/such' doesn't exist$"):
        GSM8K(source="no/such")
    with pytest.raises(ValueError, match="odd/one, train, row 1: the field 'answer'"):
        GSM8K(source="odd/one")


@needs_real
def test_the_real_files():
    task = GSM8K(source=REAL)
    counts, questions = {"train": 7473, "eval": 1319}, {}
    for split, count in counts.items():
        posed = [problem(task, seed, split) for seed in range(count)]
        questions[split] = {one.prompt for one in posed}
        assert len(questions[split]) == count
        assert problem(task, count, split) == posed[0]
        name = {"train": "train.jsonl", "eval": "test.jsonl"}[split]
        lines = [json.loads(line) for line in (Path(REAL) / name).read_text(encoding="utf-8").splitlines()]
        assert len(lines) == count
        for one in posed:
            line = lines[one.info["row"] - 1]
            assert one.prompt.startswith(line["question"])
            truth = float(evaluate(line["answer"].split("####")[1].replace(",", "")))
            assert task.truth(one.answer) == truth
            assert task.score(f"<answer>{one.answer}</answer>", one.answer).reward == 1.0
            assert task.score(task.demonstration(one), one.answer).reward == 1.0
            assert task.score(line["answer"], one.answer).lenient_error == 0.0
    assert not questions["train"] & questions["eval"]
    assert check_task(task, samples=64) == []


@needs_real
def test_the_yardsticks_of_the_real_files():
    truths = np.array([float(one.answer) for one in load(REAL)["train"]])
    errors = relative_errors(truths, truths)
    sticks = yardsticks(GSM8K(source=REAL), samples=2000)
    assert sticks.chance == pytest.approx(errors[~np.eye(len(truths), dtype=bool)].mean(), abs=0.03)
    assert sticks.best_constant == pytest.approx(
        relative_errors(np.arange(1, 300), truths).mean(axis=1).min(), abs=0.03
    )
    assert sticks.oracle == 0.0
