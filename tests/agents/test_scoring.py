import math

import pytest
import torch

from agents.scoring import Score, _in_pieces


def test_scores_by_hand():
    logits = torch.tensor([[0.25, 0.5, 0.25], [1.0, 1.0, 1.0]]).log()
    logp, entropy = Score.apply(logits, torch.tensor([1, 2]))
    torch.testing.assert_close(logp, torch.tensor([math.log(0.5), -math.log(3)]))
    torch.testing.assert_close(entropy, torch.tensor([1.5 * math.log(2), math.log(3)]))


def test_the_gradient_is_that_of_the_definition():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([0, 6, 3, 3])
    assert torch.autograd.gradcheck(lambda x: Score.apply(x, ids), (logits,))
    (own,) = torch.autograd.grad(Score.apply(logits, ids)[1].sum(), logits)
    (plain,) = torch.autograd.grad(torch.distributions.Categorical(logits=logits).entropy().sum(), logits)
    torch.testing.assert_close(own, plain)


def test_a_token_that_cannot_be_sampled_leaves_the_gradient_a_number():
    logits = torch.tensor([[0.3, -1e4, 0.1]], requires_grad=True)
    logp, entropy = Score.apply(logits, torch.tensor([0]))
    (logp + entropy).sum().backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 1] == 0


def test_autocast_leaves_it_in_float32():
    with torch.autocast("cpu", torch.bfloat16):
        logp, entropy = Score.apply(torch.randn(2, 5), torch.tensor([1, 2]))
    assert logp.dtype == entropy.dtype == torch.float32


@pytest.mark.parametrize("size", [1, 3])
def test_pieces_are_the_whole_with_gradients(size):
    generator = torch.Generator().manual_seed(1)
    hidden, more = torch.randn(2, 7, 4, generator=generator, dtype=torch.float64)
    ids = torch.arange(7) % 4
    results = []
    for pieces in (7, size):
        rows = hidden.clone().requires_grad_()
        values = _in_pieces(lambda h, i, m: (*Score.apply(h, i), (h * m).sum(-1)), pieces, rows, ids, more)
        assert [value.shape for value in values] == [(7,)] * 3
        results.append((*values, *torch.autograd.grad(sum(value.sum() for value in values), rows)))
    for whole, part in zip(*results, strict=True):
        torch.testing.assert_close(part, whole)
