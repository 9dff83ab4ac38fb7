"""The look of every picture, independent of the user's matplotlibrc."""

import re
from collections.abc import Iterator, Mapping
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
GRID = "#EDEDED"
PAPER = "#FFFFFF"
SOFT = "#F5F5F6"
BAND_ALPHA = 0.18
# Each colour on a dark page: the same hue, light enough to be read there (contrast with the paper at least 4.5).
DARK = {
    "#0072B2": "#4AA3DF",
    "#D55E00": "#F0843C",
    "#009E73": "#2FC198",
    "#CC79A7": "#E39CC4",
    "#E69F00": "#F0B429",
    "#56B4E9": "#9AD7FF",
    "#000000": "#F5F5F5",
    INK: "#D9DCE1",
    QUIET: "#A4A9B1",
    DASHES: "#888E97",
    SHADE: "#2B2F36",
    GRID: "#2A2E34",
    PAPER: "#16181C",
    SOFT: "#20242A",
}

_STYLED = re.compile("#[0-9a-f]{6}")
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
    "grid.color": GRID,
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


def on_dark(svg: str) -> str:
    """Turn a picture drawn in the house style into the same on dark paper; `svg` is what matplotlib wrote."""
    return _STYLED.sub(lambda found: DARK.get(found[0].upper(), found[0]), svg)


def theme() -> str:
    """The colours as CSS variables: `--m0` and on for the groups, `--ink`, `--quiet`, `--line`, ..., light and dark."""
    names = {"paper": PAPER, "ink": INK, "quiet": QUIET, "line": SHADE, "edge": DASHES, "soft": SOFT}
    names |= {f"m{index}": color for index, color in enumerate(COLORS)}

    def block(colors: Mapping[str, str]) -> str:
        return ":root { " + " ".join(f"--{name}: {color};" for name, color in colors.items()) + " }\n"

    dark = block({name: DARK[color] for name, color in names.items()})
    return block(names) + "@media (prefers-color-scheme: dark) { " + dark.strip() + " }\n"


def literal(text: str) -> str:
    """Escape dollar signs: a setting's value is not mathematics."""
    return text.replace("$", r"\$")
