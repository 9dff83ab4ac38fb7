import pytest

from train.config import TrainConfig, resolved
from train.schedule import entropy_target, fraction_done, learning_rate_factor


def settings(**fields):
    return resolved(TrainConfig(env="clock", **fields), small=True, answer_tokens=11)


def test_the_schedule_follows_steps_where_they_bound_the_run_and_the_clock_elsewhere():
    assert fraction_done(settings(steps=200), 50, 1e9) == 0.25
    assert fraction_done(settings(steps=200, minutes=10.0), 50, 450.0) == 0.25
    assert fraction_done(settings(minutes=10.0), 10**6, 150.0) == 0.25
    assert fraction_done(settings(minutes=10.0), 10**6, 1e9) == 1.0


def test_learning_rate_by_hand():
    config = settings(steps=100, lr_warmup_steps=4, lr_decay_start=0.5, lr_final=0.1)
    assert [learning_rate_factor(config, step, 0.0) for step in (0, 1, 3, 9)] == [0.25, 0.5, 1.0, 1.0]
    factors = [learning_rate_factor(config, 50, done) for done in (0.5, 0.75, 1.0)]
    assert factors == pytest.approx([1.0, 0.55, 0.1])


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("linear", [1.0, 0.7, 0.4, 0.1]),
        # (1 − cos 60°) / 2 = 1/4 and (1 − cos 120°) / 2 = 3/4 of the way down
        ("cosine", [1.0, 1 - 0.9 / 4, 1 - 0.9 * 3 / 4, 0.1]),
        ("constant", [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_learning_rate_schedules(schedule, factors):
    config = settings(lr_schedule=schedule, lr_warmup_steps=0, lr_decay_start=0.4, lr_final=0.1)
    assert [learning_rate_factor(config, 0, done) for done in (0.4, 0.6, 0.8, 1.0)] == pytest.approx(factors)
    assert learning_rate_factor(config, 0, 0.2) == 1.0


def test_the_entropy_target_falls_to_a_third_with_the_learning_rate():
    config = settings(entropy_target=0.6, lr_decay_start=0.2, lr_warmup_steps=50)
    assert [entropy_target(config, done) for done in (0.0, 0.2, 0.6, 1.0)] == pytest.approx([0.6, 0.6, 0.4, 0.2])
    assert entropy_target(settings(entropy_target=0.6, lr_decay_start=1.0), 1.0) == 0.6


def test_a_warm_up_that_is_a_fraction_follows_the_bound():
    config = settings(steps=100, lr_warmup=0.18, lr_schedule="constant")
    factors = [learning_rate_factor(config, step, step / 100) for step in (0, 8, 17, 18, 99)]
    assert factors == pytest.approx([1 / 18, 0.5, 1.0, 1.0, 1.0])
    longer = settings(steps=2300, lr_warmup=0.18, lr_schedule="constant")
    assert [learning_rate_factor(longer, step, 0.0) for step in (0, 206, 413)] == pytest.approx([1 / 414, 0.5, 1.0])
    by_the_clock = settings(minutes=10.0, lr_warmup=0.2, lr_decay_start=0.5, lr_final=0.0)
    factors = [learning_rate_factor(by_the_clock, 7, done) for done in (0.05, 0.1, 0.2, 0.5, 0.75)]
    assert factors == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.5])
    for bound in ({"steps": 10}, {"minutes": 1.0}):
        assert learning_rate_factor(settings(lr_warmup=0.0, **bound), 0, 0.0) == 1.0
    assert learning_rate_factor(settings(steps=3, lr_warmup=0.1), 0, 0.0) == 1.0  # less than a step


def test_the_default_warm_up_is_five_steps_whatever_the_bound():
    for bound in ({}, {"steps": 50}, {"minutes": 2.0}):
        config = settings(**bound)
        assert [learning_rate_factor(config, step, 0.0) for step in range(6)] == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]


def test_one_warm_up_is_enough():
    with pytest.raises(ValueError, match=r"--lr-warmup 0.1 and --lr-warmup-steps 5 both say .*; give one of them"):
        settings(lr_warmup=0.1, lr_warmup_steps=5)
    with pytest.raises(ValueError, match="--lr-warmup is a fraction, from 0 to 1, got 18"):
        settings(lr_warmup=18.0)
