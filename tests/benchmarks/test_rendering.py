"""The benchmark compares like with like."""

import numpy as np

from tests.benchmarks import rendering as benchmark
from tests.benchmarks import scatter


def apart(one, other):
    """Mean difference in grey levels, but for the numerals, which matplotlib centres otherwise."""
    y, x = (np.indices(one.shape[:2]) + 0.5) / benchmark.SIZE - 0.5
    kept = np.abs(np.hypot(x, y) - 0.338) > 0.06
    return np.abs(one.astype(float) - other)[kept].mean()


def test_all_ways_draw_the_same_clock():
    picture = benchmark.cached(26730.0)
    np.testing.assert_array_equal(benchmark.same_geometry(26730.0), picture)
    np.testing.assert_array_equal(benchmark.uncached(26730.0), picture)
    for collections in (False, True):
        for draw in (benchmark.figure_to_array, benchmark.figure_to_png):
            assert apart(draw(26730.0, collections), picture) < 0.5
    assert apart(benchmark.cached(26730.0 + 6 * 3600), picture) > 3.0


def test_all_ways_draw_the_same_plot():
    picture = scatter.layered(5.0, 224)
    np.testing.assert_array_equal(scatter.unlayered(5.0, 224), picture)
    data = np.s_[14:180, 50:204]  # within the frame: texts and ticks are hinted otherwise
    for draw in (scatter.figure_to_array, scatter.figure_to_png):
        assert (
            np.abs(draw(5.0, 224).astype(float) - picture)[data].mean() < 7.0
        )  # matplotlib moves markers to whole pixels
    assert np.abs(scatter.layered(9.0, 224).astype(float) - picture)[data].mean() > 12.0
