"""Splits that have nothing in common, rows that are left out, sets of the hub."""

import logging
import os
import re
import sys
import types

import pytest

from envs.data import load
from envs.data.dataset import Choice, _load_from_hub, identity
from tests.envs.data.rows import ALL, WRITERS, both, countdown, lines, numina, parquet, plain


@pytest.mark.parametrize("held_out", ["test", "validation", "eval"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_folder_has_a_file_for_each_split(tmp_path, suffix, held_out):
    WRITERS[suffix](tmp_path / f"train.{suffix}", map(plain, range(5)))
    WRITERS[suffix](tmp_path / f"{held_out}.{suffix}", map(plain, range(5, 8)))
    rows = load(str(tmp_path), Choice(ALL))
    assert [len(rows["train"]), len(rows["eval"])] == [5, 3]


def test_a_folder_as_the_hub_lays_it_out(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for part in range(2):
        parquet(data / f"train-0000{part}-of-00002.parquet", map(plain, range(10 * part, 10 * part + 10)))
    rows = load(str(tmp_path), Choice(ALL))  # without a test split
    assert [item.question for item in rows["eval"]] == ["Double 0.", "Double 10."]
    assert len(rows["train"]) == 18
    parquet(data / "test-00000-of-00001.parquet", map(plain, range(20, 23)))
    rows = load(str(tmp_path), Choice(ALL))
    assert [len(rows["train"]), len(rows["eval"])] == [20, 3]
    parquet(data / "train-00001-of-00002.parquet", [plain(1), {"problem": "Why?"} | plain(2), {"problem": None}])
    with pytest.raises(ValueError, match=r"train-00001-of-00002\.parquet, row 3: the field 'problem' must be a text"):
        load(str(tmp_path), Choice(ALL))


def test_writings_of_one_question():
    assert identity("What is\n2 + 2 ?") == identity("what is 2+2?")
    assert identity("ﬁve ２") == identity("Five 2")
    assert identity("x + 1") != identity("x - 1")


def test_numbers_of_countdown_do_not_run_into_each_other(tmp_path):
    rows = [{"nums": [1, 23], "target": 5}, {"nums": [3, 1, 2], "target": 5}]
    found = load(str(lines(tmp_path / "rows.jsonl", rows)), Choice(ALL))
    assert [found[split][0].question for split in ("eval", "train")] == ["1, 23 = 5", "1, 2, 3 = 5"]


def test_rows_that_are_held_out_too_are_told_once(tmp_path, caplog):
    path = str(lines(tmp_path / "twice.jsonl", map(plain, [1, 2, 1, 3, 1])))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):  # tasks are made again and again
            load(path, Choice(ALL))
    (told,) = caplog.messages
    assert re.fullmatch(
        r"2 of 4 training rows of .*twice\.jsonl were left out, for their question is held out too; the first, row 3",
        told,
    )


def test_train_and_held_out_have_nothing_in_common(tmp_path):
    rows = [plain(i % 7) for i in range(40)]
    for row in rows[::3]:
        row["problem"] = f"  {row['problem'].upper()}  "
    found = load(str(lines(tmp_path / "twice.jsonl", rows)), Choice(ALL))
    held_out = {identity(item.question) for item in found["eval"]}
    assert held_out == {"double0.", "double3.", "double6.", "double2."}  # rows 0, 10, 20 and 30
    assert {identity(item.question) for item in found["train"]} == {"double1.", "double4.", "double5."}
    assert len(found["train"]) == 17
    folder = tmp_path / "both"
    folder.mkdir()
    lines(folder / "train.jsonl", [plain(1), plain(2), {**plain(3), "problem": "double  4."}])
    lines(folder / "test.jsonl", [plain(4), plain(2)])
    assert [item.question for item in load(str(folder), Choice(ALL))["train"]] == ["Double 1."]
    lines(folder / "train.jsonl", [plain(2)])
    with pytest.raises(ValueError, match=r"Every training row of .* is held out too"):
        load(str(folder), Choice(ALL))


def test_rows_without_an_answer_are_left_out_and_told(tmp_path, caplog):
    proof = {"problem": "Prove it.", "solution": "Hence proved."}
    path = lines(tmp_path / "proofs.jsonl", [plain(1), proof, plain(2), proof, plain(3)])
    with caplog.at_level(logging.WARNING):
        assert [item.number for item in both(load(str(path), Choice(ALL)))] == [1, 3, 5]
    assert re.search(
        r"^2 of 5 rows of .*proofs\.jsonl were left out; the first, .*proofs\.jsonl, line 2: there is no answer in "
        r"\\boxed\{…\}, got 'Hence proved\.'\.$",
        caplog.messages[0],
    )
    with pytest.raises(
        ValueError, match=r"No row of .*none\.jsonl can be used; the first, .*none\.jsonl, line 1: there"
    ):
        load(str(lines(tmp_path / "none.jsonl", [proof, proof])), Choice(ALL))
    odd = Choice(ALL, accept=only_odd)
    with pytest.raises(ValueError, match=r"No row of .*a\.jsonl can be used; the first, .*, line 1: 2 is even"):
        load(str(lines(tmp_path / "a.jsonl", [plain(1), plain(2)])), odd)


def only_odd(answer):
    return f"{answer} is even" if int(answer) % 2 == 0 else None


def test_a_changed_file_is_read_again(tmp_path):
    path = lines(tmp_path / "rows.jsonl", map(plain, range(3)))
    assert len(both(load(str(path), Choice(ALL)))) == 3
    lines(path, map(plain, range(4)))
    os.utime(path, ns=(1, 1))
    assert len(both(load(str(path), Choice(ALL)))) == 4


@pytest.fixture
def hub(monkeypatch):
    """Data sets by name, in place of the hub's; what was asked for."""
    sets, asked = {}, []

    def load_dataset(*arguments):
        asked.append(arguments)
        return sets[arguments[0]]

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    return types.SimpleNamespace(sets=sets, asked=asked)


def test_sets_of_the_hub(hub):
    hub.sets["h/two"] = {"train": [plain(i) for i in range(4)], "validation": [plain(9)]}
    hub.sets["h/one"] = {"train": [numina(i) for i in range(20)]}
    assert [len(rows) for rows in load("h/two:easy", Choice(ALL)).values()] == [4, 1]
    found = load("h/one", Choice(ALL))
    assert [len(found["train"]), len(found["eval"])] == [18, 2]
    assert hub.asked == [("h/two", "easy"), ("h/one",)]


def test_published_sets_by_the_name_hub(hub):
    hub.sets["Jiayi-Pan/Countdown-Tasks-3to4"] = {"train": [countdown(i) for i in range(20)]}
    assert len(load("hub", Choice(("countdown",)))["eval"]) == 2
    assert hub.asked == [("Jiayi-Pan/Countdown-Tasks-3to4",)]
    with pytest.raises(ValueError, match="There is no file or folder 'hub' to read problems from"):
        load("hub", Choice(ALL))


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"test": [plain(1)]}, "h/bad could not be loaded from the hub: it has no split train, but test"),
        ({"train": []}, "h/bad, train has no rows: it needs some with columns"),
        ({"train": [plain(1), {"problem": 3}]}, "h/bad, train, row 2: the field 'problem' must be a text, got 3"),
        ({"train": [{"text": "a"}]}, "h/bad, train, row 1: the columns text are of no form that is known"),
    ],
)
def test_bad_sets_of_the_hub(hub, splits, message):
    hub.sets["h/bad"] = splits
    _load_from_hub.cache_clear()
    with pytest.raises(ValueError, match=message):
        load("h/bad", Choice(ALL))
