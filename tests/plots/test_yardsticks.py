import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from plots.yardsticks import Yardstick, draw_yardsticks, label_yardsticks, merged_yardsticks


def names_and_values(lines):
    return [(line.name, line.value) for line in lines]


def test_chance_and_best_constant_within_2_percent_are_one_line():
    lines = merged_yardsticks([("clock", {"chance": 180.5, "best_constant": 180.0, "floor": 4.0})], "min")
    assert names_and_values(lines) == [("chance = best constant", 180.25), ("floor", 4.0)]
    assert [line.label for line in lines] == ["chance = best constant (180 min)", "floor (4 min)"]


@pytest.mark.parametrize(("best", "count"), [(98.01, 1), (97.99, 2)])
def test_where_2_percent_ends(best: float, count: int):
    assert len(merged_yardsticks([("clock", {"chance": 100.0, "best_constant": best})], "min")) == count


def test_lines_come_highest_first_and_without_a_unit():
    lines = merged_yardsticks([("scatter", {"floor": 0.0, "best_constant": 0.5, "chance": 0.667})], "")
    assert [line.label for line in lines] == ["chance (0.667)", "best constant (0.5)", "floor (0)"]


def test_the_oracle_is_not_drawn():
    assert merged_yardsticks([("clock", {"oracle": 0.0})], "min") == []


def test_runs_that_agree_share_a_line():
    lines = merged_yardsticks([("a", {"chance": 180.0}), ("a", {"chance": 181.0})], "min")
    assert names_and_values(lines) == [("chance", 180.5)]


def test_runs_that_differ_get_a_line_each():
    lines = merged_yardsticks([("points=20", {"chance": 0.6}), ("points=75", {"chance": 0.5})], "r")
    assert names_and_values(lines) == [("chance, points=20", 0.6), ("chance, points=75", 0.5)]


def test_a_yardstick_below_the_axis_is_named_at_the_bottom_without_a_line():
    axes = labelled_axes([Yardstick("chance", 50.0, "min"), Yardstick("floor", 0.0, "min")], log=True)
    assert [text.get_text() for text in axes.texts] == ["chance (50 min)", "floor (0 min) ↓"]
    assert [text.xy[1] for text in axes.texts] == [50.0, 1.0]
    assert [line.get_gid() for line in axes.lines] == ["yardstick chance"]


@pytest.mark.parametrize("values", [(100.0, 97.0, 94.0), (100.0, 90.0, 80.0), (3.0, 2.0, 1.0), (99.0, 50.0, 1.0)])
def test_labels_never_overlap(values: tuple[float, float, float]):
    axes = labelled_axes([Yardstick(f"line number {i}", value, "min") for i, value in enumerate(values)])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 3
    assert not any(boxes[i].overlaps(boxes[j]) for i, j in [(0, 1), (0, 2), (1, 2)])
    assert all(axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1 for box in boxes)


def test_a_label_makes_way_for_a_curve():
    free = labelled_axes([Yardstick("chance", 50.0, "min")])
    assert free.texts[0].get_ha() == "right"
    assert free.texts[0].get_va() == "bottom"
    crowded = labelled_axes([Yardstick("chance", 50.0, "min")], curve=[52, 52])
    assert crowded.texts[0].get_va() == "top"


def labelled_axes(yardsticks, log=False, curve=()):
    figure = Figure(figsize=(5, 3))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(range(len(curve)), curve) if curve else None
    axes.set_yscale("log" if log else "linear")
    axes.set_ylim(1 if log else 0, 110)
    draw_yardsticks(axes, yardsticks)
    figure.draw_without_rendering()
    label_yardsticks(axes, yardsticks)
    return axes
