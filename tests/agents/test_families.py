import json

import numpy as np
import pytest
import torch
from transformers import BertConfig, GPT2Config, MistralConfig

from agents.choices import TINY_MODELS
from agents.families import FAMILIES, load_pretrained
from agents.policy import Draws, texts_of
from agents.qwen_vl import QwenVL
from tests.agents.conftest import QUESTIONS, noise_pictures, tiny

TEXTS = ["e\u0301 \ufb01 \u212b \U0001f9ff  b\n\n c ,d .", "<answer>07:25</answer>", " <|im_end|>x", "12345 don't"]


@pytest.fixture(scope="module", params=TINY_MODELS)
def saved(request, tmp_path_factory):
    """A tiny model, and the folder it was written to."""
    folder, policy = tmp_path_factory.mktemp(request.param), tiny(request.param)
    policy.model.save_pretrained(folder)
    policy.processor.save_pretrained(folder)
    return policy, folder


def greedy(policy):
    seen = {"image": np.stack(noise_pictures(64, 64, 64))} if isinstance(policy, QwenVL) else {}
    return texts_of(policy.respond({"prompt": tuple(QUESTIONS), **seen}, {}, Draws.greedy(range(len(QUESTIONS)))))


def test_a_saved_policy_answers_the_same(saved):
    policy, folder = saved
    loaded = load_pretrained(str(folder), max_new_tokens=6)
    assert (type(loaded), type(loaded.model)) == (type(policy), type(policy.model))
    assert greedy(loaded) == greedy(policy)
    for name, weight in policy.model.state_dict().items():
        assert weight.equal(loaded.model.state_dict()[name]), name


def test_a_saved_tokenizer_reads_the_same(saved):
    policy, folder = saved
    loaded = load_pretrained(str(folder))
    for text in TEXTS:
        assert loaded.tokenizer(text)["input_ids"] == policy.tokenizer(text)["input_ids"]
    assert (loaded.end_ids, loaded.pad_id) == (policy.end_ids, policy.pad_id)
    assert loaded.never_sampled == policy.never_sampled


def test_sharded_half_precision_is_read_too(saved, tmp_path):
    rounded = load_pretrained(str(saved[1]), max_new_tokens=6)
    rounded.cast(torch.bfloat16).model.save_pretrained(tmp_path, max_shard_size="400KB")
    rounded.processor.save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    loaded = load_pretrained(str(tmp_path), max_new_tokens=6)
    assert {weight.dtype for weight in loaded.model.parameters()} == {torch.float32}
    rounded.cast(torch.float32)
    assert greedy(loaded) == greedy(rounded)


@pytest.mark.parametrize("config", [BertConfig(), GPT2Config(), MistralConfig()], ids=lambda config: config.model_type)
def test_another_family_is_named_with_those_that_can_be_used(config, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    with pytest.raises(ValueError, match=f"it is a {config.model_type} model, .*qwen2_vl, qwen2_5_vl, .*llama"):
        load_pretrained(str(tmp_path))


def test_every_family_has_a_tiny_model():
    assert {tiny(name).model.config.model_type for name in TINY_MODELS} == set(FAMILIES)
