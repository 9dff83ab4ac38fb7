"""Chance, best constant and floor: dashed lines with their names written on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from plots.style import DASHES, QUIET, literal

DRAWN = {"chance": "chance", "best_constant": "best constant", "floor": "floor"}
SAME_WITHIN = 0.02  # relative; two lines closer than this are one line with both names


@dataclass(frozen=True)
class Yardstick:
    """An error to compare a curve with; `label` names it, in `color`, and gives its value in `unit`."""

    name: str
    value: float
    unit: str
    color: str = QUIET

    @property
    def label(self) -> str:
        """The name and the value to three digits: `chance (180 min)`."""
        return f"{self.name} ({self.value:.3g} {self.unit}".rstrip() + ")"


def merged_yardsticks(known: Sequence[tuple[str, Mapping[str, float]]], unit: str) -> list[Yardstick]:
    """List the lines to draw, highest first.

    Values within 2% of the highest of them become one line, at their mean, that bears all their names.

    Args:
        known: for each run the label of its group, and its yardsticks by name. The label is added to the
            name of a yardstick in which the runs differ.
        unit: the unit of the values.

    Returns:
        At most one yardstick per 2% of height; none where nothing is known.

    """
    found: list[tuple[float, str]] = []
    for key, name in DRAWN.items():
        values = [(values[key], label) for label, values in known if key in values]
        agree = len(_clusters(values)) == 1
        found += [(value, name if agree else f"{name}, {label}") for value, label in values]
    lines = []
    for cluster in _clusters(found):
        names = list(dict.fromkeys(name for _, name in cluster))
        # In the order of DRAWN, so that the label reads the same whichever value is a hair higher.
        names.sort(key=lambda name: list(DRAWN.values()).index(name.split(",")[0]))
        lines.append(Yardstick(" = ".join(names), float(np.mean([value for value, _ in cluster])), unit))
    return lines


def _clusters(values: Iterable[tuple[float, str]]) -> list[list[tuple[float, str]]]:
    clusters: list[list[tuple[float, str]]] = []
    for value in sorted(values, key=lambda pair: -pair[0]):
        if clusters and value[0] >= clusters[-1][0][0] * (1 - SAME_WITHIN):
            clusters[-1].append(value)
        else:
            clusters.append([value])
    return clusters


def draw_yardsticks(axes: Axes, yardsticks: Sequence[Yardstick]) -> None:
    """Draw the lines that lie within the y limits of `axes`, which must be final."""
    bottom, top = axes.get_ylim()
    for yardstick in yardsticks:
        if bottom <= yardstick.value <= top:
            axes.axhline(
                yardstick.value,
                color=DASHES,
                linewidth=1.0,
                linestyle=(0, (5, 3)),
                zorder=1.5,
                gid=f"yardstick {yardstick.name}",
            )


def label_yardsticks(axes: Axes, yardsticks: Sequence[Yardstick]) -> None:
    """Write each name on its line, where it hides least; call it last, once the layout is fixed.

    A yardstick below the axis (a floor of 0 on a log scale) is named at the bottom, with an arrow down.
    """
    obstacles = np.concatenate([np.empty((0, 2)), *(_pixels_along(line) for line in axes.get_lines())])
    taken: list[Bbox] = []
    for yardstick in yardsticks:
        below_axis = yardstick.value < axes.get_ylim()[0]
        text = literal(yardstick.label) + (" ↓" if below_axis else "")
        value = max(yardstick.value, axes.get_ylim()[0])
        taken.append(_place(axes, text, value, yardstick.color, obstacles, taken))


def _place(axes: Axes, text: str, value: float, color: str, obstacles: np.ndarray, taken: Sequence[Bbox]) -> Bbox:
    """Add the text at the best of six places along the line; return its extent in pixels."""
    label = axes.annotate(
        text,
        (0, value),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 0),
        textcoords="offset points",
        fontsize=8,
        color=color,
        zorder=4,
    )
    label.set_in_layout(False)

    def put(place: tuple[tuple[float, str], tuple[int, str]]) -> Bbox:
        (x, horizontal), (offset, vertical) = place
        label.xy = (x, value)
        label.set(ha=horizontal, va=vertical, position=(0, offset))
        return label.get_window_extent()

    def cost(place: tuple[tuple[float, str], tuple[int, str]]) -> tuple[int, int, int]:
        box = put(place)
        overlaps = sum(box.overlaps(other) for other in taken)
        inside = axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1
        return overlaps, not inside, box.count_contains(obstacles)

    places = list(product([(0.99, "right"), (0.5, "center"), (0.02, "left")], [(2, "bottom"), (-3, "top")]))
    return put(min(places, key=cost))


def _pixels_along(line: Line2D, points: int = 400) -> np.ndarray:
    """Points along a drawn line in pixels, shape (points, 2); shape (0, 2) for a line without data."""
    vertices = np.asarray(line.get_transform().transform(line.get_xydata()))
    vertices = vertices[np.isfinite(vertices).all(axis=1)]
    if not len(vertices):
        return np.empty((0, 2))
    at, where = np.arange(len(vertices)), np.linspace(0, len(vertices) - 1, points)
    return np.stack([np.interp(where, at, vertices[:, 0]), np.interp(where, at, vertices[:, 1])], axis=1)
