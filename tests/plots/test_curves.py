from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from plots import RunError, draw_curves, read_run, write_curves
from tests.plots.conftest import EVALS, METRICS, MakeRun

# The same run at other speed and height: 20, 80, 30 and 6 minutes less.
SECOND_SEED = (
    ("start", 0, 340, 340, 0, 0, 340, 5),
    ("cold-start", 0, 100, 90, 1, 0.3, 182, 20),
    ("train", 10, 30, 20, 0.7, 0.6, 178, 40),
    ("end", 20, 6, 1, 1, 0.9, 181, 60),
)
GROUP = "eyechart/Clock-v0"


def draw(*folders: Path, **options) -> Figure:
    return draw_curves([read_run(folder) for folder in folders], **options)


def points(axes, gid: str) -> list[list[float]]:
    """The data of the only line with this gid, as [x, y]."""
    (line,) = [line for line in axes.lines if line.get_gid() == gid]
    return [np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()]


def gids(axes) -> set[str]:
    return {str(artist.get_gid()) for artist in (*axes.lines, *axes.collections, *axes.patches)}


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_the_errors_of_one_run(make_run: MakeRun):
    steps, seconds, _, _ = draw(make_run()).axes
    assert points(steps, f"mae {GROUP}") == [[0, 10, 20], [180, 60, 12]]
    assert points(steps, f"median_error {GROUP}") == [[0, 10, 20], [170, 40, 3]]
    assert points(steps, f"blank_mae {GROUP}") == [[0, 10, 20], [182, 178, 181]]
    assert points(steps, f"start {GROUP}") == [[0], [360]]
    assert points(seconds, f"mae {GROUP}") == [[5, 20, 50, 80], [360, 180, 60, 12]]
    (blank,) = [line for line in steps.lines if line.get_gid() == f"blank_mae {GROUP}"]
    assert blank.get_linestyle() == ":"


def test_the_cold_start_is_shaded_between_its_two_evaluations(make_run: MakeRun):
    steps, seconds, _, _ = draw(make_run()).axes
    (shade,) = [patch for patch in seconds.patches if patch.get_gid() == "shade"]
    assert (shade.get_x(), shade.get_width()) == (5, 15)
    assert "shade" not in gids(steps)


def test_without_a_cold_start_there_is_nothing_to_shade(make_run: MakeRun):
    figure = draw(make_run(evals=(EVALS[0], *EVALS[2:])))
    steps, seconds, _, _ = figure.axes
    assert points(steps, f"mae {GROUP}") == [[0, 10, 20], [360, 60, 12]]
    assert not {"shade", f"start {GROUP}"} & (gids(steps) | gids(seconds))
    assert not [text for text in legend_texts(figure) if "cold start" in text]


def test_the_yardsticks_are_labelled_lines(make_run: MakeRun):
    for axes in draw(make_run()).axes[:2]:
        assert [text.get_text() for text in axes.texts] == [
            "chance = best constant (180 min)",
            "floor (4 min)",
        ]
        _, values = points(axes, "yardstick chance = best constant")
        assert values == [180.25, 180.25]
        assert points(axes, "yardstick floor")[1] == [4, 4]


def test_no_yardsticks_no_lines(make_run: MakeRun):
    steps = draw(make_run(yardsticks=None)).axes[0]
    assert len(steps.texts) == 0
    assert not [gid for gid in gids(steps) if gid.startswith("yardstick")]


def test_reward_and_parsed_rate(make_run: MakeRun):
    _, _, reward, parsed = draw(make_run()).axes
    assert points(reward, f"training {GROUP}") == [[1, 2, 3], [0.1, 0.3, 0.2]]
    assert points(reward, f"evaluated {GROUP}") == [[0, 10, 20], [0.1, 0.4, 0.7]]
    assert points(parsed, f"training {GROUP}") == [[1, 2, 3], [0.8, 0.9, 1]]
    assert points(parsed, f"evaluated {GROUP}") == [[0, 10, 20], [1, 0.9, 1]]
    assert [axes.get_ylabel() for axes in (reward, parsed)] == ["reward", "answers parsed"]


def test_a_long_run_is_smoothed_over_the_raw_line(make_run: MakeRun):
    # 60 steps, reward 0 and 1 in turn: the window is 3, so the mean is 1/3 or 2/3 and 1/2 at the ends.
    metrics = tuple((step, step % 2, 1, step) for step in range(1, 61))
    figure = draw(make_run(metrics=metrics))
    reward = figure.axes[2]
    assert points(reward, f"raw {GROUP}")[1][:3] == [1, 0, 1]
    smoothed = points(reward, f"training {GROUP}")[1]
    assert smoothed[:3] == pytest.approx([1 / 2, 2 / 3, 1 / 3])
    assert smoothed[-1] == pytest.approx(1 / 2)
    assert {"training, smoothed over 3 steps", "training, every step"} <= set(legend_texts(figure))


def test_mean_and_range_of_two_seeds(make_run: MakeRun):
    figure = draw(make_run("a"), make_run("b", evals=SECOND_SEED, seed=1))
    steps, seconds, reward, _ = figure.axes
    assert points(steps, f"mae {GROUP}") == [[0, 10, 20], [140, 45, 9]]
    assert points(steps, f"start {GROUP}") == [[0], [350]]
    assert points(reward, f"evaluated {GROUP}") == [[0, 10, 20], pytest.approx([0.2, 0.5, 0.8])]
    # In seconds they share 5..60. a: 100 at 40, 60 at 50, 44 at 60. b: 30 at 40, 18 at 50, 6 at 60.
    x, mean = points(seconds, f"mae {GROUP}")
    assert x == [5, 20, 40, 50, 60]
    assert mean == pytest.approx([350, 140, 65, 39, 25])
    (band,) = [band for band in seconds.collections if band.get_gid() == f"spread {GROUP}"]
    edges = {(x, round(y, 6)) for x, y in band.get_paths()[0].vertices}
    assert {(40, 30), (40, 100), (50, 18), (50, 60), (60, 6), (60, 44)} <= edges
    # The slower run goes on alone.
    assert points(seconds, f"tail {GROUP}") == [[60, 80], [pytest.approx(44), 12]]
    assert {"MAE, mean of 2 runs", "lowest to highest run"} <= set(legend_texts(figure))


def test_the_legend_says_what_the_band_is(make_run: MakeRun):
    figure = draw(make_run("a"), make_run("b", evals=SECOND_SEED, seed=1), spread="std")
    band = next(b for b in figure.axes[0].collections if b.get_gid() == f"spread {GROUP}")
    # 180 and 100: mean 140, standard deviation sqrt(2 * 40^2) = 56.57.
    at_0 = sorted(y for x, y in band.get_paths()[0].vertices if x == 0)
    assert (at_0[0], at_0[-1]) == (pytest.approx(140 - 56.568542), pytest.approx(140 + 56.568542))
    assert "± 1 standard deviation of the runs" in legend_texts(figure)


def test_several_groups_have_names_colours_and_markers(make_run: MakeRun):
    figure = draw(
        make_run("a", learning_rate=0.01),
        make_run("b", learning_rate=0.01, seed=1, evals=SECOND_SEED),
        make_run("c", learning_rate=0.1),
    )
    steps, seconds, _, _ = figure.axes
    assert points(steps, "mae learning_rate=0.01")[1] == [140, 45, 9]
    assert points(steps, "mae learning_rate=0.1")[1] == [180, 60, 12]
    looks = {(line.get_color(), line.get_marker()) for line in steps.lines if str(line.get_gid())[:4] == "mae "}
    assert looks == {("#0072B2", "o"), ("#D55E00", "s")}
    assert points(seconds, "cold-start learning_rate=0.1") == [[20], [180]]
    assert {"learning_rate=0.01 (2 runs)", "learning_rate=0.1"} <= set(legend_texts(figure))
    assert figure.legends[0].get_title().get_text() == "eyechart/Clock-v0 · tiny"


def test_the_title_is_env_and_model(make_run: MakeRun):
    assert draw(make_run()).get_suptitle() == "eyechart/Clock-v0 · tiny"
    assert draw(make_run("from-run", model="runs/clock")).get_suptitle() == "eyechart/Clock-v0 · runs/clock"
    assert draw(make_run("from-disk", model="/home/me/runs/clock")).get_suptitle() == "eyechart/Clock-v0 · clock"


def test_a_model_that_differs_names_the_groups_instead(make_run: MakeRun):
    figure = draw(make_run("a"), make_run("b", model="Qwen/Qwen2.5-VL-3B-Instruct"))
    assert figure.legends[0].get_title().get_text() == "eyechart/Clock-v0"
    assert {"model=tiny", "model=Qwen/Qwen2.5-VL-3B-Instruct"} <= set(legend_texts(figure))


def test_a_fall_by_ten_is_drawn_on_a_log_scale_with_plain_numbers(make_run: MakeRun):
    figure = draw(make_run())
    for axes in figure.axes[:2]:
        assert axes.get_yscale() == "log"
        assert axes.get_ylabel() == "held-out MAE (min, log scale)"
        bottom, top = axes.get_ylim()
        ticks = [axes.yaxis.get_major_formatter()(tick, 0) for tick in axes.get_yticks() if bottom <= tick <= top]
        assert ticks == ["5", "10", "20", "50", "100", "200", "500"]


def test_a_smaller_fall_is_drawn_on_a_linear_scale_from_0(make_run: MakeRun):
    # 360 to 40 is a factor of nine.
    figure = draw(make_run(evals=(*EVALS[:2], ("end", 10, 40, 40, 0.9, 0.4, 178, 50))))
    for axes in figure.axes[:2]:
        assert (axes.get_yscale(), axes.get_ylim()[0]) == ("linear", 0)
        assert axes.get_ylabel() == "held-out MAE (min)"


def test_an_mae_of_0_needs_a_linear_scale(make_run: MakeRun):
    folder = make_run(evals=(*EVALS, ("end", 30, 0, 0, 1, 1, 178, 90)))
    assert draw(folder).axes[0].get_yscale() == "linear"
    assert draw(folder, scale="log").axes[0].get_yscale() == "log"


def test_a_scale_that_is_asked_for(make_run: MakeRun):
    assert draw(make_run(), scale="linear").axes[0].get_yscale() == "linear"


def test_one_evaluation_and_no_step(make_run: MakeRun):
    figure = draw(make_run(evals=EVALS[:1], metrics=()))
    steps, seconds, reward, _ = figure.axes
    assert points(steps, f"mae {GROUP}") == [[0], [360]]
    assert points(seconds, f"mae {GROUP}") == [[5], [360]]
    assert gids(reward) == {f"evaluated {GROUP}"}
    assert not [text for text in legend_texts(figure) if text.startswith("training")]


def test_runs_that_have_only_begun_are_shown_one_by_one(make_run: MakeRun):
    # One evaluation each, at 5 and at 6 seconds: no second is common to both, so there is no mean.
    later = (("start", 0, 340, 340, 0, 0, 340, 6),)
    figure = draw(make_run("a", evals=EVALS[:1]), make_run("b", evals=later, seed=1), scale="log")
    steps, seconds, _, _ = figure.axes
    assert points(steps, f"mae {GROUP}") == [[0], [350]]
    tails = [line.get_xydata().tolist() for line in seconds.lines if line.get_gid() == f"tail {GROUP}"]
    assert tails == [[[5, 360]], [[6, 340]]]


def test_nothing_measured_is_an_empty_picture(make_run: MakeRun):
    evals = (("start", 0, "", "", "", "", "", 5),)
    figure = draw(make_run(evals=evals, metrics=(), yardsticks=None), scale="log")
    assert figure.axes[0].get_yscale() == "linear"
    assert "mae" not in " ".join(gids(figure.axes[0]))


@pytest.mark.parametrize(("by", "labels"), [("steps", ["training steps"] * 3), ("seconds", ["seconds"] * 3)])
def test_by_one_axis_alone(make_run: MakeRun, by: str, labels: list[str]):
    figure = draw(make_run(), by=by)
    assert [axes.get_xlabel() for axes in figure.axes] == labels
    x = points(figure.axes[1], f"training {GROUP}")[0]
    assert x == ([1, 2, 3] if by == "steps" else [23, 26, 29])


def test_dollar_signs_in_a_setting_are_not_mathematics(make_run: MakeRun, tmp_path: Path):
    folders = [make_run("a", reward="$x_1$"), make_run("b", reward=r"\frac{$")]
    figure = draw(*folders)
    assert legend_texts(figure)[:2] == [r"reward=\$x_1\$", r"reward=\frac{\$"]
    assert write_curves(folders, tmp_path / "out.png").is_file()


def test_write_curves_returns_the_path_of_a_picture(make_run: MakeRun, tmp_path: Path):
    out = write_curves([make_run()], tmp_path / "new" / "curves.png")
    assert out == tmp_path / "new" / "curves.png"
    with Image.open(out) as picture:
        assert picture.size == (1600, 1120)


@pytest.mark.parametrize(("name", "start"), [("c.png", b"\x89PNG"), ("c.SVG", b"<?xml"), ("c.pdf", b"%PDF")])
def test_the_suffix_chooses_the_format_and_the_bytes_repeat(make_run: MakeRun, tmp_path, name, start):
    folder = make_run()
    first = write_curves([folder], tmp_path / name).read_bytes()
    assert first.startswith(start)
    assert write_curves([folder], tmp_path / name).read_bytes() == first


def test_another_suffix_is_an_error_before_anything_is_read(tmp_path: Path):
    with pytest.raises(RunError, match=r"curves.jpg must end in one of .png, .svg, .pdf"):
        write_curves([tmp_path / "does-not-exist"], tmp_path / "curves.jpg")


def test_a_resumed_run_that_repeats_steps_shows_the_later_ones(make_run: MakeRun):
    metrics = (*METRICS, (2, 0.5, 1, 40), (3, 0.6, 1, 43))
    reward = draw(make_run(metrics=metrics)).axes[2]
    assert points(reward, f"training {GROUP}") == [[1, 2, 3], [0.1, 0.5, 0.6]]
