"""Problems exported as data sets: read by the real libraries, gone on with after a kill, drawn again from the card."""

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import weakref

import numpy as np
import pytest
from PIL import Image

import envs
from envs.__main__ import main
from envs.adapters import export_files
from envs.adapters.export import export, recreate
from envs.adapters.extras import MissingExtraError
from envs.question import draw
from tests.envs.adapters.guide import snippets
from tests.readme import ROOT

datasets = pytest.importorskip("datasets")

FORMATS = ("parquet", "hf", "jsonl")


def tree(folder):
    """Every file of a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def load(folder, file_format, tmp_path, split="eval"):
    """The export as `datasets` reads it."""
    if file_format == "hf":
        return datasets.load_from_disk(str(folder))
    return datasets.load_dataset(str(folder), split=split, cache_dir=str(tmp_path / "cache"))


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(export_files, "ROWS_PER_FILE", 10)
    monkeypatch.setattr(export_files, "ROWS_AT_ONCE", 4)


@pytest.mark.parametrize("file_format", FORMATS)
def test_pictures_come_back_to_the_pixel(file_format, tmp_path, small_files):
    folder = export("clock", tmp_path / "out", 23, file_format=file_format, split="eval", seed=7, size=42)
    task = envs.make_task("clock", size=42)
    rows = load(folder, file_format, tmp_path)
    assert len(rows) == 23
    assert str(rows.split) == "eval"
    assert [row["seed"] for row in rows] == list(range(7, 30))
    for row in rows:
        posed = envs.problem(task, row["seed"], "eval")
        assert np.array_equal(np.asarray(row["image"]), draw(task, posed))
        assert (row["prompt"], row["answer"]) == (posed.prompt, posed.answer)
        assert row["best_answer"] == posed.answer
        assert json.loads(row["info"]) == posed.info
        assert task.score(row["demonstration"], row["answer"]).error == 0.0


@pytest.mark.parametrize("file_format", FORMATS)
def test_texts_come_back(file_format, tmp_path, small_files):
    folder = export("countdown", tmp_path / "out", 12, file_format=file_format, operations="+-")
    rows = load(folder, file_format, tmp_path, "train")
    assert "image" not in rows.column_names
    task = envs.make_task("countdown", operations="+-")
    assert [row["prompt"] for row in rows] == [envs.problem(task, seed).prompt for seed in range(12)]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_killed_export_comes_to_the_same_bytes(file_format, tmp_path, small_files):
    whole = export("clock", tmp_path / "whole", 34, file_format=file_format, size=28)
    for killed_at in (1, 25):
        folder = tmp_path / f"killed-{killed_at}"
        code = (
            "import os, signal\n"
            "from envs.adapters import export_files\n"
            "from envs.adapters.export import export\n"
            "export_files.ROWS_PER_FILE, export_files.ROWS_AT_ONCE = 10, 4\n"
            "rows = iter(range(1, 99))\n"
            f"on_row = lambda: os.kill(os.getpid(), signal.SIGKILL) if next(rows) == {killed_at} else None\n"
            f"export('clock', {str(folder)!r}, 34, file_format={file_format!r}, on_row=on_row, size=28)"
        )
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
        assert ran.returncode == -signal.SIGKILL
        assert not (folder / "README.md").exists()
        drawn = itertools.count()
        export("clock", folder, 34, file_format=file_format, size=28, on_row=drawn.__next__)
        # what was whole is not drawn again: of JSON Lines every row before, of the others every file of ten
        done = killed_at if file_format == "jsonl" else (killed_at - 1) // 10 * 10
        assert next(drawn) == 34 - done
        assert tree(folder) == tree(whole)


def test_a_line_cut_off_is_written_again(tmp_path):
    whole = tree(export("countdown", tmp_path / "out", 5, file_format="jsonl"))
    lines = whole["train.jsonl"]
    third = lines.index(b"\n", lines.index(b"\n") + 1) + 1
    for cut in (1, third, third + 1, len(lines) - 1):
        (tmp_path / "out" / "README.md").unlink()
        (tmp_path / "out" / "train.jsonl").write_bytes(lines[:cut])
        export("countdown", tmp_path / "out", 5, file_format="jsonl")
        assert tree(tmp_path / "out") == whole


def test_what_is_complete_is_left_alone(tmp_path):
    folder = export("clock", tmp_path / "out", 3, size=28)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    export("clock", folder, 3, size=28, on_row=lambda: pytest.fail("a row was drawn"))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("file_format", FORMATS)
def test_few_rows_are_in_memory(file_format, tmp_path, small_files, monkeypatch):
    arrow = pytest.importorskip("pyarrow")
    alive, most, buffered = weakref.WeakSet(), [], []

    class Picture(np.ndarray):
        """A picture that can be counted."""

        __hash__ = object.__hash__

    def drawn(task, posed):
        picture = np.random.default_rng(len(most)).integers(0, 256, (64, 64, 3), np.uint8).view(Picture)
        alive.add(picture)
        return picture

    def count():
        most.append(len(alive))
        buffered.append(arrow.total_allocated_bytes())

    monkeypatch.setattr("envs.adapters.export.draw", drawn)
    monkeypatch.setattr("envs.adapters.export._digest", lambda rows: "")
    export("clock", tmp_path / "out", 300, file_format=file_format, size=64, on_row=count)
    assert len(most) == 300
    assert max(most) <= 2 * 4 + 1  # a batch that is written, and the next one
    assert max(buffered) - buffered[0] < 1_000_000 < 300 * 64 * 64 * 3 / 3  # noise takes as much in a PNG


@pytest.mark.parametrize("name", ["clock", "scatter", "countdown", "gsm8k"])
def test_every_row_is_drawn_again_from_the_card(name, tmp_path, run_python):
    folder = export(name, tmp_path / "out", 12, file_format="jsonl", split="eval", seed=100)
    (path,) = folder.glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    again = list(recreate(folder))
    assert len(lines) == len(again) == 12
    for line, row in zip(lines, again, strict=True):
        if "image" in row:
            assert np.array_equal(np.asarray(Image.open(folder / line.pop("file_name"))), row.pop("image"))
        assert line == row
    # and from what the card tells people, in a process that has nothing else
    card = (folder / "README.md").read_text()
    code = card.partition("## Score")[2].partition("```python\n")[2].partition("score =")[0]
    code += card.partition("## Draw again")[2].partition("```python\n")[2].partition("posed =")[0]
    code += "print([envs.problem(task, seed, 'eval').answer for seed in range(100, 112)])"
    ran = run_python("-c", code)
    assert ran.stdout.strip() == str([line["answer"] for line in lines]), ran.stderr
    assert "**Seeds**: 100 to 111" in card


def test_a_task_of_ones_own(thermometer, tmp_path):
    folder = export(f"{thermometer}:thermometer", tmp_path / "out", 4, hottest=50)
    assert json.loads((folder / "export.json").read_text())["env"] == f"{thermometer}:Thermometer-v0"
    assert [row["seed"] for row in recreate(folder)] == [0, 1, 2, 3]


def test_a_task_that_has_changed_is_told(tmp_path):
    folder = export("clock", tmp_path / "out", 4, size=28)
    manifest = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps(manifest | {"digest": "0"}))
    with pytest.raises(ValueError, match="the task has changed since"):
        export("clock", folder, 4, size=28)
    with pytest.raises(ValueError, match="makes other problems than those in"):
        next(recreate(folder))


def test_pandas_reads_it(tmp_path):
    pandas = pytest.importorskip("pandas")
    folder = export("clock", tmp_path / "parquet", 5, size=28)
    table = pandas.read_parquet(folder / "data")
    picture = np.asarray(Image.open(io.BytesIO(table["image"][3]["bytes"])))
    task = envs.make_task("clock", size=28)
    assert np.array_equal(picture, draw(task, envs.problem(task, 3)))
    assert list(table["seed"]) == [0, 1, 2, 3, 4]
    folder = export("clock", tmp_path / "jsonl", 5, file_format="jsonl", size=28)
    table = pandas.read_json(folder / "metadata.jsonl", lines=True, dtype=False)
    assert list(table["answer"]) == [envs.problem(task, seed).answer for seed in range(5)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("export clok", "Did you mean eyechart/Clock-v0"),
        ("export clock --size 0", "at least 1 row, got a size of 0"),
        ("export clock --seed -1", "from 0 to 2^63 - 1, got a first one of -1"),
        (f"export clock --seed {2**63 - 10} --size 11", "from 0 to 2^63 - 1"),
        ("export clock --task.size 0", "Clock.size must be at least 1 pixel"),
        ("export clock --task.sise 10", "Did you mean 'size'"),
    ],
)
def test_what_cannot_be_exported_is_told_first(words, told, tmp_path, capsys):
    assert main([*words.split(), "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", ["--format csv", "--split test", "--size many"])
def test_a_choice_that_there_is_not(words, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["export", "clock", *words.split(), "--out", str(tmp_path / "out")])
    assert exit_.value.code == 2
    assert words.split()[1] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"file_format": "parket"}, "Unknown format 'parket'. Did you mean 'parquet'"),
        ({"split": "test"}, "Unknown split 'test'.*train, eval"),
    ],
)
def test_a_choice_that_there_is_not_in_python(arguments, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        export("clock", tmp_path / "out", 5, **arguments)
    assert not (tmp_path / "out").exists()


def test_rows_that_would_repeat_are_refused(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"question": f"{i} + 1?", "answer": f"So #### {i + 1}"}) + "\n" for i in range(30))
    )
    with pytest.raises(ValueError, match="The split eval has 3 problems: 4 rows would repeat some"):
        export("gsm8k", tmp_path / "out", 4, split="eval", source=str(tmp_path / "rows.jsonl"))


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("Dear")
    assert main(["export", "clock", "--size", "2", "--out", str(mine)]) == 2
    assert "holds something else (letter.txt)" in capsys.readouterr().err
    assert tree(mine) == {"letter.txt": b"Dear"}
    assert main(["export", "clock", "--size", "2", "--out", str(mine / "letter.txt")]) == 2
    assert "is a file" in capsys.readouterr().err
    folder = export("clock", tmp_path / "out", 2, size=28)
    for arguments, told in (
        ({"size": 29}, "fields"),
        ({"seed": 1}, "first_seed 0, and not 1"),
        ({"file_format": "hf"}, "format 'parquet', and not 'hf'"),
    ):
        with pytest.raises(ValueError, match=told):
            export("clock", folder, 2, **{"size": 28, **arguments})
    (folder / "export.json").write_text("[")
    with pytest.raises(ValueError, match=r"is no export: its export.json cannot be read"):
        export("clock", folder, 2, size=28)


def test_a_missing_library_is_told_first(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'eyechart\[data\]'"):
        export("clock", tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()
    export("clock", tmp_path / "out", 2, file_format="jsonl", size=28)  # takes none


def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch, capsys):
    def refuse(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("envs.adapters.export_manifest.write_whole", refuse)
    assert main(["export", "clock", "--size", "2", "--out", str(tmp_path / "out")]) == 2
    assert "No space left on device. Give another --out." in capsys.readouterr().err
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "export.json.part").write_text("{")  # as a kill leaves it
    assert main(["export", "clock", "--size", "2", "--out", str(tmp_path / "out")]) == 2
    assert "No space left on device. The same command goes on" in capsys.readouterr().err


def test_the_guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (command, *_), (code,) = snippets("Data sets", "sh"), snippets("Data sets")
    for line in command.splitlines():
        words = line.partition("#")[0].replace("1000", "6").split()
        assert words[:3] == ["python", "-m", "envs"]
        assert main(words[3:]) == 0
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    exec(code.replace("1000", "6"), {})
