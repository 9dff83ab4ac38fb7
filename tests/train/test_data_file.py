"""Texts to imitate from a file: what is read, and what is said of a row that cannot be."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from agents.loading import load_policy
from train.data_file import Row, read_rows, require_room


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
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    path = write({"prompt": "1 + 1?", "response": "2", "id": 7}, "", {"messages": turns, "images": ["pictures/a.png"]})
    first, second = read_rows(path)
    assert first == Row(f"{path}, line 1", "1 + 1?", "2")
    assert (second.place, second.prompt, second.response) == (f"{path}, line 3", "Why?", "So.")
    (picture,) = second.pictures()
    assert np.array_equal(picture, pixels)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("[1]", "line 2 is not a JSON object"),
        ({"prompt": "a", "answer": "b"}, "line 2 has no response, only prompt, answer"),
        ({"text": "a"}, "line 2 has no prompt and no response, only text"),
        ({"prompt": "a", "response": " "}, "line 2: its response must be a text, got ' '"),
        ({"prompt": None, "response": "b"}, "line 2: its prompt must be a text, got 'None'"),
        ('{"prompt": "a", "response": "\\ud800"}', "line 2: its response holds half a character"),
        ({"messages": "hello"}, "line 2: its messages must be one of the user and one of the assistant"),
        ({"messages": [{"role": "system", "content": "x"}]}, "got roles ['system']"),
        ({"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}, "its prompt must be a text, got"),
        ({"prompt": "a", "response": "b", "images": "a.png"}, "line 2: its images must be a list of paths"),
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
    with pytest.raises(ValueError, match="has no rows; expected"):
        read_rows(write(""))
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary.jsonl cannot be read"):
        read_rows(tmp_path / "binary.jsonl")


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
