"""The page is what the code would write today, and what is written is right."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from envs import Problem, make_task, problem, register
from envs.__main__ import main
from envs.gallery import gallery
from envs.sheet import contact_sheet
from rendering import render
from tests.envs.test_task import Sum
from tests.readme import ROOT

DOCS = ROOT / "docs"
COMMAND = "run `python -m envs gallery`, look at what changed, and commit it"


@pytest.fixture(scope="module")
def built_in():
    return gallery()


@dataclass(frozen=True)
class Odd(Sum):
    """A task <b>whose</b> `<words>` are hard | to print.

    Second paragraph,
    of two lines.

    Attributes:
        needed: Has to be given | or not,
            over two <i>lines</i>.
    """

    needed: int

    def generate(self, rng):
        posed = super().generate(rng)
        return Problem(f"```\n{posed.prompt}", posed.answer)


def rows_of(text, heading):
    """The cells of the table's rows under a heading."""
    table = text.partition(f"# {heading}\n")[2].lstrip().partition("\n\n")[0]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table.splitlines()[2:]]


# -- the page in docs/ ---------------------------------------------------------------------------------------------


def test_the_page_is_up_to_date(built_in):
    told = (DOCS / "GALLERY.md").read_text(encoding="utf-8")
    assert told == built_in.text, f"docs/GALLERY.md is out of date: {COMMAND}."


def test_the_pictures_are_up_to_date(built_in):
    stored = {path.relative_to(DOCS).as_posix() for path in (DOCS / "gallery").iterdir()}
    assert not stored - built_in.pictures.keys(), "these are no longer shown: delete them"
    assert stored == built_in.pictures.keys(), f"docs/gallery lacks pictures: {COMMAND}."
    for path, picture in built_in.pictures.items():
        before = np.asarray(Image.open(DOCS / path).convert("RGB"))
        assert before.shape == picture.shape, f"docs/{path} is out of date: {COMMAND}."
        apart = np.abs(before.astype(int) - picture).max()  # 2 for processors that round differently
        assert apart <= 2, f"docs/{path} is out of date: {COMMAND}."


def test_the_page_is_small():
    assert sum(path.stat().st_size for path in (DOCS / "gallery").iterdir()) < 1_000_000


# -- what it says --------------------------------------------------------------------------------------------------


def test_what_is_linked_is_there(built_in):
    anchors = {
        re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", built_in.text, re.M)
    }
    links = re.findall(r"\]\(#([^)]+)\)", built_in.text)
    assert {"clock", "scatter", "correlation", "options-of-every-task"} <= set(links) <= anchors
    assert set(re.findall(r"!\[[^]]*\]\(([^)]+)\)", built_in.text)) == built_in.pictures.keys()


def test_each_look_shows_the_first_problems(built_in):
    task = make_task("clock", style="mirrored")
    assert np.array_equal(built_in.pictures["gallery/clock-mirrored.png"], contact_sheet(task, 4))
    first = render(problem(task, 0).scene, 112)
    assert np.array_equal(built_in.pictures["gallery/clock-mirrored.png"][10:122, 10:122], first)
    section = built_in.text.partition("\n## Clock\n")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `([\w-]+)`(, for evaluation alone)? \| !\[", section, re.M))
    assert told.pop("plain") == told.pop("varied") == told.pop("mixed") == ""
    assert told == dict.fromkeys(make_task("clock").shifted_styles, ", for evaluation alone")


def test_yardsticks_are_those_of_a_dial(built_in):
    section = built_in.text.partition("\n## Clock\n")[2].partition("\n## ")[0]
    chance, constant, oracle, floor = re.search(r"error \(min\) \|(.*)\|", section).group(1).split("|")
    assert float(chance) == pytest.approx(180, abs=3)  # a quarter of twelve hours
    assert float(constant) == pytest.approx(180, abs=5)
    assert (float(oracle), float(floor)) == (0.0, 0.0)


def test_every_option_of_every_task_has_a_meaning(built_in):
    headings = re.findall(r"^#+ (Options of .*)$", built_in.text, re.M)
    assert len(headings) >= 6
    for heading in headings:
        rows = rows_of(built_in.text, heading)
        assert rows, heading
        assert all(len(row) == 4 and all(row) for row in rows), heading


def test_options_are_those_of_the_task(built_in):
    rows = {row[0]: row[1:] for row in rows_of(built_in.text, "Options of Scatter")}
    assert rows["`min_points`"] == ["a whole number", "`20`", "The fewest points, 3 and up."]
    assert rows["`reward_sharpness`"][1] == "`100.0`"  # which every task has, here with another default
    assert "`format_weight`" not in rows
    assert {row[0]: row[2] for row in rows_of(built_in.text, "Options of Maths")}["`source`"] == "must be given"
    assert "`eyechart/Correlation-v0` is [Scatter](#scatter) by another name." in built_in.text


def test_no_path_of_this_machine_is_told(built_in):
    assert "/tmp" not in built_in.text
    assert str(ROOT) not in built_in.text


# -- tasks of one's own --------------------------------------------------------------------------------------------


def test_the_command_writes_a_page_of_ones_own_task(run_python, thermometer, tmp_path):
    name = f"{thermometer}:thermometer"
    ran = run_python("-m", "envs", "gallery", name, "--out", "pages/Mine.md", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    text = (tmp_path / "pages" / "Mine.md").read_text()
    assert f"`python -m envs gallery {name}`" in text
    assert "How warm? <answer>NUMBER</answer>" in text
    assert ["`hottest`", "a whole number", "`80`", ""] in rows_of(text, "Options of Thermometer")  # as registered
    sheet = np.asarray(Image.open(tmp_path / "pages" / "mine" / "thermometer.png"))
    assert np.array_equal(sheet, contact_sheet(make_task(name), 4))
    assert "## Clock" not in text


def test_hard_words_are_printed_as_they_are(clean_registry):
    register("Odd-v0", Odd)
    register("Given-v0", Odd, needed=3)
    text = gallery(["Odd-v0", "given"]).text
    assert "A task &lt;b>whose&lt;/b> `<words>` are hard | to print.\n\nSecond paragraph, of two lines.\n" in text
    assert "It needs `needed` to be made, so no problem is shown." in text
    row = ["`needed`", "a whole number", "must be given", "Has to be given \\| or not, over two &lt;i>lines&lt;/i>."]
    assert rows_of(text, "Options of Odd") == [row]
    assert re.search(r"^````text\n```\n\d+ \+ \d+\? <answer>NUMBER</answer>\n````$", text, re.M)


def test_what_cannot_be_shown_is_told(capsys, tmp_path):
    assert main(["gallery", "CartPole-v1", "--out", str(tmp_path / "page.md")]) == 2
    assert "CartPole-v1 is not made from a Task" in capsys.readouterr().err
    assert main(["gallery", "--task.size", "64"]) == 2
    assert "takes no --task.size" in capsys.readouterr().err
    assert main(["gallery", "clock", "--out", str(tmp_path)]) == 2
    assert "names the Markdown file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
