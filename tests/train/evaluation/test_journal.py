import json
import resource
import subprocess
import sys

import pytest

from agents.policy import Reply
from train.evaluation.journal import Journal, has_settings
from train.storage import WriteError

SETTINGS = {"env": "eyechart/Clock-v0", "samples": 2, "sides": (3, 4), "far": float("inf")}
READ = {"env": "eyechart/Clock-v0", "samples": 2, "sides": [3, 4], "far": None}


def test_answers_are_there_again(tmp_path):
    path = tmp_path / "new" / "x.answers.jsonl"
    odd = Reply("\ud800 </script>\n\u202e", None)
    with Journal(path, SETTINGS) as journal:
        journal.add(("asked", 3, 0), Reply("<answer>1</answer>", 7, False), "q3")
        journal.add(("blank", 3, 1), odd, "q3")
    with Journal(path, SETTINGS) as again:
        assert len(again) == 2
        assert again.reply(("asked", 3, 0), "q3") == Reply("<answer>1</answer>", 7, False)
        assert again.reply(("blank", 3, 1), "q3") == odd
        assert ("asked", 4, 0) not in again
        again.add(("asked", 4, 0), Reply("", 1, True), "q4")
    with Journal(path, SETTINGS) as third:
        assert third.reply(("asked", 4, 0), "q4").truncated is True
        third.delete()
    assert not path.exists()


def test_an_answer_to_another_question_is_refused(tmp_path):
    with Journal(tmp_path / "x", SETTINGS) as journal:
        journal.add(("asked", 3, 0), Reply("a"), "before")
    with Journal(tmp_path / "x", SETTINGS) as again, pytest.raises(ValueError, match=r"problem 3 .asked. now asks"):
        again.reply(("asked", 3, 0), "after")


def test_each_answer_is_in_the_file_at_once(tmp_path):
    with Journal(tmp_path / "x", SETTINGS) as journal:
        journal.add(("asked", 0, 0), Reply("a", 1), "q")
        head, row = map(json.loads, (tmp_path / "x").read_text().splitlines())
    assert head == {"format": "eyechart answers", "settings": READ}
    told = {"text": "a", "tokens": 1, "truncated": None}
    assert row == {"condition": "asked", "seed": 0, "sample": 0, "question": "q", **told}


def test_nothing_kept_is_in_nobodys_way(tmp_path):
    with Journal(tmp_path / "x", SETTINGS):
        pass
    assert not (tmp_path / "x").exists()
    (tmp_path / "x").touch()  # as a kill before the first answer leaves it
    with Journal(tmp_path / "x", {"samples": 9}) as journal:
        assert len(journal) == 0


def test_whose_journal_it_is(tmp_path):
    assert not has_settings(tmp_path / "none", SETTINGS)
    with Journal(tmp_path / "x", SETTINGS) as journal:
        journal.add(("asked", 0, 0), Reply("a"), "q")
    assert has_settings(tmp_path / "x", SETTINGS)
    assert not has_settings(tmp_path / "x", {**SETTINGS, "samples": 3})
    (tmp_path / "x").write_text("no json\n")
    assert not has_settings(tmp_path / "x", SETTINGS)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_left_unfinished_goes(tmp_path, cut):
    path = tmp_path / "x"
    with Journal(path, SETTINGS) as journal:
        journal.add(("asked", 0, 0), Reply("a", 1), "q")
        journal.add(("asked", 1, 0), Reply("b", 1), "q")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Journal(path, SETTINGS) as again:
        assert ("asked", 0, 0) in again
        assert len(again) == 1
        again.add(("asked", 1, 0), Reply("b", 1), "q")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("left", [b"", b'{"format": "eyech', b'{"format": "eyechart answers", "settings": {}}\n'])
def test_nothing_but_a_head_is_nothing(tmp_path, left):
    path = tmp_path / "x"
    path.write_bytes(left)
    settings = {} if left.endswith(b"\n") else SETTINGS
    with Journal(path, settings) as journal:
        journal.add(("asked", 0, 0), Reply("a"), "q")
    assert len(path.read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps({"format": "eyechart answers", "settings": {**READ, "samples": 3}}) + "\n", "another samples"),
        ('{"format": "other", "settings": {}}\n', "is broken"),
        ("no json\n", "is broken"),
        (json.dumps({"format": "eyechart answers", "settings": READ}) + '\n{"seed": 1}\n', "is broken"),
        ("[]\n", "is broken"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path, content, message):
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        Journal(path, SETTINGS)
    assert path.read_text() == content


def test_two_processes_do_not_share_one(tmp_path):
    code = "import sys; from pathlib import Path; from train.evaluation.journal import Journal; Journal(Path('x'), {})"
    with Journal(tmp_path / "x", {}) as journal:
        journal.add(("asked", 0, 0), Reply("a"), "q")
        path = {"PYTHONPATH": ":".join(sys.path)}
        other = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=path)
        assert other.returncode == 1
        assert "another evaluation is writing x; wait for it" in other.stderr
    assert (tmp_path / "x").exists()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="could not be written"):
        Journal(tmp_path / "file" / "x", SETTINGS)


def test_a_disk_that_fills_up_is_told_once_and_keeps_what_it_took(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        with Journal(tmp_path / "x", {}) as journal:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
            for seed in range(100):
                journal.add(("asked", seed, 0), Reply("a" * 300), "q")

    try:
        with pytest.raises(WriteError, match="x could not be written: File too large"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with Journal(tmp_path / "x", {}) as again:
        assert 10 <= len(again) <= 16
