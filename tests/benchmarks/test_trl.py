"""The benchmark compares like with like."""

import argparse
from dataclasses import replace

import pytest
import torch

import envs
from agents.tiny import build_tiny
from tests.benchmarks import race, trl
from train.config import TrainConfig, resolved
from train.optimizer import build_optimizers

TIMING = trl.Timing(8, 16, 12, 0.1, 0.04, 0.06, 0.75, 0.01, 0.2, 1.6, [7.0, 8.26])


def test_a_ratio_is_that_of_the_medians():
    assert TIMING.ratio == pytest.approx(7.5)
    assert TIMING.processor_ratio == pytest.approx(8.0)
    row = "| 8 × 16 × 12 | 0.100 s | 0.040 s | 0.060 s | 0.750 s | 0.010 s | **7.5** | 7.0 to 8.3 | 8.0 |"
    assert trl.table([TIMING]).splitlines()[2] == row


def test_growth_is_from_one_group_size_to_the_next():
    rows = trl.growth([TIMING, replace(TIMING, group=32, ours=0.15, trl=1.5)]).splitlines()
    assert rows[2] == "| 16 | 0.100 s |  | 0.750 s |  | 7.5 | 8.0 |"
    assert rows[3] == "| 32 | 0.150 s | 1.50 | 1.500 s | 2.00 | 10.0 | 8.0 |"


def test_a_racers_clock_stands_still_while_it_is_looked_at():
    errors = iter([180.0, 40.0, 9.0])
    racer = race.Racer("ours", lambda _: next(errors), target=10.0, limit=60.0, every=5.0)
    racer.look(None)
    for _ in range(3):
        racer.after_step(3.0, lambda: None)
    with pytest.raises(race.TimeIsUpError):
        racer.after_step(3.0, lambda: None)
    assert racer.curve == [(0.0, 0, 180.0), (6.0, 2, 40.0), (12.0, 4, 9.0)]
    assert racer.reached == 12.0


def test_a_racer_ends_when_its_time_is_up():
    racer = race.Racer("TRL", lambda _: 100.0, target=10.0, limit=4.0, every=50.0)
    racer.after_step(3.0, lambda: None)
    with pytest.raises(race.TimeIsUpError):
        racer.after_step(3.0, lambda: None)
    assert racer.reached is None
    assert "not in 6 s | 2 | 3.00 | 100.0 |" in race.table([racer])


def test_two_optimizers_as_one_take_the_same_step():
    def stepped(wrap):
        model = build_tiny("tiny-qwen2", 0).model
        config = resolved(TrainConfig(steps=1), True, 12)
        optimizers = wrap(build_optimizers(model, config))
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter) * torch.linspace(-1, 1, parameter.shape[-1])
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
            optimizer.step()
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    assert torch.equal(stepped(lambda parts: [race.Both(parts)]), stepped(lambda parts: parts))


@pytest.mark.slow
def test_trl_computes_the_same_gradient(tmp_path):
    pytest.importorskip("trl")
    build_tiny("tiny", 0).save(tmp_path / "tiny")
    task = envs.make_task(envs.resolve("clock"), size=56)
    same = trl.compare(tmp_path / "tiny", task, (2, 4, 6))
    assert same["tokens"] == 2 * 4 * 6
    assert same["reward difference"] < 1e-6
    assert same["relative gradient difference"] < 1e-4


@pytest.mark.slow
def test_a_short_race_is_run(tmp_path, capsys):
    pytest.importorskip("trl")
    out = tmp_path / "race.json"
    race.main(f"--minutes 0.02 --problems 4 --group 4 --eval-size 4 --most-steps 40 --out {out}".split())
    assert capsys.readouterr().out.count("not in") == 3
    assert isinstance(race.parsed([]), argparse.Namespace)
    assert out.exists()
