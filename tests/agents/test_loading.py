import pytest

from agents.loading import load_policy
from agents.tiny import build_tiny


def test_a_base_model_is_noted(tmp_path, capsys):
    policy = build_tiny("tiny-qwen2", 0)
    policy.tokenizer.chat_template = None
    policy.model.save_pretrained(tmp_path)
    policy.processor.save_pretrained(tmp_path)
    loaded = load_policy(str(tmp_path), 0)
    assert f"note: {tmp_path} has no chat template, so it reads the plain prompt" in capsys.readouterr().err
    assert loaded.decode(loaded.generate(loaded.prepare(["Red?"])))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("tiny-qwen3vl", "did you mean 'tiny-qwen3-vl'"),
        ("tiny-gemma", "tiny-llama"),
        ("./gpt2", "it is a gpt2 model, and only these can be used: qwen2_vl"),
        ("./empty", "could not be loaded"),
        ("./nothing", "is no checkpoint: the folder has neither config.json nor adapter_config.json"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(tmp_path, monkeypatch, model, said):
    monkeypatch.chdir(tmp_path)
    for name, config in {"gpt2": '{"model_type": "gpt2"}', "empty": "{}"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match=said) as raised:
        load_policy(model, 0)
    assert model in str(raised.value)
