import io
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from tests.train.evaluation.answers import document, foreign_row, row
from train.evaluation.cells import decimals_of, harmless, with_interval
from train.evaluation.compare import compare
from train.evaluation.tables import figures_json, label, markdown, sheets, slice_sheets, terminal

HOSTILE = "a|b\n[red]c[/red] **d** <img src=x> `e` \x1b[31mf\u202eg &amp; \\ $h$"
SHOWN = "a|b [red]c[/red] **d** <img src=x> `e` \\x1b[31mf\\u202eg &amp; \\ $h$"


def errors(shift=0.0, condition="asked", samples=2):
    rng = np.random.default_rng(0)
    return [
        row(p, float(rng.uniform(0, 100)) + shift, i, condition=condition, info={"hour": p % 3})
        for p in range(12)
        for i in range(samples)
    ]


def evaluation(name="model", shift=0.0):
    return document([*errors(shift), *errors(100.0, "blank")], name, ks=(2,))


def shown(subject, width=200):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(terminal(subject))
    return out.getvalue()


def read_back(text):
    """The tables of a Markdown page, as lists of rows of cells, by an independent reader."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    tables = []
    for token, content in pairwise(tokens):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in ("th_open", "td_open"):
            assert all(child.type in ("text", "text_special") for child in content.children)  # no links, no emphasis
            tables[-1][-1].append("".join(child.content for child in content.children))
            assert token.attrs.get("style") == ("text-align:right" if len(tables[-1][-1]) > 1 else "text-align:left")
    return tables


@pytest.mark.parametrize(
    ("one", "rate", "signed", "text"),
    [
        ((12.345, 10.06, 14.94), False, False, "12.3 [10.1, 14.9]"),
        ((180.1, 172.3, 188.0), False, False, "180 [172, 188]"),
        ((0.0631, 0.0581, 0.0699), False, False, "0.0631 [0.0581, 0.0699]"),
        ((1e-7, 0.0, 1e-6), False, False, "0.0000 [0.0000, 0.0000]"),
        ((0.0, 0.0, 0.0), False, False, "0.00 [0.00, 0.00]"),
        ((0.93444, 0.9, 1.0), True, False, "93.4 [90.0, 100.0]"),
        ((-3.21, -21.2, 14.6), False, True, "-3.2 [-21.2, +14.6]"),
        ((-0.01, -20.0, 0.0), False, True, "0.0 [-20.0, 0.0]"),
        ((0.05, -0.0004, 0.1), True, True, "+5.0 [0.0, +10.0]"),
        ((12345.6, 1.0, 23456.7), False, False, "12346 [1, 23457]"),
    ],
)
def test_numbers_have_sensible_digits(one, rate, signed, text):
    assert with_interval(dict(zip(("value", "low", "high"), one, strict=True)), rate, signed) == text


def test_numbers_beside_each_other_have_as_many_decimals():
    one, beside = {"value": 0.5, "low": 0.25, "high": 1.0}, {"value": 40.0, "low": 30.0, "high": 50.0}
    assert with_interval(one, beside=beside) == "0.5 [0.2, 1.0]"
    assert with_interval(None, beside=beside) == "–"
    assert [decimals_of(number) for number in (1234, 100, 99.9, 1, 0.1, 1e-9)] == [0, 0, 1, 2, 3, 4]


def test_labels():
    task = {"unit": "min", "tolerance": 1.0}
    names = (
        "mae",
        "lenient_p90_error",
        "within",
        "pass@4",
        "median@16",
        "error/hour hand (h)",
        "reward/format",
        "skill",
    )
    assert [label(name, task) for name in names] == [
        "MAE (min)",
        "lenient 90th-percentile error (min)",
        "within 1 min (%)",
        "pass@4 (%)",
        "MAE of the median@16 (min)",
        "hour hand (h)",
        "reward: format",
        "skill",
    ]
    assert label("within", {"unit": "", "tolerance": 0.05}) == "within 0.05 (%)"
    assert label("mae", None) == "MAE"


def test_an_evaluation_as_markdown():
    made = evaluation()
    figures, conditions = read_back(markdown(made))
    assert figures[0] == ["figure", "strict", "lenient"]
    asked = made["conditions"][0]["figures"]
    assert [line[0] for line in figures[1:]] == [label(name, made["task"]) for name in asked if "lenient" not in name]
    by_name = {line[0]: line[1:] for line in figures}
    assert by_name["MAE (min)"] == [with_interval(asked["mae"]), with_interval(asked["lenient_mae"])]
    assert by_name["parsed (%)"] == ["100.0 [100.0, 100.0]"] * 2
    assert by_name["tokens"] == ["11.0 [11.0, 11.0]", ""]
    assert conditions[0] == [
        "condition",
        "problems",
        "MAE (min)",
        "change of MAE (min)",
        "within 1 min (%)",
        "parsed (%)",
    ]
    assert [line[0] for line in conditions[1:]] == ["asked", "blank"]
    assert conditions[2][3] == "+100.0 [+100.0, +100.0]"
    (hours,) = slice_sheets(made)
    assert [line[:2] for line in (hours.header, *hours.rows)] == [
        ("hour", "problems"),
        ("0", "4"),
        ("1", "4"),
        ("2", "4"),
    ]
    text = markdown(made)
    assert "12 problems, 2 answers each" in text
    assert "chance 180, best constant 179.3 (03:00:00), floor 0.25, oracle 0." in text
    assert "A rate of 0 or 100% may by chance be up to 25.0% off (3/12)." in text


def test_a_comparison_as_markdown():
    found = compare([evaluation("old"), evaluation("new", 5.0), evaluation("other")])
    (table,) = read_back(markdown(found))
    assert table[0] == ["figure", "old", "new", "other", "new − old", "other − old"]
    by_name = {line[0]: line[1:] for line in table}
    assert by_name["MAE (min)"][0] == with_interval(found.figures["mae"][0])
    assert by_name["MAE (min)"][3:] == ["+5.00 [+5.00, +5.00] *", "0.00 [0.00, 0.00]"]
    assert "By MAE per problem, new is better than old on 0.0%, worse on 100.0%, and equal on 0.0%." in markdown(found)


def test_slices_have_the_decimals_of_the_whole():
    made = document([row(seed, 200.0 if seed == 9 else 5.0, info={"last": seed == 9}) for seed in range(10)])
    assert with_interval(made["conditions"][0]["figures"]["mae"]) == "24.5 [5.0, 63.5]"
    (last,) = slice_sheets(made)
    assert [line[2] for line in last.rows] == ["5.0 [5.0, 5.0]", "200.0 [200.0, 200.0]"]


def test_one_answer_each_and_no_controls():
    made = document([row(seed, 5.0) for seed in range(4)])
    assert [sheet.title for sheet in sheets(made)] == ["model on eyechart/Clock-v0: 4 problems"]


def test_a_file_that_says_less():
    made = {name: value for name, value in evaluation().items() if name not in ("yardsticks", "drops", "slices")}
    figures, conditions = read_back(markdown(made))
    assert figures[1][0] == "MAE (min)"
    assert [line[3] for line in conditions[1:]] == ["", "–"]


def test_a_foreign_environment():
    rows = [foreign_row(seed, seed / 4, info={"level": seed % 2}) for seed in range(4)]
    made = document([*rows, *(one | {"condition": "blank", "reward": 0.0} for one in rows)], task=None)
    figures, conditions = read_back(markdown(made))
    (levels,) = slice_sheets(made)
    assert figures[0] == ["figure", "value"]
    assert [line[0] for line in figures[1:]] == ["reward"]
    assert conditions[0] == ["condition", "problems", "reward", "change of reward"]
    assert conditions[2][3].startswith("-0.375 [")
    assert levels.header == ("level", "problems", "reward")
    assert "Yardsticks" not in markdown(made)


def test_hostile_names_stay_text():
    made = evaluation(HOSTILE)
    assert harmless(HOSTILE) == SHOWN
    found = compare([made, evaluation("b")])
    (table,) = read_back(markdown(found))
    assert table[0] == ["figure", SHOWN, "b", f"b − {SHOWN}"]
    for text in (shown(made), shown(found, width=600), markdown(made), markdown(found)):
        assert not re.search("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e]", text)
    assert SHOWN in shown(made)
    assert SHOWN in shown(found, width=600)
    assert "\x1b[31m" not in shown(found)


@given(st.text(max_size=30))
def test_any_name_is_one_cell(name):
    made = document([row(0, 1.0)], name)
    (table,) = read_back(markdown(compare([made, made])))
    assert table[0][1] == harmless(name)
    assert {len(line) for line in table} == {4}


def test_the_terminal_shows_the_same_figures():
    made = evaluation()
    text = shown(made)
    for sheet in sheets(made):
        for line in (sheet.header, *sheet.rows):
            assert re.search(r"\s*[│┃]\s*".join(re.escape(cell) for cell in line), text), line


def test_json_has_the_figures_alone():
    made = evaluation()
    told = json.loads(figures_json(made))
    assert told["conditions"] == made["conditions"]
    assert told["drops"] == made["drops"]
    assert not {"rows", "images"} & set(told)
    found = json.loads(figures_json(compare([made, evaluation("b", 5.0)])))
    assert found["names"] == ["model", "b"]
    assert found["differences"]["mae"][0]["value"] == pytest.approx(5.0)
    assert (found["excludes_zero"]["mae"], found["excludes_zero"]["tokens"]) == ([True], [False])
    assert found["shares"] == [{"better": 0.0, "worse": 1.0, "ties": 0.0}]
