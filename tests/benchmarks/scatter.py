"""The scatter plots that `tests.benchmarks.rendering` draws twice.

100 points, a frame, ticks with their labels, a grid and the names of both axes.
"""

import dataclasses
import functools
import io

import numpy as np

from envs.tasks.scatter import cloud
from envs.tasks.scatter_look import BLUE, LOOKS, RADIUS
from rendering import Axes, AxesLook, Color, Layer, Markers, Scene, paint, raster, render

POINTS = 100
CLOUDS = 64
LOOK = AxesLook(grid="both", text_size=0.06, ticks=6)
AXES = Axes((-3.6, 3.6), (-3.6, 3.6), "height", "weight", look=LOOK)
LAYER = Layer(AXES.primitives())


@functools.cache
def clouds() -> list[tuple[np.ndarray, np.ndarray]]:
    """The points, which all ways of drawing take as they are."""
    rng = np.random.default_rng(0)
    return [cloud(k / CLOUDS, POINTS, "plain", rng) for k in range(CLOUDS)]


def forget() -> None:
    """Empties the caches of layers and of covers (masks of texts stay: they are a font's)."""
    raster._backdrop.cache_clear()
    paint._remembered.clear()


def layered(seed: float, size: int) -> np.ndarray:
    """A plot from its points, the axes being a layer."""
    x, y = clouds()[int(seed) % CLOUDS]
    return render(Scene((LAYER, Markers(AXES.place(x, y), RADIUS, BLUE))), size)


def unlayered(seed: float, size: int) -> np.ndarray:
    """The same plot with nothing remembered, and the axes laid out anew."""
    forget()
    x, y = clouds()[int(seed) % CLOUDS]
    axes = dataclasses.replace(AXES)
    return render(Scene((*axes.primitives(), Markers(axes.place(x, y), RADIUS, BLUE))), size)


def varied(seed: float, size: int) -> np.ndarray:
    """A plot in the task's varied style: all that can be remembered is glyphs."""
    x, y = clouds()[int(seed) % CLOUDS]
    return render(LOOKS["varied"](x, y, np.random.Generator(np.random.PCG64(int(seed)))), size)


def _rgb(color: Color) -> tuple[float, ...]:
    return tuple(part / 255 for part in color)


def figure(seed: float, size: int):
    """The plot as a new matplotlib figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    x, y = clouds()[int(seed) % CLOUDS]
    points = size * 72 / 100  # the side, in matplotlib's unit of line widths and font sizes
    drawing = Figure(figsize=(size / 100, size / 100), dpi=100)
    FigureCanvasAgg(drawing)
    box, text = AXES.box, LOOK.text_size * points
    frame = (box.left, box.bottom, box.right - box.left, box.top - box.bottom)
    axes = drawing.add_axes(frame, xlim=(-3.6, 3.6), ylim=(-3.6, 3.6))
    axes.scatter(x, y, s=(2 * RADIUS * points) ** 2, color=_rgb(BLUE), linewidths=0)
    axes.set_xticks([tick.value for tick in AXES.x_ticks])
    axes.set_yticks([tick.value for tick in AXES.y_ticks])
    axes.set_xlabel(AXES.x_label, fontsize=text, labelpad=1)
    axes.set_ylabel(AXES.y_label, fontsize=text, labelpad=1)
    width = LOOK.line_width * points
    axes.tick_params(labelsize=text, width=width, length=0.35 * text, pad=0.2 * text)
    axes.grid(color=_rgb(LOOK.grid_color), linewidth=width * 2 / 3)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_linewidth(width)
    return drawing


def figure_to_png(seed: float, size: int) -> np.ndarray:
    """A fresh figure, saved as PNG and read back."""
    from PIL import Image

    file = io.BytesIO()
    figure(seed, size).savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def figure_to_array(seed: float, size: int) -> np.ndarray:
    """A fresh figure, drawn and copied from its canvas."""
    drawing = figure(seed, size)
    drawing.canvas.draw()
    return np.asarray(drawing.canvas.buffer_rgba())[..., :3].copy()
