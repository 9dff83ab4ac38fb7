import json
from pathlib import Path
from typing import Any

import pytest

from plots import RunError, read_evaluation
from plots.evaluations import Interval
from plots.rows import read_samples
from tests.plots.evaluation_files import clock_evaluation, write_evaluation


def test_everything_is_read_as_written(tmp_path: Path):
    document = clock_evaluation("gpt", problems=3)
    document["rows"][0] |= {"advantage": 0.5, "lenient_read": "01:00:00", "tokens": None}
    read = read_evaluation(write_evaluation(tmp_path / "gpt.json", document))
    assert (read.env, read.model, read.name, read.unit) == ("eyechart/Clock-v0", "runs/gpt", "gpt", "min")
    assert (read.measure, read.worst_error, read.tolerance, read.period) == ("mae", 360.0, 1.0, 12.0)
    assert read.yardsticks == {"chance": 180.1, "best_constant": 179.0, "oracle": 0.0, "floor": 0.0}
    assert [(each.name, each.kind, each.problems) for each in read.conditions] == [
        ("asked", "asked", 3), ("blank", "control", 3), ("roman", "style", 3)]  # fmt: skip
    assert read.conditions[0].figures["median_error"] == Interval(3.5, 2.0, 6.0)
    assert "exact" not in read.conditions[0].figures  # null
    assert read.measured == read.conditions[0].figures["mae"]
    assert read.drops["blank"] == {"mae": Interval(120.5, 100, 140), "reward": Interval(-0.4, -0.5, -0.3)}
    (cut,) = read.slices
    assert (cut.by, cut.slices[11].label, cut.slices[11].figures["mae"]) == ("hour", "12", Interval(120, 96, 168))
    assert (cut.slices[0].low, cut.slices[0].high, cut.slices[0].problems) == (1, 1, 2)
    row, wanted = read.rows[0], document["rows"][0]
    assert (row.condition, row.seed, row.sample, row.text) == ("asked", 0, 0, wanted["text"])
    assert (row.advantage, row.lenient_read, row.tokens, row.step) == (0.5, "01:00:00", None, None)
    assert row.info == wanted["info"]
    assert row.images == ("true-0",)
    assert len(read.rows) == 9
    assert read.images == document["images"]


def test_an_env_without_errors_is_judged_by_its_rewards(tmp_path: Path):
    row = {"condition": "asked", "seed": 4, "text": "hello", "reward": 2.5}
    figures = {"reward": {"value": 2.5, "low": None, "high": None}}
    asked = {"name": "asked", "kind": "asked", "problems": 1, "answers": 1, "figures": figures}
    document = {"format": "eyechart evaluation", "version": 1, "env": "Own-v0", "task": None, "model": "m", "name": "m",
                "conditions": [asked], "rows": [row]}  # fmt: skip
    read = read_evaluation(write_evaluation(tmp_path / "own.json", document))
    assert (read.measure, read.unit, read.period, read.yardsticks) == ("reward", "", None, {})
    assert read.measured == Interval(2.5, 2.5, 2.5)
    assert (read.rows[0].error, read.rows[0].answer, read.rows[0].images) == (None, None, ())


def test_a_newer_version_says_upgrade(tmp_path: Path):
    path = write_evaluation(tmp_path / "new.json", {"format": "eyechart evaluation", "version": 3})
    with pytest.raises(RunError) as error:
        read_evaluation(path)
    assert str(error.value) == (f"{path} was written by a newer Eyechart (version 3; this one reads up to 1): upgrade.")


def test_a_missing_file_and_a_folder(tmp_path: Path):
    with pytest.raises(RunError, match=r"no\.json does not exist: give an evaluation file"):
        read_evaluation(tmp_path / "no.json")
    with pytest.raises(RunError, match=r"is a folder, not a file"):
        read_evaluation(tmp_path)


NO_EVALUATION = {
    "empty": ("", "is not valid JSON"),
    "half": ('{"format": "eyechart eval', "is not valid JSON"),
    "not UTF-8": (b"\xff\xfe", "is not valid JSON"),
    "a list": ("[]", r'is not an evaluation file \(it has no "format": "eyechart evaluation"\)'),
    "a run's config": ('{"env": "e", "settings": {}}', "is not an evaluation file"),
    "nested without end": ("[" * 100_000, "is not valid JSON"),
    "no version": ('{"format": "eyechart evaluation"}', "has no 'version'"),
    "version in words": ('{"format": "eyechart evaluation", "version": "1"}', "'version' must be a whole number"),
}


@pytest.mark.parametrize(("content", "message"), NO_EVALUATION.values(), ids=NO_EVALUATION.keys())
def test_what_is_no_evaluation(tmp_path: Path, content: str | bytes, message: str):
    path = tmp_path / "x.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RunError, match=message):
        read_evaluation(path)


def broken(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with another value at `a/0/b`; the value `...` takes it out."""
    *outer, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    inner = document
    for key in outer:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return document


BROKEN = {
    "no env": ("env", ..., "has no 'env'"),
    "env": ("env", 7, "'env' must be a text, not 7"),
    "task": ("task", "clock", "'task' must be an object, not 'clock'"),
    "unit": ("task/unit", 1, "'unit' must be a text"),
    "no conditions": ("conditions", [], "must begin with 'asked'"),
    "asked is not first": ("conditions/0/name", "blank", r"must begin with 'asked' and have no name twice"),
    "problems": ("conditions/0/problems", True, r"condition 0: 'problems' must be a whole number, not True"),
    "figure": ("conditions/1/figures/mae", 7.0, r"condition 1, figures, 'mae' is not an object"),
    "interval": ("conditions/0/figures/mae/low", "x", r"condition 0, figures, 'mae': 'low' must be a number, not 'x'"),
    "drop": ("drops/blank/mae/value", [], r"drop 'blank', 'mae': 'value' must be a number"),
    "slice": ("slices/0/slices/3", None, r"slices 0, slice 3 is not an object"),
    "rows": ("rows", {}, "'rows' must be a list"),
    "row": ("rows/2", "x", "row 2 is not an object"),
    "no text": ("rows/2/text", ..., "row 2 has no 'text'"),
    "text": ("rows/2/text", None, "row 2: 'text' must be a text, not None"),
    "seed": ("rows/1/seed", 1.5, "row 1: 'seed' must be a whole number, not 1.5"),
    "reward": ("rows/1/reward", "much", "row 1: 'reward' must be a number, not 'much'"),
    "parsed": ("rows/1/parsed", 1, "row 1: 'parsed' must be true or false"),
    "part": ("rows/1/parts/format", "x", "row 1, 'parts': 'format' must be a number"),
    "images": ("rows/1/images", [3], "row 1: 'images' must be a list of texts"),
    "twice": ("rows/1/seed", 0, "rows 0 and 1 are the same answer to the same problem"),
}


@pytest.mark.parametrize(("path", "value", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_place_is_named(tmp_path: Path, path: str, value: Any, message: str):
    file = write_evaluation(tmp_path / "x.json", broken(clock_evaluation(problems=3), path, value))
    with pytest.raises(RunError, match=message) as error:
        read_evaluation(file)
    assert str(error.value).startswith(str(file))


def test_numbers_that_are_none_are_left_out(tmp_path: Path):
    path = tmp_path / "x.json"
    document = clock_evaluation(problems=3)
    document["rows"][0] |= {"reward": float("nan"), "error": float("inf"), "tokens": 10**400}
    row = read_evaluation(write_evaluation(path, document)).rows[0]
    assert (row.reward, row.error, row.tokens) == (None, None, None)


def test_samples_of_a_run(tmp_path: Path):
    assert read_samples(tmp_path) == ()
    first = {"phase": "start", "step": 0, "seed": 5, "text": "\ud800", "reward": 0.5}
    second = {
        "phase": "rollout",
        "step": 7,
        "seed": 9,
        "sample": 3,
        "text": "b",
        "advantage": -1.25,
        "depicted": "d.png",
    }
    text = json.dumps(first) + "\n" + json.dumps(second) + '\n{"phase": "end", "st'
    (tmp_path / "samples.jsonl").write_text(text)
    rows = read_samples(tmp_path)
    assert [(row.condition, row.step, row.seed, row.sample) for row in rows] == [
        ("start", 0, 5, 0),
        ("rollout", 7, 9, 3),
    ]
    assert (rows[0].text, rows[1].advantage, rows[1].depicted, rows[0].error) == ("\ud800", -1.25, "d.png", None)


@pytest.mark.parametrize(("line", "message"), [("{", "line 2 is not JSON"), ("{}", "line 2 has no 'phase'")])
def test_a_broken_sample_is_named(tmp_path: Path, line: str, message: str):
    good = json.dumps({"phase": "start", "seed": 0, "text": ""})
    (tmp_path / "samples.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(RunError, match=message):
        read_samples(tmp_path)
