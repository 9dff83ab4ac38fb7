"""What a clock's answers are made of: the parts of an error, the angle between the hands, hours on the dial."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import problem
from envs.tasks.clock import Clock, hands_angle

CLOCK = Clock()


@pytest.mark.parametrize(
    ("answer", "truth", "hours", "minutes", "seconds"),
    [
        ("07:25:30", "07:25:30", 0, 0, 0),
        ("08:00:10", "07:59:50", 0, 20 / 60, 20),
        ("08:25:30", "07:25:30", 1, 0, 0),
        ("12:00:00", "06:00:00", 6, 0, 0),
        ("01:00:00", "11:00:00", 2, 0, 0),
        ("12:00:01", "11:59:59", 0, 2 / 60, 2),
        ("07:30:00", "07:00:00", 0, 30, 0),
        ("07:30:30", "07:00:00", 1, 29.5, 30),
        ("12:45:20", "07:00:00", 6, 14 + 40 / 60, 20),  # 5 h 45 min 20 s on, so 14 min 40 s short of 6 hours
    ],
)
def test_the_parts_of_an_error_by_hand(answer, truth, hours, minutes, seconds):
    parts = CLOCK.error_parts(CLOCK.read(answer), CLOCK.read(truth))
    assert parts == {
        "hour hand (h)": hours,
        "minute hand (min)": pytest.approx(minutes),
        "second hand (s)": seconds,
    }
    assert CLOCK.error_parts(CLOCK.read(truth), CLOCK.read(answer)) == parts


def test_without_a_second_hand_an_error_has_two_parts():
    assert Clock(second_hand=False).error_parts(3600 + 120, 0) == {"hour hand (h)": 1.0, "minute hand (min)": 2.0}


@given(st.integers(0, 43199), st.integers(0, 43199))
def test_the_parts_of_an_error_are_bounded_and_make_it_up(a, b):
    hours, minutes, seconds = CLOCK.error_parts(a, b).values()
    assert hours in range(7)
    assert 0 <= minutes <= 30
    assert seconds in range(31)
    assert min(abs(CLOCK.error(a, b) - (60 * hours + sign * minutes)) for sign in (-1, 1)) < 1e-9


@pytest.mark.parametrize(
    ("time", "degrees"),
    [
        ("12:00:00", 0.0),
        ("03:00:00", 90.0),
        ("06:00:00", 180.0),
        ("09:00:00", 90.0),
        ("07:25:30", 69.8),
        ("01:05:27", 0.0),
    ],
)
def test_the_angle_between_the_hands_by_hand(time, degrees):
    assert hands_angle(CLOCK.read(time)) == degrees


@given(st.integers(0, 43199))
def test_the_angle_between_the_hands_is_the_shorter_way(time):
    apart = abs(time / 120 - time % 3600 / 10)  # the hour hand goes a degree in 120 seconds, the minute hand in 10
    assert hands_angle(time) == pytest.approx(min(apart % 360, -apart % 360), abs=0.0501)


def test_answers_as_numbers_are_hours():
    assert CLOCK.number(CLOCK.read("12:00:00")) == 0.0
    assert CLOCK.number(CLOCK.read("07:30:00")) == 7.5
    assert (Clock.tolerance, Clock.period, Clock.unsliced) == (1.0, 12.0, ("look",))
    assert CLOCK.without_question(problem(CLOCK, 0)) is None


@pytest.mark.parametrize(
    ("hours", "text", "minute"),
    [
        (0.0, "12:00:00", "12:00"),
        (7.5, "07:30:00", "07:30"),
        (7.4283, "07:25:42", "07:26"),  # 26,741.88 s, of which 42 in the last minute
        (11.9999, "12:00:00", "12:00"),  # 43,199.64 s: the next second begins the next round
    ],
)
def test_hours_as_answers_are_the_nearest_times(hours, text, minute):
    without = Clock(second_hand=False)
    assert CLOCK.write(CLOCK.from_number(hours)) == text
    assert without.write(without.from_number(hours)) == minute
    assert Clock(every=3600).from_number(hours) % 3600 == 0
