"""Texts to imitate from a file: what is read, and what is said of a row that cannot be."""

import hashlib
import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from agents.loading import load_policy
from tests.envs.data.rows import parquet
from train.data_file import Row, read_rows, require_room

TURNS = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


@pytest.fixture
def write(tmp_path):
    """Writes rows, or lines as they are, to a file."""

    def write(*rows):
        path = tmp_path / "rows.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def test_rows_are_prompts_or_messages_with_pictures_beside_the_file(write, tmp_path):
    (tmp_path / "pictures").mkdir()
    pixels = np.arange(28 * 56 * 3, dtype=np.uint8).reshape(28, 56, 3)
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    path = write({"prompt": "1 + 1?", "response": "2", "id": 7}, "", {"messages": TURNS, "images": ["pictures/a.png"]})
    first, second = read_rows(path)
    assert first == Row(f"{path}, line 1", "1 + 1?", "2")
    assert (second.place, second.prompt, second.response) == (f"{path}, line 3", "Why?", "So.")
    (picture,) = second.pictures()
    assert np.array_equal(picture, pixels)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 2: this is not JSON"),
        ("[" * 100_000, "line 2: this is not JSON"),
        ("[1]", "line 2: a row is a JSON object with"),
        (
            {"prompt": "a", "answer": "b"},
            "line 2: the field 'response' is missing. A row needs prompt and response, or messages (one of user, one "
            "of assistant), and maybe images (a list of paths); this one has prompt, answer.",
        ),
        ({"text": "a"}, "line 2: the field 'prompt' is missing. A row needs"),
        ({"prompt": "a", "response": " "}, "line 2: the field 'response' must be a text, got ' '"),
        ({"prompt": None, "response": "b"}, "line 2: the field 'prompt' must be a text, got None"),
        ('{"prompt": "a", "response": "\\ud800"}', "line 2: the field 'response' holds half a character"),
        ({"messages": "hello"}, "line 2: the messages must be one of the user and one of the assistant"),
        ({"messages": [{"role": "system", "content": "x"}]}, "got roles ['system']"),
        ({"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}, "the field 'content' is missing"),
        ({"messages": [*TURNS, 7]}, "got roles ['user', 'assistant']"),
        (
            {"prompt": "a", "response": "b", "image": "a.png"},
            "line 2: the field 'image' seems to hold pictures, which ",
        ),
        ({"messages": TURNS, "Pictures": ["a.png"]}, "line 2: the field 'Pictures' seems to hold pictures, which "),
        (
            {"prompt": "a", "response": "b", "images": "a.png"},
            "line 2: the images must be a list of paths, got 'a.png'",
        ),
        ({"prompt": "a", "response": "b", "images": [{"path": None}]}, "line 2: the images must be a list of paths"),
        ({"prompt": "a", "response": "b", "images": ["none.png"]}, "line 2: the picture"),
        ({"prompt": "a", "response": "b", "images": ["rows.jsonl"]}, "rows.jsonl cannot be read: cannot identify"),
    ],
)
def test_a_broken_row_is_named_with_its_line_and_what_was_expected(write, row, said):
    path = write({"prompt": "a", "response": "b"}, row)
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        read_rows(path)
    assert str(error.value).startswith(f"{path}, line 2")


def test_files_that_are_none(write, tmp_path):
    with pytest.raises(ValueError, match=r"none.jsonl cannot be read: No such file"):
        read_rows(tmp_path / "none.jsonl")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"--data .*folder cannot be read: Is a directory"):
        read_rows(tmp_path / "folder")
    with pytest.raises(ValueError, match=r"rows\.jsonl is empty: it needs a JSON object with prompt and response, or "):
        read_rows(write(""))
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        ValueError, match=r"binary.jsonl, line 1: this is not JSON .* A row is a JSON object with prompt"
    ):
        read_rows(tmp_path / "binary.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(ValueError, match=r"pipe.jsonl is neither a file nor a folder"):
        read_rows(tmp_path / "pipe.jsonl")


def test_a_line_ends_where_json_lines_end(write):
    """Not at U+2028 and its like, at which `str.splitlines` cuts; and a mark of the byte order is passed over."""
    odd = "\u2028 \u2029 \x85 one \x7f two"
    path = write({"prompt": f"a {odd}", "response": "b"}, {"prompt": "c", "response": odd})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    first, second = read_rows(path)
    assert (first.prompt, second.response, second.place) == (f"a {odd}", odd, f"{path}, line 2")


def test_parquet_holds_the_same(write, tmp_path):
    Image.new("RGB", (3, 2), (9, 8, 7)).save(tmp_path / "a.png")
    listed = [
        {"prompt": "1?", "response": "2", "messages": None, "images": None},
        {"prompt": None, "response": None, "messages": TURNS, "images": ["a.png"]},
    ]
    found = read_rows(parquet(tmp_path / "rows.parquet", listed))
    assert [row.place for row in found] == [f"{tmp_path / 'rows.parquet'}, row {n}" for n in (1, 2)]
    assert [replace(row, place="") for row in found] == [replace(row, place="") for row in read_rows(write(*listed))]
    broken = parquet(tmp_path / "bad.parquet", [*listed, listed[0] | {"response": ""}])
    with pytest.raises(
        ValueError, match=r"bad\.parquet, row 3: the field 'response' must be a text, got ''\. A row needs"
    ):
        read_rows(broken)


def test_pictures_inside_parquet(tmp_path):
    """As the library datasets writes them."""
    Image.new("RGB", (3, 2), (9, 8, 7)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    listed = [{"prompt": "1?", "response": "2", "images": [{"bytes": content, "path": "gone.png"}]}]
    (row,) = read_rows(parquet(tmp_path / "rows.parquet", listed))
    (pixels,) = row.pictures()
    assert np.array_equal(pixels, np.full((2, 3, 3), (9, 8, 7), np.uint8))
    assert row.picture_names() == [hashlib.sha256(content).hexdigest()]
    listed[0]["images"][0]["bytes"] = b"no picture"
    with pytest.raises(ValueError, match=r"row 1: the picture in the row cannot be read: cannot identify"):
        read_rows(parquet(tmp_path / "bad.parquet", listed))


def test_columns_that_are_not_read_are_told(write, capsys):
    path = write({"prompt": "a", "response": "b", "id": 1, "image": None}, {"messages": TURNS, "prompt": "p", "id": 2})
    read_rows(path)
    assert capsys.readouterr().out == f"note: of --data {path} these columns are not read: id, prompt\n"
    read_rows(write({"prompt": "a", "response": "b", "images": []}, {"messages": TURNS}))
    assert capsys.readouterr().out == ""


def test_rows_that_the_model_has_no_room_for(tmp_path):
    for side in (20, 56):
        Image.new("RGB", (side, side)).save(tmp_path / f"{side}.png")
    policy, text_policy = load_policy("tiny", 0), load_policy("tiny-qwen2", 0)
    fine = Row("f, line 1", "Why?", "So.", (tmp_path / "56.png",))
    require_room(policy, [fine])
    with pytest.raises(ValueError, match="f, line 1 has pictures, and a qwen2 model reads text only"):
        require_room(text_policy, [fine])
    with pytest.raises(ValueError, match="g: a picture of 20x20 pixels is smaller than one of the model's patches, 28"):
        require_room(policy, [Row("g", "Why?", "So.", (tmp_path / "20.png",))])
    with pytest.raises(ValueError, match=r"h: a prompt of .* tokens and an answer of 16 need"):
        require_room(policy, [fine, Row("h", "7" * 4100, "So.")])
    with pytest.raises(ValueError, match=r"i: a prompt holds <.image_pad.>"):
        require_room(policy, [fine, Row("i", "<|image_pad|>", "So.")])
    # 4096 − 16: the longest prompt that fits, four image tokens and two marks among them
    bare = policy.prepare([""], [[np.zeros((56, 56, 3), np.uint8)]]).input_ids_PS.shape[1]
    require_room(policy, [Row("j", "7" * (4080 - bare), "So.", (tmp_path / "56.png",))])
    with pytest.raises(ValueError, match="k: a prompt of 4081 tokens, pictures included, does not fit"):
        require_room(policy, [Row("k", "7" * (4081 - bare), "So.", (tmp_path / "56.png",))])
