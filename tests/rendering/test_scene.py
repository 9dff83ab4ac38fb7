"""Scenes are plain, hashable data, and wrong values are refused with a reason."""

import copy
import dataclasses
import math

import numpy as np
import pytest

from rendering import (
    Disc,
    Gradient,
    Label,
    Layer,
    Line,
    Lines,
    Markers,
    Noise,
    Plain,
    Polygon,
    Ring,
    Scene,
)

INK = (1, 2, 3)


def test_equal_scenes_are_equal_and_hash_alike():
    def scene(x):
        return Scene((Layer((Disc((x, 0.5), 0.1, INK), Label("1", (0.5, 0.5), 0.1, INK))),), Plain(INK), rotation=3)

    assert scene(0.5) == scene(0.5)
    assert hash(scene(0.5)) == hash(scene(0.5))
    assert scene(0.5) != scene(0.6)


def test_scenes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Disc((0, 0), 1, INK).radius = 2  # type: ignore[misc]


def test_arrays_and_lists_become_plain_tuples():
    points = np.array([[0.0, 0.25], [0.5, 1.0], [1.0, 0.0]])
    polygon = Polygon(points, np.array([1, 2, 3], dtype=np.uint8))  # type: ignore[arg-type]
    assert polygon == Polygon(((0.0, 0.25), (0.5, 1.0), (1.0, 0.0)), INK)
    assert hash(polygon) == hash(Polygon(((0.0, 0.25), (0.5, 1.0), (1.0, 0.0)), INK))
    assert {type(x) for point in polygon.points for x in point} == {float}
    assert {type(part) for part in polygon.color} == {int}
    lines = Lines([[(0, 0), [1, 1]]], np.float32(0.5), [1, 2, 3])  # type: ignore[arg-type, list-item]
    assert lines == Lines((((0.0, 0.0), (1.0, 1.0)),), 0.5, INK)
    assert Scene([polygon]).primitives == (polygon,)  # type: ignore[arg-type]


def test_a_copied_layer_leaves_its_hash_behind():
    # In another process strings hash differently, so a hash must not travel with the layer.
    layer = Layer((Label("12", (0.5, 0.5), 0.1, INK),))
    assert hash(layer) == hash(layer.primitives)
    assert "_hash" in vars(layer)
    assert "_hash" not in vars(copy.deepcopy(layer))
    assert copy.deepcopy(layer) == layer


@pytest.mark.parametrize(
    ("build", "error", "says"),
    [
        (lambda: Disc((0, 0), 0, INK), ValueError, "Disc.radius must be greater than 0, got 0"),
        (lambda: Disc((0, 0), math.nan, INK), ValueError, "Disc.radius must be finite"),
        (lambda: Disc((0, 0), "1", INK), TypeError, "Disc.radius must be made of numbers, got '1'"),
        (lambda: Disc((0, math.inf), 1, INK), ValueError, "Disc.center must be finite"),
        (lambda: Disc((0, 1e9), 1, INK), ValueError, "Disc.center must lie between"),
        (lambda: Disc((0, 0, 0), 1, INK), TypeError, r"Disc.center must be made of pairs \(x, y\)"),
        (lambda: Disc(0.5, 1, INK), TypeError, r"Disc.center must be made of pairs \(x, y\)"),
        (
            lambda: Disc((0, 0), 1, INK, opacity=1.5),
            ValueError,
            "Disc.opacity must lie between 0 and 1, got 1.5",
        ),
        (lambda: Disc((0, 0), 1, INK, opacity=-0.1), ValueError, "Disc.opacity must lie between 0 and 1"),
        (lambda: Disc((0, 0), 1, (0, 0, 256)), ValueError, "Disc.color must be three integers from 0 to 255"),
        (lambda: Disc((0, 0), 1, (0, 0, 0.5)), ValueError, "Disc.color must be three integers"),
        (lambda: Disc((0, 0), 1, (0, 0)), ValueError, "Disc.color must be three integers"),
        (lambda: Disc((0, 0), 1, "red"), TypeError, "Disc.color must be a sequence, got 'red'"),
        (lambda: Ring((0, 0), 0.1, 0.2, INK), ValueError, "Ring.width must be at most its radius 0.1"),
        (lambda: Line((0, 0), (1, 1), -1, INK), ValueError, "Line.width must be greater than 0"),
        (lambda: Line((0, 0), (1, 1), 1, INK, end_width=-1), ValueError, "Line.end_width must lie between 0"),
        (
            lambda: Line((0, 0), (1, 1), 1, INK, cap="flat"),
            ValueError,
            "Line.cap must be one of butt, round; got 'flat'",
        ),
        (lambda: Lines((((0, 0),),), 1, INK), ValueError, r"Lines.segments must be a pair \(start, end\)"),
        (lambda: Lines((0.5,), 1, INK), TypeError, "Lines.segments must be a sequence"),
        (
            lambda: Polygon(((0, 0), (1, 1)), INK),
            ValueError,
            "Polygon.points must hold at least 3 points, got 2",
        ),
        (
            lambda: Markers(((0, 0),), 0.1, INK, shape="star"),
            ValueError,
            "Markers.shape must be one of circle",
        ),
        (lambda: Markers((), 0.1, INK, stacked=1), TypeError, "Markers.stacked must be True or False, got 1"),
        (lambda: Label(12, (0, 0), 0.1, INK), TypeError, "Label.text must be a string, got 12"),
        (lambda: Label("a\nb", (0, 0), 0.1, INK), ValueError, "Label.text must be one line"),
        (lambda: Label("a", (0, 0), 0, INK), ValueError, "Label.size must be greater than 0"),
        (
            lambda: Label("a", (0, 0), 0.1, INK, anchor="middle"),
            ValueError,
            "Label.anchor must be one of center",
        ),
        (lambda: Layer((Layer(()),)), TypeError, "each of Layer.primitives must be one of Line, Lines"),
        (lambda: Scene(("disc",)), TypeError, "each of Scene.primitives must be one of Line, Lines"),
        (lambda: Scene(Disc((0, 0), 1, INK)), TypeError, "Scene.primitives must be a sequence"),
        (lambda: Scene((), INK), TypeError, "Scene.background must be a Plain, Gradient or Noise"),
        (lambda: Scene((), rotation=math.nan), ValueError, "Scene.rotation must be finite"),
        (lambda: Scene((), shift=1), TypeError, "Scene.shift must be made of pairs"),
        (lambda: Noise(INK, -1, 0), ValueError, "Noise.amplitude must be an integer from 0 to 255, got -1"),
        (lambda: Noise(INK, 1, 0.5), ValueError, "Noise.seed must be an integer from 0"),
        (lambda: Gradient(INK, (1, 2, 300)), ValueError, "Gradient.end_color must be three integers"),
        (lambda: Plain((-1, 0, 0)), ValueError, "Plain.color must be three integers"),
    ],
)
def test_wrong_values_are_refused_with_a_reason(build, error, says):
    with pytest.raises(error, match=says):
        build()
