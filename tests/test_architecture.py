"""Who may import whom: each package is imported in a fresh process, and what came with it is looked at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("agents", "envs", "plots", "rendering", "train")
NOT_WITH = {
    "rendering": {"agents", "envs", "plots", "train", "torch", "matplotlib", "gymnasium", "scipy", "transformers"},
    "envs": {"agents", "plots", "train", "torch", "matplotlib", "transformers"},
    "agents": {"envs", "rendering", "plots", "train", "matplotlib"},
    "plots": {"agents", "envs", "rendering", "train", "torch", "transformers", "gymnasium"},
    "train": set(),
}


def modules_of(room):
    files = sorted((ROOT / room).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return [name for name in names if not name.endswith("__main__")]


def loaded_with(names):
    """The top-level packages in `sys.modules` after importing these modules in a fresh process."""
    code = (
        "import importlib, json, sys\n"
        f"[importlib.import_module(name) for name in {names!r}]\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_loads_only_what_it_may(room):
    names = modules_of(room)
    assert room in names
    loaded = loaded_with(names)
    assert room in loaded
    assert not loaded & NOT_WITH[room]


def test_importing_envs_is_light():
    heavy = {"torch", "matplotlib", "transformers", "tyro", "rich", "scipy", "pandas"}
    assert not loaded_with(["envs"]) & heavy


def test_files_stay_small():
    long = {
        str(file.relative_to(ROOT)): lines
        for room in (*ROOMS, "tests")
        for file in (ROOT / room).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 350
    }
    assert not long
