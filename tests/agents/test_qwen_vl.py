"""The shared prefix against the plain computation: one full sequence at a time, stock forward, no packing."""

import numpy as np
import pytest
import torch
from PIL import Image

from agents import packing as packing_room
from agents.batch import Answers
from agents.qwen_vl import QwenVL
from tests.agents.conftest import QUESTIONS

GROUP = 4
TEMPERATURE = 0.7


def plain_logits(policy, question, picture, answer_ids):
    """Stock forward of one unpadded sequence: the logits that predict each answer token, (T, V)."""
    messages = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]},
    ]
    text = policy.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = policy.processor(text=[text], images=[Image.fromarray(picture)], return_tensors="pt")
    answer = torch.tensor([answer_ids])
    inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(answer)], dim=1)
    inputs["attention_mask"] = torch.cat([inputs["attention_mask"], torch.ones_like(answer)], dim=1)
    prompt_length = inputs["input_ids"].shape[1]
    inputs["input_ids"] = torch.cat([inputs["input_ids"], answer], dim=1)
    logits = policy.model(**inputs).logits[0, prompt_length - 1 : -1].float() / TEMPERATURE
    logits[:, policy.never_sampled] = -torch.inf
    return logits


def plain_logp(policy, question, picture, answer_ids):
    """The plain log-probability and entropy of each token of one answer, two (T,)."""
    logp_TV = plain_logits(policy, question, picture, answer_ids).log_softmax(-1)
    entropy_T = torch.distributions.Categorical(logits=logp_TV).entropy()
    return logp_TV[torch.arange(len(answer_ids)), answer_ids], entropy_T


def rows(ids_BT, mask_BT):
    return [ids[mask].tolist() for ids, mask in zip(ids_BT, mask_BT, strict=True)]


def sampled(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    uniforms = torch.rand(len(prompts) * GROUP, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return prompts, policy.generate(prompts, GROUP, TEMPERATURE, uniforms)


@pytest.fixture(params=[512, 12, 1], ids=["whole group packed", "pairs packed", "one by one"])
def packing(request, monkeypatch):
    """All ways of sharing: every answer behind one prompt, two of them, or one."""
    monkeypatch.setattr(packing_room, "MAX_PACKED_TOKENS", request.param)


def test_prompts_of_different_lengths_are_left_padded(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    lengths = prompts.attention_mask_PS.sum(1)
    assert len(set(lengths.tolist())) == 3
    assert prompts.padded
    assert prompts.attention_mask_PS[:, -1].all()
    assert prompts.image_grid_thw.tolist() == [[1, 4, 4], [1, 6, 6], [1, 4, 4]]


@pytest.mark.usefixtures("packing")
def test_rollout_log_probabilities_equal_plain(policy, pictures):
    _, answers = sampled(policy, pictures)
    for b, ids in enumerate(rows(answers.ids_BT, answers.mask_BT)):
        expected, _ = plain_logp(policy, QUESTIONS[b // GROUP], pictures[b // GROUP], ids)
        torch.testing.assert_close(answers.logp_BT[b, : len(ids)], expected, atol=1e-4, rtol=0)


@pytest.mark.usefixtures("packing")
def test_learner_equals_plain_with_gradients(policy, pictures):
    prompts, answers = sampled(policy, pictures)
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


def test_padding_counts_for_nothing(policy, pictures):
    prompts, answers = sampled(policy, pictures)
    mask_BT = answers.mask_BT.clone()
    mask_BT[:, 3:] = False
    garbled = answers.ids_BT.where(mask_BT, 17)
    logp_BT, entropy_BT = policy.log_probabilities(prompts, garbled, mask_BT, TEMPERATURE)
    torch.testing.assert_close(logp_BT[:, :3], answers.logp_BT[:, :3], atol=1e-4, rtol=0)
    assert (logp_BT[:, 3:] == 0).all()
    assert (entropy_BT[:, 3:] == 0).all()


def test_greedy_equals_transformers_generate(policy, pictures):
    prompts = policy.prepare(QUESTIONS[:1], pictures[:1])
    ours = policy.generate(prompts)
    theirs = policy.model.generate(
        input_ids=prompts.input_ids_PS,
        attention_mask=prompts.attention_mask_PS.long(),
        pixel_values=prompts.pixel_values,
        image_grid_thw=prompts.image_grid_thw,
        mm_token_type_ids=(prompts.input_ids_PS == policy.model.config.image_token_id).long(),
        max_new_tokens=6,
        do_sample=False,
        suppress_tokens=policy.never_sampled,
        eos_token_id=policy.end_ids,
    )
    assert rows(ours.ids_BT, ours.mask_BT)[0] == theirs[0, prompts.input_ids_PS.shape[1] :].tolist()


def test_a_member_is_drawn_the_same_whatever_stands_beside_it(policy, pictures):
    uniforms = torch.rand(12, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    together = policy.generate(policy.prepare(QUESTIONS, pictures), GROUP, 1.0, uniforms)
    alone = policy.generate(policy.prepare(QUESTIONS[1:2], pictures[1:2]), GROUP, 1.0, uniforms[4:8])
    assert rows(together.ids_BT[4:8], together.mask_BT[4:8]) == rows(alone.ids_BT, alone.mask_BT)


def test_vision_tokens_are_never_sampled(policy, pictures):
    """Even where the model wants nothing else."""
    config = policy.model.config
    vision = [
        config.image_token_id,
        config.video_token_id,
        config.vision_start_token_id,
        config.vision_end_token_id,
    ]
    head = torch.nn.Linear(96, 512)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, 0.0)
    head.bias.data[vision] = 50.0
    policy.model.lm_head = head
    prompts = policy.prepare(QUESTIONS, pictures)
    uniforms = torch.rand(3 * 64, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    answers = policy.generate(prompts, 64, 1.0, uniforms)
    assert not torch.isin(answers.ids_BT, torch.tensor(vision)).any()
    # what is left is an even choice among the other 508 tokens
    assert answers.logp_BT[answers.mask_BT].tolist() == pytest.approx([-np.log(508)] * int(answers.mask_BT.sum()))


def test_an_answer_ends_with_its_end_token(policy, pictures):
    texts = ["<answer>1</answer>", "<answer>12:30</answer>"]
    ids_BT, mask_BT = policy.encode(texts)
    end = policy.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert [row[-1] for row in rows(ids_BT, mask_BT)] == [end, end]
    assert policy.decode(Answers(ids_BT, mask_BT, torch.zeros(ids_BT.shape))) == texts


def test_a_saved_policy_answers_the_same(policy, pictures, tmp_path):
    policy.model.save_pretrained(tmp_path)
    policy.processor.save_pretrained(tmp_path)
    loaded = QwenVL.load(str(tmp_path), max_new_tokens=6)
    observation = {"prompt": tuple(QUESTIONS[:1]), "image": np.stack(pictures[:1])}
    assert loaded.respond(observation, {}) == policy.respond(observation, {})


def test_text_without_a_picture(policy):
    prompts = policy.prepare(["Yes or no?", "Red, green or blue?"], None)
    assert prompts.pixel_values is None
    answers = policy.generate(prompts, 2, 1.0, torch.full((4, 6), 0.5, dtype=torch.float64))
    logp_BT, _ = policy.log_probabilities(prompts, answers.ids_BT, answers.mask_BT)
    torch.testing.assert_close(logp_BT, answers.logp_BT, atol=1e-4, rtol=0)
