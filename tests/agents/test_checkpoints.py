"""Checkpoints in the formats that are published: sharded, in half precision, of every family; and broken ones."""

import json
from contextlib import suppress

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from agents.families import count_parameters, load_pretrained
from agents.loading import find_device, load_policy, require_kernel
from tests.agents.conftest import QUESTIONS, noise_pictures, tiny

FAMILIES = ["tiny", "tiny-qwen2-vl", "tiny-qwen3-vl", "tiny-qwen2"]


def published(policy, folder, dtype=torch.bfloat16):
    """Saved as models are published: bfloat16, in several files."""
    policy.cast(dtype).model.save_pretrained(folder, max_shard_size="300KB")
    policy.processor.save_pretrained(folder)
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    return str(folder)


@pytest.mark.parametrize("name", FAMILIES)
def test_sharded_and_in_half_precision(name, tmp_path):
    policy = tiny(name)
    folder = published(policy, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    loaded = load_policy(folder, 0, dtype="float32")
    loaded.max_new_tokens = policy.max_new_tokens
    policy.cast(torch.float32)  # the same rounded weights
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    pictures = None if name == "tiny-qwen2" else noise_pictures(64, 96, 64)
    answers = [
        p.generate(p.prepare(QUESTIONS, pictures), 2, 1.0, torch.full((6, 6), 0.3).double()) for p in (policy, loaded)
    ]
    assert torch.equal(answers[0].ids_BT, answers[1].ids_BT)
    torch.testing.assert_close(answers[0].logp_BT, answers[1].logp_BT, atol=1e-5, rtol=0)
    assert load_policy(folder, 0, dtype="bfloat16").model.dtype == torch.bfloat16
    assert count_parameters(folder) == policy.model.num_parameters()


def test_a_missing_shard_is_named(tmp_path, policy):
    folder = published(policy, tmp_path)
    lost = sorted(tmp_path.glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(ValueError, match=f"could not be loaded: .*{lost.name}"):
        load_policy(folder, 0)


def test_a_cut_shard_is_refused(tmp_path, policy):
    folder = published(policy, tmp_path)
    shard = sorted(tmp_path.glob("model-*.safetensors"))[0]
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(ValueError, match="could not be loaded"):
        load_policy(folder, 0)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth"])
def test_pickles_are_refused_unread(tmp_path, policy, name):
    policy.save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(ValueError, match=f"its weights are pickled \\({name}\\)"):
        load_policy(str(tmp_path), 0)


def test_a_template_without_places_for_pictures(tmp_path, policy):
    policy.processor.chat_template = "{% for m in messages %}{{ m.content[-1].text }}{% endfor %}"
    with pytest.raises(ValueError, match=r"has 0 places \(<\|image_pad\|>\) for 1 pictures"):
        policy.prepare(["Red?"], noise_pictures(56))


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("cuda", "--device cuda: no such GPU, torch sees none"),
        ("cuda:7", "--device cuda:7: no such GPU"),
        ("gpu", "--device gpu is no device"),
        ("meta", "--device meta is not supported"),
    ],
)
def test_devices_that_are_not_there(monkeypatch, device, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=said):
        load_policy("tiny", 0, device=device)


def test_devices_that_are_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(find_device(wanted)) for wanted in (None, "cpu", "cuda:1")] == ["cuda", "cpu", "cuda:1"]
    with pytest.raises(ValueError, match="torch sees 2 of them, cuda:0 to cuda:1"):
        find_device("cuda:2")


def test_flash_attention_needs_a_gpu():
    with pytest.raises(ValueError, match="--attention flash_attention_2 needs a GPU"):
        require_kernel("flash_attention_2", torch.device("cpu"))


def test_flash_attention_is_the_vision_tower_s_alone(tmp_path, policy, monkeypatch):
    policy.save(tmp_path)
    asked = []

    def stop(*args, attn_implementation, **kwargs):
        asked.append(attn_implementation)
        raise OSError("enough")

    monkeypatch.setattr(AutoModelForImageTextToText, "from_pretrained", stop)
    with pytest.raises(OSError, match="enough"):
        load_pretrained(str(tmp_path), attention="flash_attention_2")
    assert asked == [{"": "sdpa", "text_config": "sdpa", "vision_config": "flash_attention_2"}]
    config = AutoConfig.from_pretrained(tmp_path, attn_implementation=asked[0])  # and transformers takes it so
    assert config.text_config._attn_implementation == "sdpa"
    assert config.vision_config._attn_implementation == "flash_attention_2"


def test_a_typing_mistake_in_a_folder_that_exists(tmp_path):
    (tmp_path / "clock").mkdir()
    with pytest.raises(ValueError, match=f"did you mean '{tmp_path}/clock'"):
        load_policy(str(tmp_path / "clokc"), 0)


def test_a_mistyped_run_is_no_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "clock").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"nor a folder, nor a hub id \(OWNER/NAME\); did you mean 'runs/clock'"):
        load_policy("runs/clokc", 0)


@pytest.mark.parametrize("name", ["tiny", "tiny-qwen3-vl"])
def test_a_pixel_budget(name, tmp_path):
    policy = tiny(name)
    side = policy.patch_size * policy.merge_size
    assert policy.shown_size(10 * side, 10 * side) == (10 * side, 10 * side)
    policy.limit_pixels(16 * side * side)
    assert policy.shown_size(10 * side, 10 * side) == (4 * side, 4 * side)
    assert policy.shown_size(3 * side, 5 * side) == (3 * side, 5 * side)  # smaller ones stay as they are
    tokens = policy.prepare(["Red?"], noise_pictures(10 * side)).input_ids_PS == policy.model.config.image_token_id
    assert int(tokens.sum()) == 16
    policy.save(tmp_path)
    assert load_pretrained(str(tmp_path)).shown_size(10 * side, 10 * side) == (4 * side, 4 * side)  # and are kept
    with pytest.raises(ValueError, match=f"--max-pixels must be at least {side * side}, one merged patch"):
        policy.limit_pixels(side * side - 1)


def test_the_checkpoint_s_own_bounds_count(policy):
    """Qwen3-VL's processor scales small pictures up to 65,536 pixels."""
    policy.processor.image_processor.size = {"shortest_edge": 112 * 112, "longest_edge": 28 * 28 * 1280}
    assert policy.shown_size(56, 56) == (112, 112)
    prompts = policy.prepare(["Red?"], noise_pictures(56))
    features = policy.model.model.get_image_features(
        **{"pixel_values": prompts.pixel_values, "image_grid_thw": prompts.image_grid_thw}
    )
    assert len(torch.cat(list(features.pooler_output))) == 16


def test_an_exported_folder_is_transformers_own(tmp_path, policy, pictures):
    policy.save(tmp_path)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path)
    processor = AutoProcessor.from_pretrained(tmp_path)
    chat = [
        {
            "role": "user",
            "content": [{"type": "image", "image": pictures[0]}, {"type": "text", "text": "Red?"}],
        }
    ]
    inputs = processor.apply_chat_template(
        chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    made = model.generate(**inputs, max_new_tokens=6, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    ours = policy.generate(policy.prepare(["Red?"], pictures[:1]))
    assert made.tolist() == ours.ids_BT[ours.mask_BT].tolist()


def test_missing_weights_are_not_made_up(tmp_path, policy):
    policy.save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if "visual" not in name}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        ValueError, match=f"could not be loaded: {len(tensors) - len(kept)} of its weights are not there"
    ):
        load_policy(str(tmp_path), 0)


def test_a_tensor_of_another_shape_is_told(tmp_path, policy):
    policy.save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    name = next(name for name in tensors if name.endswith("q_proj.weight"))
    save_file({**tensors, name: tensors[name][:7].contiguous()}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="could not be loaded"):
        load_policy(str(tmp_path), 0)


@pytest.mark.parametrize("file", ["config.json", "processor_config.json", "tokenizer_config.json"])
def test_a_checkpoint_s_own_code_is_not_run(tmp_path, policy, monkeypatch, file):
    policy.save(tmp_path)
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    document = json.loads((tmp_path / file).read_text())
    classes = {"AutoConfig": "own.C", "AutoProcessor": "own.P", "AutoTokenizer": ["own.T", None]}
    (tmp_path / file).write_text(json.dumps({**document, "auto_map": classes}))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # to whoever asks whether to run it
    with suppress(ValueError):
        load_policy(str(tmp_path), 0)
    assert not (tmp_path / "ran").exists()


def test_dropout_is_taken_out(tmp_path, policy, pictures):
    policy.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["text_config"]["attention_dropout"] = 0.4
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = load_policy(str(tmp_path), 0)
    prompts = loaded.prepare(QUESTIONS, pictures)
    answers = loaded.encode(["07:25", "12", "no"])
    before, _ = loaded.log_probabilities(prompts, *answers)
    loaded.model.train()
    assert torch.equal(loaded.log_probabilities(prompts, *answers)[0], before)


def test_a_model_too_large_for_the_memory(policy, monkeypatch, tmp_path):
    policy.save(tmp_path)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(ValueError, match=f"--model {tmp_path} does not fit into the memory of cpu; try --lora"):
        load_policy(str(tmp_path), 0)
