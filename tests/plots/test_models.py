from pathlib import Path

import numpy as np
import pytest

from plots import RunError, draw_curves, draw_points, read_evaluation, read_run
from plots.models import labels_of
from plots.style import color_of
from tests.plots.conftest import MakeRun
from tests.plots.evaluation_files import clock_evaluation, interval, write_evaluation


def evaluation(tmp_path: Path, name: str, mae: float = 50.0, file: str = "", **changes):
    document = clock_evaluation(name, problems=3, **changes)
    document["conditions"][0]["figures"]["mae"] = interval(mae, mae - 10, mae + 10)
    return read_evaluation(write_evaluation(tmp_path / f"{file or name}.json", document))


def line(axes, gid: str):
    (found,) = [line for line in axes.lines if line.get_gid() == gid]
    return found


def test_an_evaluation_is_a_line_with_a_band_in_a_colour_of_its_own(make_run: MakeRun, tmp_path: Path):
    evaluations = [evaluation(tmp_path, "gpt", 50), evaluation(tmp_path, "qwen", 90)]
    for axes in draw_curves([read_run(make_run())], evaluations=evaluations).axes[:2]:
        assert line(axes, "model gpt").get_ydata() == [50, 50]
        assert [line(axes, f"model {name}").get_color() for name in ("gpt", "qwen")] == [color_of(1), color_of(2)]
        (band,) = [patch for patch in axes.patches if patch.get_gid() == "interval qwen"]
        assert (band.get_y(), band.get_height()) == (80, 20)
        assert [(text.get_text(), text.get_color()) for text in axes.texts] == [
            ("chance = best constant (180 min)", "#666666"), ("qwen (90 min)", color_of(2)),
            ("gpt (50 min)", color_of(1)), ("floor (4 min)", "#666666")]  # fmt: skip


def test_a_line_above_everything_is_in_view(make_run: MakeRun, tmp_path: Path):
    axes = draw_curves([read_run(make_run())], evaluations=[evaluation(tmp_path, "bad", 900)]).axes[0]
    assert axes.get_ylim()[1] > 900


def test_rewards_are_compared_with_rewards(make_rewarded: MakeRun, tmp_path: Path):
    document = clock_evaluation("own", problems=3, env="Own-v0", task=None)
    for condition in document["conditions"]:
        condition["figures"] = {"reward": interval(0.75, 0.5, 1.0)}
    evaluations = [read_evaluation(write_evaluation(tmp_path / "own.json", document))]
    axes = draw_curves([read_run(make_rewarded())], evaluations=evaluations).axes[0]
    assert line(axes, "model own").get_ydata() == [0.75, 0.75]
    assert (
        draw_points(evaluations).axes[0].get_xlabel() == "held-out reward, 95% interval\nhollow: with a blank picture"
    )


def test_another_environment_or_unit_cannot_share_the_picture(make_run: MakeRun, tmp_path: Path):
    run = read_run(make_run())
    other = evaluation(tmp_path, "scatter", env="eyechart/Scatter-v0")
    unit = evaluation(tmp_path, "seconds", task={"unit": "s"})
    for wrong, said in ((other, "eyechart/Scatter-v0 in min"), (unit, "eyechart/Clock-v0 in s")):
        with pytest.raises(RunError, match="different environments cannot share a picture") as error:
            draw_curves([run], evaluations=[wrong])
        assert f"{wrong.path} of {said}; {run.folder} of eyechart/Clock-v0 in min" in str(error.value)
        with pytest.raises(RunError, match="different environments"):
            draw_points([evaluation(tmp_path, "clock"), wrong])


def test_the_same_file_twice(tmp_path: Path):
    with pytest.raises(RunError, match=r"gpt\.json was given twice"):
        draw_points([evaluation(tmp_path, "gpt"), evaluation(tmp_path, "gpt")])


def test_models_that_share_a_name_are_told_apart(tmp_path: Path):
    named = [evaluation(tmp_path, "gpt", file=file) for file in ("plain", "varied")]
    assert labels_of(named) == ["gpt (plain)", "gpt (varied)"]
    assert labels_of([evaluation(tmp_path, "x" * 99, file="long")]) == ["x" * 39 + "…"]
    hostile = evaluation(tmp_path, "n", file="hostile")
    object.__setattr__(hostile, "name", "a\x00\u202e\nb")
    assert labels_of([hostile]) == ["a␀\\u202e␊b"]


def test_points_have_intervals_and_yardsticks(tmp_path: Path):
    figure = draw_points([evaluation(tmp_path, "gpt", 50), evaluation(tmp_path, "qwen", 90)])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["qwen", "gpt"]
    found = {bars[0].get_gid(): bars for bars in axes.containers}
    assert set(found) == {"asked gpt", "blank gpt", "asked qwen", "blank qwen"}
    points, _, (bar,) = found["asked gpt"]
    assert (points.get_xdata().tolist(), points.get_ydata().tolist()) == ([50], [1])
    assert np.array(bar.get_segments()[0])[:, 0].tolist() == [40, 60]
    assert found["blank gpt"][0].get_markerfacecolor() == "white"
    assert line(axes, "yardstick chance = best constant").get_xdata() == [179.55, 179.55]
    assert {text.get_text() for text in axes.texts} == {"chance = best constant (180 min)", "floor (0 min)"}


def test_no_point_to_draw(tmp_path: Path):
    with pytest.raises(RunError, match="No evaluation was given"):
        draw_points([])
    document = clock_evaluation(problems=3)
    document["conditions"][0]["figures"] = {}
    with pytest.raises(RunError, match="neither errors nor rewards"):
        draw_points([read_evaluation(write_evaluation(tmp_path / "none.json", document))])


def test_a_narrow_picture_has_its_panels_below_each_other(make_run: MakeRun):
    run = read_run(make_run())
    narrow = draw_curves([run], by="steps", narrow=True)
    assert [axes.get_ylabel() for axes in narrow.axes] == ["held-out MAE (min, log scale)", "reward", "answers parsed"]
    assert {axes.get_subplotspec().get_geometry()[:2] for axes in narrow.axes} == {(3, 1)}
    both = draw_curves([run], narrow=True)
    assert [axes.get_xlabel() for axes in both.axes] == [
        "training steps",
        "seconds",
        "training steps",
        "training steps",
    ]


def test_yardsticks_beyond_every_point_are_in_the_picture(tmp_path: Path):
    document = clock_evaluation("good")
    document["conditions"] = document["conditions"][:1]  # without the blank picture, whose error is near chance
    document["conditions"][0]["figures"]["mae"] = {"value": 1.0, "low": 0.5, "high": 2.0}
    axes = draw_points([read_evaluation(write_evaluation(tmp_path / "good.json", document))]).axes[0]
    (chance,) = [line for line in axes.lines if str(line.get_gid()).startswith("yardstick chance")]
    assert axes.get_xlim()[0] == 0
    assert chance.get_xdata()[0] == pytest.approx(179.55)  # with the best constant, which is as good as equal
    assert axes.get_xlim()[1] == pytest.approx(1.05 * 179.55)
