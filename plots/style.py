"""The look of every picture, independent of the user's matplotlibrc."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

# Okabe and Ito, "Color Universal Design" (2008): told apart with every common form of colour blindness.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Their number shares no divisor with that of the colours, so 35 groups look different.
MARKERS = ("o", "s", "^", "D", "v")
INK = "#333333"
QUIET = "#666666"
DASHES = "#8C8C8C"
SHADE = "#E8E8E8"
BAND_ALPHA = 0.18

_SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.labelsize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#EDEDED",
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "svg.hashsalt": "eyechart",  # the same files give the same SVG, byte for byte
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save inside this: the house style over matplotlib's own defaults."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def color_of(index: int) -> str:
    """Give the group with this index its colour."""
    return COLORS[index % len(COLORS)]


def marker_of(index: int) -> str:
    """Give the group with this index its marker."""
    return MARKERS[index % len(MARKERS)]


def literal(text: str) -> str:
    """Escape dollar signs: a setting's value is not mathematics."""
    return text.replace("$", r"\$")
