import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plots import RunError, draw_confusion, read_evaluation, write_confusion
from plots.confusion import Readings, mean_errors, readings_of
from tests.plots.evaluation_files import clock_evaluation, clock_row, write_evaluation


def dial(truth, read, error=None, tolerance=0.0) -> Readings:
    errors = np.zeros(len(truth)) if error is None else np.array(error, float)
    return Readings(np.array(truth, float), np.array(read, float), errors, 0, "min", tolerance, 12.0)


def points(axes, gid: str = "readings") -> set[tuple[float, float]]:
    (line,) = [line for line in axes.lines if line.get_gid() == gid]
    return {(round(float(x), 6), round(float(y), 6)) for x, y in line.get_xydata()}


def test_only_answers_as_asked_that_could_be_read(tmp_path: Path):
    images: dict[str, str] = {}
    rows = [
        clock_row(0, 3600, images, truth_number=2.0),
        clock_row(1, None, images),
        clock_row(2, 7200, images, truth_number=None),
        clock_row(0, 1800, images, "blank"),
    ]
    path = write_evaluation(tmp_path / "x.json", clock_evaluation(problems=2, rows=rows, images=images))
    found = readings_of(read_evaluation(path))
    assert (found.truth.tolist(), found.read.tolist(), found.unread) == ([2.0], [1.0], 1)
    assert (found.unit, found.period) == ("min", 12.0)
    assert math.isclose(found.tolerance, 1 / 60)  # a minute, in hours: 360 minutes are half of 12 hours


def test_the_other_end_of_the_dial_is_in_the_margins():
    square, _ = draw_confusion(dial([11.9, 6.0], [0.1, 7.0])).axes
    assert points(square) == {(11.9, 0.1), (11.9, 12.1), (-0.1, 0.1), (-0.1, 12.1), (6.0, 7.0)}
    assert square.get_xlim() == square.get_ylim() == (-0.5, 12.5)
    diagonals = [line.get_ydata().tolist() for line in square.lines if line.get_gid() == "diagonal"]
    assert diagonals == [[-12.5, 0.5], [-0.5, 12.5], [11.5, 24.5]]


def test_the_tolerance_is_a_band_along_the_diagonal():
    square, _ = draw_confusion(dial([1.0], [1.0], tolerance=0.25)).axes
    bands = [band for band in square.collections if band.get_gid() == "tolerance"]
    assert len(bands) == 3
    corners = bands[1].get_paths()[0].vertices
    assert {tuple(corner) for corner in corners.tolist()} >= {
        (-0.5, -0.75),
        (-0.5, -0.25),
        (12.5, 12.75),
        (12.5, 12.25),
    }


def test_the_mean_error_by_position():
    found = dial([0.0, 2.9, 3.0, 11.99, 6.0], [0, 0, 0, 0, 0], [10, 30, 5, 7, math.nan])
    means = mean_errors(found, bins=4)  # 0 to 3, 3 to 6, 6 to 9, 9 to 12
    assert means[[0, 1, 3]].tolist() == [20, 5, 7]
    assert math.isnan(means[2])
    _, polar = draw_confusion(dial([3.25, 3.3], [0, 0], [10, 20])).axes
    (bar,) = [patch for patch in polar.patches if patch.get_gid() == "mean error"]
    middle = bar.get_x() + bar.get_width() / 2
    assert math.isclose(middle, 2 * math.pi * 3.25 / 12)  # the seventh of 24 half hours, clockwise from the top
    assert bar.get_height() == 15
    assert polar.get_theta_direction() == -1
    assert math.isclose(polar.get_theta_offset(), math.pi / 2)


def test_numbers_that_lie_on_no_dial():
    found = Readings(np.array([0.0, 10.0, 5.0]), np.array([0.5, 1e9, -40.0]), np.zeros(3), 2, "", 0.0, None)
    figure = draw_confusion(found, "gsm8k $x$")
    (square,) = figure.axes
    assert square.get_xlim() == square.get_ylim() == (-1.5, 11.5)
    assert points(square) == {(0.0, 0.5)}
    assert points(square, "beyond ^") == {(10.0, 11.5)}
    assert points(square, "beyond v") == {(5.0, -1.5)}
    assert figure.get_suptitle() == r"gsm8k \$x\$ · 2 not read"
    with pytest.raises(ValueError, match="needs a dial"):
        mean_errors(found)


def test_one_truth_alone_still_has_room():
    found = Readings(np.array([4.0]), np.array([4.0]), np.zeros(1), 0, "", 0.0, None)
    assert draw_confusion(found).axes[0].get_xlim() == pytest.approx((3.4, 4.6))


def test_so_many_that_not_all_are_drawn():
    many = np.linspace(1, 11, 2500)
    figure = draw_confusion(dial(many, many))
    assert figure.get_suptitle() == "the first 2000 of 2500 drawn"
    assert len(points(figure.axes[0])) == 2000


def test_narrow_puts_the_dial_below():
    wide, narrow = (draw_confusion(dial([1.0], [2.0]), narrow=narrow).axes for narrow in (False, True))
    assert wide[0].get_subplotspec().get_geometry()[:2] == (1, 2)
    assert narrow[0].get_subplotspec().get_geometry()[:2] == (2, 1)


def test_it_is_written_as_a_picture(tmp_path: Path):
    path = write_evaluation(tmp_path / "x.json")
    out = write_confusion(path, tmp_path / "new/c.png")
    with Image.open(out) as image:
        assert image.size == (1216, 640)  # 7.6 by 4 inches
    svgs = [write_confusion(path, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg")]
    assert svgs[0] == svgs[1]


def test_nothing_to_draw(tmp_path: Path):
    rows = [clock_row(0, None, {})]
    path = write_evaluation(tmp_path / "x.json", clock_evaluation(problems=1, rows=rows))
    with pytest.raises(RunError, match="has no answer that could be read as a number"):
        write_confusion(path, tmp_path / "c.png")
    with pytest.raises(RunError, match="must end in one of"):
        write_confusion(path, tmp_path / "c.jpg")
