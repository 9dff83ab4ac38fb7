"""The scatter plots that `tests.benchmarks.rendering` draws: 100 points, axes, ticks and labels, twice."""

import functools
import io

import numpy as np

from envs.tasks.scatter import cloud
from envs.tasks.scatter_look import LOOKS, RADIUS
from rendering import Axes, paint, raster, render

POINTS = 100
CLOUDS = 64


@functools.cache
def clouds() -> list[tuple[np.ndarray, np.ndarray]]:
    """The points, which all ways of drawing take as they are."""
    rng = np.random.default_rng(0)
    return [cloud(k / CLOUDS, POINTS, "plain", rng) for k in range(CLOUDS)]


def forget() -> None:
    """Empties the caches of layers and of covers (masks of texts stay: they are a font's)."""
    raster._backdrop.cache_clear()
    paint._remembered.clear()


def drawn(seed: float, size: int, style: str = "plain") -> np.ndarray:
    """A plot from its points: the scene is built and rendered."""
    x, y = clouds()[int(seed) % CLOUDS]
    return render(LOOKS[style](x, y, np.random.Generator(np.random.PCG64(int(seed)))), size)


def uncached(seed: float, size: int, style: str = "plain") -> np.ndarray:
    """The same with nothing remembered."""
    forget()
    return drawn(seed, size, style)


def figure(seed: float, size: int):
    """The plain plot as a new matplotlib figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    x, y = clouds()[int(seed) % CLOUDS]
    points = size * 72 / 100  # the side, in matplotlib's unit of line widths and font sizes
    drawing = Figure(figsize=(size / 100, size / 100), dpi=100)
    FigureCanvasAgg(drawing)
    box = Axes((-3.6, 3.6), (-3.6, 3.6)).box
    frame = (box.left, box.bottom, box.right - box.left, box.top - box.bottom)
    axes = drawing.add_axes(frame, xlim=(-3.6, 3.6), ylim=(-3.6, 3.6))
    axes.scatter(x, y, s=(2 * RADIUS * points) ** 2, color=(31 / 255, 100 / 255, 180 / 255), linewidths=0)
    axes.set_xticks((-2, 0, 2))
    axes.set_yticks((-2, 0, 2))
    axes.tick_params(labelsize=0.07 * points, width=0.007 * points, length=0.0245 * points, pad=0.014 * points)
    for spine in axes.spines.values():
        spine.set_linewidth(0.007 * points)
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
