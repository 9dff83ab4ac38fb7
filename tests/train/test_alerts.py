"""Trends in rows that were made up, and the ones that there are in recorded columns' shape."""

import numpy as np
import pytest

from train.alerts import Alerts, mean_and_error, number


def said(rows, alerts=None):
    """(step, what was said), of rows whose steps are counted from 1."""
    alerts = alerts or Alerts()
    return [(step, text) for step, row in enumerate(rows, 1) for text in alerts.feed({"step": step, **row})]


def column(name, *runs):
    """Rows of one figure: `(value, how often)` after each other."""
    return [{name: value} for value, times in runs for _ in range(times)]


def test_a_kl_above_one_is_told_once_and_again_when_doubled_and_after_recovery():
    found = said(column("kl", (0.1, 10), (1.1, 30), (2.3, 30), (0.1, 20), (1.1, 10)))
    # ten steps' mean: 0.1 i + 0.1 is 1.1 with the tenth; 1.1 + 0.12 i is twice that with the tenth; after recovery
    # again with the tenth
    assert [step for step, _ in found] == [20, 50, 100]
    assert found[0][1] == (
        "the KL divergence from the reference is 1.1 nats a token at step 20; a larger --kl-weight, a lower "
        "--learning-rate or a smaller --max-grad-norm holds the policy back"
    )
    assert "is 2.3 nats" in found[1][1]


@pytest.mark.parametrize("cell", [float("inf"), float("nan"), "inf", "nan"])
def test_a_kl_that_is_no_number_is_told_at_once_and_once(cell):
    found = said(column("kl", (0.1, 20), (cell, 1), (0.1, 20), (cell, 20)))
    assert [step for step, _ in found] == [21]
    assert found[0][1].startswith(f"the KL divergence from the reference is {cell} at step 21: ")


def test_one_step_is_no_trend():
    assert said(column("kl", (0.1, 20), (9.0, 1), (0.1, 20))) == []


@pytest.mark.parametrize("cut", [0.0, 0.04])
def test_answers_that_grow_and_end_and_earn_more_are_reasoning(cut):
    rows = [*column("answer_tokens", (100, 10), (500, 30)), *column("answer_tokens", (2000, 30))]
    rewards = [0.2] * 10 + [0.4] * 60
    assert said([{**row, "truncated": cut, "reward": r} for row, r in zip(rows, rewards, strict=True)]) == []


@pytest.mark.parametrize("reward", [{}, {"reward": 0.2}])
def test_answers_that_grow_for_nothing(reward):
    rows = column("answer_tokens", (100, 10), (500, 30))
    found = said([{**row, "truncated": 0.0, **reward} for row in rows])
    # ten steps' mean: 100 + 40 i is at 300 with the fifth
    assert [step for step, _ in found] == [15]
    level = f"{reward.get('reward', 0.0):.3g}"
    assert found[0][1].startswith(
        f"answers have 300 tokens at step 15, 100 at first, and the reward went from {level} to {level} meanwhile; "
    )


def test_texts_that_are_given_do_not_grow():
    assert said(column("answer_tokens", (100, 10), (500, 30))) == []


def test_answers_that_grow_until_they_are_cut_off():
    rows = [{**row, "truncated": 0.25} for row in column("answer_tokens", (100, 10), (300, 30), (600, 20))]
    found = said(rows)
    assert [step for step, _ in found] == [20, 50]
    assert found[0][1].startswith("answers have 300 tokens at step 20, 100 at first, and 25% of them cut off; ")
    assert "--normalise constant" in found[0][1]


def test_most_answers_cut_off_is_told_once():
    found = said(column("truncated", (0.4, 10), (0.6, 20), (1.0, 20)))
    # 0.4 + 0.2 i / 10 is at 0.5 with the fifth
    assert found == [(15, "50% of the answers are cut off at step 15; a larger --max-new-tokens gives them room")]


def test_answers_that_can_be_read_no_more():
    found = said(column("parsed", (0.5, 10), (0.95, 20), (0.69, 20), (0.95, 20), (0.4, 10)))
    # from 95%: 0.26 i / 10 is past 0.2 with the eighth; after recovery 0.55 i / 10 with the fourth, doubled with the
    # eighth
    assert [step for step, _ in found] == [38, 74, 78]
    assert found[0][1].startswith("74% of the answers can be read at step 38, 95% at step 20; ")


def entropies(before, after, reward_after, top=None):
    rows = [{"entropy": before, "reward": 0.3} for _ in range(20)]
    rows += [{"entropy": after, "reward": reward_after} for _ in range(30)]
    return rows if top is None else [{**row, "reward_max": top} for row in rows]


def test_entropy_that_went_for_nothing():
    found = said(entropies(1.0, 0.01, 0.3))
    # ten steps' mean: 1 − 0.099 i, 0.01 with the tenth, and 0.109 with the ninth: a tenth is passed with the tenth,
    # at once ten times as bad
    assert [step for step, _ in found] == [30]
    assert found[0][1].startswith(
        "entropy collapse: 0.01 nats a token at step 30, 1 at first, and the reward went from 0.3 to 0.3 meanwhile; "
        "--entropy-target"
    )


def test_entropy_is_told_again_when_it_has_halved():
    rows = [{"entropy": value, "reward": 0.3} for value in [1.0] * 10 + [0.08] * 20 + [0.025] * 20]
    assert [step for step, _ in said(rows)] == [20, 38]  # 0.08 − 0.0055 i is past 0.04 with the eighth


def test_entropy_that_bought_reward_is_no_collapse():
    assert said(entropies(1.0, 0.01, 0.6)) == []


def test_entropy_that_goes_where_there_is_no_more_to_gain():
    assert said(entropies(1.0, 0.01, 0.3, top=0.32)) == []
    assert [step for step, _ in said(entropies(1.0, 0.01, 0.3, top=1.0))] == [30]


def noisy(rise, steps=900):
    generator = np.random.default_rng(0)
    noise = generator.normal(0.0, 0.01, steps)
    return [{"reward": 0.2 + rise * i / steps + noise[i]} for i in range(steps)]


def test_a_reward_that_does_not_rise_is_told_after_200_400_and_800_steps():
    found = said([{"reward": 0.25} for _ in range(900)])
    assert [step for step, _ in found] == [200, 400, 800]
    assert found[0][1].startswith(
        "the reward has not risen in 200 steps: 0.25 in the last 25, 0.25 in the first; a larger --learning-rate"
    )
    assert [step for step, _ in said(noisy(-0.2))] == [200, 400, 800]


def test_a_run_that_is_perfect_already_is_not_stuck():
    level = [{"reward": 0.95, "reward_max": 1.0, "mae": 20.0} for _ in range(300)]
    assert said(level) == []
    assert said(level, Alerts(1.0, 360.0)) == []
    assert [step for step, _ in said(level, Alerts(1.2, 360.0))] == [200]  # 1.2 − 0.95 is more than 0.12
    exact = [{**row, "mae": 3.5} for row in level]
    assert said(exact, Alerts(1.2, 360.0)) == []  # a hundredth of 360 is 3.6
    assert said(entropies(1.0, 0.01, 0.3), Alerts(0.33)) == []


def test_a_student_is_told_of_no_flag_that_it_has_no_use_for():
    rows = [
        {"reward": 0.2, "parsed": 0.9 - step / 400, "answer_tokens": 9 + step, "truncated": 0.1} for step in range(300)
    ]
    told = [text.rpartition("; ")[2] for _, text in said(rows, Alerts(1.0, 360.0, student=True))]
    assert len(set(told)) == 3
    flags = {word.strip(",") for text in told for word in text.split() if word.startswith("--")}
    assert flags == {"--learning-rate", "--distill", "--max-new-tokens"}


@pytest.mark.parametrize(("reward", "best"), [(0.0, None), (0.1, 1.1)])
def test_answers_that_all_earn_the_same_little_are_stuck(reward, best):
    """Nobody has found anything better, so the best of them is no measure."""
    rows = [{"reward": reward, "reward_max": reward, "mae": 300.0} for _ in range(300)]
    assert [step for step, _ in said(rows, Alerts(best, 360.0))] == [200]


def test_a_reward_that_rises_is_not_stuck():
    assert said(noisy(0.2)) == []


def test_rows_of_the_file_say_what_rows_of_the_run_say():
    generator = np.random.default_rng(1)
    rows = [
        {"kl": float(k), "parsed": float(p), "entropy": float(e), "reward": 0.2, "truncated": None}
        for k, p, e in zip(*generator.random((3, 400)) ** 4 * 4, strict=True)
    ]
    live = said(rows)
    assert len(live) > 5
    text = [{name: "" if value is None else f"{value:.7g}" for name, value in row.items()} for row in rows]
    assert said(text) == live
    alerts = Alerts()  # a run that goes on after step 150
    for step, row in enumerate(text[:150], 1):
        alerts.feed({"step": str(step), **row})
    resumed = [(step, t) for step in range(151, 401) for t in alerts.feed({"step": step, **rows[step - 1]})]
    assert resumed == [(step, t) for step, t in live if step > 150]


def test_what_is_missing_counts_for_nothing():
    cells = [None, "", "x", float("nan"), float("inf")]
    assert said([{"reward": cell, "entropy": cell, "mae": cell} for cell in cells] * 100) == []
    assert said([{"kl": cell} for cell in cells[:3]] * 100) == []
    assert [number(cell) for cell in cells] == [None] * 5
    assert number("0.25") == 0.25


def test_mean_and_its_error():
    assert mean_and_error([1.0, 2.0, 3.0, 6.0]) == (3.0, pytest.approx((14 / 3 / 4) ** 0.5))
