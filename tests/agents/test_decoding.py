"""Decoding in equal steps against `generate`, and what a CUDA graph of such a step may not hold."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from agents import packing as packing_room
from agents.decoding import StaticDecoder
from agents.qwen_vl import QwenVL
from tests.agents.conftest import QUESTIONS, noise_pictures, tiny

GROUP = 4
# What a stream that is being captured refuses: waiting for a number, a shape that depends on data, a number from Python
# copied to the GPU.
REFUSED = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::lift_fresh",
}


@pytest.fixture(params=["tiny", "tiny-qwen2-vl", "tiny-qwen3-vl", "tiny-qwen3", "tiny-llama"])
def asked(request):
    """A tiny model and its prompts, of different lengths."""
    policy = tiny(request.param)
    sides = (56, 84, 56) if policy.processor.__class__.__name__ != "Qwen3VLProcessor" else (64, 96, 64)
    return policy, policy.prepare(QUESTIONS, noise_pictures(*sides) if isinstance(policy, QwenVL) else None)


@pytest.mark.parametrize("room", [512, 12, 1])
@pytest.mark.parametrize("greedy", [True, False])
def test_equals_generate(asked, room, greedy, monkeypatch):
    """Whole groups packed, pairs, and one by one; some answers end early."""
    monkeypatch.setattr(packing_room, "MAX_PACKED_TOKENS", room)
    policy, prompts = asked
    policy.end_ids = sorted({*policy.end_ids, *range(300, 380)})
    uniforms = None if greedy else torch.rand(12, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    usual = policy.generate(prompts, GROUP, 0.7, uniforms)
    policy.static_decoding = True
    equal_steps = policy.generate(prompts, GROUP, 0.7, uniforms)
    assert torch.equal(equal_steps.ids_BT, usual.ids_BT)
    assert torch.equal(equal_steps.mask_BT, usual.mask_BT)
    assert greedy or not usual.mask_BT.all()
    torch.testing.assert_close(equal_steps.logp_BT, usual.logp_BT, atol=1e-5, rtol=0)


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_short_answers(policy, pictures, longest):
    policy.max_new_tokens = longest
    prompts = policy.prepare(QUESTIONS, pictures)
    usual = policy.generate(prompts, GROUP)
    policy.static_decoding = True
    assert torch.equal(policy.generate(prompts, GROUP).ids_BT, usual.ids_BT)
    assert usual.ids_BT.shape == (12, longest)


def test_stops_when_all_have_ended(policy, pictures):
    policy.max_new_tokens = 40
    policy.end_ids = list(range(512))
    policy.static_decoding = True
    assert policy.generate(policy.prepare(QUESTIONS, pictures), GROUP).ids_BT.shape == (12, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")
def test_graph_equals_generate(asked):
    """Twice, for the second rollout captures its own graph."""
    policy, _ = asked
    policy.to("cuda").max_new_tokens = 24
    pictures = noise_pictures(*[policy.patch_size * 4] * 3) if isinstance(policy, QwenVL) else None
    uniforms = torch.rand(12, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).cuda()
    for questions in (QUESTIONS, QUESTIONS[::-1]):
        prompts = policy.prepare(questions, pictures)
        policy.static_decoding = False
        usual = policy.generate(prompts, GROUP, 0.7, uniforms)
        policy.static_decoding = True
        replayed = policy.generate(prompts, GROUP, 0.7, uniforms)
        assert torch.equal(replayed.ids_BT, usual.ids_BT)
        torch.testing.assert_close(replayed.logp_BT, usual.logp_BT, atol=1e-4, rtol=0)


class Recorder(TorchDispatchMode):
    """Notes the operators that run, and the memory that those with a state work on."""

    def __init__(self):
        super().__init__()
        self.operators = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operators.append(func._schema.name)
        return func(*args, **(kwargs or {}))


def test_step_can_be_captured(asked):
    """The same operators every time, on the same memory, none of which a capture refuses."""
    policy, prompts = asked
    with torch.no_grad():
        decoder = StaticDecoder(policy, prompts, GROUP, 0.7, torch.rand(12, 6, dtype=torch.float64))
        held = {name: value.data_ptr() for name, value in vars(decoder).items() if isinstance(value, torch.Tensor)}
        buffers = [layer.keys.data_ptr() for layer in decoder.cache.layers]
        with Recorder() as first:
            decoder.step()
        with Recorder() as second:
            decoder.step()
    assert first.operators == second.operators
    assert not REFUSED & set(first.operators)
    assert held == {name: value.data_ptr() for name, value in vars(decoder).items() if isinstance(value, torch.Tensor)}
    assert buffers == [layer.keys.data_ptr() for layer in decoder.cache.layers]
