import base64
import io

import numpy as np
import pytest
from PIL import Image

from train.evaluation.results import Images, journal_path, jsonable, read_results, results_path, write_results
from train.storage import WriteError

ROW = {"condition": "asked", "seed": 3, "prompt": "?", "answer": None, "reward": 0.0}
DOCUMENT = {
    "format": "eyechart evaluation",
    "version": 1,
    "env": "eyechart/Clock-v0",
    "task": None,
    "model": "chance",
    "name": "chance",
    "settings": {"samples": 1},
    "conditions": [{"name": "asked", "kind": "asked", "problems": 1, "answers": 2, "figures": {}}],
    "rows": [
        {**ROW, "sample": 0, "text": "\ud800\n</script>", "error": float("nan")},
        {**ROW, "sample": 1, "text": "", "error": np.float64(0.5)},
    ],
    "images": {"a": "data:image/png;base64," + 99 * "A"},
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "x.json"
    write_results(path, DOCUMENT)
    texts = [("\ud800\n</script>", None), ("", 0.5)]
    rows = [{**ROW, "sample": i, "text": text, "error": error} for i, (text, error) in enumerate(texts)]
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
    told = jsonable({"a": np.int64(3), "b": (np.bool_(True), -np.inf), 4: np.array([1.5, np.nan])})
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
        ("", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "not an evaluation file"),
        ({"format": "x"}, "not an evaluation file"),
        ({**DOCUMENT, "version": 2}, "newer Eyechart .version 2; this one reads up to 1.: upgrade"),
        ({**DOCUMENT, "version": "1"}, "'version'"),
        ({**DOCUMENT, "version": -3}, "there is no version -3"),
        ({"format": "eyechart evaluation", "version": 1, "env": ""}, "'conditions'"),
        ({**DOCUMENT, "conditions": []}, "must begin with 'asked'"),
        ({**DOCUMENT, "conditions": "x"}, "'conditions'"),
        ({**DOCUMENT, "task": "x"}, "'task'"),
        ({**DOCUMENT, "slices": [1]}, "slices 0 is not an object"),
        ({**DOCUMENT, "rows": [{"condition": "asked", "text": ""}]}, "row 0.*'seed'"),
        ({**DOCUMENT, "rows": [{**ROW, "text": "", "seed": "x"}]}, "row 0.*'seed'"),
        ({**DOCUMENT, "rows": [{**ROW, "text": "", "error": "x"}]}, "row 0.*'error'"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "x.json"
    if isinstance(content, dict):
        write_results(path, content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        read_results(path)


def test_missing_and_unfinished_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json does not exist"):
        read_results(tmp_path / "none.json")
    with pytest.raises(ValueError, match="is a folder"):
        read_results(tmp_path)
    (tmp_path / "x.answers.jsonl").write_text("{}\n{}\n")
    with pytest.raises(ValueError, match="of an unfinished evaluation"):
        read_results(tmp_path / "x.answers.jsonl")


def new(wanted, name="x", mine=()):
    return str(results_path(wanted, name, lambda journal: str(journal) in mine))


def test_default_paths_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "clock-../../runs/a b:c"
    first = "evaluations/clock-..-..-runs-a-b-c.json"
    assert new(None, name) == first
    for taken in ("json", "html", "answers.jsonl"):
        path = tmp_path / first.replace("json", taken)
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        assert new(None, name) == first.replace(".json", "-2.json")
        path.unlink()
    path.touch()  # an empty journal keeps nothing
    assert new(None, name) == first
    assert new(None, "scatter-low--0.5") == "evaluations/scatter-low--0.5.json"
    assert len(new(None, 300 * "a")) < 200


def test_an_unfinished_evaluation_goes_on_whatever_its_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evaluations").mkdir()
    third = tmp_path / "evaluations" / "x-3.json"
    journal_path(third).write_text("x")
    assert new(None) == "evaluations/x.json"
    assert new(None, mine=["evaluations/x-3.answers.jsonl"]) == "evaluations/x-3.json"
    third.write_text("finished")
    assert new(None, mine=["evaluations/x-3.answers.jsonl"]) == "evaluations/x.json"


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is no folder that may be written"):
        new(tmp_path / "file" / "x.json")
    for name in ("x.json", "x.html"):  # a report is not overwritten either
        (tmp_path / name).write_text("")
        with pytest.raises(ValueError, match=rf"{name} exists; name another file"):
            new(tmp_path / "x.json")
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match="is no name for a file: File name too long"):
        new(tmp_path / f"{300 * 'a'}.json")
    with pytest.raises(WriteError):
        write_results(tmp_path / "file" / "x.json", DOCUMENT)
