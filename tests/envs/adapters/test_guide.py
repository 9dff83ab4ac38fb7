"""The shell lines of docs/ADAPTERS.md: those of ours through the parsers of their commands, whatever is installed.

Python snippets are run by the tests of their libraries, and so is `vf-eval`; verl's flags are held to its settings in
test_verl.py.
"""

import re
import shlex
import tomllib

import pytest
import tyro

import envs.__main__ as commands
from envs.adapters.extras import MissingExtraError
from envs.fields import read_fields, split_flags
from envs.registry import resolve, task_class
from tests.envs.adapters.guide import PAGE
from tests.readme import ROOT

BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
SHELL = "".join(code for language, code in BLOCKS if language != "python").replace("\\\n", "")
LINES = [words for line in SHELL.splitlines() if (words := shlex.split(line, comments=True))]
OURS = [words[3:] for words in LINES if words[:3] == ["python", "-m", "envs"]]
THEIRS = {"vf-eval": "test_verifiers.py", "verl.trainer.main_ppo": "test_verl.py"}
"""Commands of other libraries, and the tests that hold the guide to them."""


def test_every_line_is_checked_by_some_test():
    known = {"pip", "envs", "train", "train.evaluate", *THEIRS}
    assert {words[2] if words[:2] == ["python", "-m"] else words[0] for words in LINES} == known
    assert {words[0] for words in OURS} == {"serve", "list", "show", "check", "export"}


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_our_commands_are_understood(words, monkeypatch, clean_registry):
    seen = []
    for kind in (commands.List, commands.Show, commands.Check, commands.Export, commands.Serve):
        monkeypatch.setattr(kind, "run", lambda self, texts: seen.append((self, texts)) or 0)
    assert commands.main(words) == 0
    ((command, texts),) = seen
    if words[0] == "list":
        assert list(command.modules) == words[1:]
        return
    assert command.name == words[1]
    given = {words[i][2:]: words[i + 1] for i in range(2, len(words), 2)}
    for name, text in given.items():
        _, dot, field = name.rpartition("task.")
        told = texts[field] if dot else getattr(command, name)
        assert str(told[0] if isinstance(told, tuple) else told) == text
    try:
        spec = resolve(command.name)
    except MissingExtraError:
        assert command.name.startswith("reasoning_gym/")  # its own test runs these lines
        return
    assert len(read_fields(task_class(spec), texts)) == len(texts)


def test_training_commands_are_understood():
    pytest.importorskip("torch")
    from train.cli import parse
    from train.evaluation.config import EvaluateConfig

    lines = {words[2]: [w.replace("reasoning_gym/leg_counting", "clock") for w in words[3:]] for words in LINES
             if words[2:3] and words[2].startswith("train")}  # fmt: skip
    config, spec, _ = parse(lines["train"])
    assert (config.env, config.steps, spec.id) == ("clock", 100, "eyechart/Clock-v0")
    texts, rest = split_flags(lines["train.evaluate"])
    asked = tyro.cli(EvaluateConfig, args=rest)
    assert (asked.env, asked.model, texts) == ("clock", "runs/leg_counting", {})


def test_extras_have_their_names():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = set(re.findall(r"pip install 'eyechart\[([\w,-]+)\]'", PAGE))
    assert {"trl", "verifiers", "openenv", "sb3", "skyrl", "reasoning-gym", "data", "video"} <= named
    assert named <= extras.keys()
