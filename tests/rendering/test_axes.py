"""Axes: ticks worked out by hand, where data lands in pixels, and what is refused."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rendering import Axes, AxesLook, Disc, Label, Lines, Markers, Plain, Polygon, Scene, render
from rendering.axes import nice_ticks

UNIT = Axes((0.0, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "about", "labels"),
    [
        (0, 1, 5, "0.0 0.2 0.4 0.6 0.8 1.0"),
        (-3.6, 3.6, 4, "−2 0 2"),
        (-3.6, 3.6, 8, "−3 −2 −1 0 1 2 3"),
        (0.013, 0.0191, 4, "0.014 0.016 0.018"),
        (-120, 950, 6, "0 200 400 600 800"),
        (0, 100, 10, "0 10 20 30 40 50 60 70 80 90 100"),
        (0.1, 0.7, 6, "0.1 0.2 0.3 0.4 0.5 0.6 0.7"),  # 0.1 * 3 is not 0.3 in binary
        (1e5, 9e5, 4, "2e5 4e5 6e5 8e5"),
        (-1e-6, 2e-6, 3, "−1e−6 0 1e−6 2e−6"),
        (7.2, 7.9, 2, "7.5"),
    ],
)
def test_ticks_by_hand(low, high, about, labels):
    assert " ".join(tick.label for tick in nice_ticks(low, high, about)) == labels


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e5, 1e5), st.floats(1e-2, 1e5), st.integers(1, 20))
def test_ticks_are_round_and_evenly_spaced(low, span, about):
    high = low + span
    ticks = nice_ticks(low, high, about)
    values = np.array([tick.value for tick in ticks])
    assert (values >= low - 1e-6 * span).all()
    assert (values <= high + 1e-6 * span).all()
    assert [float(tick.label.replace("−", "-")) for tick in ticks] == pytest.approx(values.tolist(), rel=1e-12)
    if len(ticks) > 1:
        steps = np.diff(values)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
        digit = steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-6)
        assert min(abs(digit - nice) for nice in (1, 2, 5)) < 1e-5
        assert 1 / math.sqrt(2.5) - 1e-6 <= steps[0] / (span / about) <= math.sqrt(2.5) + 1e-6


def test_data_lands_on_the_pixels_that_the_box_says():
    axes = Axes((-10.0, 30.0), (100.0, 200.0), "x", "y", "title")
    box = axes.box
    corners = [(box.left, box.bottom), (box.right, box.top), ((box.left + box.right) / 2, (box.bottom + box.top) / 2)]
    np.testing.assert_allclose(axes.place([-10.0, 30.0, 10.0], [100.0, 200.0, 150.0]), corners)
    size = 200
    picture = render(Scene((Markers(axes.place([5.0], [180.0]), 0.02, (255, 0, 0)),)), size)
    rows, columns = np.nonzero(picture[..., 1] < 128)
    x = box.left + 15 / 40 * (box.right - box.left)
    y = box.bottom + 80 / 100 * (box.top - box.bottom)
    assert columns.mean() + 0.5 == pytest.approx(x * size, abs=0.3)
    assert rows.mean() + 0.5 == pytest.approx((1 - y) * size, abs=0.3)


def test_ticks_stand_at_their_values():
    axes = Axes((0.0, 10.0), (0.0, 10.0), look=AxesLook(border="none", line_width=0.01, ticks=2))
    lines = next(item for item in axes.primitives() if isinstance(item, Lines))
    assert [tick.label for tick in axes.x_ticks] == ["0", "5", "10"]
    places = axes.place([0.0, 5.0, 10.0], [0.0, 5.0, 10.0])
    starts = [(x, axes.box.bottom) for x, _ in places] + [(axes.box.left, y) for _, y in places]
    np.testing.assert_allclose([start for start, _ in lines.segments], starts)
    labels = [item for item in axes.primitives() if isinstance(item, Label)]
    assert [label.text for label in labels] == ["0", "5", "10"] * 2
    assert [label.position[0] for label in labels[:3]] == pytest.approx([x for x, _ in places])
    assert [label.position[1] for label in labels[3:]] == pytest.approx([y for _, y in places])


@pytest.mark.parametrize("size", [112, 224])
@pytest.mark.parametrize(("x_range", "y_range"), [((-3.6, 3.6), (-3.6, 3.6)), ((0.0, 1e-3), (-1234.0, 5678.0))])
def test_no_text_is_cut_off_or_reaches_into_the_box(size, x_range, y_range):
    axes = Axes(x_range, y_range, "height", "income", "Title", AxesLook(border="none", line_width=1e-4))
    texts = tuple(item for item in axes.primitives() if isinstance(item, Label))
    ink = render(Scene(texts), size)[..., 0] < 250
    assert not ink[0].any()
    assert not ink[-1].any()
    assert not ink[:, 0].any()
    assert not ink[:, -1].any()
    left, bottom, right, top = (round(at * size) for at in axes.box)
    assert not ink[size - top : size - bottom, left:right].any()


def test_tick_labels_leave_room_between_them():
    axes = Axes((100_000.0, 100_010.0), (0.0, 1.0), look=AxesLook(ticks=10, text_size=0.05))
    assert 2 <= len(axes.x_ticks) <= 4  # of ten or more that were wanted: each label is six digits long
    assert len(axes.y_ticks) == 11


def test_the_look_decides_what_is_drawn():
    def kinds(**look):
        return [type(item) for item in Axes((0, 1), (0, 1), look=AxesLook(**look)).primitives()]

    assert kinds()[0] is Lines
    assert kinds(face=(1, 2, 3))[:2] == [Polygon, Lines]
    assert kinds(face=(1, 2, 3), grid="both")[:3] == [Polygon, Lines, Lines]

    def grid(which):
        lines = Axes((0, 1), (0, 1), look=AxesLook(grid=which, ticks=5)).primitives()[0]
        return sum(start[0] == end[0] for start, end in lines.segments), len(lines.segments)

    assert (grid("x"), grid("y"), grid("both")) == ((6, 6), (0, 6), (6, 12))

    def frame(border):
        return len(Axes((0, 1), (0, 1), look=AxesLook(border=border)).primitives()[0].segments)

    assert (frame("open") - frame("none"), frame("box") - frame("none")) == (2, 4)


def test_axes_keep_to_their_area():
    axes = Axes((0, 1), (0, 1), "x", "y", "t", AxesLook(text_size=0.05), area=(0.25, 0.5, 0.75, 1.0))
    rows, columns = np.nonzero(render(Scene(axes.primitives(), Plain((255, 255, 255))), 200)[..., 0] < 250)
    assert columns.min() >= 50
    assert columns.max() < 150
    assert rows.max() < 100


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"x_range": (1.0, 1.0)}, "Axes.x_range must rise, got 1 to 1"),
        ({"y_range": (2.0, 1.0)}, "Axes.y_range must rise"),
        ({"x_range": (1.0, 1.0 + 1e-12)}, "Axes.x_range must be wider"),
        ({"y_range": (0.0, math.nan)}, "Axes.y_range must be finite"),
        ({"area": (0.0, 0.0, 1.2, 1.0)}, "Axes.area must be"),
        ({"area": (0.5, 0.0, 0.5, 1.0)}, "Axes.area must be"),
        ({"area": (0.0, 0.0, 0.1, 0.1)}, "Axes.area is too small for its text"),
    ],
)
def test_bad_axes_are_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(UNIT, **fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"grid": "all"}, "AxesLook.grid must be one of none, x, y, both; got 'all'"),
        ({"border": "round"}, "AxesLook.border must be one of"),
        ({"ticks": 1}, "AxesLook.ticks must be an integer from 2 to 50, got 1"),
        ({"text_size": 0.0}, "AxesLook.text_size must be greater than 0"),
        ({"ink": (0, 0, 300)}, "AxesLook.ink must be three integers"),
    ],
)
def test_bad_looks_are_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        AxesLook(**fields)


def test_axes_are_values():
    assert Axes((0, 1), (0, 1)) == UNIT
    assert len({UNIT, Axes((0, 1), (0, 1)), Axes((0, 2), (0, 1))}) == 2
    assert UNIT.primitives() == Axes((0, 1), (0, 1)).primitives()
    assert Disc((0.5, 0.5), 0.1, (0, 0, 0)) not in UNIT.primitives()
