import json
import math
import sys
import warnings
from dataclasses import dataclass

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

from envs import make_task, register, resolve
from envs.__main__ import main
from envs.fields import read_fields, require_used, required, split_flags
from envs.registry import build_task, load_task, registered, task_class
from envs.tasks.clock import Clock
from tests.envs.test_task import Sum


@dataclass(frozen=True)
class Odd(Sum):
    """Fields of every kind that a command line can give."""

    bounds: tuple[int, ...] = (1, 2)
    limit: int | None = None
    pace: float = 1.0
    kind: str | int = 3


@pytest.mark.parametrize(
    "name",
    ["clock", "CLOCK", "Clock-v0", "clock-v0", "eyechart/Clock-v0", "eyechart/clock", "Eyechart/Clock"],
)
def test_names_of_the_clock(name):
    assert resolve(name).id == "eyechart/Clock-v0"


@pytest.mark.parametrize("name", ["clok", "clocks", "Clock-v7", "eyechart/clok", "other/clock"])
def test_a_wrong_name_gets_a_suggestion(name):
    with pytest.raises(ValueError, match=rf"Unknown environment '{name}'.*Did you mean eyechart/Clock-v0\?"):
        resolve(name)


@pytest.mark.parametrize("name", ["", "zzzzzz", "-v0", "/", "\ud800"])
def test_a_hopeless_name_gets_the_list(name):
    with pytest.raises(ValueError, match="Registered: eyechart/Clock-v0"):
        resolve(name)


def test_ambiguous_names_are_refused_and_whole_ids_are_not(clean_registry):
    register("mine/Clock-v0", Clock, size=64)
    with pytest.raises(ValueError, match=r"'clock' is ambiguous.*eyechart/Clock-v0, mine/Clock-v0"):
        resolve("clock")
    assert resolve("mine/clock").id == "mine/Clock-v0"
    assert resolve("eyechart/Clock-v0").id == "eyechart/Clock-v0"


def test_the_newest_version_is_meant(clean_registry):
    for version in (2, 10, 1):
        register(f"Sum-v{version}", Sum)
    assert resolve("sum").id == "Sum-v10"
    assert resolve("sum-v2").id == "Sum-v2"


def test_other_peoples_environments_resolve_but_have_no_task():
    spec = resolve("FrozenLake-v1")
    assert spec.id == "FrozenLake-v1"
    assert spec not in registered()
    with pytest.raises(ValueError, match="FrozenLake-v1 has no Task"):
        make_task(spec)


def test_a_users_task_outside_the_repository(thermometer):
    spec = resolve(f"{thermometer}:thermometer")
    assert spec.id == "Thermometer-v0"
    assert spec.kwargs == {"task": "my_thermometer:Thermometer", "hottest": 80}
    task = make_task(spec, size=28)
    assert (task.hottest, task.size) == (80, 28)
    assert resolve("thermometer") is spec  # it is registered now
    assert resolve(f"{thermometer}:Thermometer-v0") is spec

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(spec, size=28)
        observation, info = env.reset(seed=3)
        assert observation["image"].shape == (28, 28, 3)
        assert env.step(f"<answer>{info['answer']}</answer>")[1] == 1.0
        vector = gym.make_vec(EnvSpec.from_json(spec.to_json()), num_envs=2)
        assert vector.reset(seed=[3, 3])[1]["heat"].tolist() == [info["heat"]] * 2


def test_a_modules_own_tasks_come_first(thermometer, clean_registry):
    register("eyechart/Thermometer-v0", Sum)
    assert resolve(f"{thermometer}:thermometer").id == "Thermometer-v0"
    assert resolve(f"{thermometer}:clock").id == "eyechart/Clock-v0"
    with pytest.raises(ValueError, match="ambiguous"):
        resolve("thermometer")


def test_gymnasiums_own_way_to_import_works(run_python, thermometer, tmp_path):
    code = "import gymnasium; print(gymnasium.make('my_thermometer:Thermometer-v0').reset(seed=1)[1]['seed'])"
    assert run_python("-c", code, cwd=tmp_path).stdout == "1\n"
    clock = "import gymnasium; print(gymnasium.make('envs:eyechart/Clock-v0').reset(seed=1)[1]['seed'])"
    assert run_python("-c", clock, cwd=tmp_path).stdout == "1\n"


def test_importing_twice_is_silent(thermometer):
    resolve(f"{thermometer}:thermometer")
    sys.modules.pop(thermometer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve(f"{thermometer}:thermometer")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("", r"after importing broken_module.*Unknown|Unknown.*after importing broken_module"),
    ],
)
def test_modules_that_do_not_import(thermometer, tmp_path, text, message):
    (tmp_path / "broken_module.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        resolve("broken_module:thing")
    sys.modules.pop("broken_module", None)


def test_the_line_that_failed_is_told(thermometer, tmp_path):
    (tmp_path / "broken_module.py").write_text("import math\n\nmath.sqrt(-1)\n")
    with pytest.raises(ValueError, match=r"ValueError: [^.]*\(broken_module.py, line 3\)$"):
        resolve("broken_module:thing")


def test_a_forgotten_decorator_is_pointed_out(thermometer, tmp_path):
    text = (tmp_path / "my_thermometer.py").read_text().replace("@dataclass(frozen=True)\n", "")
    (tmp_path / "undecorated.py").write_text(text)
    with pytest.raises(ValueError, match=r"no field 'hottest'. Decorate the class with @dataclass\(frozen=True\)"):
        resolve("undecorated:thermometer")
    sys.modules.pop("undecorated", None)


def test_a_file_in_the_current_folder_is_suggested(thermometer):
    with pytest.raises(ValueError, match=r"Did you mean my_thermometer:my_thermometer, which imports my_therm"):
        resolve("my_thermometer")


def test_a_module_that_is_not_there():
    with pytest.raises(ValueError, match=r"Could not import the module 'no_module' of 'no_module:x'"):
        resolve("no_module:x")


def test_an_unregistered_task_is_pointed_out(thermometer):
    gym.registry.pop(resolve(f"{thermometer}:thermometer").id)
    for name in ("Thermometer", "thermometer"):
        with pytest.raises(ValueError, match=r"not registered: call register\('Thermometer-v0', Thermometer\)"):
            resolve(f"{thermometer}:{name}")


def test_registering_mistakes_are_found_at_once(clean_registry):
    class Local(Sum):
        pass

    with pytest.raises(ValueError, match="top level of a module"):
        register("Local-v0", Local)
    with pytest.raises(ValueError, match="no field 'siez'"):
        register("Big-v0", Clock, siez=3)
    with pytest.raises(ValueError, match="from 28 pixels"):
        register("Small-v0", Clock, size=3)
    with pytest.raises(ValueError, match="'module:Class', got 'Clock'"):
        register("Clock-v1", "Clock")
    with pytest.raises(ValueError, match="plain values"):
        register("Clock-v1", "envs.tasks.clock:Clock", size=object())
    with pytest.raises(ValueError, match="plain values"):
        register("Clock-v1", "envs.tasks.clock:Clock", format_weight=math.nan)


@dataclass(frozen=True, kw_only=True)
class Needy(Sum):
    """A task with a field that has no default."""

    source: str
    most: int = 3


def test_a_field_without_a_default_has_to_be_given(clean_registry, capsys):
    register("Needy-v0", Needy, most=4)  # though it cannot be made yet
    assert required(Needy) == {"source"}
    assert required(Sum) == frozenset()
    with pytest.raises(ValueError, match=r"^Needy needs a source: give --task.source VALUE, or source=... in Python.$"):
        make_task("needy")
    assert make_task("needy", source="here") == Needy(source="here", most=4)
    assert task_class(gym.spec("Needy-v0")) is Needy
    with pytest.raises(ValueError, match=r"has no field 'sauce'. Did you mean 'source'"):
        register("Needy-v1", Needy, sauce="here")
    assert main(["check", "needy"]) == 2
    assert main(["list"]) == 0
    assert "source=must be given" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_lists_from_json_become_tuples(clean_registry):
    register("Odd-v0", Odd, bounds=(3, 4))
    assert resolve("odd").kwargs["bounds"] == [3, 4]
    assert make_task("odd") == Odd(bounds=(3, 4))
    assert hash(make_task("odd"))


@pytest.mark.parametrize("location", ["envs.tasks.clock:Nothing", "envs.tasks.clock:HALF_DAY", "nowhere:Clock", "x"])
def test_task_locations_that_lead_nowhere(location):
    with pytest.raises(ValueError, match=r"names no Task|Could not import"):
        load_task(location)


def test_a_task_is_built_from_anything_that_names_it():
    assert build_task("envs.tasks.clock:Clock", size=64) == build_task(Clock, size=64) == Clock(size=64)
    assert build_task(Clock(numerals=False), size=64) == Clock(size=64, numerals=False)
    assert make_task("clock", size=64) == Clock(size=64)
    with pytest.raises(ValueError, match=r"no field 'siez'. Did you mean 'size'\? Its fields: .*numerals"):
        make_task("clock", siez=64)


def test_fields_from_a_command_line():
    texts = {"bounds": "3, 4,5", "limit": "none", "pace": "2", "kind": "abc", "format-weight": "0"}
    expected = {"bounds": (3, 4, 5), "limit": None, "pace": 2.0, "kind": "abc", "format_weight": 0.0}
    assert read_fields(Odd, texts) == expected
    assert read_fields(Odd, {"limit": "7", "kind": "7"}) == {"limit": 7, "kind": 7}
    assert read_fields(Clock, {"second-hand": "False", "numerals": "yes", "style": "plain"}) == {
        "second_hand": False,
        "numerals": True,
        "style": "plain",
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("size", "many", "Clock.size must be a whole number, got 'many'"),
        ("size", "1.5", "a whole number"),
        ("second_hand", "maybe", "true or false"),
        ("style", "fancy", "'plain'"),
        ("reward_shape", "log ", "one of 'linear'"),
        ("reward_sharpness", "sharp", "a number or none"),
        ("siez", "3", "Did you mean 'size'"),
    ],
)
def test_bad_fields_from_a_command_line(name, text, message):
    with pytest.raises(ValueError, match=message):
        read_fields(Clock, {name: text})


def test_flags_that_change_nothing_are_refused():
    task = Clock(accuracy_weight=5.0, rewards={"correct": 1})
    with pytest.raises(ValueError, match=r"--task\.accuracy_weight changes nothing beside --reward"):
        require_used(task, {"accuracy_weight": 5.0, "rewards": ("correct 1",)}, {})
    require_used(task, {"rewards": ("correct 1",)}, {"accuracy_weight": 5.0})  # it was registered so
    require_used(task, {"accuracy_weight": 5.0, "rewards": ("correct 1",)}, {"accuracy_weight": 5.0})
    require_used(Clock(accuracy_weight=5.0), {"accuracy_weight": 5.0}, {})
    linear = Clock(reward_sharpness=3.0, reward_shape="linear")
    with pytest.raises(ValueError, match=r"--task\.reward_sharpness changes nothing with the reward shape 'linear'"):
        require_used(linear, {"reward_sharpness": 3.0}, {"reward_shape": "linear"})
    require_used(linear, {"reward_shape": "linear"}, {"reward_sharpness": 3.0})
    require_used(Clock(reward_sharpness=3.0), {"reward_sharpness": 3.0}, {})


def test_field_flags_are_taken_out():
    line = ["show", "--task.size", "224", "clock", "--task.second-hand=false", "--count", "3", "--task.x=a=b"]
    assert split_flags(line) == (
        {"size": "224", "second-hand": "false", "x": "a=b"},
        ["show", "clock", "--count", "3"],
    )
    assert split_flags(["--task.reward-sharpness", "-1"])[0] == {"reward-sharpness": "-1"}


@pytest.mark.parametrize(
    "line", [["--task.size"], ["--task.size", "--count", "3"], ["--task.size", "1", "--task.size=2"]]
)
def test_bad_field_flags(line):
    with pytest.raises(ValueError, match=r"--task\.size"):
        split_flags(line)


def test_importing_envs_is_light(run_python):
    code = "import json, sys, envs; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(run_python("-c", code).stdout)
    assert not {"torch", "transformers", "matplotlib", "tyro", "rich", "scipy"} & set(loaded)
