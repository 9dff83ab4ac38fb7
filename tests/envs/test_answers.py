import pytest

from envs import make_task
from envs.answers import NUMBER, TIME, candidates, committed, read_time, tagged


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>07:25:30</answer>", "07:25:30"),
        ("so <answer> 07:25:30\n</answer>, I think", "07:25:30"),
        ("  07:25:30\n", "07:25:30"),
        ("", ""),
        ("<answer></answer>", ""),
        ("<answer>a<b</answer>", "a<b"),
        ("<answer>a", None),
        ("a</answer>", None),
        ("</answer>a<answer>", None),
        ("<answer>1</answer><answer>1</answer>", None),
        ("<answer><answer>1</answer>", None),
        ("<answer>1</answer></answer>", None),
        ("<Answer>1</Answer>", "<Answer>1</Answer>"),  # no tag at all, so it is the whole text
    ],
)
def test_committed_answer(text, expected):
    assert committed(text) == expected


def test_tagged_answer_is_committed():
    assert tagged("3") == "<answer>3</answer>"
    assert committed(tagged("3")) == "3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first 7:25, then 8:30:15", ["8:30:15", "7:25"]),
        ("at 7:25.", ["7:25"]),
        ("[7:25:30]", ["[7:25:30]"]),
        ("[7:25:30", ["7:25:30"]),
        ("17:25:301", []),
        ("1:2:3", []),
        ("7:25:9", []),
        ("7:25:30.5", []),
        ("123:45", []),
        ("\u0667:\u0662\u0665", []),
    ],
)
def test_times_in_a_text_last_first(text, expected):
    assert list(candidates(text, TIME)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("07:25:30", (7, 25, 30)),
        ("[7:25:30]", (7, 25, 30)),
        ("7:25", (7, 25, 0)),
        ("0:00", (0, 0, 0)),
        ("23:59:59", (23, 59, 59)),
        ("24:00:00", None),
        ("7:61", None),
        ("7:25:60", None),
        ("99:99:99", None),
    ],
)
def test_reading_a_time(text, expected):
    assert read_time(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r is -0.42", ["-0.42"]),
        ("between 1 and +2.5.", ["+2.5", "1"]),
        (".5", [".5"]),
        ("1.2.3", []),
        ("3-4", ["4", "3"]),
        ("9" * 16, []),
    ],
)
def test_numbers_in_a_text_last_first(text, expected):
    assert list(candidates(text, NUMBER)) == expected


def test_few_candidates_are_looked_at():
    """What is farther from the end than a thousand others is not: work stays bounded."""
    found = list(candidates("7 " + 1_500 * "3 ", NUMBER))
    assert found == 1_000 * ["3"]
    task, read = make_task("countdown"), []
    object.__setattr__(task, "read", read.append)  # a frozen task: read nothing, and count
    assert task.parse_lenient("1+(a" * 250_000) is None
    assert len(read) == 1_000


@pytest.mark.parametrize(
    "unit",
    [
        " ",
        "<",
        "<answer>",
        "</answer>",
        "<think>",
        "1",
        "1:",
        "12:34 ",
        "[",
        "\ud800",
        "<think></think>",
        "1.",
        "+",
    ],
)
def test_megabytes_are_read(unit):
    # Anything quadratic would need hours for these.
    for text in (
        unit * (2_000_000 // len(unit)),
        "<think>" + unit * 300_000 + "</think><answer>1:23</answer>",
    ):
        committed(text)
        for pattern in (TIME, NUMBER):
            pattern.fullmatch(text)
            next(candidates(text, pattern), None)
