import errno
import os

import pytest

from train.storage import WriteError, discard_leftovers, writing, written_aside


def fail(target, error):
    """Write half a folder, then fail."""
    with written_aside(target) as aside:
        aside.mkdir()
        (aside / "half").write_text("1")
        raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("a drive that says no more than this"), "a drive that says no more than this"),
        (Exception("File too large (os error 27)"), os.strerror(27)),  # as tokenizers raises it
    ],
)
def test_what_the_system_refuses_is_named_and_the_old_stays(tmp_path, error, said):
    target = tmp_path / "folder"
    with written_aside(target) as aside:
        aside.mkdir()
        (aside / "old").write_text("1")
    with pytest.raises(WriteError, match=f"folder could not be written: {said}$"):
        fail(target, error)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "old"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), RuntimeError("CUDA error")])
def test_other_errors_are_themselves_and_the_half_is_deleted(tmp_path, error):
    with pytest.raises(type(error)):
        fail(tmp_path / "folder", error)
    assert not list(tmp_path.iterdir())


def test_files_and_folders_take_the_place_of_what_was_there(tmp_path):
    for text in ("1", "2"):
        with written_aside(tmp_path / "deep" / "file") as aside:
            aside.write_text(text)
        with written_aside(tmp_path / "folder") as aside:
            aside.mkdir()
            (aside / text).write_text(text)
    assert (tmp_path / "deep" / "file").read_text() == "2"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["2", "deep", "file", "folder"]


def test_a_users_own_copy_stays(tmp_path):
    """Editors keep the last version of a file under this name."""
    (tmp_path / "config.json~").write_text("mine")
    with written_aside(tmp_path / "config.json") as aside:
        aside.write_text("{}")
    assert (tmp_path / "config.json~").read_text() == "mine"


def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file/below could not be written: "):
        written_aside(tmp_path / "file" / "below").__enter__()
    with pytest.raises(WriteError, match="could not be written: No such file"), writing(tmp_path / "none"):
        (tmp_path / "none" / "x").open("a")


def test_leftovers_go_and_nothing_else(tmp_path):
    (tmp_path / "checkpoints" / ".partial-step-000004").mkdir(parents=True)
    (tmp_path / "checkpoints" / ".partial-step-000004" / "half").touch()
    (tmp_path / "checkpoints" / ".partial-step-000004" / ".partial-file").touch()
    for kept in (".hidden", "partial", ".partial-file"):
        (tmp_path / kept).touch()
    discard_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".hidden", "checkpoints", "partial"]
