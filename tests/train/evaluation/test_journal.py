import json

import pytest

from agents.policy import Reply
from train.evaluation.journal import Journal
from train.storage import WriteError

SETTINGS = {"env": "eyechart/Clock-v0", "samples": 2}


def test_answers_are_there_again(tmp_path):
    path = tmp_path / "new" / "x.answers.jsonl"
    odd = Reply("\ud800 </script>\n\u202e", None)
    with Journal(path, SETTINGS) as journal:
        journal.add(("asked", 3, 0), Reply("<answer>1</answer>", 7))
        journal.add(("blank", 3, 1), odd)
    with Journal(path, SETTINGS) as again:
        assert again.replies == {("asked", 3, 0): Reply("<answer>1</answer>", 7), ("blank", 3, 1): odd}
        again.add(("asked", 4, 0), Reply("", 1))
    assert len(Journal(path, SETTINGS).replies) == 3
    Journal(path, SETTINGS).delete()
    assert not path.exists()


def test_each_answer_is_in_the_file_at_once(tmp_path):
    journal = Journal(tmp_path / "x", SETTINGS)
    journal.add(("asked", 0, 0), Reply("a", 1))
    head, row = map(json.loads, (tmp_path / "x").read_text().splitlines())
    assert head == {"format": "eyechart answers", "settings": SETTINGS}
    assert row == {"condition": "asked", "seed": 0, "sample": 0, "text": "a", "tokens": 1}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_left_unfinished_goes(tmp_path, cut):
    path = tmp_path / "x"
    with Journal(path, SETTINGS) as journal:
        journal.add(("asked", 0, 0), Reply("a", 1))
        journal.add(("asked", 1, 0), Reply("b", 1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Journal(path, SETTINGS) as again:
        assert list(again.replies) == [("asked", 0, 0)]
        again.add(("asked", 1, 0), Reply("b", 1))
    assert path.read_bytes() == whole


def test_nothing_but_half_a_head_is_nothing(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b'{"format": "eyech')
    assert Journal(path, SETTINGS).replies == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps({"format": "eyechart answers", "settings": {**SETTINGS, "samples": 3}}) + "\n", "another samples"),
        ('{"format": "other", "settings": {}}\n', "is broken"),
        ("no json\n", "is broken"),
        (json.dumps({"format": "eyechart answers", "settings": SETTINGS}) + '\n{"seed": 1}\n', "is broken"),
        ("[]\n", "is broken"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path, content, message):
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        Journal(path, SETTINGS)
    assert path.read_text() == content


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="could not be written"):
        Journal(tmp_path / "file" / "x", SETTINGS)
