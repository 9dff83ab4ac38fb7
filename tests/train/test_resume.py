"""Going on with a run: from a checkpoint that is damaged, from an earlier one, with a task that has changed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.train.conftest import SMALL, rows, timeless
from train import checkpoint
from train.checkpoint import checkpoints

NEWEST, BEFORE = "run/checkpoints/step-000004", "run/checkpoints/step-000002"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of four steps, with checkpoints at the second and the fourth, which the tests copy."""
    from train.__main__ import main

    folder = tmp_path_factory.mktemp("finished")
    assert main([*SMALL, "--steps", "4", "--run", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def run(finished, train, tmp_path):
    """A copy of it in the current folder, and what `--resume` says to it."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def refused(train, capsys, *words):
    assert train(*words) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def flip_a_bit(data):
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


DAMAGES = {
    "cut short": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "other bytes": lambda data: bytes(len(data)),
    "one bit flipped": flip_a_bit,
    "longer": lambda data: data + b"\n",
    "missing": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damaged_file_of_a_checkpoint_is_named_and_the_one_before_offered(run, train, capsys, damage):
    names = sorted(path.name for path in Path(NEWEST).iterdir())
    assert len(names) >= 10
    if damage in ("longer", "one bit flipped"):
        names.remove("checksums.json")  # which then reads the same, or tells of another file
    rows_before = (run / "metrics.csv").read_bytes()
    for name in names:
        path = Path(NEWEST) / name
        whole = path.read_bytes()
        if DAMAGES[damage] is None:
            path.unlink()
        else:
            path.write_bytes(DAMAGES[damage](whole))
        said = refused(train, capsys, "--resume", "run", "--steps", "5")
        path.write_bytes(whole)
        assert f"the checkpoint {NEWEST} is broken: {name} " in said
        assert f"; go on from the one before by --resume {BEFORE}" in said
        assert ("is missing" in said) == (damage == "missing")
    assert (run / "metrics.csv").read_bytes() == rows_before


def test_the_offer_is_a_checkpoint_that_is_whole(run, train, capsys):
    for name in ("step-000001", "step-000003"):
        shutil.copytree(BEFORE, f"run/checkpoints/{name}")
    for broken in (NEWEST, "run/checkpoints/step-000003"):
        (Path(broken) / "model.safetensors").write_bytes(b"")
    assert f"by --resume {BEFORE}" in refused(train, capsys, "--resume", "run")
    said = refused(train, capsys, "--resume", "run/checkpoints/step-000003")
    assert "step-000003 is broken: model.safetensors is not what was written" in said
    assert f"by --resume {BEFORE}" in said
    for path in checkpoints(run):
        (path / "model.safetensors").write_bytes(b"")
    assert "no other is whole: begin again" in refused(train, capsys, "--resume", "run")


@pytest.mark.parametrize("broken", [False, True])
def test_going_back_drops_what_came_after(run, finished, train, capsys, broken):
    if broken:
        (Path(NEWEST) / "trainer_state.json").unlink()
    assert train("--resume", BEFORE + "/") == 0
    assert "note: deleted what came after step-000002: step-000004" in capsys.readouterr().out
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(run / table) == timeless(finished / table)
    assert (run / "samples.jsonl").read_bytes() == (finished / "samples.jsonl").read_bytes()
    assert [path.name for path in checkpoints(run)] == ["step-000002", "step-000004"]


def test_nothing_is_dropped_before_the_checkpoint_has_been_read(run, train, capsys, monkeypatch):
    from train import setup

    def unreadable(*_):
        raise ValueError("no such weights")

    files = sorted(path for path in run.rglob("*") if path.is_file())
    before = [path.read_bytes() for path in files]
    monkeypatch.setattr(setup, "load_trainer_state", unreadable)
    assert "no such weights" in refused(train, capsys, "--resume", BEFORE)
    assert [path.read_bytes() for path in files] == before


def test_a_checkpoint_is_named_from_anywhere(run, train, capsys, monkeypatch):
    assert "has no checkpoint step-000007, only step-000002, step-000004" in refused(
        train, capsys, "--resume", "run/checkpoints/step-000007"
    )
    monkeypatch.chdir("run/checkpoints")
    assert "run is at its bound, after 4 steps" in refused(train, capsys, "--resume", "step-000004")
    assert train("--resume", "step-000002") == 0
    assert [row["step"] for row in rows(run / "metrics.csv")] == ["1", "2", "3", "4"]


def test_the_newest_goes_first(tmp_path, monkeypatch):
    """Stopped on the way, the run has all the rows of its newest checkpoint still."""
    for step in (1, 2, 3, 4):
        (tmp_path / "checkpoints" / f"step-00000{step}").mkdir(parents=True)
    left = []
    monkeypatch.setattr(checkpoint, "discard", lambda path: left.append(path.name))
    checkpoint.go_back(tmp_path, tmp_path / "checkpoints" / "step-000002")
    assert left[:2] == ["step-000004", "step-000003"]


def test_half_a_row_and_half_a_folder_are_dropped(run, finished, train):
    """What a killed process, or a disk that filled up, may leave."""
    (run / "checkpoints" / ".partial-step-000001" / "half").mkdir(parents=True)
    (run / "checkpoints" / "step-000002~").mkdir()
    for name in ("metrics.csv", "evals.csv", "samples.jsonl", "skipped.jsonl"):
        with (run / name).open("a") as file:
            file.write('{"step": 5, "3')
    assert train("--resume", BEFORE) == 0
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(run / table) == timeless(finished / table)
    assert (run / "samples.jsonl").read_bytes() == (finished / "samples.jsonl").read_bytes()
    assert not (run / "skipped.jsonl").exists()
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-000002", "step-000004"]


def test_a_table_with_a_broken_row_in_the_middle_is_named(run, train, capsys):
    path = run / "metrics.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], "x,y,z\n", *lines[2:]]))
    said = refused(train, capsys, "--resume", BEFORE)
    assert "run/metrics.csv is broken (invalid literal" in said


@pytest.mark.parametrize(
    "flag", ["--seed 0", "--group_size 16", "--run=elsewhere", "--task.size 56", "--config x.yaml"]
)
def test_flags_beside_resume_are_refused_also_at_their_defaults(run, train, capsys, flag):
    name = flag.replace("_", "-").partition(" ")[0].partition("=")[0]
    assert f"leave out {name}" in refused(train, capsys, "--resume", "run", *flag.split())


def test_a_checkpoint_of_another_version_is_named(run, train, capsys, monkeypatch):
    from train import setup

    monkeypatch.setattr(setup, "load_trainer_state", lambda *_: {"step": 4, "moon": 1})
    said = refused(train, capsys, "--resume", "run", "--steps", "5")
    assert "step-000004 was written by another version of Eyechart" in said
    assert "moon" in said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("hottest: int", "warmest: int", ["the field hottest (it was 80) is gone", "the field warmest is new"]),
        ("    hottest: int", "    coldest: int = 0\n    hottest: int", ["; the field coldest is new"]),
        ('unit: ClassVar[str] = "K"', 'unit: ClassVar[str] = "C"', ["its unit was 'K' and is 'C'"]),
        ("= 100.0", "= 50.0", ["its worst error was 100.0 and is 50.0", "its rewards are others"]),
        ("How warm?", "How hot?", ["its prompts are others"]),
        ("(200, 0, 0)", "(0, 0, 200)", ["its pictures are others"]),
        ("rng.integers(1,", "rng.integers(2,", ["its pictures are others", "its answers are others"]),
        ("return abs(answer - truth)", "return 2 * abs(answer - truth)", ["its rewards are others"]),
        ("hottest: int", "hottest: Literal[90, 100]", ["; Thermometer.hottest must be one of 90, 100, got 80."]),
    ],
)
def test_a_task_that_has_changed_is_told(warm, train, capsys, before, after, said):
    """The run ends before anything of it is changed."""
    module, config = Path("my_thermometer.py"), Path("warm/config.json").read_bytes()
    text = module.read_text()
    assert before in text
    text = text.replace(before, after).replace("self.hottest", "getattr(self, 'hottest', 80)")
    module.write_text(text.replace(", hottest=80", "").replace("import ClassVar", "import ClassVar, Literal"))
    answer = fresh(train, capsys, "--resume", "warm", "--steps", "2")
    assert "error: warm cannot go on, for Thermometer-v0 is not what it was when the run began: " in answer
    assert all(words in answer.replace("began: ", "began: ; ") for words in said), answer
    assert answer.rstrip().endswith("or start a new run from these weights by --model warm")
    assert Path("warm/config.json").read_bytes() == config


def test_a_default_that_has_changed_changes_no_run(warm, train, capsys):
    module = Path("my_thermometer.py")
    module.write_text(module.read_text().replace("hottest=80", "hottest=70"))
    assert fresh(train, capsys, "--resume", "warm", "--steps", "2", status=0) == ""
    assert json.loads(Path("warm/config.json").read_text())["task"]["fields"]["hottest"] == 80


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one step on the thermometer, in a folder of its own."""
    import gymnasium as gym

    from tests.envs.conftest import THERMOMETER

    folder, before = tmp_path_factory.mktemp("trained"), dict(gym.registry)
    (folder / "my_thermometer.py").write_text(THERMOMETER)
    small = "--steps 1 --problems-per-step 2 --group-size 2 --eval-size 4 --cold-start-steps 1 --run warm".split()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_main("--env", "my_thermometer:thermometer", *small) == 0
    gym.registry.clear()
    gym.registry.update(before)
    return folder


@pytest.fixture
def warm(trained, thermometer, tmp_path):
    """A copy of it in the current folder, beside its module."""
    shutil.copytree(trained / "warm", tmp_path / "warm")


def run_main(*words):
    """`python -m train` with a fresh import of the user's module."""
    import sys

    from train.__main__ import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(Path.cwd()), *sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        sys.modules.pop("my_thermometer", None)
        try:
            return main([*words])
        finally:
            sys.modules.pop("my_thermometer", None)


def fresh(train, capsys, *words, status=2):
    capsys.readouterr()
    assert run_main(*words) == status
    return capsys.readouterr().err
