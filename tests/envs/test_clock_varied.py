"""The varied and the mixed clock: what holds for every look, that there are many of them, and that all can be read."""

import colorsys
import dataclasses
import math

import numpy as np
import pytest

from envs import problem
from envs.tasks import dial
from envs.tasks.clock import Clock
from envs.tasks.dial import FACE_RADIUS
from envs.tasks.dial_styles import PLAIN
from envs.tasks.varied_dial import PARTS, contrast, luminance, pick
from rendering import Gradient, Plain, render

VARIED = Clock(style="varied")
LOOKS = [VARIED.look(seed) for seed in range(600)]
MIXED = [Clock(style="mixed").look(seed) for seed in range(1400)]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((255, 255, 255), (119, 119, 119), 4.478),  # the greys on either side of what WCAG lets pass
        ((118, 118, 118), (255, 255, 255), 4.542),
        ((255, 0, 0), (255, 255, 255), 3.998),
        ((90, 90, 90), (90, 90, 90), 1.0),
    ],
)
def test_contrast(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=5e-4)


def test_pick_follows_its_shares():
    rng = np.random.default_rng(0)
    drawn = [pick(rng, {"a": 0.7, "b": 0.3}) for _ in range(2000)]
    assert abs(drawn.count("a") - 1400) < 5 * math.sqrt(2000 * 0.7 * 0.3)


def test_inks_stand_out_from_a_light_face():
    for look in LOOKS + MIXED:
        assert luminance(look.face) >= 0.6
        for hand in (look.hour, look.minute):
            assert contrast(hand.color, look.face) >= 4.5
        assert contrast(look.second.color, look.face) >= 3.0
        assert contrast(look.ticks.ink, look.face) >= 3.0
        if look.numerals:
            assert contrast(look.numerals.ink, look.face) >= 4.5


def test_hands_are_told_apart_by_their_shape():
    for look in LOOKS + MIXED:
        hour, minute, second = look.hour, look.minute, look.second
        assert 0.55 <= hour.length / minute.length <= 0.7
        assert minute.width <= 0.75 * hour.width
        assert second.width <= 0.5 * minute.width
        assert second.length >= minute.length + 0.02
        assert second.width * look.scale * 112 >= 0.5  # pixels
        for hand in (hour, minute, second):  # a tail is no second tip
            assert hand.tail * (2 if hand.weight else 1) + hand.weight / 2 < 0.45 * hand.length
            assert hand.length < FACE_RADIUS


def test_the_clock_lies_in_the_picture():
    for look in LOOKS + MIXED:
        assert 0.75 <= look.scale <= 1.0
        for place in look.center:
            assert look.radius * look.scale <= place + 1e-12
            assert place <= 1.0 - look.radius * look.scale + 1e-12


def test_around_the_clock_there_is_background():
    for look in LOOKS[:40]:
        picture = render(dial.draw(look, 26730), 112)
        empty = render(dataclasses.replace(dial.draw(look, 26730), primitives=()), 112)
        rows, columns = np.mgrid[0:112, 0:112]
        away = np.hypot((columns + 0.5) / 112 - look.center[0], 1 - (rows + 0.5) / 112 - look.center[1])
        outside = away > look.radius * look.scale + 0.01
        assert outside.sum() > 500
        assert np.array_equal(picture[outside], empty[outside])


def test_every_hour_is_marked_and_nothing_overlaps():
    for look in LOOKS + MIXED:
        numerals, ticks = look.numerals, look.ticks
        assert ticks.count in (60, 12) or (ticks.count == 4 and numerals.count == 12)
        assert ticks.radius < FACE_RADIUS
        assert ticks.minute[0] < 0.7 * ticks.hour[0]
        assert ticks.minute[1] < 0.7 * ticks.hour[1]
        if numerals:
            assert numerals.radius + 0.37 * numerals.size < ticks.radius - ticks.hour[0]  # capitals: 0.73 of the font
            assert numerals.size * look.scale * 112 > 5.0  # pixels


def test_varied_shows_nothing_that_the_shifted_styles_show():
    for look in LOOKS + MIXED:
        assert look.tilt == 0.0
        assert not look.anticlockwise
        assert look.behind == look.on_face == ()
        assert isinstance(look.background, Plain | Gradient)
        assert look.ticks is not None
        assert luminance(look.face) > max(luminance(hand.color) for hand in (look.hour, look.minute, look.second))
        if look.numerals:
            assert not look.numerals.radial
            assert look.numerals.script == "arabic" or look.numerals.count == 4


def test_varied_shows_all_that_it_promises():
    numerals = [(look.numerals.script, look.numerals.count) if look.numerals else None for look in LOOKS]
    assert set(numerals) == {None, ("arabic", 12), ("arabic", 4), ("roman", 4)}
    assert {look.ticks.count for look in LOOKS} == {60, 12, 4}
    assert {type(look.background) for look in LOOKS} == {Plain, Gradient}
    assert {look.rim is None for look in LOOKS} == {True, False}
    assert {look.hour.cap for look in LOOKS} == {"butt", "round"}
    assert {look.hour.belly is None for look in LOOKS} == {True, False}
    assert {look.hour.tail > 0 for look in LOOKS} == {True, False}
    assert {look.second.weight > 0 for look in LOOKS} == {True, False}
    assert {look.hour.color == look.minute.color for look in LOOKS} == {True, False}
    straight = [look.hour.tip_width / look.hour.width for look in LOOKS if look.hour.belly is None]
    assert min(straight) < 0.3
    assert max(straight) == 1.0
    hues = [colorsys.rgb_to_hsv(*look.hour.color)[0] for look in LOOKS]
    assert np.histogram(hues, 6, (0, 1))[0].min() > 50
    assert len(set(LOOKS)) == len(LOOKS)


def test_mixed_lies_between_plain_and_varied():
    drawn = np.array([[getattr(look, part[0]) != getattr(PLAIN, part[0]) for part in PARTS] for look in MIXED])
    # a share uniform from 0 to 1 is the chance of each part; a drawn face may be white, as the plain one is
    assert drawn.mean(axis=0) == pytest.approx([0.5, 0.75 * 0.5, 0.5, 0.5, 0.5], abs=0.06)
    amounts = np.bincount(drawn[:, [0, 2, 3, 4]].sum(axis=1), minlength=5) / len(MIXED)
    assert amounts == pytest.approx([1 / 5] * 5, abs=0.05)  # the binomial with a uniform chance


def test_a_mixed_clock_strays_as_far_as_its_share():
    places = np.array([[1.0 - look.scale, *np.abs(np.subtract(look.center, 0.5))] for look in MIXED])
    own_rim = np.array([look.rim == PLAIN.rim for look in MIXED])  # of one radius, 0.492
    shares = np.array([np.random.Generator(np.random.PCG64(seed)).random() for seed in range(len(MIXED))])
    shrunk, right, up = places.T
    assert np.all(shrunk[own_rim] <= 0.25 * shares[own_rim] + 1e-12)
    for shift in (right, up):
        assert np.all(shift[own_rim] <= shares[own_rim] * (0.5 - 0.492 * (1.0 - shrunk[own_rim])) + 1e-12)
    assert shrunk[own_rim & (shares > 0.9)].max() > 0.2
    assert max(right.max(), up.max()) > 0.1
    assert places[own_rim & (shares < 0.05)].max() < 0.02


def numbers(look):
    """Every length of a look, by name."""
    found = {}
    for name, value in dataclasses.asdict(look).items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            found[name] = value
    for name in ("ticks.hour", "ticks.minute", "center"):
        first, second = found.pop(name)
        found |= {f"{name} 0": first, f"{name} 1": second}
    return {name: value for name, value in found.items() if isinstance(value, float)}


def test_the_plain_clock_lies_among_the_varied_ones():
    # That is what makes a shifted style, which is plain but for one thing, a test of that thing.
    plain, seen = numbers(PLAIN), [numbers(look) for look in LOOKS]
    assert len(plain) > 25
    for name, value in plain.items():
        values = [each[name] for each in seen if name in each]
        assert min(values) - 0.005 <= value <= max(values) + 0.005, name


def test_hands_point_where_they_should():
    size, looked_at = 672, 0
    for seed in range(90):
        posed = problem(VARIED, seed)
        look, time = VARIED.look(posed.info["look"]), VARIED.truth(posed.answer)
        picture = render(posed.scene, size)
        angles = [2 * math.pi * time / turn for turn in (43200, 3600, 60)]
        for hand, angle in zip((look.hour, look.minute, look.second), angles, strict=True):
            others = [abs((angle - other + math.pi) % (2 * math.pi) - math.pi) for other in angles if other != angle]
            if hand is not look.second and (min(others) < 0.5 or max(others) > math.pi - 0.5):
                continue  # another hand, or its tail, may lie over this one; over the second hand lies none
            away = look.scale * 0.6 * hand.length
            column = size * (look.center[0] + away * math.sin(angle))
            row = size * (1 - look.center[1] - away * math.cos(angle))
            assert tuple(picture[int(row), int(column)]) == hand.color
            looked_at += 1
    assert looked_at > 90 + 50


@pytest.mark.parametrize("size", [28, 112])
def test_every_second_has_its_own_picture(size):
    starts = np.random.default_rng(1).integers(43200, size=25)
    for seed, start in enumerate(starts.tolist()):
        times = {(start + step) % 43200 for start in (start, 0) for step in (0, 1, 2, 60, 3600, 21600)}
        pictures = {render(VARIED.draw(time, seed), size).tobytes() for time in times}
        assert len(pictures) == len(times)
    assert VARIED.floor() == 0.0


def test_a_second_moves_the_tip_by_what_the_floor_says():
    # On 28 pixels: the arc of a sixtieth turn at the shortest second hand there is.
    shortest = min(look.scale * look.second.length for look in LOOKS)
    assert 28 * shortest * 2 * math.pi / 60 > 0.85
    assert 0.75 * 0.39 <= shortest < 0.31  # and looks come near to the least there can be


def decode(picture, look, size):
    """The time of a picture of a known look: the least squared difference over all 43,200 seconds, in two rounds.

    The first draws each of the 720 minutes of the dial, without a second hand, and keeps the six best; the second
    draws every second of those and of the minutes before and after them.
    """

    def distance(scene):
        return float(np.square(render(scene, size).astype(np.float64) - picture).sum())

    whole = {time: distance(dial.draw(look, time, second_hand=False)) for time in range(30, 43200, 60)}
    best = sorted(whole, key=whole.__getitem__)[:6]
    starts = {(time - 30 + step) % 43200 for time in best for step in (-60, 0, 60)}
    seconds = {time: distance(dial.draw(look, time)) for start in starts for time in range(start, start + 60)}
    return min(seconds, key=seconds.__getitem__)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["varied", "mixed", "busy", "no-ticks"])
def test_the_picture_determines_the_second(style):
    task, rng = Clock(style=style), np.random.default_rng(2)
    for seed in range(6):
        posed = problem(task, seed)
        noisy = render(posed.scene, 112) + rng.normal(0, 10, (112, 112, 3))  # grey levels
        assert decode(noisy, task.look(posed.info.get("look", 0)), 112) == task.truth(posed.answer)
