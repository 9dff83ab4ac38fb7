"""Adapters on tiny models: what they change, what they leave, how they are saved, merged and loaded again."""

import copy
import json

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file

from agents.families import count_parameters, load_pretrained
from agents.lora import adapter_base, add_adapter, lora_config, name_base
from tests.agents.conftest import QUESTIONS, tiny

TEXT_LAYERS = 2 * 7  # two decoder layers, seven linear layers each


def adapted(base, targets="q_proj,v_proj", rank=4, alpha=8.0, vision=False, seed=0):
    policy = load_pretrained(base, 6)
    add_adapter(policy, lora_config(policy, rank, alpha, targets, vision), seed)
    name_base(policy, base)
    return policy


def disturb(policy):
    """Give the adapter's second factors, which are 0 at first, values that show."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))


def logp(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    ids_BT, mask_BT = policy.encode(["07:25", "12", "no"])
    with torch.no_grad():
        return policy.log_probabilities(prompts, ids_BT, mask_BT)[0]


def test_a_new_adapter_changes_nothing(base, pictures):
    plain, policy = load_pretrained(base, 6), adapted(base)
    assert torch.equal(logp(policy, pictures), logp(plain, pictures))


def test_only_the_adapter_learns(base):
    policy = adapted(base, "q_proj,v_proj", rank=4)
    learning = {name: p for name, p in policy.model.named_parameters() if p.requires_grad}
    assert len(learning) == 2 * 2 * 2  # layers x targets x factors
    assert all("lora_" in name and "visual" not in name for name in learning)
    # hidden size 96 in and out, rank 4
    assert sum(p.numel() for p in learning.values()) == 4 * (4 * 96 + 96 * 4)


def test_the_vision_tower_gets_adapters_on_demand(base):
    names = [n for n, p in adapted(base, "all-linear", vision=True).model.named_parameters() if p.requires_grad]
    assert any("visual" in name for name in names)
    frozen = [n for n, p in adapted(base, "all-linear").model.named_parameters() if p.requires_grad]
    assert len(frozen) == 2 * TEXT_LAYERS
    assert not any("visual" in name or "lm_head" in name for name in frozen)


def test_what_an_adapter_adds_is_low_rank(base, pictures):
    """Merged by hand: W + alpha / rank · B A."""
    policy = adapted(base, "q_proj", rank=4, alpha=8.0)
    disturb(policy)
    plain = load_pretrained(base, 6)
    weights = dict(policy.model.named_parameters())
    with torch.no_grad():
        for name, weight in plain.model.named_parameters():
            stem = name.removesuffix(".weight")
            if stem.endswith("language_model.layers.0.self_attn.q_proj") or stem.endswith(
                "language_model.layers.1.self_attn.q_proj"
            ):
                B, A = (weights[f"{stem}.lora_{factor}.default.weight"] for factor in "BA")
                weight += 2.0 * B @ A
    before = logp(load_pretrained(base, 6), pictures)
    assert (logp(policy, pictures) - before).abs().max() > 1e-2
    torch.testing.assert_close(logp(policy, pictures), logp(plain, pictures), atol=1e-5, rtol=1e-5)


def test_the_same_seed_gives_the_same_adapter(base):
    def first(policy):
        return next(p for n, p in policy.model.named_parameters() if "lora_A" in n).detach()

    torch.rand(3)  # whatever ran before
    assert torch.equal(first(adapted(base, seed=3)), first(adapted(base, seed=3)))
    assert not torch.equal(first(adapted(base, seed=3)), first(adapted(base, seed=4)))


def test_off_means_the_model_under_it(base, pictures):
    policy, plain = adapted(base), load_pretrained(base, 6)
    disturb(policy)
    with_it = logp(policy, pictures)
    with policy.adapter_off():
        assert torch.equal(logp(policy, pictures), logp(plain, pictures))
    assert torch.equal(logp(policy, pictures), with_it)
    assert any(p.requires_grad for p in policy.model.parameters())


def test_saved_and_loaded_merged_and_not(base, pictures, tmp_path):
    policy = adapted(base)
    disturb(policy)
    policy.save(tmp_path / "adapter")
    files = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert "adapter_model.safetensors" in files
    assert not {"model.safetensors", "config.json"} & files
    assert not any(name.endswith((".bin", ".pt")) for name in files)
    expected = logp(policy, pictures)
    again = load_pretrained(str(tmp_path / "adapter"), 6, adapter="trained")
    assert torch.equal(logp(again, pictures), expected)
    assert sum(p.requires_grad for p in again.model.parameters()) == 8
    apart = load_pretrained(str(tmp_path / "adapter"), 6)
    assert torch.equal(logp(apart, pictures), expected)
    assert not any(p.requires_grad for p in apart.model.parameters())
    merged = load_pretrained(str(tmp_path / "adapter"), 6, adapter="merged")
    assert merged.adapter is None
    assert not any("lora" in name for name, _ in merged.model.named_parameters())
    torch.testing.assert_close(logp(merged, pictures), expected, atol=1e-5, rtol=1e-5)
    merged.save(tmp_path / "whole")  # which loads without peft
    torch.testing.assert_close(logp(load_pretrained(str(tmp_path / "whole"), 6), pictures), expected, atol=1e-5, rtol=0)


def test_the_folder_is_peft_s_own(base, pictures, tmp_path):
    policy = adapted(base)
    disturb(policy)
    policy.save(tmp_path / "adapter")
    theirs = peft.PeftModel.from_pretrained(load_pretrained(base).model, str(tmp_path / "adapter"))
    ours, loaded = policy.model.state_dict(), theirs.base_model.model.state_dict()
    assert ours.keys() == loaded.keys()
    assert all(torch.equal(ours[name], loaded[name]) for name in ours)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["q_proj", "v_proj"]  # sorted: the same bytes every time
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (4, 8.0, base)


def test_an_adapter_may_be_moved_with_the_weights_that_a_run_keeps(base, pictures, tmp_path):
    policy = adapted(base)
    disturb(policy)
    run = tmp_path / "run"
    policy.save(run / "checkpoints" / "step-000001")
    (tmp_path / "base").rename(run / "base")
    expected = logp(policy, pictures)
    torch.testing.assert_close(
        logp(load_pretrained(str(run / "checkpoints" / "step-000001"), 6), pictures), expected, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(("targets", "missing"), [("q_proj,qproj", "qproj"), ("visual", "visual"), (",", "so")])
def test_targets_that_match_nothing_are_named(base, targets, missing):
    policy = load_pretrained(base)
    with pytest.raises(ValueError, match=f"no layer is named {missing}; there are down_proj, gate_proj, k_proj"):
        lora_config(policy, 4, 8.0, targets, vision=False)


def test_an_adapter_in_half_precision_learns_in_full(base):
    policy = load_pretrained(base, dtype=torch.bfloat16)
    add_adapter(policy, lora_config(policy, 4, 8.0, "q_proj", vision=False), 0)
    kinds = {p.requires_grad: p.dtype for p in policy.model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


@pytest.mark.parametrize("name", ["tiny-qwen2-vl", "tiny-qwen3-vl", "tiny-qwen2", "tiny-llama"])
def test_other_families(name, tmp_path):
    policy = tiny(name)
    policy.save(tmp_path)
    assert count_parameters(str(tmp_path)) == policy.model.num_parameters()
    before = copy.deepcopy(policy.model.state_dict())
    add_adapter(policy, lora_config(policy, 2, 4.0, "all-linear", vision=False), 0)
    after = {name.replace(".base_layer.", "."): value for name, value in policy.model.state_dict().items()}
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert sum(p.requires_grad for p in policy.model.parameters()) == 2 * TEXT_LAYERS


def small_adapter(base, folder):
    """An adapter as a short training leaves it: its second factors a few steps of a small rate from 0."""
    policy = adapted(base, "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj", rank=16, alpha=32.0)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(3e-4)
    policy.save(folder)
    return policy


def test_small_changes_count_in_half_precision(base, pictures, tmp_path):
    """Merged into bfloat16 weights most of them would be rounded away; apart they are not."""
    small_adapter(base, tmp_path / "adapter")
    half = torch.bfloat16
    plain = load_pretrained(base, 6, half).model.state_dict()
    merged = load_pretrained(str(tmp_path / "adapter"), 6, half, adapter="merged").model.state_dict()
    name = "model.language_model.layers.0.self_attn.q_proj.weight"
    assert (merged[name] == plain[name]).float().mean() > 0.5
    apart = load_pretrained(str(tmp_path / "adapter"), 6, half)
    weights = dict(apart.model.named_parameters())
    B = weights[name.replace(".weight", ".lora_B.default.weight")]
    assert B.dtype == torch.float32
    assert torch.equal(B, torch.full_like(B, 3e-4))
    assert not torch.equal(logp(apart, pictures), logp(load_pretrained(base, 6, half), pictures))


def test_a_pickled_adapter_is_refused_unread(base, tmp_path):
    adapted(base).save(tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    (tmp_path / "adapter" / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(ValueError, match=r"pickled \(adapter_model.bin\)"):
        load_pretrained(str(tmp_path / "adapter"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda tensors: tensors.popitem(), "does not fit the weights: 1 names differ"),
        (lambda tensors: tensors.update({k: v[:1] for k, v in tensors.items()}), "does not fit the weights, or is"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(base, tmp_path, spoil, said):
    adapted(base).save(tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(file)
    spoil(tensors)
    save_file(tensors, file)
    with pytest.raises(ValueError, match=said):
        load_pretrained(str(tmp_path / "adapter"))


def test_an_adapter_without_weights_or_base(base, tmp_path):
    adapted(base).save(tmp_path / "adapter")
    (tmp_path / "base").rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"the weights that its adapter belongs to are gone: {base}"):
        load_pretrained(str(tmp_path / "adapter"))
    (tmp_path / "elsewhere").rename(tmp_path / "base")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"has an adapter_config\.json and no adapter_model\.safetensors"):
        load_pretrained(str(tmp_path / "adapter"))


def test_only_a_run_s_own_base_goes_before_the_one_that_is_named(base, pictures, tmp_path):
    tiny("tiny").save(tmp_path / "loras" / "base")  # another model, by chance beside it
    policy = adapted(base)
    policy.save(tmp_path / "loras" / "kinds" / "mine")
    assert adapter_base(str(tmp_path / "loras" / "kinds" / "mine")) == base
