"""Literal numbers, worked out by hand."""

import math

import pytest
import torch

from agents.surrogates import clipped_surrogate, importance_ratio, weighted_likelihood

RATIO = torch.tensor([[1.0, 1.5, 0.5], [1.0, 1.5, 0.5]])
ADVANTAGES = torch.tensor([[2.0], [-2.0]])


def test_ratios_by_hand():
    logp = torch.tensor([[1.5, 0.5, 1.0, 7.0], [0.3, 9.0, 9.0, 9.0]]).log()
    old = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.1, 1.0, 1.0, 1.0]]).log()
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    assert importance_ratio(logp, old, mask, "token")[0].tolist() == pytest.approx([1.5, 0.5, 1.0, 7.0])
    # the geometric mean of 1.5, 0.5 and 1, whatever stands in the padding; and 3
    ratio = importance_ratio(logp, old, mask, "sequence")
    assert ratio.tolist() == [pytest.approx([0.75 ** (1 / 3)] * 4), pytest.approx([3.0] * 4)]


def test_the_ratio_of_a_sequence_shares_its_gradient_evenly():
    logp = torch.tensor([[0.1, -0.4, 0.6]], requires_grad=True)
    mask = torch.ones(1, 3, dtype=torch.bool)
    # GSPO's gradient: the ratio, times the mean of the gradients of the log-probabilities
    (importance_ratio(logp, torch.zeros(1, 3), mask, "sequence") / 3).sum().backward()
    assert logp.grad[0].tolist() == pytest.approx([math.exp(0.1) / 3] * 3)


def test_clipped_surrogate_by_hand():
    loss, clipped = clipped_surrogate(RATIO, ADVANTAGES, 0.2, 0.3)
    # A > 0: min(ρA, clip(ρ)A) holds back a ratio that rose; A < 0: one that fell
    assert loss.tolist() == [pytest.approx([-2.0, -2.6, -1.0]), pytest.approx([2.0, 3.0, 1.6])]
    assert clipped.tolist() == [[False, True, False], [False, False, True]]


def test_weighted_likelihood_by_hand():
    logp = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]])
    # weights 1, 1.3, 0.8, on both sides of A = 0
    loss, clipped = weighted_likelihood(RATIO, logp, ADVANTAGES, 0.2, 0.3)
    assert loss.tolist() == [pytest.approx([2.0, 5.2, 4.8]), pytest.approx([-2.0, -5.2, -4.8])]
    assert clipped.tolist() == [[False, True, True]] * 2
    # no bound below
    loss, clipped = weighted_likelihood(RATIO, logp, ADVANTAGES, 1.0, 0.3)
    assert loss[0].tolist() == pytest.approx([2.0, 5.2, 3.0])
    assert clipped.tolist() == [[False, True, False]] * 2


def test_tokens_may_have_advantages_of_their_own():
    own = torch.tensor([[2.0, 1.0, -1.0], [2.0, -2.0, 0.0]])
    loss, clipped = clipped_surrogate(RATIO, own, 0.2, 0.3)
    assert loss.tolist() == [pytest.approx([-2.0, -1.3, 0.8]), pytest.approx([-2.0, 3.0, 0.0])]
    assert clipped.tolist() == [[False, True, True], [False, False, False]]
    logp = torch.full((2, 3), -2.0)
    assert weighted_likelihood(RATIO, logp, own, 0.2, 0.3)[0][0].tolist() == pytest.approx([4.0, 2.6, -1.6])


@pytest.mark.parametrize("surrogate", ["clip", "cispo"])
@pytest.mark.parametrize("level", ["token", "sequence"])
def test_on_policy_gradient_is_reinforce(surrogate, level):
    logp = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]], requires_grad=True)
    ratio = importance_ratio(logp, logp.detach(), torch.ones(2, 2, dtype=torch.bool), level)
    advantages = torch.tensor([[0.7], [-1.3]])
    if surrogate == "clip":
        loss, _ = clipped_surrogate(ratio, advantages)
    else:
        loss, _ = weighted_likelihood(ratio, logp, advantages)
    loss.sum().backward()
    assert logp.grad.tolist() == [pytest.approx([-0.7, -0.7]), pytest.approx([1.3, 1.3])]


def test_beyond_the_clip_ppo_has_no_gradient_and_cispo_has_one():
    mask = torch.ones(1, 1, dtype=torch.bool)
    gradients = []
    for cispo in (False, True):
        logp = torch.tensor([[math.log(1.5)]], requires_grad=True)
        ratio, one = importance_ratio(logp, torch.zeros(1, 1), mask), torch.tensor([[1.0]])
        loss, _ = weighted_likelihood(ratio, logp, one, 0.2, 0.2) if cispo else clipped_surrogate(ratio, one)
        loss.sum().backward()
        gradients.append(logp.grad.item())
    assert gradients == [0.0, pytest.approx(-1.2)]


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_far_apart_policies_overflow_nothing(level):
    far = torch.tensor([[1000.0, 1000.0]], requires_grad=True)
    ratio = importance_ratio(far, torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), level)
    value = clipped_surrogate(ratio, -torch.ones(1, 1))[0].sum()
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(far.grad).all()
