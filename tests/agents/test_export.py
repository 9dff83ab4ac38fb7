"""`python -m agents export`: an ordinary folder of whole weights."""

import pytest
import torch
from safetensors.torch import load_file

from agents.__main__ import main
from agents.loading import load_policy
from agents.lora import add_adapter, lora_config, name_base
from tests.agents.test_lora import disturb, logp


@pytest.fixture
def adapter(base, tmp_path):
    """The folder of an adapter that shows."""
    policy = load_policy(base, 0)
    add_adapter(policy, lora_config(policy, 4, 8.0, "q_proj,down_proj", vision=False), 0)
    name_base(policy, base)
    disturb(policy)
    policy.save(tmp_path / "adapter")
    return policy, tmp_path / "adapter"


def test_an_adapter_is_merged(adapter, pictures, tmp_path):
    policy, folder = adapter
    assert main(["export", "--model", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    expected, got = logp(policy, pictures), logp(load_policy(str(tmp_path / "out"), 0), pictures)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_in_half_precision_it_is_rounded_once(adapter, tmp_path):
    _, folder = adapter
    for name, dtype in (("full", "float32"), ("half", "bfloat16")):
        assert main(["export", "--model", str(folder), "--out", str(tmp_path / name), "--dtype", dtype]) == 0
    full, half = (load_file(tmp_path / name / "model.safetensors") for name in ("full", "half"))
    assert all(torch.equal(full[key].bfloat16(), value) for key, value in half.items())


def test_what_exists_is_not_overwritten(base, tmp_path, capsys):
    assert main(["export", "--model", base, "--out", base]) == 2
    assert f"--out {base} exists; name another folder" in capsys.readouterr().err


def test_where_nothing_can_be_written(base, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["export", "--model", base, "--out", str(tmp_path / "file" / "out")]) == 2
    assert "cannot be written" in capsys.readouterr().err
