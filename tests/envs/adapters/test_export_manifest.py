"""`export.json`: what is told of one that is not as it was written, and of sources, versions and rows that changed."""

import dataclasses
import hashlib
import itertools
import json

import numpy as np
import pytest

import envs.tasks.clock
from envs.adapters import export_files
from envs.adapters.export import export, recreate


@pytest.fixture
def folder(tmp_path):
    """An export of three clocks."""
    return export("clock", tmp_path / "out", 3, file_format="jsonl", size=28)


def change(folder, **changes):
    """Change what the manifest says; None takes an entry out."""
    manifest = json.loads((folder / "export.json").read_text()) | changes
    manifest = {name: value for name, value in manifest.items() if value is not None}
    (folder / "export.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "name",
    ["eyechart", "env", "task", "fields", "split", "first_seed", "num_rows", "format", "columns", "digest"],
)
def test_what_lacks_is_told(folder, name):
    change(folder, **{name: None})
    with pytest.raises(ValueError, match=f"is no export: its export.json lacks '{name}'"):
        next(recreate(folder))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_rows": 0}, "'num_rows' of its export.json must be a whole number, 1 or more, got 0"),
        ({"num_rows": True}, "'num_rows'"),
        ({"first_seed": -1}, "'first_seed'.*got -1"),
        ({"first_seed": "7"}, "'first_seed'"),
        ({"fields": []}, "'fields'.*must be a JSON object"),
        ({"split": ["eval"]}, "'split'.*one of train, eval"),
        ({"format": []}, "'format'.*one of parquet, hf, jsonl"),
        ({"env": 3}, "'env'"),
    ],
)
def test_what_is_none_of_ours_is_told(folder, changes, told):
    change(folder, **changes)
    with pytest.raises(ValueError, match=told):
        next(recreate(folder))
    with pytest.raises(ValueError, match=told):
        export("clock", folder, 3, file_format="jsonl", size=28)


def write_rows(path, first=1, n=40):
    lines = [json.dumps({"question": f"{i} + 1?", "answer": f"So #### {i + 1}"}) for i in range(first, first + n)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_source_is_told_by_name_and_bytes(is_folder, tmp_path):
    place = tmp_path / "secret-place"
    file = write_rows(place / "train.jsonl")
    if is_folder:
        write_rows(place / "test.jsonl", first=100)
    source = place if is_folder else file
    folder = export("gsm8k", tmp_path / "out", 6, file_format="jsonl", source=str(source))
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir()}
    digest = hashlib.sha256("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()).hexdigest()
    told = {"name": source.name, "sha256": digest if is_folder else sums["train.jsonl"]}
    manifest = json.loads((folder / "export.json").read_text())
    assert (manifest["source"], manifest["fields"]["source"]) == (told, source.name)
    card = (folder / "README.md").read_text()
    assert f"`{source.name}`, SHA-256 `{told['sha256']}`" in card
    assert not [path for path in folder.iterdir() if str(tmp_path) in path.read_text()]
    with pytest.raises(ValueError, match=r"read from .*, which is not in the export: tell where"):
        next(recreate(folder))
    (tmp_path / "elsewhere").mkdir()
    moved = place.rename(tmp_path / "elsewhere" / place.name)
    source = moved if is_folder else moved / file.name
    prompts = [json.loads(line)["prompt"] for line in (folder / "train.jsonl").read_text().splitlines()]
    assert [row["prompt"] for row in recreate(folder, source=source)] == prompts
    assert export("gsm8k", folder, 6, file_format="jsonl", source=str(source)) == folder
    write_rows(moved / "train.jsonl", first=2)
    with pytest.raises(ValueError, match="has changed, or is another file: its SHA-256 is"):
        next(recreate(folder, source=source))
    with pytest.raises(ValueError, match="its source has changed since"):
        export("gsm8k", folder, 6, file_format="jsonl", source=str(source))
    with pytest.raises(ValueError, match="There is no file or folder"):
        next(recreate(folder, source=tmp_path / "nowhere.jsonl"))


def test_a_source_that_is_not_needed(folder, tmp_path):
    with pytest.raises(ValueError, match="read from no file"):
        next(recreate(folder, source=tmp_path))
    change(folder, source="/etc/passwd")
    with pytest.raises(ValueError, match=r"'source'.*an object with name and sha256"):
        next(recreate(folder))


@pytest.mark.parametrize("file_format", ["parquet", "hf", "jsonl"])
def test_rows_that_are_drawn_otherwise_are_not_added_to(file_format, tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setattr(export_files, "ROWS_PER_FILE", 10)
    drawn = itertools.count(1)

    def stop():
        if next(drawn) == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export("clock", tmp_path / "out", 30, file_format=file_format, size=28, on_row=stop)
    task, real = envs.make_task("clock", size=28), envs.tasks.clock.Clock.generate
    late = {envs.problem(task, seed).answer for seed in range(9, 30)}  # beyond the rows whose digest is kept

    def prompted(self, rng):
        posed = real(self, rng)
        return dataclasses.replace(posed, prompt=posed.prompt + " Now.") if posed.answer in late else posed

    def painted(self, rng):
        posed = real(self, rng)
        other = real(self, np.random.default_rng(0)).scene
        return dataclasses.replace(posed, scene=other) if posed.answer in late else posed

    for changed in (prompted, painted):
        with monkeypatch.context() as patch:
            patch.setattr(envs.tasks.clock.Clock, "generate", changed)
            with pytest.raises(ValueError, match="is not what is drawn for it now"):
                export("clock", tmp_path / "out", 30, file_format=file_format, size=28)
    export("clock", tmp_path / "out", 30, file_format=file_format, size=28)


def test_another_version_does_not_go_on(folder):
    change(folder, eyechart="0.0.1")
    (folder / "README.md").unlink()
    with pytest.raises(ValueError, match=r"holds an export by Eyechart 0\.0\.1, and this is"):
        export("clock", folder, 3, file_format="jsonl", size=28)


def test_two_exports_into_one_folder(tmp_path, run_python):
    out = tmp_path / "out"
    code = f"from envs.adapters.export import export\nexport('clock', {str(out)!r}, 9, file_format='jsonl', size=28)\n"
    refused = []

    def beside():
        if not refused:
            refused.append(run_python("-c", code))

    export("clock", out, 9, file_format="jsonl", size=28, on_row=beside)
    assert "ValueError: Another process exports to" in refused[0].stderr
    lines = (out / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines] == list(range(9))
    assert run_python("-c", code).returncode == 0  # complete, and free again
