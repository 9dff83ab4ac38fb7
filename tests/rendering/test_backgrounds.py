"""Backgrounds: literal ramps, and grain that its seed fixes."""

import numpy as np

from rendering import Gradient, Noise, Scene, render


def test_a_gradient_runs_from_one_side_to_the_other():
    across = render(Scene((), Gradient((0, 100, 200), (100, 100, 0))), (2, 4))
    assert across[0].tolist() == [[13, 100, 175], [38, 100, 125], [63, 100, 75], [88, 100, 25]]
    np.testing.assert_array_equal(across[0], across[1])
    up = render(Scene((), Gradient((0, 0, 0), (100, 100, 100), angle=90.0)), 4)
    assert up[:, 0, 0].tolist() == [88, 63, 38, 13]


def test_noise_is_fixed_by_its_seed():
    first, again, other = (render(Scene((), Noise((100, 100, 100), 5, seed)), 40) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.8
    values, counts = np.unique(first, return_counts=True)
    assert values.tolist() == list(range(95, 106))
    assert counts.min() > 4800 / 11 * 0.8
    assert (render(Scene((), Noise((1, 2, 3), 0, 0)), 5) == (1, 2, 3)).all()
    assert render(Scene((), Noise((250, 3, 128), 40, 0)), 50)[..., 0].max() == 255


def test_the_grain_is_the_same_with_every_version_of_numpy():
    assert render(Scene((), Noise((128, 128, 128), 100, 7)), 2)[0].tolist() == [
        [137, 86, 207],
        [217, 160, 79],
    ]
