"""Every family's shared prefix against the plain computation: one full sequence at a time, by a stock forward."""

import pytest
import torch
from PIL import Image
from transformers.cache_utils import DynamicLayer

from agents import packing as packing_room
from agents.choices import TINY_MODELS
from agents.qwen_vl import QwenVL
from agents.shared_prefix import ROOM, GrowingLayer, recomputes
from tests.agents.conftest import QUESTIONS, noise_pictures, tiny

GROUP = 4
TEMPERATURE = 0.7
# How many pictures each of the three questions has, and how large they are in merged patches.
PICTURES = {
    "one picture": [[2], [3], [2]],
    "several pictures": [[2, 3], [3, 2], [2, 2, 3]],
    "with and without": [[2, 3], [], [3]],
    "text": [[], [], []],
}
SEEING = [name for name in TINY_MODELS if issubclass(type(tiny(name)), QwenVL)]
CASES = [(name, case) for name in TINY_MODELS for case in PICTURES if name in SEEING or case == "text"]


@pytest.fixture(params=CASES, ids=lambda case: ", ".join(case))
def asked(request):
    """A tiny model, and the pictures of each question."""
    name, case = request.param
    policy = tiny(name)
    merged = policy.patch_size * policy.merge_size if isinstance(policy, QwenVL) else 0
    return policy, [noise_pictures(*(merged * side for side in sides)) for sides in PICTURES[case]]


@pytest.fixture(params=[512, 12, 1], ids=["whole group packed", "pairs packed", "one by one"])
def packing(request, monkeypatch):
    """All ways of sharing: every answer behind one prompt, two of them, or one."""
    monkeypatch.setattr(packing_room, "MAX_PACKED_TOKENS", request.param)


def plain_inputs(policy, question, pictures):
    """One prompt, unpadded, by the stock tokenizer or processor alone."""
    parts = [{"type": "image"} for _ in pictures] + [{"type": "text", "text": question}]
    messages = [{"role": "user", "content": parts if isinstance(policy, QwenVL) else question}]
    text = policy.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    images = {"images": [Image.fromarray(picture) for picture in pictures]} if pictures else {}
    return policy.processor(text=[text], **images, return_tensors="pt")


def plain_logp(policy, question, pictures, answer_ids):
    """The plain log-probability and entropy of each token of one answer, two (T,)."""
    inputs = plain_inputs(policy, question, pictures)
    answer = torch.tensor([answer_ids])
    prompt_length = inputs["input_ids"].shape[1]
    for name, more in {"input_ids": answer, "attention_mask": answer * 0 + 1, "mm_token_type_ids": answer * 0}.items():
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], more], dim=1)
    logits_TV = policy.model(**inputs).logits[0, prompt_length - 1 : -1].float() / TEMPERATURE
    logits_TV[:, policy.never_sampled] = -torch.inf
    logp_TV = logits_TV.log_softmax(-1)
    entropy_T = torch.distributions.Categorical(logits=logp_TV).entropy()
    return logp_TV[torch.arange(len(answer_ids)), answer_ids], entropy_T


def rows(ids_BT, mask_BT):
    return [ids[mask].tolist() for ids, mask in zip(ids_BT, mask_BT, strict=True)]


def sampled(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    uniforms = torch.rand(len(prompts) * GROUP, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return prompts, policy.generate(prompts, GROUP, TEMPERATURE, uniforms)


def test_the_prompts_are_padded(asked):
    """So that what follows is tried with padding, and each prompt has its own pictures."""
    policy, pictures = asked
    prompts = policy.prepare(QUESTIONS, pictures)
    lengths = [plain_inputs(policy, *one)["input_ids"].shape[1] for one in zip(QUESTIONS, pictures, strict=True)]
    assert prompts.attention_mask_PS.sum(1).tolist() == lengths
    assert len(set(lengths)) > 1
    assert prompts.attention_mask_PS[:, -1].all()
    assert prompts.pictures_P.tolist() == [len(own) for own in pictures]


@pytest.mark.usefixtures("packing")
def test_rollout_log_probabilities_equal_plain(asked):
    policy, pictures = asked
    _, answers = sampled(policy, pictures)
    for b, ids in enumerate(rows(answers.ids_BT, answers.mask_BT)):
        with torch.no_grad():
            expected, _ = plain_logp(policy, QUESTIONS[b // GROUP], pictures[b // GROUP], ids)
        torch.testing.assert_close(answers.logp_BT[b, : len(ids)], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("recomputed", [False, True], ids=["behind a cache", "activations recomputed"])
@pytest.mark.usefixtures("packing")
def test_learner_equals_plain_with_gradients(asked, recomputed):
    policy, pictures = asked
    prompts, answers = sampled(policy, pictures)
    if recomputed:
        # the method has a new name since transformers 5.20
        enable = getattr(policy.model, "activation_checkpointing_enable", policy.model.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
        policy.model.train()
    assert recomputes(policy.model) == recomputed
    weights = torch.randn(answers.ids_BT.shape, generator=torch.Generator().manual_seed(5)) * answers.mask_BT
    logp_BT, entropy_BT = policy.log_probabilities(prompts, answers.ids_BT, answers.mask_BT, TEMPERATURE)
    (logp_BT * weights - 0.1 * entropy_BT).sum().backward()
    packed = {name: p.grad.clone() for name, p in policy.model.named_parameters() if p.grad is not None}
    policy.model.zero_grad()
    for b, ids in enumerate(rows(answers.ids_BT, answers.mask_BT)):
        logp_T, entropy_T = plain_logp(policy, QUESTIONS[b // GROUP], pictures[b // GROUP], ids)
        torch.testing.assert_close(logp_BT[b, : len(ids)], logp_T, atol=1e-4, rtol=0)
        torch.testing.assert_close(entropy_BT[b, : len(ids)], entropy_T, atol=1e-4, rtol=0)
        (logp_T * weights[b, : len(ids)] - 0.1 * entropy_T).sum().backward()
    assert packed.keys() == {name for name, p in policy.model.named_parameters() if p.grad is not None}
    for name, parameter in policy.model.named_parameters():
        if parameter.grad is not None:
            error = (packed[name] - parameter.grad).norm() / parameter.grad.norm()
            assert error < 1e-4, name


def test_greedy_equals_transformers_generate(asked):
    policy, pictures = asked
    ours = policy.generate(policy.prepare(QUESTIONS, pictures))
    for own, question, seen in zip(rows(ours.ids_BT, ours.mask_BT), QUESTIONS, pictures, strict=True):
        inputs = plain_inputs(policy, question, seen)
        settings = {"max_new_tokens": 6, "do_sample": False, "suppress_tokens": policy.never_sampled or None}
        theirs = policy.model.generate(**inputs, **settings, eos_token_id=policy.end_ids, pad_token_id=policy.pad_id)
        assert own == theirs[0, inputs["input_ids"].shape[1] :].tolist()


def test_padding_counts_for_nothing(asked):
    policy, pictures = asked
    prompts, answers = sampled(policy, pictures)
    mask_BT = answers.mask_BT.clone()
    mask_BT[:, 3:] = False
    garbled = answers.ids_BT.where(mask_BT, 17)
    logp_BT, entropy_BT = policy.log_probabilities(prompts, garbled, mask_BT, TEMPERATURE)
    torch.testing.assert_close(logp_BT[:, :3], answers.logp_BT[:, :3], atol=1e-4, rtol=0)
    assert (logp_BT[:, 3:] == 0).all()
    assert (entropy_BT[:, 3:] == 0).all()


def test_a_member_is_drawn_the_same_whatever_stands_beside_it(asked):
    policy, pictures = asked
    uniforms = torch.rand(12, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    together = policy.generate(policy.prepare(QUESTIONS, pictures), GROUP, 1.0, uniforms)
    alone = policy.generate(policy.prepare(QUESTIONS[1:2], pictures[1:2]), GROUP, 1.0, uniforms[4:8])
    assert rows(together.ids_BT[4:8], together.mask_BT[4:8]) == rows(alone.ids_BT, alone.mask_BT)


def test_a_growing_layer_holds_what_a_dynamic_one_holds():
    generator = torch.Generator().manual_seed(2)
    growing, dynamic = GrowingLayer(), DynamicLayer()
    for step, new in enumerate([5] + [3] * (2 * ROOM + 1)):
        keys, values = torch.randn(2, 4 if step else 2, 2, new, 8, generator=generator)
        held = growing.update(keys, values)
        for ours, theirs in zip(held, dynamic.update(keys, values), strict=True):
            assert torch.equal(ours, theirs)
        assert growing.get_seq_length() == dynamic.get_seq_length() == 5 + 3 * step
        if not step:
            growing.batch_repeat_interleave(2)
            dynamic.batch_repeat_interleave(2)


def test_what_was_sampled_can_be_trained_on(policy, pictures):
    answers = policy.generate(policy.prepare(QUESTIONS, pictures), GROUP)
    assert not any(tensor.is_inference() for tensor in vars(answers).values())
