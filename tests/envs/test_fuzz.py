"""Whatever a policy writes gets a score: every registered task, ten thousand texts, and megabytes by hand."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs import Problem, Task, make_task, problem
from envs.answers import CLOSE, CLOSE_THINK, OPEN, OPEN_THINK, tagged
from envs.registry import registered

TASKS = [spec.id for spec in registered() if spec.namespace == "eyechart"]
PROBLEMS = 16
NEEDED = {"eyechart/Maths-v0": {"source": str(Path(__file__).with_name("data") / "maths.jsonl")}}

FRAGMENTS = (
    *(
        OPEN,
        CLOSE,
        OPEN_THINK,
        CLOSE_THINK,
        "<answer",
        "</answer",
        "answer>",
        "<Answer>",
        "<",
        ">",
        OPEN + OPEN,
        CLOSE + OPEN,
    ),
    *(
        "0",
        "1",
        "7",
        "18",
        "12",
        "59",
        "61",
        "99",
        "1,234",
        "0.5",
        "-",
        "−",
        "+",
        ".",
        ",",
        ":",
        "/",
        "$",
        "%",
        "####",
        "e9",
        "=",
    ),
    *(
        "07:25:30",
        "[7:25]",
        "r = 0.42",
        "-0.42",
        "#### 18",
        "\\frac{1}{2}",
        "\\boxed{",
        "(1 + 2) * 3",
        "<<16-3=13>>",
        "nan",
        "inf",
        "-inf",
        "NaN",
        "1e999",
        "1/0",
        "None",
    ),
    *(
        "٣",
        "٧",
        "४",
        "１８",
        "²",
        "½",
        "Ⅷ",
        "\ud800",
        "\udfff",
        "\ud83d",
        "\x00",
        "\u2028",
        "\u200b",
        "\ufeff",
        " ",
        "\n",
        "\t",
    ),
)
ANY = st.text(st.characters(), max_size=6) | st.text(
    st.characters(categories=["Cs", "Nd", "No", "Sm", "Zs"]), max_size=4
)
BATCH = 25


PAID = (
    *(
        "accuracy 1",
        "format 0.5",
        "correct 2",
        "readable 0.5",
        "numeric 0.5",
        "strict_format 0.5",
        "soft_format 0.5",
        "tag_count 0.5",
    ),
    *("reasoning_steps 0.2", "cosine 1", "repetition 1", "log_length 0.1", "overlong 1"),
)
"""Every component at once."""


@cache
def posed(name: str) -> tuple[Task, list[Problem], float]:
    """A task, some of its problems, and the most that a text can earn."""
    task = make_task(name, **NEEDED.get(name, {}))
    problems = [problem(task, seed, "eval") for seed in range(PROBLEMS)]
    best = {task.score(task.demonstration(one), one.answer).reward for one in problems}
    assert len(best) == 1
    return task, problems, best.pop()


def examine(task: Task, text: str, answer: str, most: float) -> None:
    """Hold a text's score to what every score must be."""
    score = task.score(text, answer)
    assert 0.0 <= score.error <= task.worst_error
    assert 0.0 <= score.lenient_error <= task.worst_error
    assert 0.0 <= score.reward <= most
    assert all(0.0 <= value <= 1.0 for value in score.parts.values())
    assert score.parsed is (task.parse(text) is not None)
    if not score.parsed:
        assert (score.error, score.reward) == (task.worst_error, 0.0)
        assert set(score.parts.values()) == {0.0}
    if text.count(OPEN) > 1 or text.count(CLOSE) > 1:
        assert not score.parsed
    if score.error > 0.0:
        assert score.reward < most


def joined(text: str) -> str:
    """A text as JSON keeps it: two surrogates that make up a character become that character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def test_there_are_tasks_to_try():
    assert {"eyechart/Clock-v0", "eyechart/GSM8K-v0"} <= set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_ten_thousand_texts(name, tmp_path):
    task, problems, most = posed(name)
    seen = {"texts": 0, "parsed": 0, "surrogates": 0, "tagged": 0}
    file = (tmp_path / "samples.jsonl").open("w", encoding="utf-8")

    fragments = st.sampled_from([*FRAGMENTS, *(task.best_answer(one.answer) for one in problems)])
    pieces = st.lists(fragments | ANY, max_size=6).map("".join)

    @settings(max_examples=10_000 // BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(fragments | pieces, min_size=BATCH, max_size=BATCH))
    def score_all(texts):
        for i, text in enumerate(texts):
            answer = problems[i % PROBLEMS].answer
            for wording in (text, tagged(text)):
                examine(task, wording, answer, most)
                seen["parsed"] += task.parse(wording) is not None
            seen["texts"] += 1
            seen["surrogates"] += any("\ud800" <= character <= "\udfff" for character in text)
            seen["tagged"] += OPEN in text
            line = json.dumps(text)
            file.write(line + "\n")  # as runs write their samples
            assert json.loads(line) == joined(text)

    score_all()
    file.close()
    assert seen["texts"] >= 10_000
    assert min(seen.values()) > 100, seen  # or the texts were too tame to tell


@pytest.mark.parametrize("name", TASKS)
def test_thousands_of_texts_under_every_component(name):
    task = make_task(name, rewards=PAID, **NEEDED.get(name, {}))
    problems = [problem(task, seed, "eval") for seed in range(PROBLEMS)]
    bounds = {term.name: term.bounds for term in task.terms}
    truths = [task.best_answer(one.answer) for one in problems]
    fragments = st.sampled_from(
        [*FRAGMENTS, *truths, "First,", "1. ", "Reasoning:", "\nAnswer:", "<reasoning>", "a b "]
    )
    pieces = st.lists(fragments | ANY, max_size=6).map("".join)
    seen = {"parsed": 0, "unparsed": 0}

    @settings(max_examples=3_000 // BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(fragments | pieces, min_size=BATCH, max_size=BATCH))
    def score_all(texts):
        for i, text in enumerate(texts):
            for wording in (text, tagged(text)):
                score = task.score(wording, problems[i % PROBLEMS].answer)
                assert set(score.parts) == set(bounds)
                assert all(bounds[part][0] <= value <= bounds[part][1] for part, value in score.parts.items())
                assert task.reward_bounds[0] - 1e-9 <= score.reward <= task.reward_bounds[1] + 1e-9
                if not score.parsed:
                    assert score.reward == pytest.approx(task.reward_bounds[0])
                seen["parsed" if score.parsed else "unparsed"] += 1

    score_all()
    assert min(seen.values()) > 100, seen


@pytest.mark.parametrize(
    "unit", ["1", " ", "a ", "1. a\n", "First, ", OPEN, CLOSE_THINK, "<answer", "\nAnswer:", "\ud800"]
)
def test_megabytes_under_every_component(unit):
    # Anything quadratic would need hours for these.
    task = make_task("clock", rewards=PAID)
    long = unit * (1_000_000 // len(unit))
    for text in (long, f"{OPEN_THINK}\n{long}\n{CLOSE_THINK}\n{OPEN}\n7:25\n{CLOSE}", tagged("7:25") + long):
        score = task.score(text, "07:25:00")
        assert task.reward_bounds[0] <= score.reward <= task.reward_bounds[1]


MEGABYTES = (
    *("1", "9", "0", " ", "\n", "a", "\ud800", "٣", "-", "$", "[", ".", ",", ":", "<", "#", "%"),
    *(
        "1,",
        "1.",
        "1:",
        "9:9:",
        "9:9:9 ",
        "12:34:56 ",
        "1,1,1,",
        "123,456,",
        "1,234 ",
        "18 ",
        "-1",
        "$1",
        "0.5",
        "#### 18\n",
        "1/0 ",
        "1+1 ",
        "(1-",
        "1*-",
        "\\boxed{",
        "\\boxed{1} ",
        "\\frac{1}{2}",
    ),
    *(
        OPEN,
        CLOSE,
        OPEN_THINK,
        CLOSE_THINK,
        OPEN + CLOSE,
        OPEN + "1",
        "<answer",
        "</answer",
        tagged("18"),
        "<think></think>",
    ),
)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("unit", MEGABYTES, ids=ascii)
def test_megabytes(name, unit):
    # Anything quadratic would need hours for these.
    task, problems, most = posed(name)
    long = unit * (1_000_000 // len(unit))
    for text in (long, tagged(long), OPEN_THINK + long + CLOSE_THINK + tagged("18"), long + tagged("7:25")):
        examine(task, text, problems[0].answer, most)
