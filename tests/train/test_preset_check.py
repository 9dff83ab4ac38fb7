"""`--preset check`: the fuzzer over what presets pay."""

import dataclasses

import pytest

from envs import make_task
from train.cli import parse
from train.preset_check import check_presets, fields_of
from train.presets import PRESETS


def test_every_preset_is_checked():
    found = {name: broken for name, broken, _ in check_presets(samples=4)}
    assert found == {name: [] for name in PRESETS}


def test_what_is_checked_is_what_is_paid():
    for preset in PRESETS.values():
        task = make_task(preset.env, **fields_of(preset))
        assert {term.name: term.weight for term in task.terms if term.weight > 0} == {
            name.partition(":")[0]: weight for name, weight in preset.rewards
        }
        assert getattr(task, "source", None) is None  # no data set is read


def test_a_preset_that_pays_for_nothing_is_found_out(monkeypatch, capsys):
    hollow = dataclasses.replace(PRESETS["gsm8k-0.5b"], rewards=(("correct", 1.0), ("log_length", 10.0)))
    unasked = dataclasses.replace(PRESETS["clock-7b"], rewards=(("correct", 1.0), ("tag_count:style=reasoning", 0.1)))
    unasked = dataclasses.replace(unasked, task={**unasked.task, "form": None})
    monkeypatch.setattr("train.preset_check.PRESETS", {"hollow": hollow, "unasked": unasked})
    with pytest.raises(SystemExit) as ended:
        parse(["--preset", "check"])
    assert ended.value.code == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("hollow: Nothing may earn more than an honest answer")
    assert second == "unasked: no broken rule"
    assert third.startswith("note: reward 'tag_count' pays for the form 'reasoning', and prompts do not ask for it")
