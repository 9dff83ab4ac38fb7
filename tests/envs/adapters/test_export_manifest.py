"""`export.json`: what is told of one that is not as it was written, and of sources, versions and rows that changed."""

import json

import pytest

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
