import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from train.evaluation.results import Images, finite, free_path, read_results, write_results
from train.storage import WriteError

DOCUMENT = {
    "format": "eyechart evaluation",
    "version": 1,
    "env": "eyechart/Clock-v0",
    "task": None,
    "model": "chance",
    "name": "chance",
    "settings": {"samples": 1},
    "conditions": [],
    "rows": [{"text": "\ud800\n</script>", "error": float("nan")}, {"text": "", "error": np.float64(0.5)}],
    "images": {"a": "data:image/png;base64," + 99 * "A"},
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "x.json"
    write_results(path, DOCUMENT)
    rows = [{"text": "\ud800\n</script>", "error": None}, {"text": "", "error": 0.5}]
    assert read_results(path) == {**DOCUMENT, "rows": rows}
    assert list(read_results(path)) == list(DOCUMENT)
    assert sum('"error"' in line for line in path.read_text().splitlines()) == 2
    before = path.read_bytes()
    write_results(path, DOCUMENT)
    assert path.read_bytes() == before


@pytest.mark.parametrize("value", [{}, [], {"a": []}, [[]], {"a": {"b": np.arange(3)}}, True, None, float("inf")])
def test_every_member_is_json(tmp_path, value):
    write_results(tmp_path / "x.json", {**DOCUMENT, "extra": value})
    expected = {"a": {"b": [0, 1, 2]}} if isinstance(value, dict) and value.get("a") else value
    assert read_results(tmp_path / "x.json")["extra"] == (None if value == float("inf") else expected)


def test_numbers_as_json_has_them():
    told = finite({"a": np.int64(3), "b": (np.bool_(True), -np.inf), 4: np.array([1.5, np.nan])})
    assert told == {"a": 3, "b": [True, None], "4": [1.5, None]}
    assert [type(value) for value in (told["a"], told["b"][0])] == [int, bool]


def test_a_picture_is_kept_once():
    images = Images()
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    names = [images.keep(picture), images.keep(picture.copy()), images.keep(255 - picture)]
    assert names[0] == names[1] != names[2]
    assert list(images.uris) == [names[0], names[2]]
    head, data = images.uris[names[0]].split(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(data)))), picture)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no results file"),
        (b"\xff\xfe", "is no results file"),
        ("[1]", "train.evaluate writes them"),
        ('{"format": "x"}', "train.evaluate writes them"),
        (json.dumps({**DOCUMENT, "rows": [], "version": 2}), "newer Eyechart .version 2.*up to 1.*upgrade"),
        (json.dumps({**DOCUMENT, "rows": [], "version": "1"}), "newer Eyechart"),
        (json.dumps({"format": "eyechart evaluation", "version": 1, "env": ""}), "has no task, model, name"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        read_results(path)


def test_missing_and_unfinished_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json cannot be read: No such file"):
        read_results(tmp_path / "none.json")
    (tmp_path / "x.answers.jsonl").write_text("{}\n{}\n")
    with pytest.raises(ValueError, match="of an unfinished evaluation"):
        read_results(tmp_path / "x.answers.jsonl")


def test_free_paths_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "clock-../../runs/a b:c"
    first = free_path(None, name)
    assert str(first) == "evaluations/clock-..-..-runs-a-b-c.json"
    first.parent.mkdir()
    first.write_text("")
    assert str(free_path(None, name)) == "evaluations/clock-..-..-runs-a-b-c-2.json"
    with pytest.raises(ValueError, match="exists; name another file"):
        free_path(first, name)


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is no folder that may be written"):
        free_path(tmp_path / "file" / "x.json", "x")
    with pytest.raises(WriteError):
        write_results(tmp_path / "file" / "x.json", DOCUMENT)
