"""The legends: the colours of the groups above the panels, the kinds of line below them."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from plots.groups import Group, Spread
from plots.panels import LINE_STYLES, LINE_WIDTHS, smoothing_window
from plots.style import BAND_ALPHA, QUIET, SHADE, color_of, literal, marker_of

TITLE_FONT = {"size": 12, "weight": "bold"}
SPREADS: dict[Spread, str] = {"range": "lowest to highest run", "std": "± 1 standard deviation of the runs"}


def add_title_and_legends(
    figure: Figure, title: str, groups: Sequence[Group], spread: Spread, columns: int = 4
) -> None:
    """Add the title, and what the panels of `figure` need: no entry for a kind of line that is not there.

    Args:
        figure: the figure, its panels drawn.
        title: its title.
        groups: the groups in it.
        spread: what the band shows.
        columns: of a legend, at most.

    """
    if len(groups) > 1:
        colors = [
            Line2D([], [], label=_counted(group), color=color_of(index), marker=marker_of(index), ms=5)
            for index, group in enumerate(groups)
        ]
        # The title is the legend's: matplotlib would lay a figure's own title over a legend at its top.
        figure.legend(
            handles=colors,
            loc="outside upper center",
            ncols=min(columns, len(groups)),
            fontsize=9.5,
            title=literal(title),
            title_fontproperties=TITLE_FONT,
        )
    else:
        figure.suptitle(literal(title), fontproperties=TITLE_FONT)
    artists = [artist for axes in figure.axes for artist in (*axes.lines, *axes.collections, *axes.patches)]
    kinds = {str(artist.get_gid() or "").split(" ")[0] for artist in artists}
    handles = [handle for kind, handle in _handles(groups, spread).items() if kind in kinds]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))


def _handles(groups: Sequence[Group], spread: Spread) -> dict[str, Any]:
    """Make a legend handle for each kind of artist, the first word of its `gid`."""
    color = color_of(0) if len(groups) == 1 else QUIET
    marker = marker_of(0) if len(groups) == 1 else ""
    window = smoothing_window(groups)
    smoothed = f"training, smoothed over {window} steps" if window > 1 else "training"

    def line(kind: str, label: str, **look: Any) -> Line2D:
        style, width = LINE_STYLES[kind], LINE_WIDTHS[kind]
        return Line2D([], [], color=color, linestyle=style, linewidth=width, label=label, **look)

    def marks(marker: str, label: str, **look: Any) -> Line2D:
        return Line2D([], [], color=color, linestyle="", marker=marker, label=label, **look)

    return {
        "mae": line("mae", f"MAE{_averaged(groups)}", marker=marker, markersize=4),
        "spread": Patch(color=color, alpha=BAND_ALPHA, linewidth=0, label=SPREADS[spread]),
        "tail": Line2D([], [], color=color, linewidth=0.8, alpha=0.6, label="single runs, past the shortest"),
        "median_error": line("median_error", "median error"),
        "reward": line("reward", f"mean reward{_averaged(groups)}", marker=marker, markersize=4),
        "blank_reward": line("blank_reward", "mean reward with a blank picture"),
        "blank_mae": line("blank_mae", "MAE with a blank picture"),
        "start": marks("o", "before the cold start", markerfacecolor="white", markersize=5),
        "shade": Patch(color=SHADE, linewidth=0, label="cold start"),
        "cold-start": marks("|", "end of the cold start", markersize=11, markeredgewidth=1.6),
        "training": Line2D([], [], color=color, linewidth=1.5, label=smoothed),
        "raw": Line2D([], [], color=color, linewidth=0.7, alpha=0.4, label="training, every step"),
        "evaluated": marks("o", "held-out evaluation", markersize=4),
    }


def _averaged(groups: Sequence[Group]) -> str:
    most = max(len(group.runs) for group in groups)
    if most == 1:
        return ""
    return f", mean of {most} runs" if len(groups) == 1 else ", mean of the runs"


def _counted(group: Group) -> str:
    runs = "" if len(group.runs) == 1 else f" ({len(group.runs)} runs)"
    return literal(group.label + runs)
