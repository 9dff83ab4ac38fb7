import hashlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import problem
from envs.tasks.clock import Clock
from rendering import render

CLOCK = Clock()

# Every category there is, surrogates (Cs) too, which st.text() leaves out.
ANY_TEXT = st.text(st.characters(categories=("L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Cs", "Co", "Cn")))
PIECES = st.sampled_from(
    [
        "<answer>",
        "</answer>",
        "<think>",
        "</think>",
        "7:25",
        "07:25:30",
        "[",
        "]",
        "99:99:99",
        " ",
        "nan",
        "\ud800",
    ]
)
WRITTEN = st.one_of(ANY_TEXT, st.lists(st.one_of(PIECES, ANY_TEXT), max_size=12).map("".join))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("07:25:30", 26730),
        ("[7:25:30]", 26730),
        ("7:25", 26700),
        ("<answer>07:25:30</answer>", 26730),
        ("I see <answer>[07:25:30]</answer>", 26730),
        ("19:25:30", 26730),
        ("12:00:00", 0),
        ("00:00:00", 0),
        ("23:59:59", 43199),
        ("24:00:00", None),
        ("7:61", None),
        ("7:25:60", None),
        ("99:99:99", None),
        ("-7:25", None),
        ("7:25 PM", None),
        ("It is 7:25", None),
        ("<answer>It is 7:25</answer>", None),
        ("<answer>7:25</answer><answer>7:25</answer>", None),
        ("", None),
    ],
)
def test_committed_reading(text, seconds):
    assert CLOCK.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("It is 7:25, no, 8:30.", 30600),
        ("8:30 or maybe 99:99:99", 30600),
        ("<answer>7:25</answer><answer>8:30</answer>", 30600),
        ("7:61", None),
        ("seven", None),
    ],
)
def test_lenient_reading(text, seconds):
    assert CLOCK.parse_lenient(text) == seconds


@pytest.mark.parametrize(
    ("answer", "truth", "minutes"),
    [
        ("11:59:30", "12:00:30", 1.0),
        ("11:59:30", "00:00:30", 1.0),
        ("12:00:00", "06:00:00", 360.0),
        ("09:00:00", "03:00:01", 360.0 - 1 / 60),
        ("07:25:30", "07:25:30", 0.0),
        ("07:25:30", "19:25:30", 0.0),
        ("01:00", "11:00", 120.0),
    ],
)
def test_error_is_the_shorter_way_round_the_dial(answer, truth, minutes):
    score = CLOCK.score(f"<answer>{answer}</answer>", truth)
    assert score.error == pytest.approx(minutes)
    assert CLOCK.score(f"<answer>{truth}</answer>", answer).error == pytest.approx(minutes)


def test_scores_by_hand():
    exact = CLOCK.score("<answer>07:25:30</answer>", "07:25:30")
    assert (exact.reward, exact.error, exact.parsed, exact.lenient_error) == (1.0, 0.0, True, 0.0)
    assert exact.parts == {"accuracy": 1.0, "format": 1.0}

    bare = CLOCK.score("07:25:30", "07:25:30")
    assert bare.reward == 0.9
    assert bare.parts == {"accuracy": 1.0, "format": 0.0}

    off = CLOCK.score("<answer>07:38:30</answer>", "07:25:30")  # 13 minutes
    assert off.reward == pytest.approx(0.1 + 0.9 * (1 - math.log(27) / math.log(721)))

    chatty = CLOCK.score("It may be 07:25:30.", "07:25:30")
    assert (chatty.reward, chatty.error, chatty.parsed, chatty.lenient_error) == (0.0, 360.0, False, 0.0)
    assert chatty.parts == {"accuracy": 0.0, "format": 0.0}

    formatted_nonsense = CLOCK.score("<answer>99:99:99</answer>", "07:25:30")
    assert (formatted_nonsense.reward, formatted_nonsense.error) == (0.0, 360.0)


def test_weights_and_shape_are_fields():
    task = Clock(reward_shape="linear", accuracy_weight=2.0, format_weight=0.0)
    assert task.score("<answer>03:00:00</answer>", "06:00:00").reward == pytest.approx(1.0)


@given(WRITTEN)
def test_any_text_gets_a_bounded_score(text):
    score = CLOCK.score(text, "07:25:30")
    assert 0.0 <= score.reward <= 1.0
    assert 0.0 <= score.error <= 360.0
    assert 0.0 <= score.lenient_error <= 360.0
    if not score.parsed:
        assert (score.reward, score.error) == (0.0, 360.0)
    assert CLOCK.score(text, "07:25:30") == score


@given(st.integers(0, 43199), st.integers(0, 43199))
def test_error_is_symmetric_and_zero_only_for_the_same_time(a, b):
    error = CLOCK.error(a, b)
    assert error == CLOCK.error(b, a)
    assert 0.0 <= error <= 360.0
    assert (error == 0.0) == (a == b)
    around = 360.0 - abs(360.0 - abs(a - b) / 60.0)  # another way to say it
    assert error == pytest.approx(around)


@given(st.integers(0, 43199))
def test_written_answers_are_read_back(time):
    assert CLOCK.read(CLOCK.write(time)) == time


@pytest.mark.parametrize("unit", ["7:25 ", "<answer>", "1", "\ud800", "[", "1:1:", " "])
def test_megabytes_are_scored(unit):
    text = unit * (2_000_000 // len(unit))
    for whole in (text, f"<answer>{text}</answer>", f"{text}<answer>07:25:30</answer>"):
        assert 0.0 <= CLOCK.score(whole, "07:25:30").reward <= 1.0


def test_answers_are_written_as_on_the_dial():
    assert CLOCK.write(0) == "12:00:00"
    assert CLOCK.write(26730) == "07:25:30"
    assert CLOCK.write(43199) == "11:59:59"
    assert Clock(second_hand=False).write(26700) == "07:25"
    assert Clock(second_hand=False).write(26730) == "07:25:30"  # as it may be read


def test_problems_are_described():
    posed = problem(CLOCK, 7)
    hour, minute, second = map(int, posed.answer.split(":"))
    angle = abs(30 * hour + minute / 2 + second / 120 - 6 * minute - second / 10) % 360
    assert posed.info == {
        "hour": hour,
        "minute": minute,
        "second": second,
        "hands_angle": pytest.approx(min(angle, 360 - angle), abs=0.0501),
    }
    assert posed.prompt == "What time is it? Reply <answer>HH:MM:SS</answer>"
    hands = f"The short hand has passed {hour}, the long hand stands at minute {minute} and the thin hand at second"
    assert posed.solution == f"<think>{hands} {second}.</think><answer>{posed.answer}</answer>"
    assert CLOCK.demonstration(posed) == posed.solution
    assert CLOCK.score(posed.solution, posed.answer).reward == 1.0


def test_without_second_hand_times_are_whole_minutes():
    task = Clock(second_hand=False)
    for seed in range(50):
        posed = problem(task, seed)
        assert posed.prompt.endswith("<answer>HH:MM</answer>")
        assert len(posed.answer) == 5
        assert posed.info["second"] == 0
        assert task.score(posed.answer, posed.answer).error == 0.0


def test_times_are_uniform_over_the_dial():
    times = [CLOCK.truth(problem(CLOCK, seed).answer) for seed in range(4000)]
    hours = np.bincount(np.array(times) // 3600, minlength=12)
    assert len(hours) == 12
    assert np.all(np.abs(hours - 4000 / 12) < 5 * math.sqrt(4000 / 12))  # five standard deviations
    seconds = np.bincount(np.array(times) % 60, minlength=60)
    assert np.all(np.abs(seconds - 4000 / 60) < 5 * math.sqrt(4000 / 60))


def pixel(picture, degrees, radius):
    """The colour at an angle clockwise from 12 and a distance from the centre, as a fraction of the side."""
    size = len(picture)
    angle = math.radians(degrees)
    column = size * (0.5 + radius * math.sin(angle))
    row = size * (0.5 - radius * math.cos(angle))  # rows run downwards
    return tuple(int(value) for value in picture[int(row), int(column)])


def is_black(color):
    return max(color) < 90


def is_blue(color):
    return color[2] > 120 and color[0] < 100


def is_red(color):
    return color[0] > 180 and color[1] < 110 and color[2] < 110


@pytest.mark.parametrize(
    ("time", "hour_at", "minute_at", "second_at"),
    [
        ((3, 0, 20), 90 + 1 / 6, 2, 120),
        ((7, 25, 30), 222.75, 153, 180),
        ((10, 59, 15), 329.625, 355.5, 90),
        ((0, 30, 40), 15 + 1 / 3, 184, 240),
    ],
)
def test_hands_point_where_they_should(time, hour_at, minute_at, second_at):
    hour, minute, second = time
    picture = render(Clock(numerals=False).draw(hour * 3600 + minute * 60 + second), 448)
    assert is_black(pixel(picture, hour_at, 0.20))
    assert is_blue(pixel(picture, minute_at, 0.33))
    assert is_red(pixel(picture, second_at, 0.41))
    # and nowhere else: beyond the tips, and 20 degrees aside, there is white
    assert pixel(picture, hour_at, 0.29) == (255, 255, 255)
    for degrees, radius in ((hour_at, 0.20), (minute_at, 0.33), (second_at, 0.395)):
        for aside in (-20, 20):
            if all(abs((degrees + aside - other + 180) % 360 - 180) > 9 for other in (minute_at, hour_at, second_at)):
                assert pixel(picture, degrees + aside, radius) == (255, 255, 255)


def test_second_hand_and_numerals_can_be_left_out():
    with_both, bare = (
        render(CLOCK.draw(26730), 112),
        render(Clock(second_hand=False, numerals=False).draw(26730), 112),
    )
    assert np.any((with_both[..., 0] > 180) & (with_both[..., 1] < 110))
    assert not np.any((bare[..., 0] > 180) & (bare[..., 1] < 110))
    top = np.s_[12:22, 48:64]  # where the 12 stands
    assert with_both[top].min() < 100
    assert bare[top].min() == 255


@pytest.mark.parametrize("size", [28, 112])
def test_every_second_has_its_own_picture(size):
    # What the floor of 0 stands on: a second, a minute and an hour apart, no two pictures are the same.
    starts = np.random.default_rng(0).integers(43200, size=20)
    times = {int(start + step) % 43200 for start in starts for step in (0, 1, 2, 60, 3600, 21600)}
    pictures = {hashlib.sha256(render(CLOCK.draw(time), size).tobytes()).digest() for time in times}
    assert len(pictures) == len(times)
    assert CLOCK.floor() == 0.0


def test_depict_is_the_clock_at_the_guessed_time():
    posed = problem(CLOCK, 3)
    assert CLOCK.depict(posed, posed.answer) == posed.scene
    assert CLOCK.depict(posed, "[7:25:30]") == CLOCK.draw(26730)
    assert CLOCK.depict(posed, "half past seven") is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 27}, "from 28 pixels"),
        ({"size": "112"}, "Clock.size must be a whole number, got '112'"),
        ({"size": True}, "a whole number"),
        ({"style": "fancy"}, "Clock.style must be one of 'plain', 'varied', .*, got 'fancy'"),
        ({"second_hand": 1}, "true or false"),
        ({"reward_shape": "cubic"}, "one of 'linear', 'exponential', 'log', 'mixture'"),
        ({"reward_sharpness": 0.0}, "above 0"),
        ({"accuracy_weight": -1.0}, "0 or more"),
        ({"format_weight": math.inf}, "0 or more"),
        ({"format_weight": math.nan}, "a number"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Clock(**fields)


def test_tasks_are_values():
    assert Clock() == Clock(size=112)
    assert len({Clock(), Clock(size=112), Clock(size=224)}) == 2
    for a, b in itertools.combinations([Clock(), Clock(second_hand=False), Clock(numerals=False)], 2):
        assert a != b
