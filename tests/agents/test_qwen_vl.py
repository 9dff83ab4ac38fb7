"""What pictures add to a language model; test_shared_prefix.py holds the numbers."""

import numpy as np
import pytest
import torch

from agents.qwen_vl import QwenVL
from tests.agents.conftest import QUESTIONS, noise_pictures, tiny

FAMILIES = ["tiny", "tiny-qwen2-vl", "tiny-qwen3-vl"]


def test_prompts_of_different_lengths_are_left_padded(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    lengths = prompts.attention_mask_PS.sum(1)
    assert len(set(lengths.tolist())) == 3
    assert prompts.padded
    assert prompts.attention_mask_PS[:, -1].all()
    assert prompts.image_grid_thw.tolist() == [[1, 4, 4], [1, 6, 6], [1, 4, 4]]


def test_pictures_stand_before_the_question_in_their_order(policy):
    small, large = noise_pictures(56, 84)
    prompts = policy.prepare(["Which?", "Why?"], [[large, small], []])
    assert prompts.pictures_P.tolist() == [2, 0]
    assert prompts.image_grid_thw.tolist() == [[1, 6, 6], [1, 4, 4]]
    texts = [
        policy.tokenizer.decode(ids[mask])
        for ids, mask in zip(prompts.input_ids_PS, prompts.attention_mask_PS, strict=True)
    ]
    picture = "<|vision_start|>{}<|vision_end|>"
    shown = picture.format("<|image_pad|>" * 9) + picture.format("<|image_pad|>" * 4)
    chat = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    assert texts == [chat.format(f"{shown}Which?"), chat.format("Why?")]


def test_one_picture_may_stand_for_a_list_of_one(policy, pictures):
    bare, listed = (policy.prepare(QUESTIONS, seen) for seen in (pictures, [[picture] for picture in pictures]))
    assert bare.input_ids_PS.equal(listed.input_ids_PS)
    assert bare.pixel_values.equal(listed.pixel_values)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([np.zeros((56, 56, 3))], r"uint8 array \(H, W, 3\), got float64 \(56, 56, 3\)"),
        ([np.zeros((56, 56, 4), np.uint8)], r"got uint8 \(56, 56, 4\)"),
        ([[np.zeros((56, 56), np.uint8)]], r"got uint8 \(56, 56\)"),
        ([], "1 prompts need as many entries of pictures, got 0"),
    ],
)
def test_what_is_no_picture_is_refused(policy, images, said):
    with pytest.raises(ValueError, match=said):
        policy.prepare(["What?"], images)


@pytest.mark.parametrize("images", [None, noise_pictures(56)], ids=["alone", "with a picture"])
@pytest.mark.parametrize("token", ["<|image_pad|>", "<|video_pad|>"])
def test_a_prompt_that_holds_picture_tokens_is_refused(policy, images, token):
    with pytest.raises(ValueError, match="keeps for pictures: 'Is this"):
        policy.prepare([f"Is this {token} ?"], images)


@pytest.mark.parametrize(
    ("name", "shown"), [("tiny", (112, 84)), ("tiny-qwen2-vl", (112, 84)), ("tiny-qwen3-vl", (128, 96))]
)
def test_the_size_a_picture_is_seen_at(name, shown):
    """112 x 84 pixels are whole merged patches of 28, and 3.5 x 2.6 of 32."""
    policy = tiny(name)
    assert policy.shown_size(112, 84) == shown
    assert policy.shown_size(*shown) == shown


@pytest.mark.parametrize("name", FAMILIES)
def test_the_model_tells_pictures_apart_and_reads_them_in_order(name):
    policy = tiny(name)
    one, other = noise_pictures(64, 64)
    answers = policy.encode(["<answer>1</answer>"])
    with torch.no_grad():
        logps = [
            policy.log_probabilities(policy.prepare(["?"], [seen]), *answers)[0]
            for seen in ([one, other], [other, one], [one, one])
        ]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (logps[a] - logps[b]).abs().max() > 1e-3


@pytest.mark.parametrize("name", FAMILIES)
def test_vision_tokens_are_never_sampled(name, pictures):
    """Even where the model wants nothing else."""
    policy = tiny(name)
    names = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    vision = [policy.tokenizer.convert_tokens_to_ids(name) for name in names]
    head = torch.nn.Linear(96, 512)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, 0.0)
    head.bias.data[vision] = 50.0
    policy.model.lm_head = head
    prompts = policy.prepare(QUESTIONS, pictures)
    uniforms = torch.rand(3 * 64, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    answers = policy.generate(prompts, 64, 1.0, uniforms)
    assert not torch.isin(answers.ids_BT, torch.tensor(vision)).any()
    # what is left is an even choice among the other 508 tokens, for the learner too
    even = [pytest.approx(-np.log(508))] * int(answers.mask_BT.sum())
    assert answers.logp_BT[answers.mask_BT].tolist() == even
    with torch.no_grad():
        logp_BT, entropy_BT = policy.log_probabilities(prompts, answers.ids_BT, answers.mask_BT)
    assert logp_BT[answers.mask_BT].tolist() == even
    assert (-entropy_BT[answers.mask_BT]).tolist() == even


def test_a_processor_without_a_chat_template_is_refused(policy):
    policy.processor.chat_template = None
    with pytest.raises(ValueError, match="no chat template"):
        QwenVL(policy.model, policy.processor)


@pytest.mark.parametrize("name", ["tiny", "tiny-qwen2-vl", "tiny-qwen3-vl"])
def test_the_patches_are_embedded_as_by_the_convolution(name):
    embed = tiny(name).model.model.visual.patch_embed
    patches = torch.randn(5, embed.proj.weight[0].numel(), generator=torch.Generator().manual_seed(0))
    ours = embed(patches)
    plain = torch.nn.Conv3d.forward(embed.proj, patches.view(5, *embed.proj.weight.shape[1:])).flatten(1)
    torch.testing.assert_close(ours, plain, atol=1e-4, rtol=0)
    ours.square().sum().backward()
    gradient = embed.proj.weight.grad.clone()
    embed.proj.weight.grad = None
    plain.square().sum().backward()
    torch.testing.assert_close(gradient, embed.proj.weight.grad, atol=1e-3, rtol=1e-4)


def test_a_layout_is_not_taken_for_another(policy):
    def asked(*sides):
        return policy.prepare(["Red?", "Blue?"], [noise_pictures(side)[0] for side in sides])

    first, others, again = asked(56, 84), asked(84, 56), asked(56, 84)
    assert first.image_grid_thw.tolist() == again.image_grid_thw.tolist() != others.image_grid_thw.tolist()
    assert torch.equal(first.input_ids_PS, again.input_ids_PS)
    assert torch.equal(first.position_ids, again.position_ids)
    assert not torch.equal(first.input_ids_PS, others.input_ids_PS)
    blank = policy.prepare(["Red?", "Blue?"], [np.zeros((56, 56, 3), np.uint8), np.zeros((84, 84, 3), np.uint8)])
    assert torch.equal(blank.position_ids, first.position_ids)
    assert not torch.equal(blank.pixel_values, first.pixel_values)
