import hashlib
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2ForCausalLM,
    Qwen2VLForConditionalGeneration,
    Qwen2VLProcessor,
    Qwen3ForCausalLM,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)

from agents.choices import TINY_MODELS
from agents.tiny import TINIES, VOCAB_SIZE, build_model, build_processor, build_tiny, build_tokenizer

TOKENIZER = build_tokenizer()
RECORDED = {
    "lm_head.weight": [-0.002533, -0.019387, 0.05242],
    "model.visual.patch_embed.proj.weight": [0.005663, -0.035031, 0.01138],
}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_unicode_survives(text):
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_what_is_not_normalised_survives_too():
    for text in ("e\u0301", "\ufb01", "\u212b", "a  b\n\n c ,d .", "\x00\x7f"):
        assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_numbers_are_split_into_digits_and_tags_are_one_token():
    tokens = TOKENIZER.tokenize("<answer>07:25:30</answer>")
    assert tokens == ["<answer>", "0", "7", ":", "2", "5", ":", "3", "0", "</answer>"]


def test_tags_are_text_and_markers_are_not():
    ids = TOKENIZER("<answer>5</answer><|im_end|>")["input_ids"]
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == "<answer>5</answer>"


def test_chat_template_is_qwens():
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
    assert TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>What?<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    ("name", "model", "processor"),
    [
        ("tiny", Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor),
        ("tiny-qwen2-vl", Qwen2VLForConditionalGeneration, Qwen2VLProcessor),
        ("tiny-qwen3-vl", Qwen3VLForConditionalGeneration, Qwen3VLProcessor),
        ("tiny-qwen2", Qwen2ForCausalLM, PreTrainedTokenizerFast),
        ("tiny-qwen3", Qwen3ForCausalLM, PreTrainedTokenizerFast),
        ("tiny-llama", LlamaForCausalLM, PreTrainedTokenizerFast),
        ("tiny-half", Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor),
    ],
)
def test_the_models_are_stock_ones(name, model, processor):
    policy = build_tiny(name, 0)
    assert type(policy.model) is model
    assert type(policy.processor) is processor
    assert len(policy.tokenizer) == VOCAB_SIZE == policy.model.get_output_embeddings().out_features
    assert 0.25e6 < policy.model.num_parameters() < 3e6


def test_the_names_are_those_that_settings_offer():
    assert tuple(TINIES) == TINY_MODELS


def test_qwen3_vl_is_tiny_in_all_that_sets_it_apart():
    """Features of an inner vision layer enter the text layers too, and the frequency pairs of positions alternate."""
    config = build_tiny("tiny-qwen3-vl", 0).model.config
    assert config.vision_config.deepstack_visual_indexes == [0]
    assert config.vision_config.patch_size == build_processor("tiny-qwen3-vl").image_processor.patch_size == 16
    assert sum(config.text_config.rope_parameters["mrope_section"]) == config.text_config.head_dim // 2


def test_a_student_has_half_of_the_parameters_and_all_of_the_vocabulary():
    student, teacher = build_tiny("tiny-half", 0), build_tiny("tiny", 0)
    assert (student.model.num_parameters(), teacher.model.num_parameters()) == (405_696, 829_728)
    assert student.tokenizer.get_vocab() == teacher.tokenizer.get_vocab()
    vision = student.model.config.vision_config
    assert (vision.hidden_size, vision.out_hidden_size, vision.intermediate_size) == (64, 64, 192)
    assert student.model.config.get_text_config().initializer_range == vision.initializer_range == 0.125


@pytest.mark.parametrize("name", TINY_MODELS)
def test_weights_depend_on_the_seed_alone(name):
    torch.manual_seed(1)
    first = build_model(3, TOKENIZER, name).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = build_model(3, TOKENIZER, name).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["lm_head.weight"], build_model(4, TOKENIZER, name).state_dict()["lm_head.weight"])


@pytest.mark.parametrize("name", RECORDED)
def test_the_default_model_is_the_one_that_runs_were_recorded_with(name):
    """Only a few of its numbers; who changes them has to record every run again."""
    weight = build_model(0, TOKENIZER).state_dict()[name]
    assert weight.flatten()[-3:].tolist() == pytest.approx(RECORDED[name], abs=1e-6)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_vocabulary_is_the_same_in_every_process(hash_seed):
    code = "from agents.tiny import build_tokenizer; print(build_tokenizer().backend_tokenizer.to_str())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    mine = TOKENIZER.backend_tokenizer.to_str() + "\n"
    assert hashlib.sha256(printed.encode()).hexdigest() == hashlib.sha256(mine.encode()).hexdigest()
