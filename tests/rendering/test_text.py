"""Labels: where they stand, how they turn, and that no character turns into an empty box."""

import numpy as np
import pytest

from rendering import Label, Scene, render

BLACK = (0, 0, 0)


def box(*labels, size=200, **scene):
    """The box around all ink, (left, right, bottom, top), in unit-square coordinates."""
    rows, columns = np.nonzero(render(Scene(labels, **scene), size)[..., 0] < 128)
    return (
        columns.min() / size,
        (columns.max() + 1) / size,
        1 - (rows.max() + 1) / size,
        1 - rows.min() / size,
    )


@pytest.mark.parametrize("text", ["12", "H", "0", "XII"])
def test_center_is_the_middle_of_the_ink(text):
    left, right, bottom, top = box(Label(text, (0.4, 0.7), 0.15, BLACK))
    assert (left + right) / 2 == pytest.approx(0.4, abs=0.006)
    assert (bottom + top) / 2 == pytest.approx(0.7, abs=0.006)


def test_size_is_the_height_of_the_font():
    _, _, bottom, top = box(Label("H", (0.5, 0.5), 0.3, BLACK))
    assert top - bottom == pytest.approx(0.729 * 0.3, abs=0.008)  # the height of DejaVu's capitals


@pytest.mark.parametrize(
    ("anchor", "edges"),
    [
        ("left", {0: 0.4}),
        ("right", {1: 0.4}),
        ("bottom", {2: 0.7}),
        ("top", {3: 0.7}),
        ("bottom-left", {0: 0.4, 2: 0.7}),
        ("bottom-right", {1: 0.4, 2: 0.7}),
        ("top-left", {0: 0.4, 3: 0.7}),
        ("top-right", {1: 0.4, 3: 0.7}),
    ],
)
def test_anchors(anchor, edges):
    found = box(Label("HEH", (0.4, 0.7), 0.12, BLACK, anchor=anchor))
    for edge, expected in edges.items():
        assert found[edge] == pytest.approx(expected, abs=0.011)


def test_descenders_hang_below_the_baseline():
    plain = box(Label("H", (0.5, 0.5), 0.2, BLACK, anchor="bottom"))
    hanging = box(Label("Hg", (0.5, 0.5), 0.2, BLACK, anchor="bottom"))
    assert hanging[3] == plain[3]
    assert hanging[2] < plain[2] - 0.03


@pytest.mark.parametrize("by", ["angle", "rotation"])
def test_labels_turn_counter_clockwise(by):
    # Anchored at its left and turned by 90 degrees, a text rises from its position.
    if by == "angle":
        turned = box(Label("EEEE", (0.5, 0.5), 0.1, BLACK, anchor="left", angle=90.0))
    else:
        turned = box(Label("EEEE", (0.5, 0.5), 0.1, BLACK, anchor="left"), rotation=90.0)
    assert turned[2] == pytest.approx(0.5, abs=0.011)
    assert (turned[0] + turned[1]) / 2 == pytest.approx(0.5, abs=0.011)
    assert turned[3] - turned[2] > 2 * (turned[1] - turned[0])


def test_half_a_turn_is_the_picture_upside_down():
    label = Label("7:25", (0.4, 0.55), 0.2, BLACK)
    upright, turned = (render(Scene((label,), rotation=angle), 120).astype(int) for angle in (0, 180))
    assert (255 - turned).sum() == (255 - upright).sum()
    # Labels stand at whole pixels, so a half may fall to either side.
    upside_down = [np.roll(upright[::-1, ::-1], (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert any((turned == picture).all() for picture in upside_down)


@pytest.mark.parametrize("position", [(0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0), (0.0, 0.0)])
def test_a_label_across_the_edge_is_cut_off(position):
    size = 100
    part = render(Scene((Label("8888", position, 0.2, BLACK),)), size)
    whole = render(Scene((Label("8888", (0.5, 0.5), 0.2, BLACK),)), size)
    right, down = round((position[0] - 0.5) * size), round((0.5 - position[1]) * size)
    expected = np.full_like(whole, 255)
    expected[max(down, 0) : size + min(down, 0), max(right, 0) : size + min(right, 0)] = whole[
        max(-down, 0) : size - max(down, 0), max(-right, 0) : size - max(right, 0)
    ]
    np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("position", [(-3.0, 0.5), (3.0, 0.5), (0.5, -3.0), (0.5, 3.0)])
def test_a_label_outside_draws_nothing(position):
    assert (render(Scene((Label("8", position, 0.2, BLACK),)), 50) == 255).all()


def test_opacity_and_color():
    picture = render(Scene((Label("■", (0.5, 0.5), 0.8, (255, 0, 0), opacity=0.5),)), 50)
    assert picture[25, 25].tolist() == [255, 128, 128]


@pytest.mark.parametrize("text", ["0123456789", "\u22123.5", "\u2160\u2163\u216b", "é ±°µ", "a b", ""])
def test_characters_that_charts_need(text):
    picture = render(Scene((Label(text, (0.5, 0.5), 0.1, BLACK),)), 100)
    assert (picture < 255).any() == bool(text)


@pytest.mark.parametrize("text", ["時", "5 \U0001f552", "\ud800"])
def test_a_missing_glyph_is_an_error_not_a_box(text):
    with pytest.raises(ValueError, match="no glyph for"):
        render(Scene((Label(text, (0.5, 0.5), 0.1, BLACK),)), 100)


def test_digits_differ():
    pictures = {render(Scene((Label(digit, (0.5, 0.5), 0.1, BLACK),)), 112).tobytes() for digit in "0123456789"}
    assert len(pictures) == 10


def test_labels_of_one_colour_are_drawn_as_one_after_another():
    # Apart, overlapping, and cut off by the border; a label of another colour between them changes nothing.
    labels = [Label(text, (0.02 + 0.3 * k, 0.5), 0.2, BLACK, opacity=0.5) for k, text in enumerate("ABCD")]
    labels += [Label("E", (0.4, 0.55), 0.2, BLACK, opacity=0.5), Label("F", (0.0, 1.0), 0.2, BLACK, opacity=0.5)]
    nothing = Label(" ", (0.5, 0.5), 0.1, (255, 0, 0))
    apart = [item for label in labels for item in (label, nothing)]
    for size in (60, (40, 90)):
        np.testing.assert_array_equal(render(Scene(tuple(labels)), size), render(Scene(tuple(apart)), size))
