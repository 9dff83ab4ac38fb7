import json

import numpy as np
import pytest
from PIL import Image

from train.record import Record, Table, format_number, new_run_folder


def test_numbers_keep_the_digits_of_float32():
    assert format_number(0.1 + 0.2) == "0.3"
    assert format_number(1.2345678901) == "1.234568"
    assert format_number(123456) == 123456
    assert format_number(None) == ""


def test_a_row_is_on_disk_at_once(tmp_path):
    table = Table(tmp_path / "t.csv")
    table.add({"step": 1, "mae": 2.5})
    table.add({"step": 2, "mae": None})
    assert (tmp_path / "t.csv").read_text().splitlines() == ["step,mae", "1,2.5", "2,"]


def test_a_table_keeps_its_columns_when_a_newer_version_goes_on_with_it(tmp_path):
    Table(tmp_path / "t.csv").add({"step": 1, "mae": 2.5, "gone": 3})
    table = Table(tmp_path / "t.csv")
    table.add({"step": 2, "new": 7, "mae": 3.5})
    table.add({"step": 3, "new": 7, "mae": 4.5})
    assert (tmp_path / "t.csv").read_text().splitlines() == ["step,mae,gone", "1,2.5,3", "2,3.5,", "3,4.5,"]
    assert table.rows()[1] == {"step": "2", "mae": "3.5", "gone": ""}
    assert Table(tmp_path / "none.csv").rows() == []
    table.drop_after(0)
    table.add({"step": 1, "new": 7})
    assert (tmp_path / "t.csv").read_text().splitlines() == ["step,mae,gone", "1,,"]
    (tmp_path / "t.csv").unlink()
    table.add({"step": 1, "new": 7})
    assert (tmp_path / "t.csv").read_text().splitlines() == ["step,new", "1,7"]


def test_later_rows_and_samples_are_dropped(tmp_path):
    record = Record(tmp_path)
    for step in range(4):
        record.metrics.add({"step": step, "mae": 0.1 * step})
        record.add_samples([{"step": step, "seed": 7, "text": "x"}], None)
    before = (tmp_path / "metrics.csv").read_text().splitlines()
    record.drop_after(1)
    assert (tmp_path / "metrics.csv").read_text().splitlines() == before[:3]
    assert [json.loads(line)["step"] for line in (tmp_path / "samples.jsonl").read_text().splitlines()] == [0, 1]


def test_a_row_that_a_killed_process_left_unfinished_is_dropped(tmp_path):
    record = Record(tmp_path)
    for step in (1, 2):
        record.metrics.add({"step": step, "mae": 5.0})
        record.add_samples([{"step": step, "seed": 7, "text": "x"}], None)
    for path in (tmp_path / "metrics.csv", tmp_path / "samples.jsonl"):
        path.write_text(path.read_text()[:-2])
    record.drop_after(2)
    assert (tmp_path / "metrics.csv").read_text().splitlines() == ["step,mae", "1,5"]
    assert [json.loads(line)["step"] for line in (tmp_path / "samples.jsonl").read_text().splitlines()] == [1]


def test_any_text_survives_in_the_samples(tmp_path):
    texts = ["\ud800 lone", "<script>", "line\nbreak\u2028", "\x00", "é漢"]
    Record(tmp_path).add_samples([{"step": 0, "seed": i, "text": text} for i, text in enumerate(texts)], None)
    lines = (tmp_path / "samples.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line)["text"] for line in lines] == texts


def test_a_picture_is_written_once(tmp_path):
    record, first, second = Record(tmp_path), np.full((2, 2, 3), 5, np.uint8), np.full((2, 2, 3), 9, np.uint8)
    for picture in (first, second):
        record.add_samples([{"step": 0, "seed": 3, "text": ""}], [[picture]])
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["eval-000003.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "images" / "eval-000003.png")), first)


def test_every_picture_of_a_problem_is_kept(tmp_path):
    shown = [np.full((2, width, 3), width, np.uint8) for width in (2, 3, 4)]
    rows = [{"step": 0, "seed": seed, "text": ""} for seed in (3, 4)]
    Record(tmp_path).add_samples(rows, [shown, []])
    one, other = map(json.loads, (tmp_path / "samples.jsonl").read_text().splitlines())
    assert one["images"] == ["images/eval-000003.png", "images/eval-000003-2.png", "images/eval-000003-3.png"]
    assert other["images"] == []
    for path, picture in zip(one["images"], shown, strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / path)), picture)


def test_pictures_of_answers_are_written_once_for_each_answer(tmp_path):
    shown = [np.full((2, 2, 3), grey, np.uint8) for grey in (1, 2, 3)]
    told = [("train", "07:00"), ("rollout", "07:00"), ("rollout", "\ud800"), ("rollout", None)]
    rows = [{"phase": phase, "step": 0, "seed": 3, "read": read} for phase, read in told]
    record = Record(tmp_path)
    record.add_samples(rows, None, [*shown, None])
    record.add_samples(rows, None, [shown[2], *shown[1:], None])
    found = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    assert [row["images"] for row in found] == [[]] * 8
    paths = [row["depicted"] for row in found]
    # the first digits of SHA-256 of the text in UTF-8
    assert paths[0] == "images/eval-000003-answer-1df56f1bc0db.png"
    assert paths[1] == "images/train-000003-answer-1df56f1bc0db.png"
    assert paths[2].startswith("images/train-000003-answer-")
    assert paths[3] is None
    assert paths[4:] == paths[:4]
    assert len(set(paths)) == 4
    assert np.array_equal(np.asarray(Image.open(tmp_path / paths[0])), shown[0])
    assert np.array_equal(np.asarray(Image.open(tmp_path / paths[2])), shown[2])


def test_run_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(new_run_folder(None, "clock")) for _ in range(3)] == ["runs/clock", "runs/clock-2", "runs/clock-3"]
    wanted = tmp_path / "deep" / "er"
    assert new_run_folder(wanted, "clock") == wanted
    assert new_run_folder(wanted, "clock") == wanted  # empty, so nothing can be lost
    (wanted / ".partial-config.json").touch()
    assert new_run_folder(wanted, "clock") == wanted  # half a file of a process that was killed
    (wanted / "config.json").touch()
    with pytest.raises(ValueError, match=r"deep/er exists, and has no checkpoint to go on from; name another folder$"):
        new_run_folder(wanted, "clock")
    (wanted / "checkpoints" / "step-000000").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"--resume .*er"):
        new_run_folder(wanted, "clock")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be written"):
        new_run_folder(tmp_path / "file" / "run", "clock")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[1]", b"{}", b'{"settings": 3}'])
def test_settings_that_cannot_be_read_are_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json is broken \(.+\); the run cannot be continued"):
        Record(tmp_path).read_config()
