"""The styles of the clock, one by one: what each shows, as literal pixels, and that a style is a style of one task."""

import dataclasses
import hashlib
import itertools
import json
import math
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from envs import check_task, problem
from envs.tasks import dial
from envs.tasks.clock import Clock
from envs.tasks.dial_styles import PLAIN, SHIFTED, Style
from rendering import Disc, Label, Layer, Line, Lines, Noise, Plain, Scene, render
from tests.envs.test_clock import is_black, is_blue, is_red, pixel

STYLES = get_args(Style)
DRAWN = ("varied", "mixed", "busy", "tilted")
THREE = 3 * 3600  # the hour hand at 3, the others at 12
SIX = 6 * 3600
WHITE = (255, 255, 255)


def labels(scene):
    """The labels of a scene, those in its layers too."""
    parts = [part for item in scene.primitives for part in (item.primitives if isinstance(item, Layer) else (item,))]
    return [part for part in parts if isinstance(part, Label)]


def test_the_styles_are_those_of_the_contract():
    assert ("plain", "varied", "mixed", *Clock.shifted_styles) == STYLES
    assert set(Clock.shifted_styles) == {"roman", "mirrored", "no-ticks", "busy", "tilted", "inverted"}
    assert Clock().style == "plain"


@pytest.mark.parametrize("style", STYLES)
def test_every_style_keeps_the_rules(style):
    assert check_task(Clock(style=style), samples=12) == []


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("second_hand", [True, False])
def test_a_seed_has_one_time_and_one_prompt_in_every_style(style, second_hand):
    task, plain = Clock(style=style, second_hand=second_hand), Clock(second_hand=second_hand)
    for seed in (0, 1, 77):
        posed, same = problem(task, seed, "eval"), problem(plain, seed, "eval")
        assert (posed.prompt, posed.answer, posed.solution) == (same.prompt, same.answer, same.solution)
        assert dict(same.info).items() <= dict(posed.info).items()
        assert problem(task, seed, "eval") == posed


@pytest.mark.parametrize("style", STYLES)
def test_depict_keeps_the_look(style):
    task = Clock(style=style)
    posed, other = problem(task, 3), problem(task, 4)
    assert task.depict(posed, posed.answer) == posed.scene
    assert task.depict(posed, "half past seven") is None
    guess = task.depict(posed, other.answer)
    assert guess != posed.scene
    assert (guess == other.scene) == (style not in DRAWN)  # the same time in the other's look
    # the corners and the rim are the problem's own
    there, here = render(guess, 112), render(posed.scene, 112)
    assert np.array_equal(there[:2], here[:2])
    assert ("look" in posed.info) == (style in DRAWN)


@pytest.mark.parametrize("style", ["varied", "busy"])
def test_looks_are_the_same_in_every_process(style, run_python):
    code = (
        "import hashlib; from envs import problem; from envs.tasks.clock import Clock; from rendering import render\n"
        f"posed = problem(Clock(style={style!r}), 5)\n"
        "print(hashlib.sha256(render(posed.scene, 112).tobytes()).hexdigest(), dict(posed.info))"
    )
    ran = {run_python("-c", code, PYTHONHASHSEED=str(seed)).stdout for seed in (0, 1)}
    posed = problem(Clock(style=style), 5)
    picture = hashlib.sha256(render(posed.scene, 112).tobytes()).hexdigest()
    assert ran == {f"{picture} {dict(posed.info)}\n"}


def toward(turn, radius):
    return 0.5 + radius * math.sin(2 * math.pi * turn), 0.5 + radius * math.cos(2 * math.pi * turn)


def plain_by_hand(time):
    """The plain clock, spelled out."""
    ink, blue, red = (24, 26, 32), (38, 84, 150), (214, 40, 40)
    hour, minute, second = time / 43200, time / 3600 % 1, time / 60 % 1
    minutes = [(toward(i / 60, 0.432), toward(i / 60, 0.455)) for i in range(60) if i % 5]
    hours = [(toward(i / 12, 0.402), toward(i / 12, 0.455)) for i in range(12)]
    return Scene(
        (
            Disc((0.5, 0.5), 0.492, (70, 74, 84)),
            Disc((0.5, 0.5), 0.474, WHITE),
            Lines(tuple(minutes), 0.006, ink),
            Lines(tuple(hours), 0.016, ink),
            *(Label(str(number), toward(number / 12, 0.338), 0.082, ink) for number in range(1, 13)),
            Line(toward(hour, -0.05), toward(hour, 0.245), 0.046, ink, end_width=0.032, cap="round"),
            Line(toward(minute, -0.07), toward(minute, 0.38), 0.026, blue, end_width=0.016, cap="round"),
            Line(toward(second, -0.06), toward(second, 0.435), 0.010, red),
            Line(toward(second, -0.12), toward(second, -0.06), 0.022, red, cap="round"),
            Disc((0.5, 0.5), 0.028, red),
            Disc((0.5, 0.5), 0.010, WHITE),
        ),
        Plain((226, 229, 234)),
    )


@pytest.mark.parametrize("size", [28, 112, 224])
def test_plain_is_the_picture_it_always_was(size):
    for time in (0, 1, 11111, 26730, 43199):
        assert np.array_equal(render(Clock().draw(time), size), render(plain_by_hand(time), size))


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        (28, "606b7ca38e375d3f9d4cb60192d0eb76"),
        (112, "6af7431b6c36da1dc6c9b7eefd67fa72"),
        (224, "40d07f9c9a46cd1f5b0e4cdcc76ab26d"),
    ],
)
def test_plain_has_the_bytes_it_always_had(size, digest):
    # Policies are trained on these pictures. Without numbers, whose glyphs may change with Pillow.
    task = Clock(numerals=False)
    pictures = b"".join(render(task.draw(time), size).tobytes() for time in (0, 1, 11111, 26730, 43199))
    assert hashlib.sha256(pictures).hexdigest()[:32] == digest


def test_remembering_the_dial_changes_nothing():
    for time in (0, 26730):
        again = [render(dial.draw(PLAIN, time, shared=shared), 112) for shared in (True, False)]
        assert np.array_equal(*again)


def test_roman_numerals_stand_around_the_centre():
    found = {label.text: (label.position, label.angle) for label in labels(Clock(style="roman").draw(0))}
    assert list(found) == "I II III IIII V VI VII VIII IX X XI XII".split()
    assert found["III"] == (pytest.approx((0.838, 0.5)), -90.0)  # turned clockwise, its feet to the left
    assert found["VI"] == (pytest.approx((0.5, 0.162)), -180.0)
    assert found["XII"] == (pytest.approx((0.5, 0.838)), -360.0)
    assert found["IIII"][1] == -120.0


def test_roman_differs_from_plain_in_its_numbers_alone():
    roman, plain = (render(Clock(style=style).draw(SIX), 448) for style in ("roman", "plain"))
    rows, columns = np.nonzero((roman != plain).any(axis=2))
    radius = np.hypot((rows + 0.5) / 448 - 0.5, (columns + 0.5) / 448 - 0.5)
    assert 0.27 < radius.min() < radius.max() < 0.41


def test_mirrored_runs_anticlockwise():
    picture = render(Clock(style="mirrored").draw(THREE), 448)
    assert is_black(pixel(picture, 270, 0.20))  # the hour hand points left
    assert pixel(picture, 90, 0.20) == WHITE
    ten_past_seven = render(Clock(style="mirrored").draw(7 * 3600 + 10 * 60 + 40), 448)
    assert is_black(pixel(ten_past_seven, 360 - 215.33, 0.20))
    assert is_blue(pixel(ten_past_seven, 360 - 64, 0.31))
    assert is_red(pixel(ten_past_seven, 120, 0.41))
    where = {label.text: label.position for label in labels(Clock(style="mirrored").draw(0))}
    assert where["3"] == pytest.approx((0.162, 0.5))
    assert where["9"] == pytest.approx((0.838, 0.5))
    assert where["12"] == pytest.approx((0.5, 0.838))


def test_mirrored_is_the_mirror_image_but_for_its_numbers():
    look, turned = (dataclasses.replace(PLAIN, numerals=None, anticlockwise=value) for value in (False, True))
    for time in (0, 26730):
        mirrored = render(dial.draw(turned, time), 112).astype(int)
        assert np.abs(mirrored - render(dial.draw(look, time), 112)[:, ::-1]).max() <= 1


def test_no_ticks_has_hands_alone():
    scene = Clock(style="no-ticks").draw(THREE)
    assert not labels(scene)
    picture = render(scene, 448)
    for degrees in range(10, 351):  # at 12 are hands
        for radius in (0.338, 0.40, 0.44, 0.46):
            assert pixel(picture, degrees, radius) == WHITE
    assert is_black(pixel(picture, 90, 0.20))
    assert is_blue(pixel(render(Clock(style="no-ticks").draw(20), 448), 2, 0.36))


def test_inverted_is_light_on_dark():
    picture = render(Clock(style="inverted").draw(THREE + 20), 448)
    assert pixel(picture, 90, 0.20) == (231, 229, 223)  # the hour hand
    assert pixel(picture, 2, 0.31) == (217, 171, 105)  # the minute hand: blue's negative
    assert pixel(picture, 45, 0.20) == (0, 0, 0)  # the face
    assert tuple(picture[0, 0]) == (29, 26, 21)  # the background


def test_inverted_is_the_negative_of_plain():
    for time in (0, 26730):
        inverted, plain = (render(Clock(style=style).draw(time), 112).astype(int) for style in ("inverted", "plain"))
        assert np.abs(inverted - (255 - plain)).max() <= 3  # blending rounds


def test_a_tilted_dial_is_turned_with_all_that_is_on_it():
    look = dataclasses.replace(PLAIN, tilt=30.0)
    picture = render(dial.draw(look, THREE), 448)
    assert is_black(pixel(picture, 120, 0.20))  # the hour hand at 3, which is where 4 was
    assert pixel(picture, 90, 0.20) == WHITE
    assert is_blue(pixel(picture, 30.0, 0.30)) or is_red(pixel(picture, 30.0, 0.30))
    upright = Image.fromarray(render(dial.draw(PLAIN, THREE), 448))
    apart = []
    for degrees in (0, -30):  # Pillow's run anticlockwise
        turned = np.asarray(upright.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(226, 229, 234)))
        apart.append(np.abs(turned.astype(int) - picture).mean())
    assert apart[1] < 0.2 * apart[0]  # numbers included; what is left is Pillow's blur


def test_tilts_are_drawn_from_both_sides():
    task = Clock(style="tilted", numerals=True)
    tilts = [problem(task, seed).info["tilt"] for seed in range(300)]
    assert {abs(tilt) for tilt in tilts} == set(range(8, 31))
    assert 100 < sum(tilt > 0 for tilt in tilts) < 200
    for seed in range(5):
        posed = problem(task, seed)
        look = dataclasses.replace(PLAIN, tilt=posed.info["tilt"])
        assert posed.scene == dial.draw(look, task.truth(posed.answer))


def test_busy_hides_no_hand():
    task = Clock(style="busy")
    for seed in range(12):
        posed = problem(task, seed)
        look = task.look(posed.info["look"])
        time = task.truth(posed.answer)
        picture = render(posed.scene, 448)
        bare = dataclasses.replace(look, on_face=(), behind=())
        for hand, turn in ((look.hour, time / 43200), (look.minute, time / 3600)):
            for share in (0.5, 0.75, 0.9):
                column, row = look.at(turn, share * hand.length)
                spot = int((1 - row) * 448), int(column * 448)
                assert tuple(picture[spot]) == tuple(render(dial.draw(bare, time), 448)[spot])


def test_busy_is_crowded():
    task = Clock(style="busy")
    looks = [task.look(seed) for seed in range(40)]
    assert len(set(looks)) == 40
    for look in looks:
        assert isinstance(look.background, Noise)
        assert len(look.behind) == 12
        words = [part.text for part in look.on_face if isinstance(part, Label)]
        assert words[0].isalpha()
        assert 1 <= int(words[-1]) <= 31
        # what is on the face is no darker than this, so that the hands stand out
        assert min(max(part.color) for part in look.on_face if part.opacity == 1.0) >= 100


@pytest.mark.parametrize("style", SHIFTED)
def test_a_shifted_style_changes_one_thing(style):
    look = Clock(style=style).look(7)
    changed = {
        field.name for field in dataclasses.fields(look) if getattr(look, field.name) != getattr(PLAIN, field.name)
    }
    expected = {
        "roman": {"numerals"},
        "mirrored": {"anticlockwise"},
        "no-ticks": {"ticks", "numerals"},
        "busy": {"background", "behind", "on_face", "scale"},
        "tilted": {"tilt"},
        "inverted": {"background", "face", "rim", "ticks", "numerals", "hour", "minute", "second"},
    }
    assert changed == expected[style]


@pytest.mark.parametrize("style", ["roman", "mirrored", "tilted"])
def test_what_only_the_numbers_tell_needs_numbers(style):
    with pytest.raises(ValueError, match=rf"Clock.numerals must be true in the style '{style}'"):
        Clock(style=style, numerals=False)


@pytest.mark.parametrize("style", ["plain", "varied", "no-ticks", "busy", "inverted"])
def test_other_styles_do_without_numbers(style):
    task = Clock(style=style, numerals=False)
    assert check_task(task, samples=4) == []
    for seed in range(40):
        look = task.look(seed)
        assert look.numerals is None
        assert look.ticks is None if style == "no-ticks" else look.ticks.count >= 12


def test_info_tells_what_to_slice_by():
    posed = problem(Clock(style="varied"), 1)
    look = Clock(style="varied").look(posed.info["look"])
    assert posed.info["numerals"] == (look.numerals.script if look.numerals else "none")
    assert posed.info["ticks"] == look.ticks.count
    assert posed.info["tilt"] == 0.0
    assert json.loads(json.dumps(dict(posed.info))) == posed.info


@pytest.mark.parametrize(("style", "size"), [*itertools.product(["busy", "no-ticks", "mirrored", "tilted"], [28, 112])])
def test_every_second_has_its_own_picture(style, size):
    task = Clock(style=style)
    starts = np.random.default_rng(0).integers(43200, size=6)
    times = {int(start + step) % 43200 for start in starts for step in (0, 1, 2, 60, 3600, 21600)}
    pictures = {render(task.draw(time, 5), size).tobytes() for time in times}
    assert len(pictures) == len(times)
