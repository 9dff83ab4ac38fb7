import numpy as np
import pytest

from plots.groups import Series, average, group_runs, series_of, smooth
from plots.runs import RunError, read_run
from tests.plots.conftest import EVALS, MakeRun


def labels_and_names(groups):
    return [(group.label, [run.name for run in group.runs]) for group in groups]


def test_runs_that_differ_in_seed_alone_are_one_group(make_run: MakeRun):
    runs = [read_run(make_run(f"clock-{seed}", seed=seed)) for seed in range(3)]
    assert labels_and_names(group_runs(runs)) == [("eyechart/Clock-v0", ["clock-0", "clock-1", "clock-2"])]


def test_groups_are_named_after_the_setting_that_differs(make_run: MakeRun):
    folders = [
        make_run("a", seed=0, learning_rate=0.01, group_size=8),
        make_run("b", seed=0, learning_rate=0.005, group_size=8),
        make_run("c", seed=1, learning_rate=0.01, group_size=8),
    ]
    groups = group_runs([read_run(folder) for folder in folders])
    assert labels_and_names(groups) == [("learning_rate=0.01", ["a", "c"]), ("learning_rate=0.005", ["b"])]


def test_settings_that_only_some_runs_have_differ_too(make_run: MakeRun):
    folders = [make_run("a", loss={"kl": 0.1}), make_run("b", loss={"kl": 0.2}, lora=True)]
    groups = group_runs([read_run(folder) for folder in folders])
    assert [group.label for group in groups] == ["loss.kl=0.1, lora=null", "loss.kl=0.2, lora=true"]


def test_env_and_task_fields_are_settings(make_run: MakeRun):
    folders = [make_run("a"), make_run("b", fields={"size": 224}), make_run("c", env="my/Dial-v0")]
    groups = group_runs([read_run(folder) for folder in folders])
    assert [group.label for group in groups] == [
        "env=eyechart/Clock-v0, task.size=112",
        "env=eyechart/Clock-v0, task.size=224",
        "env=my/Dial-v0, task.size=112",
    ]


def test_how_the_env_was_typed_does_not_matter(make_run: MakeRun):
    # `settings["env"]` is "clock" in one and the full id in the other; the resolved id is the same.
    first, second = make_run("a"), make_run("b")
    config = second / "config.json"
    config.write_text(config.read_text().replace('"env": "clock"', '"env": "eyechart/Clock-v0"'))
    assert len(group_runs([read_run(first), read_run(second)])) == 1


def test_many_differences_make_way_for_the_folders_names(make_run: MakeRun):
    folders = [make_run("a", p=1, q=1, r=1, s=1), make_run("b", p=2, q=2, r=2, s=2)]
    groups = group_runs([read_run(folder) for folder in folders])
    assert [group.label for group in groups] == ["a", "b"]


def test_each_run_by_itself(make_run: MakeRun):
    runs = [read_run(make_run(f"clock-{seed}", seed=seed)) for seed in range(2)]
    assert labels_and_names(group_runs(runs, each=True)) == [
        ("clock-0", ["clock-0"]),
        ("clock-1", ["clock-1"]),
    ]


def test_different_units_are_an_error(make_run: MakeRun):
    clock, scatter = make_run("clock"), make_run("scatter", unit="r", env="eyechart/Scatter-v0")
    with pytest.raises(RunError) as error:
        group_runs([read_run(clock), read_run(scatter)])
    assert str(error.value) == (
        f"The runs measure their errors in different units: {clock} in 'min' (eyechart/Clock-v0); "
        f"{scatter} in 'r' (eyechart/Scatter-v0). Plot the runs of one unit at a time."
    )


def test_a_run_given_twice_is_an_error(make_run: MakeRun):
    folder = make_run()
    with pytest.raises(RunError, match=r"runs/clock/../clock was given twice"):
        group_runs([read_run(folder), read_run(folder.parent / "clock" / ".." / "clock")])


def test_no_run_is_an_error():
    with pytest.raises(RunError, match="No run was given"):
        group_runs([])


def test_at_step_0_the_evaluation_after_the_cold_start_counts(make_run: MakeRun):
    run = read_run(make_run())
    steps = series_of(run, "evals", "mae", "steps")
    assert (steps.x.tolist(), steps.y.tolist()) == ([0, 10, 20], [180, 60, 12])
    seconds = series_of(run, "evals", "mae", "seconds")
    assert (seconds.x.tolist(), seconds.y.tolist()) == ([5, 20, 50, 80], [360, 180, 60, 12])


def test_empty_cells_and_absent_columns_are_left_out(make_run: MakeRun):
    evals = (*EVALS[:3], ("end", 20, "", 3, 1, 0.7, 181, 80))
    run = read_run(make_run(evals=evals))
    assert series_of(run, "evals", "mae", "steps").x.tolist() == [0, 10]
    assert series_of(run, "evals", "no such column", "steps").x.size == 0


def test_mean_and_range_of_two_series_by_hand():
    # They share 10..30: the first one is 100 at 10 and 20 at 30, halfway 60; the second 40 at 20.
    first = Series(np.array([0.0, 10, 30]), np.array([200.0, 100, 20]))
    second = Series(np.array([10.0, 20, 40]), np.array([80.0, 40, 20]))
    curve = average([first, second])
    assert curve.x.tolist() == [10, 20, 30]
    assert curve.mean.tolist() == [90, 50, 25]
    assert curve.low.tolist() == [80, 40, 20]
    assert curve.high.tolist() == [100, 60, 30]


def test_the_standard_deviation_is_that_of_a_sample():
    # Of 1, 2, 6: mean 3, squared differences 4 + 1 + 9 = 14, over 2 is 7.
    series = [Series(np.array([0.0]), np.array([value])) for value in (1.0, 2.0, 6.0)]
    curve = average(series, "std")
    assert curve.mean.tolist() == [3]
    np.testing.assert_allclose(curve.low, [3 - 7**0.5])
    np.testing.assert_allclose(curve.high, [3 + 7**0.5])


@pytest.mark.parametrize("spread", ["range", "std"])
def test_one_series_is_its_own_mean_without_spread(spread):
    one, none = Series(np.array([1.0, 4]), np.array([5.0, 7])), Series(np.empty(0), np.empty(0))
    curve = average([one, none], spread)
    for values in (curve.mean, curve.low, curve.high):
        assert values.tolist() == [5, 7]


def test_series_without_common_ground_have_no_mean():
    early, late = Series(np.array([1.0]), np.array([5.0])), Series(np.array([2.0]), np.array([6.0]))
    assert average([early, late]).x.size == 0
    assert average([]).x.size == 0


def test_smoothing_by_hand():
    series = Series(np.arange(4.0), np.array([0.0, 3, 6, 0]))
    assert smooth(series, 3).y.tolist() == [1.5, 3, 3, 3]
    assert smooth(series, 1).y.tolist() == [0, 3, 6, 0]
    # A window longer than the series: each point averages whatever is within 4 of it, which is all.
    assert smooth(series, 9).y.tolist() == [2.25, 2.25, 2.25, 2.25]
