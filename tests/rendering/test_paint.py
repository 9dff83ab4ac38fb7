"""Covers: of stacked markers, and those that are remembered."""

import numpy as np

from rendering import Disc, Lines, Markers, Ring, Scene, paint, render

BLACK, RED = (0, 0, 0), (255, 0, 0)


def test_stacked_markers_darken_where_they_overlap():
    # Half black over white, twice: 255 / 4; the third marker stands alone.
    spots = ((0.3, 0.5), (0.3, 0.5), (0.8, 0.5))
    for shape in ("circle", "square"):
        stack = Markers(spots, 0.15, BLACK, shape=shape, stacked=True, opacity=0.5)
        picture = render(Scene((stack,)), 40)[..., 0]
        assert (picture[20, 12], picture[20, 32], picture[2, 2]) == (64, 128, 255)
    # What overlaps fully and is opaque hides what is below, as one would.
    one, two = (Markers(((0.5, 0.5),) * n, 0.2, BLACK, stacked=True) for n in (1, 2))
    inside = render(Scene((one,)), 40)[..., 0] == 0
    assert inside.sum() > 100
    assert (render(Scene((two,)), 40)[..., 0][inside] == 0).all()


def test_a_remembered_cover_is_drawn_like_a_new_one():
    def scene(color, opacity):
        ticks = Lines((((0.1, 0.2), (0.4, 0.3)), ((0.2, 0.1), (0.3, 0.5))), 0.03, color, opacity=opacity)
        return Scene((Ring((0.5, 0.5), 0.3, 0.04, color, opacity=opacity), Disc((0.5, 0.5), 0.2, color), ticks))

    pictures = []
    for again in range(2):
        for color in (RED, BLACK):
            for opacity in (1.0, 0.4):
                if not again:
                    paint._remembered.clear()
                pictures.append(render(scene(color, opacity), 60))
    for new, known in zip(pictures[:4], pictures[4:], strict=True):
        np.testing.assert_array_equal(new, known)
    assert len({picture.tobytes() for picture in pictures}) == 4


def test_what_is_remembered_is_bounded():
    for k in range(paint.REMEMBERED_COVERS + 20):
        render(Scene((Disc((0.5, 0.5), 0.1 + k / 1000, BLACK),)), 16)
    assert len(paint._remembered) == paint.REMEMBERED_COVERS
    before = set(paint._remembered)
    render(Scene((Lines((((0.0, 0.5), (1.0, 0.5)),), 0.9, BLACK, opacity=0.5),)), 128)  # too many pixels to keep
    assert set(paint._remembered) == before
