"""Rows in each published form, and files of them."""

import json

import pytest

from envs.data import FORMATS

ALL = tuple(FORMATS)


def gsm8k(i):
    return {"question": f"What is {i} + {i}?", "answer": f"{i}+{i}=<<{i}+{i}={2 * i}>>{2 * i}\n#### {2 * i}"}


def countdown(i):
    return {"target": i + 3, "nums": [i, 1, 2]}


def numina(i):
    program = f"```python\nprint(2 * {i})\n```\n```output\n{2 * i}\n```"
    steps = f"Take $\\boxed{{{i}}}$ twice.\n{program}\nIt is $\\boxed{{{2 * i}}}$."
    asked = f"Double {i}."
    said = [{"content": asked, "role": "user"}, {"content": steps, "role": "assistant"}]
    return {"problem": asked, "solution": steps, "messages": said}


def bespoke(i):
    thought = f"<|begin_of_thought|>\n\nOkay, twice {i}, maybe \\boxed{{0}}.\n\n<|end_of_thought|>"
    solved = f"<|begin_of_solution|>\n\nTwice {i} is \\boxed{{{2 * i}}}.\n\n<|end_of_solution|>"
    return {
        "system": "Your role as an assistant involves thoroughly exploring questions.",
        "conversations": [
            {"from": "user", "value": f"Return your final response within \\boxed{{}}. Double {i}."},
            {"from": "assistant", "value": f"{thought}\n\n{solved}"},
        ],
    }


def plain(i):
    return {"problem": f"Double {i}.", "answer": str(2 * i), "solution": f"Twice {i}.", "level": 1}


ROWS = {"gsm8k": gsm8k, "countdown": countdown, "numina": numina, "bespoke": bespoke, "problem": plain}


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(path, rows):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(list(rows)), path)
    return path


WRITERS = {"jsonl": lines, "parquet": parquet}


def both(rows):
    return sorted((*rows["train"], *rows["eval"]), key=lambda item: item.number)
