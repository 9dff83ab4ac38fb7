"""Figures for a page: drawn once, as SVG on light and on dark paper."""

import base64
import io
import re
from dataclasses import dataclass

from matplotlib.figure import Figure

from plots.style import house_style, on_dark

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
COMMENT = re.compile(r"<!--.*?-->", re.S)


@dataclass(frozen=True)
class Picture:
    """A figure as data URIs; `narrow` is the one for a phone.

    Attributes:
        alt: what it shows, in words.
        light: on light paper.
        dark: on dark paper.
        narrow_light: for a narrow screen, on light paper.
        narrow_dark: likewise, on dark paper.

    """

    alt: str
    light: str
    dark: str
    narrow_light: str
    narrow_dark: str


def picture(alt: str, wide: Figure, narrow: Figure) -> Picture:
    """Turn a figure and its narrow form into a picture; the same figures give the same bytes."""
    return Picture(alt, *_both(wide), *_both(narrow))


def _both(figure: Figure) -> tuple[str, str]:
    kept = io.StringIO()
    with house_style():
        figure.savefig(kept, format="svg", metadata={"Date": None})
    # names from files are in it, as comments and ids, and not all that a file can say is XML
    svg = NOT_IN_XML.sub("�", COMMENT.sub("", kept.getvalue()))
    return _uri(svg), _uri(on_dark(svg))


def _uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"
