"""What a clock looks like, as data, and the clock drawn from it: `draw(look, time)` gives the scene."""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rendering import Color, Disc, Gradient, Label, Layer, Line, Lines, Noise, Plain, Point, Polygon, Scene
from rendering.scene import Cap, Shape

HALF_DAY = 12 * 60 * 60
"""Seconds in one turn of the hour hand."""

FACE_RADIUS, FULL_RADIUS = 0.474, 0.492
"""Radius of every face before `Look.scale`, and the most that a face with its rim takes up in the picture."""

ROMAN = ("I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
"""As on dials, where four strokes balance the VIII across."""


TickCount = Literal[60, 12, 4]


@dataclass(frozen=True)
class Hand:
    """One hand.

    Attributes:
        length: From the centre to the tip.
        width: At the tail; of a lozenge, where it is widest.
        color: All of it.
        tail: How far it reaches behind the centre.
        tip_width: Width at the tip; a smaller one than `width` tapers the hand. A lozenge ends in a point.
        cap: Of its ends: "butt" or "round".
        belly: Where a lozenge is widest, as a fraction of its length; None for a hand with straight sides.
        weight: Width of the counterweight, which lies behind the tail and is as long; 0 for none.
    """

    length: float
    width: float
    color: Color
    tail: float = 0.0
    tip_width: float = 0.0
    cap: Cap = "butt"
    belly: float | None = None
    weight: float = 0.0


@dataclass(frozen=True)
class Ticks:
    """The ticks of a dial.

    Attributes:
        ink: Their colour.
        count: 60, 12 or 4.
        radius: How far out they reach.
        hour: Length and width of those at the hours.
        minute: Length and width of those between.
    """

    ink: Color
    count: TickCount = 60
    radius: float = 0.455
    hour: tuple[float, float] = (0.053, 0.016)
    minute: tuple[float, float] = (0.023, 0.006)


@dataclass(frozen=True)
class Numerals:
    """The numbers of a dial.

    Attributes:
        ink: Their colour.
        script: "arabic" or "roman".
        count: 12, or 4 for those at 3, 6, 9 and 12 alone.
        radius: How far from the centre their middles are.
        size: Height of the font.
        radial: Whether they stand with their feet to the centre rather than upright.
    """

    ink: Color
    script: Literal["arabic", "roman"] = "arabic"
    count: Literal[12, 4] = 12
    radius: float = 0.338
    size: float = 0.082
    radial: bool = False


@dataclass(frozen=True)
class Look:
    """Everything about a clock but its time.

    Lengths here and in its parts are fractions of the picture's side; `scale` multiplies all of them.

    Attributes:
        background: What lies behind the clock.
        face: The dial's colour.
        ticks: The ticks, or None.
        numerals: The numbers, or None.
        hour: The hour hand.
        minute: The minute hand.
        second: The second hand.
        rim: Colour of the rim; None for a clock without one.
        rim_width: How far the rim reaches beyond the face.
        hub: Radius of the boss where the hands meet, in the second hand's colour.
        pin: Radius of the dot on it, in the face's colour; 0 for none.
        center: Where in the picture the dial's centre is.
        scale: The size of the clock: of 1, its face has the radius `FACE_RADIUS`.
        anticlockwise: Whether the hands turn, and the numbers stand, the other way round.
        tilt: Degrees by which all of it but the background is turned clockwise, about the picture's centre.
        behind: What is drawn over the background, under the clock.
        on_face: What is drawn on the face, under ticks, numbers and hands.
    """

    background: Plain | Gradient | Noise
    face: Color
    ticks: Ticks | None
    numerals: Numerals | None
    hour: Hand
    minute: Hand
    second: Hand
    rim: Color | None = None
    rim_width: float = FULL_RADIUS - FACE_RADIUS
    hub: float = 0.028
    pin: float = 0.010
    center: Point = (0.5, 0.5)
    scale: float = 1.0
    anticlockwise: bool = False
    tilt: float = 0.0
    behind: tuple[Shape | Label, ...] = ()
    on_face: tuple[Shape | Label, ...] = ()

    @property
    def radius(self) -> float:
        """Of the whole clock, before `scale`."""
        return FACE_RADIUS + (self.rim_width if self.rim else 0.0)

    def at(self, turn: float, radius: float) -> Point:
        """The point at `radius` from the centre, `turn` of a full turn from 12 as the dial runs, before `tilt`."""
        angle = 2.0 * math.pi * (-turn if self.anticlockwise else turn)
        radius *= self.scale
        return self.center[0] + radius * math.sin(angle), self.center[1] + radius * math.cos(angle)


def draw(look: Look, time: int, second_hand: bool = True, shared: bool = False) -> Scene:
    """The clock of this look at `time` seconds after 12 o'clock.

    Args:
        look: What it looks like.
        time: 0 to 43,199.
        second_hand: Whether to draw it; without it the hub has the hour hand's colour.
        shared: Whether many pictures have this look, so that its dial is worth remembering. The picture is the
            same.
    """
    turns = [(look.hour, time / HALF_DAY), (look.minute, time / 3600 % 1.0), (look.second, time / 60 % 1.0)]
    moving = turns if second_hand else turns[:2]  # the slowest first: it lies lowest
    hands = [shape for hand, turn in moving for shape in _hand(look, hand, turn)]
    hub = Disc(look.center, look.hub * look.scale, (look.second if second_hand else look.hour).color)
    pin = (Disc(look.center, look.pin * look.scale, look.face),) if look.pin else ()
    still = (_layer(look),) if shared else _dial(look)
    return Scene((*still, *hands, hub, *pin), look.background, rotation=-look.tilt)


@functools.lru_cache(maxsize=16)
def _layer(look: Look) -> Layer:
    return Layer(_dial(look))


def _dial(look: Look) -> tuple[Shape | Label, ...]:
    """Everything that does not move."""
    rim = (Disc(look.center, look.radius * look.scale, look.rim),) if look.rim else ()
    face = Disc(look.center, FACE_RADIUS * look.scale, look.face)
    ticks = _ticks(look, look.ticks) if look.ticks else ()
    numbers = _numbers(look, look.numerals) if look.numerals else ()
    return (*look.behind, *rim, face, *look.on_face, *ticks, *numbers)


def _ticks(look: Look, ticks: Ticks) -> tuple[Lines, ...]:
    """The ticks, those at the hours last."""

    def lines(minutes: Iterable[int], length: float, width: float) -> Lines:
        inner = ticks.radius - length
        ends = ((look.at(minute / 60, inner), look.at(minute / 60, ticks.radius)) for minute in minutes)
        return Lines(tuple(ends), width * look.scale, ticks.ink)

    hours = lines(range(0, 60, 15 if ticks.count == 4 else 5), *ticks.hour)
    between = [minute for minute in range(60) if minute % 5]
    return (lines(between, *ticks.minute), hours) if ticks.count == 60 else (hours,)


def _numbers(look: Look, numerals: Numerals) -> tuple[Label, ...]:
    """The numbers at the hours."""
    step = 12 // numerals.count
    return tuple(
        Label(
            str(hour) if numerals.script == "arabic" else ROMAN[hour - 1],
            look.at(hour / 12, numerals.radius),
            numerals.size * look.scale,
            numerals.ink,
            angle=-30.0 * hour if numerals.radial else 0.0,
        )
        for hour in range(step, 13, step)
    )


def _hand(look: Look, hand: Hand, turn: float) -> tuple[Line | Polygon, ...]:
    """One hand, `turn` of a full turn from 12."""
    tail, tip, width = look.at(turn, -hand.tail), look.at(turn, hand.length), hand.width * look.scale
    body: Line | Polygon = Line(tail, tip, width, hand.color, end_width=hand.tip_width * look.scale, cap=hand.cap)
    if hand.belly is not None:
        body = _lozenge(tail, look.at(turn, hand.belly * hand.length), tip, width, hand.color)
    if not hand.weight:
        return (body,)
    return body, Line(look.at(turn, -2.0 * hand.tail), tail, hand.weight * look.scale, hand.color, cap="round")


def _lozenge(tail: Point, middle: Point, tip: Point, width: float, color: Color) -> Polygon:
    """Pointed at both ends and widest at `middle`, which lies between them."""
    x, y = tip[0] - tail[0], tip[1] - tail[1]
    half = 0.5 * width / math.hypot(x, y)
    sides = [(middle[0] + sign * y * half, middle[1] - sign * x * half) for sign in (1.0, -1.0)]
    return Polygon((tail, sides[0], tip, sides[1]), color)
