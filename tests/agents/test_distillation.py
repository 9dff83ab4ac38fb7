import math

import pytest
import torch
from torch.nn.functional import kl_div, log_softmax

from agents.distillation import kl_divergence, reverse_kl, soft_targets

# Logits whose softmax is (1/2, 1/4, 1/4) and (1/4, 1/4, 1/2); at T = 1/2 they are squared: (4, 1, 1)/6 and (1, 1, 4)/6.
STUDENT, TEACHER = torch.tensor([[0.5, 0.25, 0.25]]).log(), torch.tensor([[0.25, 0.25, 0.5]]).log()


def test_divergences_by_hand():
    # 1/4 ln(1/2) + 0 + 1/2 ln 2
    assert soft_targets(STUDENT, TEACHER).item() == pytest.approx(0.25 * math.log(2))
    assert reverse_kl(STUDENT, TEACHER).item() == pytest.approx(0.25 * math.log(2))
    # a quarter of (1/6 ln(1/4) + 0 + 4/6 ln 4)
    assert soft_targets(STUDENT, TEACHER, 0.5).item() == pytest.approx(0.25 * 0.5 * math.log(4))
    # (0.9, 0.1) against even odds: 0.9 ln 1.8 + 0.1 ln 0.2, and the other way 1/2 ln(0.5/0.9) + 1/2 ln(0.5/0.1)
    sure, even = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.0, 0.0]])
    assert soft_targets(even, sure).item() == pytest.approx(0.368064, abs=1e-6)
    assert reverse_kl(sure, even).item() == pytest.approx(0.368064, abs=1e-6)
    assert soft_targets(sure, even).item() == pytest.approx(0.510826, abs=1e-6)
    assert reverse_kl(even, sure).item() == pytest.approx(0.510826, abs=1e-6)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(2, 5, 9, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_they_are_torchs(logits, temperature):
    """`kl_div(input, target)` is KL(target ‖ input), of log-probabilities."""
    student, teacher = logits
    q, p = (log_softmax(one / temperature, -1) for one in logits)
    forward = kl_div(q, p, reduction="none", log_target=True).sum(-1)
    backward = kl_div(p, q, reduction="none", log_target=True).sum(-1)
    torch.testing.assert_close(soft_targets(student, teacher, temperature), temperature**2 * forward)
    torch.testing.assert_close(reverse_kl(student, teacher, temperature), temperature**2 * backward)
    assert not torch.allclose(forward, backward, rtol=0.1)


def test_the_gradients_are_those_that_can_be_written_down(logits):
    """T (q − p) of the soft targets; T q (ln q − ln p − KL) of the reverse one."""
    student, teacher = logits[0].clone().requires_grad_(), logits[1]
    q, p = (log_softmax(one / 2.0, -1) for one in (student.detach(), teacher))
    (forward,) = torch.autograd.grad(soft_targets(student, teacher, 2.0).sum(), student)
    torch.testing.assert_close(forward, 2 * (q.exp() - p.exp()))
    (backward,) = torch.autograd.grad(reverse_kl(student, teacher, 2.0).sum(), student)
    gap = q - p
    torch.testing.assert_close(backward, 2 * q.exp() * (gap - (q.exp() * gap).sum(-1, keepdim=True)))


def test_high_temperatures_match_logits(logits):
    """The limit of Hinton et al. 2015, equation 4: with centred logits, (z − v)² / 2N, whatever T is."""
    student, teacher = (one - one.mean(-1, keepdim=True) for one in logits)
    limit = ((student - teacher) ** 2).sum(-1) / (2 * 9)
    torch.testing.assert_close(soft_targets(student, teacher, 1e4), limit, rtol=1e-2, atol=0)


def test_tokens_that_neither_may_sample_count_for_nothing():
    forbidden = torch.tensor([[-1e4]])
    student, teacher = (torch.cat([one, forbidden], -1) for one in (STUDENT, TEACHER))
    student.requires_grad_()
    for temperature in (1.0, 10.0):
        for measure in (soft_targets, reverse_kl):
            value = measure(student, teacher, temperature)
            torch.testing.assert_close(value.detach(), measure(STUDENT, TEACHER, temperature))
            (gradient,) = torch.autograd.grad(value.sum(), student)
            assert gradient[0, 3] == 0


def test_equal_distributions_are_no_distance_apart(logits):
    shifted = logits[0] + 7.0  # the same probabilities
    torch.testing.assert_close(kl_divergence(logits[0], shifted), torch.zeros(5, dtype=torch.float64))
    assert (kl_divergence(*logits) > 0).all()
