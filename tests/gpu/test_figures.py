"""Arithmetic by formula against torch's own count, and verdicts at numbers worked out by hand."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from agents.packing import packed_answers
from tests.gpu import figures
from tests.gpu.models import build
from tests.gpu.report import against_trl
from tests.gpu.ways import Case, Step


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", None),
        ("NVIDIA GeForce RTX 4090", 165e12),
    ],
)
def test_peak(name, peak):
    assert figures.peak_flops(name) == peak


def test_training_passes():
    """Forward and twice backward; once where weights are frozen; one more where activations are recomputed."""
    assert [figures.training_passes(lora, again) for lora in (False, True) for again in (0, 1)] == [
        (3, 3),
        (4, 4),
        (2, 1),
        (3, 1),
    ]


@pytest.fixture(scope="module")
def step(tmp_path_factory):
    return Step(
        Case("toy", False, 2, 4, 5, 56, 1, "cpu"), build("toy", "cpu", torch.float32), tmp_path_factory.mktemp("r")
    )


def counted(compute):
    """Multiplications and additions of matrix products and attention, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops()


def test_shared_rollout_by_torch(step):
    """But for the tower's attention, which the formula leaves out."""
    prompts = step.prompts()
    P, G, T, k = 2, 4, 5, packed_answers(4, 5)
    work = figures.shared_rollout(P, G, T, step.S, k, step.patches)
    assert sum(work.forward_flops(step.policy.model, "toy")) == pytest.approx(
        counted(lambda: step.policy.generate(prompts, G)), rel=0.05
    )


@pytest.mark.parametrize("again", [False, True])
def test_learner_by_torch(step, again):
    """A forward and a backward pass, behind a cache or packed and recomputed."""
    prompts, ids_BT = step.prompts(), torch.full((8, 5), 300)
    step.recompute(again)

    def learn():
        step.policy.model.train()
        logp_BT, _ = step.policy.log_probabilities(prompts, ids_BT, torch.ones_like(ids_BT, dtype=torch.bool))
        logp_BT.sum().backward()
        step.policy.model.eval()

    try:
        assert step.flops(plain=False)[1] == pytest.approx(counted(learn), rel=0.1)
    finally:
        step.recompute(True)


def test_against_trl():
    """A second against four, 50 GiB against 100, 10 against 25 beside what both hold."""
    trl = {"way": "TRL", "step_s": 4.0, "peak_gib": 100.0, "beside_state_gib": 25.0}
    ours = {"way": "ours", "step_s": 0.5, "peak_gib": 70.0, "beside_state_gib": 10.0}
    (told,) = against_trl([ours, trl, {"way": "plain", "failed": "out of memory"}], tokens=32)
    assert told == (
        "ours: 8.00 times as fast as TRL (target 5: met); peak memory 0.70 of TRL's (target 0.6: missed); peak beside "
        "weights, gradients and optimizer 0.40 of TRL's (target 0.6: met)"
    )
    assert "target" not in against_trl([ours, trl], tokens=256)[0]
    assert against_trl([ours], tokens=32) == ["targets: not known, for there is no figure of TRL's"]
