"""What is wrong with a file is told with its name, the line, and what was expected."""

import sys

import pytest

from envs.data import load
from envs.data.dataset import Choice
from tests.envs.data.rows import ALL, both, lines, parquet, plain


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"rows\.jsonl is empty: it needs a JSON object with columns such as problem and answer on each line"),
        (b"\n \n", r"rows\.jsonl is empty"),
        (b"\x89PNG\r\n\x1a\n\x00", r"rows\.jsonl, line 1: this is not JSON \('utf-8' codec"),
        (
            b"problem,answer\n1,2\n",
            r"rows\.jsonl, line 1: this is not JSON \(.*\)\. A row is a JSON object with columns such as problem and",
        ),
        ('{"problem": "é"}\n'.encode("latin-1"), r"line 1: this is not JSON \('utf-8' codec can't decode byte 0xe9"),
        ('{"problem": "1"}\n'.encode("utf-16"), r"line 1: this is not JSON \('utf-8' codec"),
        (
            b'[\n{"problem": "1"}\n]',
            r"line 1: this is not JSON .*\. The file looks like one JSON document: ",
        ),
        (b'[{"problem": "1"}]', r"line 1: a row is a JSON object with columns, got"),
        (b'"problem"\n', "line 1: a row is a JSON object with columns, got 'problem'"),
        (
            b'{"text": "a", "label": 1}\n',
            r"line 1: the columns text, label are of no form that is known \(countdown: nums, target; bespoke: "
            r"conversations; numina: problem, solution, messages; gsm8k: question, answer; problem: problem\)",
        ),
        (
            b'{"problem": "a"}\n',
            r"line 1: there is no answer\. A row needs problem and answer \(or a solution that ends in it\); this one",
        ),
        (b'{"problem": "", "answer": "1"}\n', "line 1: the field 'problem' must be a text, got ''"),
        (b'{"problem": ["a"], "answer": "1"}\n', r"line 1: the field 'problem' must be a text, got \['a'\]"),
        (b'{"problem": null, "answer": "1"}\n', r"line 1: the field 'problem' must be a text, got None\. A row needs "),
        (b'{"problem": "a", "answer": true}\n', "line 1: the field 'answer' must be a text, got True"),
        (b'{"problem": "a", "answer": NaN}\n', "line 1: the field 'answer' must be a text, got nan"),
        (b'{"problem": "a", "answer": "\\ud800"}\n', "line 1: the field 'answer' holds half a character"),
        (b'{"problem": "a", "solution": "b", "messages": "c"}\n', "the field 'messages' must be a list, got 'c'"),
        (b'{"conversations": "hello"}\n', "the field 'conversations' must be a list of objects with from and value"),
        (b'{"conversations": [1]}\n', r"'conversations' must be a list of objects with from and value, got \[1\]"),
        (
            b'{"conversations": [{"from": "user", "value": "a"}]}\n',
            r"line 1: the conversation must have a turn from 'assistant', got \['user'\]",
        ),
        (
            b'{"conversations": [{"from": "user", "value": 1}, {"from": "assistant", "value": "a"}]}\n',
            "line 1: the field 'value' must be a text, got 1",
        ),
        (b'{"problem": "a", "answer": "1"}\n', r"has a single row: it takes two"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(str(path), Choice(ALL))


def test_a_broken_row_further_down(tmp_path):
    path = lines(tmp_path / "rows.jsonl", [plain(1), plain(2), {"problem": "a", "solution": 3}])
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 3: the field 'solution' must be a text, got 3"):
        load(str(path), Choice(ALL))


def test_a_mark_of_the_byte_order_is_passed_over(tmp_path):
    path = lines(tmp_path / "rows.jsonl", map(plain, range(2)))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(both(load(str(path), Choice(ALL)))) == 2


def test_bad_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"not parquet")
    with pytest.raises(ValueError, match=r"rows\.parquet is no Parquet file: it does not begin with PAR1"):
        load(str(path), Choice(ALL))
    path.write_bytes(b"PAR1" + b"\x00" * 100)
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"rows\.parquet is no Parquet file that can be read: "):
        load(str(path), Choice(ALL))
    parquet(path, [{"problem": "a", "answer": "1"}])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"rows\.parquet (is no Parquet file that can|cannot) be read"):
        load(str(path), Choice(ALL))
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table({"problem": arrow.array([], "string")}), path)
    with pytest.raises(ValueError, match=r"rows\.parquet is empty: it needs rows with columns"):
        load(str(path), Choice(ALL))


def test_parquet_takes_an_extra(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"takes pyarrow: pip install 'eyechart\[data\]'"):
        load(str(path), Choice(ALL))


def test_unknown_formats():
    with pytest.raises(ValueError, match=r"Unknown format 'numnia'. Did you mean 'numina'\? Formats: count"):
        load("not read", Choice(ALL, "numnia"))
    with pytest.raises(ValueError, match=r"Unknown format 'csv'\. Formats: "):
        load("not read", Choice(ALL, "csv"))
    with pytest.raises(ValueError, match="There is no file or folder 'nowhere' to read problems from"):
        load("nowhere", Choice(ALL))
