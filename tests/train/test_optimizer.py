import pytest
import torch
from safetensors.torch import load, save

from agents.tiny import build_model, build_tokenizer
from train.config import TrainConfig, resolved
from train.optimizer import build_optimizers, flat_state, load_flat_state, only_trainable, set_learning_rates


def built(parameters_of, /, **fields):
    return build_optimizers(parameters_of, resolved(TrainConfig(env="clock", **fields), small=True, answer_tokens=11))


@pytest.fixture
def model():
    return build_model(0, build_tokenizer())


def step(model, optimizers, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    for optimizer in optimizers:
        optimizer.step()


def test_muon_takes_the_matrices_and_adamw_the_rest(model):
    muon, adamw = built(model)
    names = {id(p): name for name, p in model.named_parameters()}
    by_muon = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    by_adamw = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert by_muon | by_adamw == set(names.values())
    assert not by_muon & by_adamw
    assert "model.language_model.layers.0.self_attn.q_proj.weight" in by_muon
    assert "model.visual.merger.mlp.0.weight" in by_muon
    assert {"model.language_model.embed_tokens.weight", "model.visual.patch_embed.proj.weight"} <= by_adamw
    assert (muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"]) == (0.005, 3e-4)


def test_muon_leaves_the_learned_places_of_patches_alone():
    model = build_model(0, build_tokenizer(), "tiny-qwen3-vl")
    muon, adamw = built(model)
    places = model.model.visual.pos_embed.weight
    assert not any(p is places for group in muon.param_groups for p in group["params"])
    assert any(p is places for group in adamw.param_groups for p in group["params"])


def test_adamw_alone_takes_everything(model):
    (adamw,) = built(model, optimizer="adamw")
    assert len(adamw.param_groups[0]["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_state_survives_safetensors(optimizer):
    models = [build_model(0, build_tokenizer()) for _ in range(2)]
    first, second = (built(model, optimizer=optimizer) for model in models)
    step(models[0], first, 1)
    load_flat_state(second, load(save(flat_state(first))))
    models[1].load_state_dict(models[0].state_dict())
    for model, optimizers in zip(models, (first, second), strict=True):
        step(model, optimizers, 2)
    for one, two in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one, two)


def test_learning_rates_are_factors_of_their_peaks(model):
    optimizers = built(model)
    for factor in (0.5, 0.1):
        set_learning_rates(optimizers, factor)
        assert [o.param_groups[0]["lr"] for o in optimizers] == pytest.approx([0.005 * factor, 3e-4 * factor])


def test_only_trainable_is_undone(model):
    kept = [model.model.language_model.embed_tokens.weight]
    model.model.visual.requires_grad_(False)
    with only_trainable(model, kept):
        assert [p for p in model.parameters() if p.requires_grad] == kept
    assert not any(p.requires_grad for p in model.model.visual.parameters())
    assert all(p.requires_grad for p in model.model.language_model.parameters())
