"""How fast and how exact the pictures are: `python -m tests.benchmarks.rendering`.

Draws the same clocks (rim, face, 60 ticks, 12 numerals, three hands) and the same scatter plots (100 points,
axes, ticks, labels) with `rendering` and with matplotlib, a fresh figure per picture, in the same run, and
compares the edge of a hand with 16 x 16 samples per pixel. `--scenes clock:varied ...` adds scenes of tasks.
"""

import argparse
import io
import math
import time
from collections.abc import Callable

import numpy as np

from envs import make_task, problem
from rendering import Disc, Label, Layer, Line, Lines, Plain, Scene, raster, render
from tests.benchmarks import scatter
from tests.rendering import truth

SIZE = 224
BATCH = 64  # pictures that are stacked and kept for a while, as a training step does
INK, RED, FACE, RIM, BACKDROP = (24, 26, 32), (214, 40, 40), (255, 255, 255), (70, 74, 84), (226, 229, 234)
HANDS = ((43200, 0.245, 0.040, INK), (3600, 0.38, 0.022, INK), (60, 0.435, 0.010, RED))
NUMERALS = {str(hour): hour / 12 for hour in range(1, 13)}


def toward(turn: float, radius: float) -> tuple[float, float]:
    """The point at `radius` from the centre, `turn` of a full turn clockwise from 12."""
    return 0.5 + radius * math.sin(2 * math.pi * turn), 0.5 + radius * math.cos(2 * math.pi * turn)


HOURS = [(toward(k / 60, 0.402), toward(k / 60, 0.455)) for k in range(0, 60, 5)]
MINUTES = [(toward(k / 60, 0.432), toward(k / 60, 0.455)) for k in range(60) if k % 5]
DIAL = (
    Disc((0.5, 0.5), 0.492, RIM),
    Disc((0.5, 0.5), 0.474, FACE),
    Lines(tuple(MINUTES), 0.006, INK),
    Lines(tuple(HOURS), 0.016, INK),
    *(Label(text, toward(turn, 0.338), 0.082, INK) for text, turn in NUMERALS.items()),
)
LAYER = Layer(DIAL)


def hands(seconds: float) -> tuple[Line | Disc, ...]:
    """The three hands and the boss over them."""
    lines = (
        Line((0.5, 0.5), toward(seconds / turn, length), width, color, cap="round")
        for turn, length, width, color in HANDS
    )
    return (*lines, Disc((0.5, 0.5), 0.028, RED))


def cached(seconds: float) -> np.ndarray:
    """A clock whose dial is a layer."""
    return render(Scene((LAYER, *hands(seconds)), Plain(BACKDROP)), SIZE)


def same_geometry(seconds: float) -> np.ndarray:
    """A clock whose dial is no layer, but was drawn before, in whatever colours."""
    raster._backdrop.cache_clear()
    return render(Scene((*DIAL, *hands(seconds)), Plain(BACKDROP)), SIZE)


def uncached(seconds: float) -> np.ndarray:
    """A clock drawn from nothing."""
    scatter.forget()
    return same_geometry(seconds)


def figure(seconds: float, collections: bool):
    """The clock as a new matplotlib figure; with `collections`, all ticks of a kind are one artist."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    def rgb(color: tuple[int, int, int]) -> tuple[float, ...]:
        return tuple(part / 255 for part in color)

    points = SIZE * 72 / 100  # the length 1, in matplotlib's unit of line widths and font sizes
    drawing = Figure(figsize=(SIZE / 100, SIZE / 100), dpi=100, facecolor=rgb(BACKDROP))
    FigureCanvasAgg(drawing)
    axes = drawing.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    for radius, color in ((0.492, RIM), (0.474, FACE)):
        axes.add_patch(Circle((0.5, 0.5), radius, color=rgb(color), linewidth=0))
    for segments, width in ((MINUTES, 0.006), (HOURS, 0.016)):
        if collections:
            axes.add_collection(LineCollection(segments, linewidths=width * points, colors=[rgb(INK)]))
        else:
            for (x0, y0), (x1, y1) in segments:
                axes.plot((x0, x1), (y0, y1), linewidth=width * points, color=rgb(INK), solid_capstyle="butt")
    for text, turn in NUMERALS.items():
        place = {"ha": "center", "va": "center", "fontsize": 0.082 * points}
        axes.text(*toward(turn, 0.338), text, color=rgb(INK), **place)
    for turn, length, width, color in HANDS:
        x, y = toward(seconds / turn, length)
        axes.plot((0.5, x), (0.5, y), linewidth=width * points, color=rgb(color), solid_capstyle="round", zorder=3)
    axes.add_patch(Circle((0.5, 0.5), 0.028, color=rgb(RED), linewidth=0, zorder=4))
    return drawing


def figure_to_png(seconds: float, collections: bool = False) -> np.ndarray:
    """A fresh figure, saved as PNG and read back."""
    from PIL import Image

    file = io.BytesIO()
    figure(seconds, collections).savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def figure_to_array(seconds: float, collections: bool = False) -> np.ndarray:
    """A fresh figure, drawn and copied from its canvas."""
    drawing = figure(seconds, collections)
    drawing.canvas.draw()
    return np.asarray(drawing.canvas.buffer_rgba())[..., :3].copy()


def rates(ways: dict[str, Callable[[float], np.ndarray]], blocks: int) -> dict[str, float]:
    """Pictures per second of each way to draw, the best of many short blocks.

    The ways take turns, and all get a quiet moment: others use the machine too.
    """
    times = np.random.default_rng(0).integers(43200, size=BATCH).tolist()
    best = dict.fromkeys(ways, math.inf)
    for turn in range(blocks + 1):
        for name, draw in ways.items():
            some = times[: BATCH // 10 if name.startswith("matplotlib") else BATCH]
            begin = time.perf_counter()
            np.stack([draw(seconds) for seconds in some])
            if turn:  # the first warms up
                best[name] = min(best[name], (time.perf_counter() - begin) / len(some))
    return {name: 1 / seconds for name, seconds in best.items()}


def edge_error(size: int) -> float:
    """Mean error in grey levels at the edges of a hand, over many angles."""
    errors = []
    for degrees in range(1, 360, 30):
        end = toward(degrees / 360, 0.38)
        expected = truth.sampled(truth.stroke((0.5, 0.5), end, 0.022, 0.022, "butt"), size)
        drawn = render(Scene((Line((0.5, 0.5), end, 0.022, (0, 0, 0)),)), size)[..., 0]
        edge = (expected > 0) & (expected < 1)
        errors.append(np.abs(drawn - 255.0 * (1.0 - expected))[edge])
    return float(np.concatenate(errors).mean())


def changed_pixels(size: int) -> int:
    """The fewest pixels that a step of 0.1 degrees of the second hand changes."""

    def hand(degrees: float) -> np.ndarray:
        return render(Scene((Line((0.5, 0.5), toward(degrees / 360, 0.435), 0.010, RED),)), size)

    return min(int((hand(degrees) != hand(degrees + 0.1)).any(axis=2).sum()) for degrees in np.arange(0, 360, 1.7))


def scenes(name: str) -> Callable[[float], np.ndarray]:
    """Draws a task's scenes, `clock` or `clock:varied`, made before."""
    task, _, style = name.partition(":")
    posed = make_task(task, size=SIZE, **({"style": style} if style else {}))
    drawn = [problem(posed, seed).scene for seed in range(BATCH)]
    return lambda seed: render(drawn[int(seed) % BATCH], SIZE)


def table(title: str, rates: dict[str, float]) -> None:
    """Prints pictures per second and their ratios to the first two rows, matplotlib's."""
    png, canvas = list(rates.values())[:2]
    print(f"{title}\n\n| {'':<42} | pictures/s | x PNG | x canvas |\n|{'-' * 44}|-----------:|------:|---------:|")
    for name, per_second in rates.items():
        print(f"| {name:<42} | {per_second:10.0f} | {per_second / png:5.1f} | {per_second / canvas:8.1f} |")
    print()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--blocks", type=int, default=12, help="of 64 pictures (matplotlib: 6); the best one counts")
    parser.add_argument("--scenes", nargs="*", default=["clock", "scatter", "scatter:varied"], metavar="TASK[:STYLE]")
    options = parser.parse_args()
    print(f"{SIZE} px, best of {options.blocks} blocks\n")
    clocks = {
        "matplotlib, fresh figure, PNG and back": figure_to_png,
        "matplotlib, fresh figure, canvas copied": figure_to_array,
        "matplotlib, LineCollections, PNG": lambda t: figure_to_png(t, True),
        "matplotlib, LineCollections, canvas": lambda t: figure_to_array(t, True),
        "rendering, dial as a layer": cached,
        "rendering, dial of known geometry": same_geometry,
        "rendering, nothing cached": uncached,
    }
    table("clocks with 60 ticks, 12 numerals, three hands", rates(clocks, options.blocks))
    plots = {
        "matplotlib, fresh figure, PNG and back": lambda t: scatter.figure_to_png(t, SIZE),
        "matplotlib, fresh figure, canvas copied": lambda t: scatter.figure_to_array(t, SIZE),
        "rendering, axes as a layer": lambda t: scatter.layered(t, SIZE),
        "rendering, nothing cached": lambda t: scatter.unlayered(t, SIZE),
        "rendering, the task's varied style": lambda t: scatter.varied(t, SIZE),
    }
    title = f"scatter plots of {scatter.POINTS} points with frame, ticks, grid and labels"
    table(title, rates(plots, options.blocks))
    for name, per_second in rates({name: scenes(name) for name in options.scenes}, options.blocks).items():
        print(f"scenes of {name}: {per_second:.0f} pictures/s")
    print("\n| accuracy | 112 px | 224 px |\n|---|---:|---:|")
    print(f"| mean edge error of a hand, grey levels | {edge_error(112):.2f} | {edge_error(224):.2f} |")
    print(f"| pixels changed by 0.1 degrees, fewest | {changed_pixels(112)} | {changed_pixels(224)} |")


if __name__ == "__main__":
    main()
