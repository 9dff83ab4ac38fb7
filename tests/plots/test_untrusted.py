import base64
import struct
from pathlib import Path

import pytest

from plots.untrusted import checked_uri, clipped, picture_in, short, visible
from tests.plots.evaluation_files import picture

SEEN = {
    "plain": ("a <b> & 'c'", "a <b> & 'c'"),
    "letters of any script": ("12 Uhr, 半, ساعة, é", "12 Uhr, 半, ساعة, é"),
    "line ends and tabs stay": ("a\n\tb", "a\n\tb"),
    "control characters": ("a\x00b\x1b[31m\r\x7f", "a␀b␛[31m␍␡"),
    "right-to-left override": ("abc\u202ecba", "abc\\u202ecba"),
    "lone surrogate": ("\ud800", "\\ud800"),
    "nothing to see": ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
    "beyond sixteen bits": ("\U000e0041", "\\U000e0041"),
    "wide space": ("a\u3000b\u00a0c", "a b c"),
}


@pytest.mark.parametrize(("text", "seen"), SEEN.values(), ids=SEEN.keys())
def test_what_would_hide_is_shown(text: str, seen: str):
    assert visible(text) == seen


def test_a_name_is_one_short_line():
    assert short("gpt\nnine") == "gpt␊nine"
    assert short("x" * 30, 10) == "x" * 9 + "…"
    assert short("x" * 10, 10) == "x" * 10
    assert len(short("\u202e" * 10_000_000)) == 120


def test_a_clipped_text_says_how_much_is_missing():
    assert clipped("abcdef", 4) == ("abcd", 2)
    assert clipped("abcd", 4) == ("abcd", 0)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + bytes(20)


def uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def test_a_png_is_let_through_as_it_is():
    good = picture(3600)
    assert checked_uri(good) == good


REFUSED = {
    "script": "javascript:alert(1)",
    "web": "https://example.org/x.png",
    "svg": "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=",
    "not base64": 'data:image/png;base64,AAAA" onerror="alert(1)',
    "trailing newline": picture(1) + "\n",
    "not a PNG": uri(b"GIF89a" + bytes(40)),
    "broken": "data:image/png;base64,AAAAA",
    "empty": "data:image/png;base64,",
    "nothing": "",
    "huge when unpacked": uri(png(50_000, 50_000)),
    "no width": uri(png(0, 5)),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused(refused: str):
    assert checked_uri(refused) is None


def test_a_run_shows_pictures_of_its_own_folder_alone(tmp_path: Path):
    run = tmp_path / "run"
    (run / "images").mkdir(parents=True)
    for file in (run / "images/a.png", tmp_path / "secret.png"):
        file.write_bytes(png(4, 4))
    (run / "images/text.png").write_text("no picture at all, whatever it is called")
    (run / "out.png").symlink_to(tmp_path / "secret.png")
    (run / "in.png").symlink_to(run / "images/a.png")
    assert picture_in(run, "images/a.png") == uri(png(4, 4))
    assert picture_in(run, "in.png") == uri(png(4, 4))
    refused = ("../secret.png", str(tmp_path / "secret.png"), "out.png", "images/../../secret.png", "images/text.png",
               "images", "missing.png", "a\0b", "x" * 5000, "")  # fmt: skip
    assert [picture_in(run, path) for path in refused] == [None] * len(refused)
