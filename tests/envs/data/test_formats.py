"""Every published form, from tiny files as JSON Lines and as Parquet."""

import json

import pytest

from envs.data import FORMATS, Columns, load
from envs.data.dataset import Choice
from envs.data.files import read_rows
from envs.data.formats import boxed, unboxed
from tests.envs.data.rows import ALL, ROWS, WRITERS, bespoke, both, lines, parquet, plain


def test_every_form_is_tried():
    assert set(ROWS) == set(FORMATS)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", ROWS)
def test_every_form_is_found_by_its_columns(tmp_path, name, suffix):
    path = WRITERS[suffix](tmp_path / f"rows.{suffix}", map(ROWS[name], range(1, 13)))
    found = both(load(str(path), Choice(ALL)))
    assert found == both(load(str(path), Choice(ALL, name)))
    assert [item.number for item in found] == list(range(1, 13))
    item = found[2]
    if name == "countdown":
        assert item.question == "1, 2, 3 = 6"
        assert json.loads(item.answer) == {"numbers": [3, 1, 2], "target": 6}
        assert item.solution is None
        return
    assert item.answer == "6"
    assert item.question == ("What is 3 + 3?" if name == "gsm8k" else "Double 3.")
    row = ROWS[name](3)
    if name == "bespoke":
        assert item.solution == "Okay, twice 3, maybe \\boxed{0}.\nTwice 3 is \\boxed{6}."
    else:
        assert item.solution == row["answer" if name == "gsm8k" else "solution"]


@pytest.mark.parametrize("answer", ["4", 4, r"$\boxed{4}$"])
def test_an_answer_beside_the_columns_of_numina_counts(tmp_path, answer):
    row = {"problem": "b", "solution": r"so \boxed{5}", "answer": answer, "messages": []}
    path = lines(tmp_path / "a.jsonl", [row, row | {"problem": "c"}, row | {"problem": "d", "answer": None}])
    assert [item.answer for item in both(load(str(path), Choice(ALL)))] == ["4", "4", "5"]


def test_lines_and_parquet_hold_the_same(tmp_path):
    rows = [bespoke(i) for i in range(3000)]  # more than one batch
    first = read_rows(lines(tmp_path / "a.jsonl", rows), "columns")
    second = read_rows(parquet(tmp_path / "a.parquet", rows), "columns")
    assert [(number, row) for number, _, row in first] == [(number, row) for number, _, row in second]
    assert [number for number, _, _ in read_rows(tmp_path / "a.parquet", "columns")] == list(range(1, 3001))


def test_parquet_by_another_name(tmp_path):
    path = parquet(tmp_path / "rows.data", map(plain, range(4)))
    assert len(both(load(str(path), Choice(ALL)))) == 4


def test_names_of_columns(tmp_path):
    rows = [{"ask": f"Double {i}.", "gold": 2 * i, "why": f"Twice {i}.", "problem": "?"} for i in range(1, 5)]
    path = lines(tmp_path / "own.jsonl", rows)
    found = both(load(str(path), Choice(ALL, None, Columns("ask", "gold", "why"))))
    assert [(item.question, item.answer, item.solution) for item in found] == [
        (f"Double {i}.", str(2 * i), f"Twice {i}.") for i in range(1, 5)
    ]
    found = both(load(str(path), Choice(ALL, "problem", Columns("ask", "gold"))))
    assert [item.solution for item in found] == [None] * 4
    with pytest.raises(ValueError, match=r"own\.jsonl, line 1: the field 'question' is missing\. A row needs quest"):
        load(str(path), Choice(ALL, None, Columns("question", "gold")))
    with pytest.raises(ValueError, match=r"line 1: the field 'result' is missing\. .* ask and result; this one "):
        load(str(path), Choice(ALL, None, Columns("ask", "result")))
    with pytest.raises(ValueError, match=r"line 1: there is no answer\. A row needs ask and answer \(or a sol"):
        load(str(path), Choice(ALL, None, Columns("ask")))


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (7, "7"),
        (0.5, "0.5"),
        (-3.0, "-3"),
        (1e-7, "0.0000001"),
        ("  x+1 ", "x+1"),
        (r"\boxed{7}", "7"),
        (r"so $\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
    ],
)
def test_answers_as_they_stand(tmp_path, value, answer):
    path = lines(tmp_path / "a.jsonl", [{"problem": f"{i}?", "answer": value} for i in range(2)])
    assert {item.answer for item in both(load(str(path), Choice(ALL)))} == {answer}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"so \boxed{7}.", "7"),
        (r"\boxed{1} and \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\text{if } x_{\{n\}}}", r"\text{if } x_{\{n\}}"),
        (r"\fbox{3}", "3"),
        (r"\boxed{1} then \fbox{3}", "3"),
        (r"\boxed{unclosed", None),
        (r"\boxed{1} \boxed{unclosed", None),
        (r"\boxed 7", None),
        ("no box", None),
        ("", None),
        (r"\boxed{" * 200_000, None),
        (r"\boxed{" + "{" * 200_000 + "}" * 200_001, "{" * 200_000 + "}" * 200_000),
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_boxes(text, expected):
    assert unboxed(text) == expected


def test_what_a_solution_ends_in():
    assert boxed("So it is\n#### 18") == "18"
    assert boxed(r"#### 18 or \boxed{19}") == "19"
    with pytest.raises(ValueError, match=r"there is no answer in \\boxed"):
        boxed("Hence proved.")
    with pytest.raises(ValueError, match="there is no answer"):
        boxed("####  ")
