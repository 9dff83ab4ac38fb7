"""Runs on environments that tell no errors: their curves are rewards."""

from pathlib import Path

import numpy as np
import pytest

from plots import RunError, draw_curves, read_run
from plots.__main__ import main
from tests.plots.conftest import MakeRun
from tests.plots.test_curves import draw, gids, legend_texts, points


def test_what_is_not_told_is_empty(make_rewarded: MakeRun):
    run = read_run(make_rewarded())
    assert (run.measure, run.unit, run.yardsticks, run.task_fields) == ("reward", "", {}, {})
    assert np.isnan(run.evals["mae"]).all()
    assert run.evals["reward"].tolist() == [-2.5, 1.5, 0.5]


def test_rewards_are_drawn_in_place_of_errors(make_rewarded: MakeRun):
    figure = draw(make_rewarded())
    steps, seconds, reward, tokens = figure.axes
    assert points(steps, "reward Own-v0") == [[0, 10, 20], [-2.5, 1.5, 0.5]]
    assert points(steps, "blank_reward Own-v0") == [[0, 10, 20], [-2.25, -2, -1]]
    assert points(seconds, "reward Own-v0") == [[4, 9, 14], [-2.5, 1.5, 0.5]]
    assert {axes.get_ylabel() for axes in (steps, seconds)} == {"held-out reward"}
    bottom, top = steps.get_ylim()
    assert bottom < -2.5
    assert top > 1.5
    assert not {gid for gid in gids(steps) if gid.startswith(("mae", "yardstick", "shade"))}
    assert points(reward, "training Own-v0") == [[1, 2, 3], [-2, -1, 0]]
    # which answers could be read is not known: their length stands there
    assert tokens.get_ylabel() == "tokens in an answer"
    assert points(tokens, "training Own-v0") == [[1, 2, 3], [7, 6, 5]]
    assert legend_texts(figure)[:2] == ["mean reward", "mean reward with a blank picture"]


def test_seeds_are_averaged(make_rewarded: MakeRun):
    second = make_rewarded("second", seed=1)
    text = (second / "evals.csv").read_text().replace("1.5,,-2,9", "0.5,,-2,9")
    (second / "evals.csv").write_text(text)
    steps, *_ = draw(make_rewarded("first"), second).axes
    assert points(steps, "reward Own-v0") == [[0, 10, 20], [-2.5, 1.0, 0.5]]
    assert "spread Own-v0" in gids(steps)


def test_an_error_that_is_told_is_drawn(make_rewarded: MakeRun):
    folder = make_rewarded()
    text = (folder / "evals.csv").read_text().replace("start,0,,", "start,0,4,").replace("end,20,,", "end,20,1,")
    (folder / "evals.csv").write_text(text)
    steps, *_ = draw(folder).axes
    assert points(steps, "mae Own-v0") == [[0, 20], [4, 1]]
    assert steps.get_ylabel() == "held-out MAE"


def test_rewards_have_no_common_scale(make_run: MakeRun, make_rewarded: MakeRun):
    own, other, clock = make_rewarded(), make_rewarded("other", env="Other-v0"), make_run()
    for pair in ((own, other), (own, clock)):
        with pytest.raises(RunError, match=r"different units: .*own in rewards of Own-v0"):
            draw(*pair)
    with pytest.raises(RunError, match="A log scale is for errors"):
        draw_curves([read_run(own)], scale="log")


def test_the_table_shows_the_highest_as_the_best(make_rewarded: MakeRun, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("COLUMNS", "300")
    main([str(make_rewarded()), "--out", str(tmp_path / "x.png")])
    said = capsys.readouterr().out
    assert "held-out reward" in said
    cells = [cell.strip() for cell in said.splitlines()[-3].split("│")]
    assert cells[-5:-1] == ["-2.5", "0.5", "1.5", "10"]
