"""The scatter task: the truth is the sample r of the points drawn, and of the picture."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import check_task, make_task, problem, resolve, yardsticks
from envs.tasks.scatter import Scatter, cloud, mix
from rendering import Markers, render
from tests.envs.test_clock import ANY_TEXT, WRITTEN

SCATTER = Scatter()
STYLES = ("plain", "varied", "outliers", "nonlinear", "dense", "tiny-axes")


def points(scene):
    """The points drawn, `(N, 2)`; there is one primitive of markers."""
    (markers,) = (item for item in scene.primitives if isinstance(item, Markers))
    return np.array(markers.points)


def sample_r(scene):
    return np.corrcoef(points(scene).T)[0, 1]


@pytest.mark.parametrize(
    ("text", "r"),
    [
        ("-0.42", -0.42),
        ("−0.42", -0.42),
        ("+0.42", 0.42),
        ("0.42", 0.42),
        (".42", 0.42),
        ("-.42", -0.42),
        ("r = 0.42", 0.42),
        ("r=−0.42", -0.42),
        ("R: +0.42", 0.42),
        ("<answer>+0.42</answer>", 0.42),
        ("<answer> r = -0.42 </answer>", -0.42),
        ("I see <answer>+0.42</answer>", 0.42),
        ("1", 1.0),
        ("-1.00", -1.0),
        ("0.", 0.0),
        ("-0.00", 0.0),
        ("0.4217", 0.4217),
        ("1.7", None),
        ("-1.01", None),
        ("42", None),
        ("NaN", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e-3", None),
        ("0,42", None),
        ("42%", None),
        ("±0.42", None),
        ("--0.42", None),
        ("r", None),
        ("", None),
        ("r = 0.4 or 0.5", None),
        ("<answer>0.4 0.5</answer>", None),
        ("<answer>0.4</answer><answer>0.4</answer>", None),
        ("٠.٤", None),
        ("0" * 20, None),
    ],
)
def test_committed_reading(text, r):
    assert SCATTER.parse(text) == r


@pytest.mark.parametrize(
    ("text", "r"),
    [
        ("It is -0.42.", -0.42),
        ("r = 0.3, no, r = −0.4", -0.4),
        ("between 0.5 and 1.7", 0.5),
        ("0,42", None),
        ("0.42%", None),
        ("1e-3", None),
        ("0.4.2", None),
        ("var=0.42", 0.42),
        ("strong", None),
    ],
)
def test_lenient_reading(text, r):
    assert SCATTER.parse_lenient(text) == r


def test_scores_by_hand():
    exact = SCATTER.score("<answer>+0.42</answer>", "+0.42")
    assert (exact.reward, exact.error, exact.parsed) == (1.0, 0.0, True)
    off = SCATTER.score("<answer>-0.08</answer>", "+0.42")  # half a unit of r
    assert off.error == pytest.approx(0.5)
    assert off.reward == pytest.approx(0.1 + 0.9 * (1 - math.log(1 + 50 * 0.5) / math.log(101)))
    worst = SCATTER.score("<answer>-1</answer>", "+1.00")
    assert (worst.error, worst.reward) == (2.0, pytest.approx(0.1))
    none = SCATTER.score("<answer>1.7</answer>", "+0.42")
    assert (none.error, none.reward, none.parsed) == (2.0, 0.0, False)


@given(
    WRITTEN | st.lists(st.one_of(ANY_TEXT, st.sampled_from(["r =", "−", "-0.42", "1.7", "."])), max_size=9).map("".join)
)
def test_any_text_gets_a_bounded_score(text):
    score = SCATTER.score(text, "+0.42")
    assert 0.0 <= score.reward <= 1.0
    assert 0.0 <= score.error <= 2.0
    assert 0.0 <= score.lenient_error <= 2.0
    if not score.parsed:
        assert (score.reward, score.error) == (0.0, 2.0)


@pytest.mark.parametrize("unit", ["0.42 ", "r = ", "-", ".", "0", "1.", "\ud800", "<answer>"])
def test_megabytes_are_scored(unit):
    text = unit * (2_000_000 // len(unit))
    for whole in (text, f"<answer>{text}</answer>", f"{text}<answer>+0.42</answer>"):
        assert 0.0 <= SCATTER.score(whole, "+0.42").reward <= 1.0


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from(STYLES), st.sampled_from([(20, 200), (3, 3), (3, 12)]))
def test_the_truth_is_the_sample_r_of_the_points_drawn(seed, style, count):
    task = Scatter(style=style, min_points=count[0], max_points=count[1])
    posed = problem(task, seed)
    drawn = points(posed.scene)
    assert sample_r(posed.scene) == pytest.approx(float(posed.answer), abs=1e-9)
    assert posed.info == {"r": float(posed.answer), "points": len(drawn)}
    times = 4 if style == "dense" else 1
    assert times * count[0] <= len(drawn) <= times * count[1]
    assert drawn.min() > 0.0
    assert drawn.max() < 1.0


@pytest.mark.parametrize("r", [-1.0, -0.999, -0.5, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("style", ["plain", "outliers", "nonlinear"])
def test_clouds_have_the_r_that_was_asked(r, style):
    for seed in range(20):
        x, y = cloud(r, 3 + 10 * seed, style, np.random.default_rng(seed))
        assert np.corrcoef(x, y)[0, 1] == pytest.approx(r, abs=1e-12)
        for values in (x, y):
            assert (values.mean(), values.std()) == (pytest.approx(0.0, abs=1e-12), pytest.approx(1.0))


def test_mixing_by_hand():
    # z and noise are already orthogonal and standardised: y is 0.6 z + 0.8 noise.
    z, noise = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    np.testing.assert_allclose(mix(0.6, z, noise), [1.4, -0.2, 0.2, -1.4])
    np.testing.assert_allclose(mix(0.6, z, 5 * noise + 3 * z + 7), [1.4, -0.2, 0.2, -1.4])


def centroids(picture):
    """The centres `(N, 2)` of blue blobs, in pixels, by their ink: an independent reading of the picture."""
    ink = (255.0 - picture[..., 0]) / (255.0 - 31.0)
    ink[np.ptp(picture.astype(int), axis=2) < 20] = 0.0  # grey: axes and text
    rest, found = ink > 0, []
    while rest.any():
        todo, blob = [tuple(np.argwhere(rest)[0])], []
        rest[todo[0]] = False
        while todo:
            row, column = todo.pop()
            blob.append((row, column))
            for near in ((row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if min(near) >= 0 and max(near) < len(rest) and rest[near]:
                    rest[near] = False
                    todo.append(near)
        at = np.array(blob)
        weight = ink[at[:, 0], at[:, 1]]
        found.append((weight.sum(), *(weight @ at / weight.sum())))
    return np.array(found)


def test_r_can_be_measured_in_the_picture():
    measured = 0
    for seed in range(60):
        posed = problem(Scatter(size=448, min_points=8, max_points=12), seed)
        blobs = centroids(render(posed.scene, 448))
        if len(blobs) != posed.info["points"]:
            continue  # some overlap
        area = math.pi * (0.0135 * 448) ** 2
        np.testing.assert_allclose(blobs[:, 0], area, rtol=0.02)
        r = np.corrcoef(blobs[:, 2], -blobs[:, 1])[0, 1]  # rows run downwards
        assert r == pytest.approx(float(posed.answer), abs=5e-4)
        measured += 1
    assert measured > 25


def test_every_hundredth_of_the_range_is_as_likely():
    truths = [round(100 * float(problem(SCATTER, seed).answer)) for seed in range(8040)]
    counts = np.bincount(np.array(truths) + 100, minlength=201)
    assert len(counts) == 201
    chi_square = float(((counts - 40.0) ** 2 / 40.0).sum())
    assert abs(chi_square - 200) < 4 * math.sqrt(2 * 200)  # 200 degrees of freedom


def test_the_asked_range_is_kept():
    seen = {problem(Scatter(low=0.29, high=0.31), seed).answer for seed in range(60)}
    assert seen == {"+0.29", "+0.30", "+0.31"}
    assert {problem(Scatter(low=-0.005, high=0.004), seed).answer for seed in range(9)} == {"+0.00"}
    assert problem(Scatter(low=-1, high=-1), 0).answer == "-1.00"


def test_yardsticks_agree_with_a_simulation():
    sticks = yardsticks(SCATTER)
    rng = np.random.default_rng(1)
    a, b = rng.uniform(-1, 1, size=(2, 400_000))
    assert np.abs(a - b).mean() == pytest.approx(2 / 3, abs=0.003)
    assert sticks.chance == pytest.approx(np.abs(a - b).mean(), abs=0.025)
    assert sticks.best_constant == pytest.approx(np.abs(a).mean(), abs=0.025)  # of zero
    assert abs(float(sticks.best_constant_answer)) < 0.12
    assert (sticks.oracle, sticks.floor) == (0.0, 0.0)
    narrow = yardsticks(Scatter(low=0.0, high=1.0), samples=2000)
    assert narrow.chance == pytest.approx(1 / 3, abs=0.02)
    assert narrow.best_constant == pytest.approx(1 / 4, abs=0.02)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_keeps_the_rules(style):
    assert check_task(Scatter(style=style)) == []


def test_styles_differ_but_for_r():
    posed = {style: problem(Scatter(style=style), 11) for style in STYLES}
    assert len({item.answer for item in posed.values()}) == 1
    pictures = {style: render(item.scene, 112).tobytes() for style, item in posed.items()}
    assert len(set(pictures.values())) == len(STYLES)
    assert set(STYLES) == {"plain", "varied", *Scatter.shifted_styles}


def test_varied_plots_vary():
    drawn = [problem(Scatter(style="varied"), seed).scene for seed in range(80)]
    markers = [scene.primitives[-1] for scene in drawn]
    assert len({item.shape for item in markers}) == 7
    assert len({item.color for item in markers}) > 8
    assert 20 < sum(item.stacked for item in markers) < 60
    assert len({scene.background for scene in drawn}) > 4


def test_shifted_styles_are_what_they_say():
    def shape(style, seed):
        return points(problem(Scatter(style=style, low=0.5, high=0.5), seed).scene)

    def farthest(style, seed):
        """The largest distance from the median, in interquartile ranges."""
        return max(
            np.abs((v - np.median(v)) / np.subtract(*np.percentile(v, [75, 25]))).max() for v in shape(style, seed).T
        )

    usual, outlying = (np.array([farthest(style, seed) for seed in range(30)]) for style in ("plain", "outliers"))
    assert (outlying > usual.max()).mean() > 0.7
    for seed in range(20):
        assert np.ptp(shape("tiny-axes", seed), axis=0).max() < 0.5
        x, y = shape("nonlinear", seed).T
        residual = y - np.polyval(np.polyfit(x, y, 1), x)
        curve = residual - np.polyval(np.polyfit(x, residual, 8), x)
        assert (curve**2).sum() < 0.35 * (residual**2).sum()  # a curve explains what a line cannot


def test_depict_is_the_same_cloud_at_another_r():
    for style in STYLES:
        posed = problem(Scatter(style=style, low=-0.6, high=0.9), 5)
        assert SCATTER.depict(posed, posed.answer) == posed.scene
        for r in (-1.0, -0.3, 0.0, 0.77, 1.0):
            other = SCATTER.depict(posed, f"{r:+.2f}")
            assert sample_r(other) == pytest.approx(r, abs=1e-9)
            before, after = points(posed.scene), points(other)
            np.testing.assert_array_equal(after[:, 0], before[:, 0])
            assert before[:, 1].min() - 1e-9 <= after[:, 1].min()
            assert after[:, 1].max() <= before[:, 1].max() + 1e-9
            assert other.primitives[:-1] == posed.scene.primitives[:-1]
        assert SCATTER.depict(posed, "steep") is None
    # the noise is that of the cloud: between two answers only its share differs
    x, y = points(problem(Scatter(low=0.0, high=0.0), 2).scene).T
    turned = points(SCATTER.depict(problem(Scatter(low=0.0, high=0.0), 2), "+0.60")).T[1]
    z, e = ((v - v.mean()) / v.std() for v in (x, y))
    np.testing.assert_allclose((turned - turned.mean()) / turned.std(), 0.6 * z + 0.8 * e, atol=1e-9)
    line = problem(Scatter(low=1.0, high=1.0), 0)
    assert sample_r(SCATTER.depict(line, "0.25")) == pytest.approx(0.25, abs=1e-9)


def test_problems_are_described():
    posed = problem(SCATTER, 7)
    assert posed.prompt == "What is the correlation r? Reply <answer>±0.00</answer>"
    for seed in range(60):
        posed = problem(SCATTER, seed)
        assert SCATTER.demonstration(posed) == posed.solution
        assert SCATTER.score(posed.solution, posed.answer).reward == 1.0
        rising, r = "rises" in posed.solution, float(posed.answer)
        assert rising == (r >= 0.1) or abs(r) < 0.1
    assert SCATTER.score(posed.prompt, "+0.00").parsed is False


def test_both_names_are_one_task():
    assert resolve("scatter").id == "eyechart/Scatter-v0"
    assert resolve("correlation").id == "eyechart/Correlation-v0"
    assert make_task("correlation", size=224) == make_task("scatter", size=224) == Scatter(size=224)


PICTURES = {
    "plain": "8018b409cfd0028f",
    "varied": "b874f1b55d7f9003",
    "dense": "50538fcf8d6fab1b",
}


@pytest.mark.parametrize("style", PICTURES)
def test_pictures_stay_as_they_were(style):
    drawn = hashlib.sha256()
    for seed in range(4):
        drawn.update(render(problem(Scatter(style=style), seed).scene, 112).tobytes())
    assert drawn.hexdigest()[:16] == PICTURES[style]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"low": -1.1}, "Scatter.low must be a correlation from -1 to 1, got -1.1"),
        ({"high": 2}, "Scatter.high must be a correlation from -1 to 1, got 2"),
        ({"high": math.nan}, "Scatter.high must be a number"),
        ({"low": "0"}, "Scatter.low must be a number, got '0'"),
        ({"low": 0.5, "high": 0.4}, "Scatter.low must not be above Scatter.high, got 0.5 and 0.4"),
        ({"low": 0.421, "high": 0.424}, "Between Scatter.low = 0.421 and Scatter.high = 0.424 lies no hundredth"),
        ({"min_points": 2}, "Scatter.min_points must be 3 or more"),
        ({"min_points": 50, "max_points": 40}, "Scatter.max_points at least that .* got 50 and 40"),
        ({"max_points": 1001}, "at most 1000"),
        ({"min_points": 20.5}, "Scatter.min_points must be a whole number"),
        ({"style": "fancy"}, "Scatter.style must be one of 'plain', 'varied', 'outliers'.*got 'fancy'"),
        ({"size": 27}, "Scatter.size must be from 56 pixels"),
        ({"reward_sharpness": 0.0}, "above 0"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Scatter(**fields)
