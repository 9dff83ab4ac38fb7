import hashlib
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from agents.tiny import VOCAB_SIZE, build_model, build_processor, build_tokenizer

TOKENIZER = build_tokenizer()


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


def test_the_model_is_a_stock_qwen():
    processor = build_processor()
    model = build_model(0, processor.tokenizer)
    assert type(model) is Qwen2_5_VLForConditionalGeneration
    assert type(processor) is Qwen2_5_VLProcessor
    assert len(processor.tokenizer) == VOCAB_SIZE == model.config.text_config.vocab_size
    assert 0.5e6 < sum(p.numel() for p in model.parameters()) < 3e6


def test_weights_depend_on_the_seed_alone():
    tokenizer = build_tokenizer()
    torch.manual_seed(1)
    first = build_model(3, tokenizer).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = build_model(3, tokenizer).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], build_model(4, tokenizer).state_dict()["lm_head.weight"])


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_vocabulary_is_the_same_in_every_process(hash_seed):
    code = "from agents.tiny import build_tokenizer; print(build_tokenizer().backend_tokenizer.to_str())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    mine = TOKENIZER.backend_tokenizer.to_str() + "\n"
    assert hashlib.sha256(printed.encode()).hexdigest() == hashlib.sha256(mine.encode()).hexdigest()
