"""What a server may send; see also test_endpoint and test_endpoint_failure."""

import json

import pytest

from agents.chat_format import one_line, read_models, read_reply, server_message
from agents.policy import Reply
from tests.agents.fake_server import completion, completion_models

CONTENTS = {
    "null": (None, ""),
    "empty": ("", ""),
    "parts": (
        [{"type": "text", "text": "07:"}, {"type": "thinking", "text": "no"}, {"type": "text", "text": "25"}],
        "07:25",
    ),
    "parts of nothing": ([], ""),
    "odd parts": ([7, {"type": "text"}, {"type": "text", "text": None}, "x"], ""),
    "a lone surrogate": ("a\ud800", "a\ud800"),
}


@pytest.mark.parametrize(("content", "text"), CONTENTS.values(), ids=CONTENTS)
def test_contents(content, text):
    assert read_reply(json.dumps(completion(content))) == Reply(text)


def test_reasoning_and_refusals_are_no_answer():
    message = {"reasoning_content": "hm", "refusal": "I will not"}
    assert read_reply(json.dumps({"choices": [{"message": message}]})) == Reply("")


@pytest.mark.parametrize(
    "usage", [None, [], {}, {"completion_tokens": None}, *({"completion_tokens": n} for n in ("7", True, -1, 1.5))]
)
def test_tokens_that_are_none(usage):
    assert read_reply(json.dumps(completion("x", usage=usage))) == Reply("x", None)


def test_tokens():
    assert read_reply(json.dumps(completion("x", usage={"prompt_tokens": 9, "completion_tokens": 0}))) == Reply("x", 0)


def test_only_the_first_choice_counts():
    choices = [{"message": {"content": text}} for text in ("a", "b")]
    assert read_reply(json.dumps({"choices": choices, "error": {"code": 1}})) == Reply("a")


def test_models():
    assert read_models(json.dumps(completion_models("a", "b"))) == ["a", "b"]
    assert read_models('{"data": []}') == []
    for document in ("{}", "[]", '{"data": {}}', "null", "", "[" * 100_000):
        with pytest.raises(ValueError, match=r"no list of models|no JSON"):
            read_models(document)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ('{"error": {"message": "bad", "code": 3}}', "bad"),
        ('{"error": "bad"}', "bad"),
        ('{"message": "bad"}', "bad"),
        ('{"detail": "bad"}', "bad"),
        ('{"detail": [{"loc": "seed"}]}', '[{"loc": "seed"}]'),
        ('{"code": 3}', '{"code": 3}'),
        ("[3]", "[3]"),
        ("null", "null"),
        ("bad\nthing", "bad thing"),
        ("", ""),
    ],
)
def test_what_a_server_says(document, told):
    assert server_message(document) == told


def test_untrusted_text_is_one_short_printable_line():
    assert one_line("  a\r\n\tb\x1b[2J\u202ec\ud800 ") == "a b\\x1b[2J\\u202ec\\ud800"
    assert one_line("é" * 200) == "é" * 200
    assert one_line("é" * 201) == "é" * 199 + "…"
    assert len(one_line("\0" * 10**7)) == 200
