"""Literal numbers, worked out by hand."""

import math

import pytest
import torch

from agents.grpo import baselines, counted_tokens, group_advantages, k2_kl, k3_kl, kl_to_go, steering, token_weights

MASK = torch.tensor([[True, True, True, True], [True, False, False, False]])


def test_group_advantages_by_hand():
    rewards = torch.tensor([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    # mean 2, unbiased standard deviation 1; the second group has no spread
    assert group_advantages(rewards, epsilon=0.0)[0].tolist() == pytest.approx([-1.0, 0.0, 1.0])
    assert group_advantages(rewards)[1].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
@pytest.mark.parametrize("baseline", ["group", "leave-one-out", "batch"])
@pytest.mark.parametrize("size", [3, 7, 12, 16])
def test_equal_rewards_teach_nothing_whichever_they_are(scale, baseline, size):
    for reward in (0.1, 0.9, 2.1, 3.3, 1000.1):  # whose mean in float32 is another number
        rewards = torch.full((4, size), reward)
        assert group_advantages(rewards, scale, baseline=baseline).abs().max() == 0
        if baseline != "batch":
            rewards[1] = torch.linspace(0, 1, size)
            advantages = group_advantages(rewards, scale, baseline=baseline)
            assert advantages[[0, 2, 3]].abs().max() == 0
            assert advantages[1].abs().max() > 0.4


def test_advantages_without_division():
    assert group_advantages(torch.tensor([[0.0, 0.5, 1.0, 0.5]]), "none")[0].tolist() == [-0.5, 0.0, 0.5, 0.0]


def test_advantages_over_the_batch():
    rewards = torch.tensor([[0.0, 2.0], [3.0, 3.0]])
    # centred −1, 1, 0, 0: unbiased variance 2/3
    expected = [[-math.sqrt(1.5), math.sqrt(1.5)], [0.0, 0.0]]
    assert group_advantages(rewards, "batch", epsilon=0.0).tolist() == [pytest.approx(row) for row in expected]


def test_advantages_do_not_depend_on_the_rewards_scale():
    rewards = torch.rand(5, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        group_advantages(100 * rewards + 7, epsilon=0.0),
        group_advantages(rewards, epsilon=0.0),
        atol=1e-4,
        rtol=0,
    )


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_group_of_one_is_refused(shape):
    with pytest.raises(ValueError, match="G >= 2"):
        group_advantages(torch.zeros(shape))


def test_k3_by_hand():
    # r = π_ref/π_θ = 2: 2 − ln 2 − 1; r = 1/2: 1/2 + ln 2 − 1
    kl = k3_kl(torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[math.log(2), -math.log(2), 0.0]]))
    assert kl[0].tolist() == pytest.approx([1 - math.log(2), math.log(2) - 0.5, 0.0])


def test_k3_is_unbiased():
    policy, reference = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.2, 0.6])
    expected_value = (policy * k3_kl(policy.log()[None], reference.log()[None])[0]).sum()
    exact = (policy * (policy / reference).log()).sum()
    assert expected_value.item() == pytest.approx(exact.item())


def test_k2_by_hand():
    # ln r = ln 2, −3, 0
    kl = k2_kl(torch.tensor([[0.0, 0.0, -1.0]]), torch.tensor([[math.log(2), -3.0, -1.0]]))
    assert kl[0].tolist() == pytest.approx([0.5 * math.log(2) ** 2, 4.5, 0.0])


def test_the_gradient_of_k2_is_that_of_the_divergence():
    generator = torch.Generator().manual_seed(0)
    logits, reference = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    logits.requires_grad_()
    logp, reference_logp = logits.log_softmax(-1), reference.log_softmax(-1)
    on_samples = (logp.detach().exp() * k2_kl(logp, reference_logp)).sum()
    (k2,) = torch.autograd.grad(on_samples, logits, retain_graph=True)
    (exact,) = torch.autograd.grad((logp.exp() * (logp - reference_logp)).sum(), logits)
    torch.testing.assert_close(k2, exact)


@pytest.mark.parametrize("kl", [k2_kl, k3_kl])
def test_far_apart_policies_overflow_nothing(kl):
    far = torch.tensor([[1000.0, -1000.0]], requires_grad=True)
    value = kl(far, torch.zeros(1, 2)).sum()
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(far.grad).all()


def test_baselines_by_hand():
    rewards = torch.tensor([[0.0, 3.0, 6.0], [1.0, 1.0, 1.0]])
    assert baselines(rewards, "group").tolist() == [[3.0], [1.0]]
    assert baselines(rewards, "leave-one-out").tolist() == [[4.5, 3.0, 1.5], [1.0, 1.0, 1.0]]
    assert baselines(rewards, "batch").tolist() == [[2.0]]


def test_leave_one_out_stretches_the_group_s_differences():
    rewards = torch.rand(5, 8, generator=torch.Generator().manual_seed(0))
    ours = group_advantages(rewards, "none", baseline="leave-one-out")
    torch.testing.assert_close(ours, 8 / 7 * group_advantages(rewards, "none"))


def test_advantages_of_a_whole_batch_by_hand():
    # mean 2, deviations −2, 0, 1, 1: unbiased variance 2
    rewards = torch.tensor([[0.0, 2.0], [3.0, 3.0]])
    expected = [[-math.sqrt(2), 0.0], [math.sqrt(0.5), math.sqrt(0.5)]]
    ours = group_advantages(rewards, "batch", epsilon=0.0, baseline="batch").tolist()
    assert ours == [pytest.approx(row) for row in expected]


def test_token_weights_by_hand():
    assert token_weights(MASK, "token").tolist() == [pytest.approx([0.2] * 4), pytest.approx([0.2, 0, 0, 0])]
    assert token_weights(MASK, "sequence").tolist() == [
        pytest.approx([0.125] * 4),
        pytest.approx([0.5, 0, 0, 0]),
    ]
    assert token_weights(MASK, "constant", 10).tolist() == [
        pytest.approx([0.05] * 4),
        pytest.approx([0.05, 0, 0, 0]),
    ]


def test_constant_needs_its_length():
    with pytest.raises(ValueError, match="length"):
        token_weights(MASK, "constant")


def test_steering_by_hand():
    assert steering(entropy=0.4, target=0.4) == 1.0
    assert steering(entropy=0.2, target=0.4) == pytest.approx(2.0)  # half is missing: 1 + 2 · 0.5
    assert steering(entropy=0.0, target=0.4) == pytest.approx(3.0)  # the most there is
    assert steering(entropy=0.5, target=0.4) == pytest.approx(0.5)
    assert steering(entropy=0.75, target=0.5) == 0.0
    assert steering(entropy=6.0, target=0.4) == 0.0


def test_overlong_filtering_takes_out_what_was_cut():
    cut = torch.tensor([False, True])
    assert counted_tokens(MASK, cut, "counted").tolist() == MASK.tolist()
    assert counted_tokens(MASK, cut, "masked").tolist() == [[True] * 4, [False] * 4]
    assert counted_tokens(MASK, ~cut, "masked").tolist() == [[False] * 4, [True, False, False, False]]


def test_what_is_left_to_pay_by_hand():
    old = torch.tensor([[0.5, 0.25, 0.125, 0.9], [0.5, 0.5, 1.0, 1.0]]).log()
    reference = torch.tensor([[0.25, 0.5, 0.5, 0.1], [0.5, 1.0, 1e-30, 1.0]]).log()
    mask = torch.tensor([[True, True, True, False], [True, True, True, False]])
    ln2 = math.log(2)
    # ln 2, −ln 2, −2 ln 2 and nothing; 0, −ln 2 and what is clamped to 20
    expected = [[-2 * ln2, -3 * ln2, -2 * ln2, 0.0], [20 - ln2, 20 - ln2, 20.0, 0.0]]
    assert kl_to_go(old, reference, mask).tolist() == [pytest.approx(row, abs=1e-5) for row in expected]


def test_in_the_reward_the_divergence_has_the_gradient_of_that_of_whole_answers():
    """All nine answers of two tokens, each with its probability: nothing is left to chance."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(3, generator=generator, requires_grad=True)
    second = torch.randn(3, 3, generator=generator, requires_grad=True)  # after each first token
    references = torch.randn(3, generator=generator), torch.randn(3, 3, generator=generator)
    y0, y1 = torch.cartesian_prod(torch.arange(3), torch.arange(3)).T

    def logp(first, second):
        return torch.stack([first.log_softmax(-1)[y0], second.log_softmax(-1)[y0, y1]], dim=1)

    logp_BT, reference_BT = logp(first, second), logp(*references)
    chance_B = logp_BT.sum(1).exp()
    whole = (chance_B * (logp_BT - reference_BT).sum(1)).sum()
    to_go_BT = kl_to_go(logp_BT.detach(), reference_BT, torch.ones(9, 2, dtype=torch.bool))
    paid = (chance_B.detach()[:, None] * to_go_BT * logp_BT).sum()
    own = (chance_B.detach()[:, None] * k2_kl(logp_BT, reference_BT)).sum()
    gradients = [torch.autograd.grad(value, first, retain_graph=True)[0] for value in (whole, paid, own)]
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-6)
    assert (gradients[2] - gradients[0]).abs().max() > 0.01  # a token that answers for its own place alone
    both = [torch.autograd.grad(value, second, retain_graph=True)[0] for value in (whole, paid)]
    torch.testing.assert_close(both[1], both[0], rtol=1e-4, atol=1e-6)
