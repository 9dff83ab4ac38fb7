import numpy as np
import pytest
import torch
from tokenizers import processors

from agents import scoring
from agents.batch import Answers
from agents.language_model import LanguageModel
from agents.policy import Draws, texts_of
from tests.agents.conftest import tiny


@pytest.fixture
def reader():
    """A text-only model."""
    return tiny("tiny-llama")


@pytest.mark.parametrize("name", ["tiny", "tiny-qwen2"])
def test_an_answer_ends_with_its_end_token(name):
    policy = tiny(name)
    texts = ["<answer>1</answer>", "<answer>12:30</answer>"]
    ids_BT, mask_BT = policy.encode(texts)
    end = policy.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert [ids[mask][-1] for ids, mask in zip(ids_BT, mask_BT, strict=True)] == [end, end]
    assert policy.decode(Answers(ids_BT, mask_BT, torch.zeros(ids_BT.shape))) == texts


def test_an_answer_ends_as_the_tokenizer_ends_a_turn_and_every_end_token_stops_it(reader):
    """Llama and Qwen name several in the generation config: the end of a text, and of a turn."""
    other = reader.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    reader.model.generation_config.eos_token_id = [other, 2]
    policy = LanguageModel(reader.model, reader.processor, 4)
    assert policy.end_ids == [other, 2]
    assert policy.encode(["1"])[0][0, -1] == 2
    uniforms = torch.zeros(1, 4, dtype=torch.float64)  # always the first token: <|endoftext|>
    assert policy.generate(policy.prepare(["?"]), 1, 1.0, uniforms).mask_BT.sum() == 1


def test_text_is_decoded_as_it_was_written(reader):
    """A tokenizer may ask for spaces before full stops to be cleaned away; the scorer reads what was sampled."""
    reader.tokenizer.clean_up_tokenization_spaces = True
    reader.tokenizer.clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output = True
    ids_BT, mask_BT = reader.encode(["do n't , you ?"])
    assert reader.decode(Answers(ids_BT, mask_BT, torch.zeros(ids_BT.shape))) == ["do n't , you ?"]


def test_a_chat_template_is_given_plain_text_and_writes_every_special_token(reader):
    """Llama's begins with the start-of-text token, which its tokenizer would add again."""
    tokenizer = reader.tokenizer
    tokenizer.chat_template = "<|vision_pad|>{{ messages[0].content | trim }}<|im_end|>"
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|vision_pad|> $A", special_tokens=[("<|vision_pad|>", 5)]
    )
    assert reader.prepare([" Red? "]).input_ids_PS.tolist() == [[5, *reader.encode(["Red?"])[0][0].tolist()]]


def test_the_prompt_is_the_same_on_every_day(reader):
    """Llama's template would name today's date."""
    reader.tokenizer.chat_template = (
        "{% if date_string is not defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        "Today: {{ date_string }}. {{ messages[0].content }}"
    )
    (ids,) = reader.prepare(["Red?"]).input_ids_PS.tolist()
    assert reader.tokenizer.decode(ids) == "Today: 26 Jul 2024. Red?"


def test_positions_begin_after_the_padding(reader):
    prompts = reader.prepare(["Red?", "Green, or blue?"])
    short, long = prompts.attention_mask_PS.sum(1).tolist()
    assert prompts.position_ids.tolist() == [[[*[0] * (long - short), *range(short)], [*range(long)]]]
    assert prompts.next_position_P.tolist() == [short, long]


def test_without_a_chat_template_the_prompt_stands_alone(reader):
    tokenizer = reader.tokenizer
    tokenizer.chat_template = None
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|vision_pad|> $A", special_tokens=[("<|vision_pad|>", 5)]
    )
    assert reader.prepare(["Red?"]).input_ids_PS.tolist() == [[5, *reader.encode(["Red?"])[0][0, :-1].tolist()]]


def test_a_tokenizer_without_a_padding_token_pads_all_the_same(reader):
    observations = {"prompt": ("Red?", "Green, or blue?")}
    draws = Draws.greedy([0, 1])
    expected = texts_of(reader.respond(observations, {}, draws))
    reader.tokenizer.pad_token = None
    policy = LanguageModel(reader.model, reader.processor, 6)
    assert texts_of(policy.respond(observations, {}, draws)) == expected


def test_tokens_that_stand_for_no_text_are_never_sampled(reader):
    """Output layers are padded to a round number of rows."""
    reader.model.resize_token_embeddings(520, mean_resizing=False)
    reader.model.lm_head.weight.data[512:] = 0.0
    policy = LanguageModel(reader.model, reader.processor, 6)
    assert policy.never_sampled == list(range(512, 520))
    uniforms = torch.full((1, 6), 1 - 2**-53, dtype=torch.float64)  # always the last token that is possible
    answers = policy.generate(policy.prepare(["Red?"]), 1, 1.0, uniforms)
    assert answers.ids_BT.tolist() == [[511] * 6]
    logp_BT, _ = policy.log_probabilities(policy.prepare(["Red?"]), answers.ids_BT, answers.mask_BT)
    torch.testing.assert_close(logp_BT, answers.logp_BT, atol=1e-4, rtol=0)


def test_pictures_are_refused(reader):
    with pytest.raises(ValueError, match="a llama model reads text only"):
        reader.prepare(["What?"], [np.zeros((56, 56, 3), np.uint8)])
    assert len(reader.prepare(["What?"], [[]])) == 1


def test_a_sliding_window_is_refused(reader):
    reader.model.config.layer_types = ["full_attention", "sliding_attention"]
    with pytest.raises(ValueError, match="sliding window"):
        LanguageModel(reader.model, reader.processor)


def test_a_model_that_can_never_end_is_refused(reader):
    reader.tokenizer.eos_token = None
    reader.model.generation_config.eos_token_id = None
    with pytest.raises(ValueError, match="end-of-text"):
        LanguageModel(reader.model, reader.processor)


def test_log_probabilities_from_a_few_logits_at_a_time_are_the_same(reader, monkeypatch):
    prompts = reader.prepare(["What time is it?", "Red?"])
    ids_BT, mask_BT = reader.encode(["<answer>12:30</answer>", "<answer>1</answer>", "7", "no"])

    def scored():
        logp_BT, entropy_BT = reader.log_probabilities(prompts, ids_BT, mask_BT, 0.7)
        reader.model.zero_grad()
        (logp_BT - 0.1 * entropy_BT).sum().backward()
        return logp_BT, entropy_BT, [p.grad.clone() for p in reader.model.parameters()]

    logp_BT, entropy_BT, gradients = scored()
    seen = []
    whole = LanguageModel.logits
    monkeypatch.setattr(
        LanguageModel, "logits", lambda self, *args, **more: seen.append(len(args[0])) or whole(self, *args, **more)
    )
    monkeypatch.setattr(scoring, "MAX_LOGITS", 3 * 512 + 511)  # three tokens, with this vocabulary
    fewer = scored()
    tokens = int(mask_BT.sum())
    assert max(seen) == 3
    assert sum(seen) == 2 * tokens  # forward, and again in the backward pass instead of being kept
    torch.testing.assert_close(fewer[:2], (logp_BT, entropy_BT), atol=1e-5, rtol=0)
    for ours, theirs in zip(fewer[2], gradients, strict=True):
        assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


def test_answers_to_one_problem_are_those_that_it_gets_alone(reader):
    """Keyed sampling: neither the batch nor sharing the prompt changes what is drawn."""
    questions = [("Red?", 7, 0), ("Red?", 7, 1), ("Red?", 7, 2), ("Green, or blue?", 8, 0), ("Green, or blue?", 8, 1)]
    draws = Draws([(3, seed, member) for _, seed, member in questions], temperature=1.0)
    prompts = tuple(question for question, _, _ in questions)
    ragged = list(reader.respond({"prompt": prompts}, {}, draws))
    alone = [next(reader.respond({"prompt": (prompts[i],)}, {}, draws.some([i])))[1] for i in range(5)]
    assert ragged == list(enumerate(alone))
    even = [0, 1, 3, 4]
    shared = list(reader.respond({"prompt": tuple(prompts[i] for i in even)}, {}, draws.some(even)))
    assert [reply for _, reply in shared] == [alone[i] for i in even]
    assert len({reply.text for reply in alone}) > 2
    assert [reply.tokens for reply in alone] == [
        len(reader.encode([reply.text])[0][0]) if reply.tokens < 6 else 6 for reply in alone
    ]
