"""Data that name code to run, through every adapter that reads a task from data."""

import json
import sys

import pytest

import envs
from envs.adapters.export import export, recreate
from envs.adapters.untrusted import TRUST, task_from_data
from envs.adapters.verl import compute_score

SYSTEM = {"rewards": ["os:system 1"]}


@pytest.fixture
def command(tmp_path, monkeypatch):
    """What a model might answer; run by a shell, it would leave a file behind, and the test would fail."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    canary = tmp_path / "canary"
    (tmp_path / "evilmod.py").write_text("open('canary', 'w').close()\n")
    yield "touch canary"
    assert not canary.exists()
    assert "evilmod" not in sys.modules


def written(folder, **changes):
    """An export of four clocks, in whose manifest somebody has changed something."""
    export("clock", folder, 4, file_format="jsonl", size=28)
    manifest = json.loads((folder / "export.json").read_text())
    manifest["fields"] |= changes.pop("fields", {})
    (folder / "export.json").write_text(json.dumps(manifest | changes))
    return folder


def row(env, fields):
    return {"reward_spec": {"ground_truth": "07:25:30"}, "extra_info": {"env": env, "fields": json.dumps(fields)}}


@pytest.mark.parametrize(
    "rewards",
    [
        ["os:system 1"],
        ["accuracy 1", "os:system:uncommitted=true 2"],
        {"os:system": 1.0},
        ["posix:system 1"],
        ["evilmod:clock 1"],
    ],
)
def test_no_reward_of_anybodys_is_called(rewards, command):
    with pytest.raises(ValueError, match="data are not let call anything"):
        task_from_data("clock", {"rewards": rewards}).score(command, "07:25:30")
    with pytest.raises(ValueError, match="data are not let call anything"):
        task_from_data("eyechart/Clock-v0", json.dumps({"rewards": rewards})).score(command, "07:25:30")


@pytest.mark.parametrize("env", ["evilmod:clock", "evilmod:eyechart/Clock-v0", "os:clock", ":clock", "a:b:clock"])
def test_nothing_is_imported(env, command):
    with pytest.raises(ValueError, match="data are not let import anything"):
        task_from_data(env, {})


@pytest.mark.parametrize(
    ("env", "fields", "told"),
    [
        (None, {}, "must name an environment, got None"),
        ("clock", "[1]", "must be a JSON object"),
        ("clock", "[" * 100_000, "must be a JSON object"),
        ("clock", None, "must be a JSON object"),
        ("clock", {"task": "os:system"}, "has no field 'task'"),
        ("clock", {"spec_or_name": "x"}, "has no field 'spec_or_name'"),
        ("clock", {"rewards": 7}, "rewards must be weights by name"),
        ("CartPole-v1", {}, "has no Task"),
    ],
)
def test_what_is_no_task_is_told(env, fields, told, command):
    with pytest.raises(ValueError, match=told):
        task_from_data(env, fields)


def test_registered_tasks_and_components_are_made(thermometer):
    task = task_from_data("clock", '{"rewards": ["correct 2", "cosine:max_length=2000 1"], "size": 28}')
    assert task == envs.make_task("clock", rewards=("correct 2", "cosine:max_length=2000 1"), size=28)
    with pytest.raises(ValueError, match="import its module yourself"):
        task_from_data(f"{thermometer}:Thermometer-v0", {})
    task = envs.make_task(f"{thermometer}:thermometer")  # imports it
    assert task_from_data(f"{thermometer}:Thermometer-v0", {}) == task


def test_a_function_that_was_registered_may_be_named(clean_registry):
    envs.register("Longest-v0", "envs.tasks.clock:Clock", rewards=["tests.readme:example 1"])
    made = task_from_data("Longest", {"rewards": ["tests.readme:example 3"]})
    assert made.rewards == ("tests.readme:example 3.0",)
    with pytest.raises(ValueError, match=r"tests\.readme:section.*not let call"):
        task_from_data("Longest", {"rewards": ["tests.readme:section 3"]})


def test_rows_of_verl(command, monkeypatch):
    for env, fields in (("clock", SYSTEM), ("evilmod:clock", {})):
        with pytest.raises(ValueError, match="data are not let"):
            compute_score(env, command, "07:25:30", {"fields": json.dumps(fields), "trust": True})
        with pytest.raises(ValueError, match="data are not let"):
            compute_score(env, command, "07:25:30", {"fields": json.dumps(fields)}, trust="false")
        monkeypatch.setenv(TRUST, "0")


def test_an_export(command, tmp_path):
    for number, changes in enumerate(({"fields": SYSTEM}, {"env": "evilmod:clock"})):
        with pytest.raises(ValueError, match="data are not let"):
            next(recreate(written(tmp_path / str(number), **changes)))


def test_rows_of_skyrl(command):
    pytest.importorskip("skyrl_gym", reason="SkyRL-gym has an environment of its own: .ci/adapters")
    from envs.adapters.skyrl_gym import EyechartEnv

    for env, fields in (("clock", SYSTEM), ("evilmod:clock", {})):
        with pytest.raises(ValueError, match="data are not let"):
            EyechartEnv(extras=row(env, fields)).step(command)


def test_data_sets_that_reasoning_gym_makes_by_name(command, clean_registry):
    factory = pytest.importorskip("reasoning_gym.factory")
    from envs.adapters.to_reasoning_gym import register_datasets

    before = dict(factory.DATASETS)
    try:
        register_datasets()
        with pytest.raises(ValueError, match="data are not let"):
            factory.create_dataset("eyechart_clock", size=1, seed=0, fields=SYSTEM)
    finally:
        factory.DATASETS.clear()
        factory.DATASETS.update(before)


def test_traces_of_verifiers(command):
    pytest.importorskip("verifiers.v1", reason="verifiers has an environment of its own: .ci/adapters")
    from verifiers.v1.utils.loaders import load_taskset, taskset_config_type

    made = next(iter(load_taskset(taskset_config_type("envs")(id="envs", env="clock"))))
    for changes in ({"fields": SYSTEM}, {"env": "evilmod:clock"}):
        task = type(made)(made.data.model_copy(update=changes), made.config)
        with pytest.raises(ValueError, match="data are not let"):
            task._score(command)


def test_trust_is_given_by_hand(thermometer, monkeypatch, tmp_path):
    (tmp_path / "my_reward.py").write_text("def paid(text):\n    return 0.25\n")
    fields = json.dumps({"rewards": ["my_reward:paid 1"]})
    assert compute_score(f"{thermometer}:Thermometer-v0", "20", "20", {"fields": fields}, trust=True)["score"] == 0.25
    monkeypatch.setenv(TRUST, "1")
    assert task_from_data("clock", fields).score("", "07:25:30").reward == 0.25
    monkeypatch.delenv(TRUST)
    folder = written(tmp_path / "out")
    assert len(list(recreate(folder, trust=True))) == 4
