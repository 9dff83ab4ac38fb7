"""`render`: literal pixels, symmetries, layers, and the same bytes everywhere."""

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rendering import (
    Disc,
    Layer,
    Line,
    Lines,
    Markers,
    Plain,
    Polygon,
    Ring,
    Scene,
    render,
)

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)


def square(x0, y0, x1, y1, color=BLACK, opacity=1.0):
    return Polygon(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), color, opacity=opacity)


def shapes(**last):
    """Some of everything that is drawn as polygons, near the middle of the picture."""
    return (
        Ring((0.5, 0.5), 0.3, 0.04, (30, 60, 90)),
        Disc((0.41, 0.57), 0.083, RED, opacity=0.7),
        Line((0.5, 0.5), (0.63, 0.71), 0.05, BLACK, end_width=0.01, cap="round"),
        Lines((((0.3, 0.4), (0.6, 0.42)), ((0.45, 0.3), (0.47, 0.7))), 0.013, (0, 120, 40), opacity=0.5),
        Polygon(((0.35, 0.3), (0.6, 0.34), (0.44, 0.4), (0.52, 0.5)), (90, 0, 160)),
        Markers(((0.6, 0.4), (0.62, 0.55)), 0.04, (0, 0, 200), shape="cross"),
    )


def ink(shape, size=64):
    """Total coverage of a shape, in pixels."""
    return float((255.0 - render(Scene((shape,)), size)[..., 0]).sum() / 255.0)


def test_the_result_is_a_fresh_writable_picture():
    scene = Scene((Layer((Disc((0.5, 0.5), 0.3, RED),)),))
    first = render(scene, 16)
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((16, 16, 3), np.uint8, True)
    before = first.copy()
    first[:] = 7
    np.testing.assert_array_equal(render(scene, 16), before)


def test_a_quarter_of_a_pixel():
    # A quarter of black over white: 255 - 63.75, rounded.
    picture = render(Scene((square(0.25, 0.25, 0.375, 0.375),)), 4)
    assert picture[2, 1].tolist() == [191, 191, 191]
    picture[2, 1] = 255
    assert (picture == 255).all()


def test_y_points_up():
    picture = render(Scene((square(0, 0.75, 0.25, 1),)), 4)
    assert np.argwhere(picture[..., 0] == 0).tolist() == [[0, 0]]


def test_colors_blend_by_opacity_and_in_order():
    half = square(0, 0, 1, 1, (200, 100, 0), 0.5)
    assert render(Scene((half,), Plain((100, 100, 100))), 1).tolist() == [[[150, 100, 50]]]
    both = Scene((half, square(0, 0, 1, 1, WHITE, 0.2)), Plain((100, 100, 100)))
    assert render(both, 1).tolist() == [[[171, 131, 91]]]  # 150 + 21, 100 + 31, 50 + 41
    assert (render(Scene((square(0, 0, 1, 1, RED, 0.0),)), 3) == 255).all()


def test_a_large_opaque_shape_hides_what_is_below():
    # Large enough for the pixels inside to be set apart; the edge at 80.5 is half black, half white.
    picture = render(Scene((square(0, 0, 80.5 / 100, 1, (10, 20, 30)),), Plain(RED)), 100)
    assert (picture[:, :80] == (10, 20, 30)).all()
    assert (picture[:, 80] == (133, 10, 15)).all()  # 132.5, rounded up
    assert (picture[:, 81:] == RED).all()


def test_lines_that_cross_are_not_darker_there():
    cross = Lines((((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1))), 0.2, BLACK, opacity=0.5)
    picture = render(Scene((cross,)), 10)[..., 0]
    assert picture[5, 5] == picture[5, 0] == 128
    assert picture[0, 0] == 255


def test_a_line_of_whole_pixels():
    picture = render(Scene((Line((0.25, 0.5), (0.75, 0.5), 0.25, BLACK),)), 8)[..., 0]
    assert np.argwhere(picture == 0).tolist() == [[y, x] for y in (3, 4) for x in (2, 3, 4, 5)]
    assert (picture == 255).sum() == 64 - 8


def test_a_taper_to_a_point_has_half_the_area():
    line = Line((0.2, 0.3), (0.7, 0.6), 0.1, BLACK, end_width=0.0)
    assert ink(line) == pytest.approx(0.5 * 0.1 * math.hypot(0.5, 0.3) * 64**2, rel=0.002)


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (Disc((0.5, 0.47), 0.31, BLACK), math.pi * 0.31**2),
        (Disc((0.5, 0.47), 0.02, BLACK), math.pi * 0.02**2),
        (Ring((0.51, 0.5), 0.4, 0.05, BLACK), math.pi * (0.4**2 - 0.35**2)),
        (Ring((0.51, 0.5), 0.4, 0.4, BLACK), math.pi * 0.4**2),
        (
            Line((0.3, 0.4), (0.6, 0.7), 0.1, BLACK, cap="round"),
            0.1 * math.hypot(0.3, 0.3) + math.pi * 0.05**2,
        ),
        (Line((0.5, 0.5), (0.5, 0.5), 0.2, BLACK, cap="round"), math.pi * 0.1**2),
        (Line((0.5, 0.5), (0.5, 0.5), 0.2, BLACK), 0.0),
        (Lines((((0.5, 0.5), (0.5, 0.5)),), 0.2, BLACK, cap="round"), math.pi * 0.1**2),
        (Lines((), 0.2, BLACK), 0.0),
        (Markers((), 0.2, BLACK), 0.0),
        (Markers(((0.2, 0.2), (0.7, 0.6)), 0.1, BLACK), 2 * math.pi * 0.1**2),
        (Markers(((0.2, 0.2), (0.7, 0.6)), 0.1, BLACK, shape="square"), 2 * 2 * 0.1**2),
        (Markers(((0.2, 0.2), (0.7, 0.6)), 0.1, BLACK, shape="diamond"), 2 * 2 * 0.1**2),
        (Markers(((0.2, 0.2), (0.7, 0.6)), 0.05, BLACK), 2 * math.pi * 0.05**2),
        (Markers(((0.2, 0.2), (0.7, 0.6)), 0.05, BLACK, shape="ring"), 2 * math.pi * 0.05**2 * (1 - 0.64**2)),
        (Markers(((0.2, 0.2), (0.7, 0.6)), 0.15, BLACK, shape="ring"), 2 * math.pi * 0.15**2 * (1 - 0.64**2)),
        (Markers(((0.2, 0.2),), 0.1, BLACK, shape="triangle"), 3 * math.sqrt(3) / 4 * 0.1**2),
    ],
)
def test_areas(shape, area):
    assert ink(shape, 128) == pytest.approx(area * 128**2, rel=0.004, abs=0.1)


def test_plus_and_cross_are_one_shape_turned():
    plus, cross = (ink(Markers(((0.5, 0.5),), 0.3, BLACK, shape=name), 256) for name in ("plus", "cross"))
    assert plus == pytest.approx(cross, rel=0.001)
    assert 0.3 < plus / (math.pi * (0.3 * 256) ** 2) < 0.6


def test_markers_on_top_of_each_other_are_one():
    spot = (0.5, 0.5)
    once, twice = (Markers((spot,) * n, 0.25, BLACK, opacity=0.5) for n in (1, 2))
    inside = render(Scene((once,)), 20)[..., 0] == 128
    assert inside.sum() > 50
    assert (render(Scene((twice,)), 20)[..., 0][inside] == 128).all()


def test_a_circle_is_round_in_a_picture_that_is_not_square():
    rows, columns = np.nonzero(render(Scene((Disc((0.5, 0.5), 0.25, BLACK),)), (40, 120))[..., 0] < 128)
    assert (rows.min(), rows.max()) == (10, 29)
    assert (columns.min(), columns.max()) == (50, 69)


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_rotation_by_right_angles(turns):
    turned = render(Scene(shapes(), rotation=90.0 * turns), 61)
    np.testing.assert_array_equal(turned, np.rot90(render(Scene(shapes()), 61), turns))


def test_rotation_is_counter_clockwise_about_the_centre():
    # A disc at 3 o'clock goes to 30 degrees above it.
    turned = render(Scene((Disc((0.9, 0.5), 0.05, BLACK),), rotation=30.0), 100)
    expected = render(Scene((Disc((0.5 + 0.4 * math.cos(math.pi / 6), 0.7), 0.05, BLACK),)), 100)
    assert np.abs(turned.astype(int) - expected).max() <= 4  # the polygon of the disc has turned with it


def test_shift_by_whole_pixels():
    shifted = render(Scene(shapes(), shift=(5 / 64, 3 / 64)), 64)
    np.testing.assert_array_equal(shifted, np.roll(render(Scene(shapes()), 64), (-3, 5), axis=(0, 1)))


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_what_leaves_the_picture_is_cut_off(corner):
    # Everything moved half out, against a quarter of the picture of twice the size.
    shift = (corner[0] - 0.5, corner[1] - 0.5)
    part = render(Scene(shapes(), shift=shift), 64)
    whole = render(Scene(shapes()), 64)
    up, right = round(shift[1] * 64), round(shift[0] * 64)
    expected = np.full_like(whole, 255)
    expected[max(-up, 0) : 64 - max(up, 0), max(right, 0) : 64 + min(right, 0)] = whole[
        max(up, 0) : 64 + min(up, 0), max(-right, 0) : 64 - max(right, 0)
    ]
    np.testing.assert_array_equal(part, expected)


def test_a_layer_is_its_primitives():
    plain = Scene(shapes(), Plain((9, 99, 199)), 13.0, (0.1, 0.0))
    front = Scene((Layer(shapes()[:3]), *shapes()[3:]), Plain((9, 99, 199)), 13.0, (0.1, 0.0))
    middle = Scene((*shapes()[:2], Layer(shapes()[2:4]), *shapes()[4:]), Plain((9, 99, 199)), 13.0, (0.1, 0.0))
    for size in (50, 50, (30, 70)):
        np.testing.assert_array_equal(render(front, size), render(plain, size))
        np.testing.assert_array_equal(render(middle, size), render(plain, size))


def test_a_large_picture_is_drawn_like_a_small_one():
    # Beyond the size up to which backdrops are remembered.
    scene = Scene((Layer((square(0.25, 0.25, 0.5, 0.5),)),))
    small, large = render(scene, 8), render(scene, 800)
    np.testing.assert_array_equal(large, np.kron(small, np.ones((100, 100, 1), np.uint8)))


EVERYTHING = """
import hashlib, sys
from rendering import *
black = (0, 0, 0)
scene = Scene(
    (
        Layer((Ring((.5, .5), .45, .02, black), Label("12", (.5, .8), .1, black))),
        Disc((.2, .3), .1, (9, 99, 200)),
        Line((.5, .5), (.71, .83), .04, black, end_width=.01, cap="round"),
        Lines((((.1, .1), (.2, .3)), ((.5, .1), (.7, .15))), .01, (200, 0, 0), opacity=.4),
        Polygon(((.3, .3), (.6, .34), (.44, .4)), (0, 90, 30)),
        Markers(((.6, .4), (.62, .55)), .04, (0, 0, 200), shape="plus"),
        Label("\\u2212IV \\u2163", (.4, .3), .08, (60, 0, 60), angle=30),
    ),
    Noise((200, 210, 220), 9, 5),
    rotation=17.0,
    shift=(.01, -.02),
)
digest = hashlib.sha256()
for background in (scene.background, Gradient((255, 0, 0), (0, 255, 255), 33.0), Plain((1, 2, 3))):
    for size in (112, (90, 140)):
        picture = render(Scene(scene.primitives, background, scene.rotation, scene.shift), size)
        digest.update(picture.tobytes())
print(digest.hexdigest())
"""


def test_every_process_draws_the_same_bytes():
    digests = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", EVERYTHING],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(run.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize(
    ("size", "error"),
    [
        (0, ValueError),
        (-3, ValueError),
        ((4, 0), ValueError),
        ((4, 4, 3), TypeError),
        (4.0, TypeError),
        ("4", TypeError),
        (None, TypeError),
    ],
)
def test_a_size_that_is_none(size, error):
    with pytest.raises(error, match="size must be"):
        render(Scene(()), size)


def test_only_scenes_are_drawn():
    with pytest.raises(TypeError, match=r"render draws a Scene, got Disc"):
        render(Disc((0.5, 0.5), 0.1, BLACK), 8)


def test_enormous_shapes_cover_what_they_should():
    scene = Scene(
        (
            Disc((0.5, 0.5 - 1e5), 1e5, BLACK),  # its top passes through the centre
            Lines((((-1e6, 0.75), (1e6, 0.75)),), 0.125, RED, cap="round"),
        )
    )
    picture = render(scene, 16)
    assert (picture[:3] == 255).all()
    assert (picture[3:5] == RED).all()
    assert (picture[5:7] == 255).all()
    assert (picture[9:] == 0).all()
