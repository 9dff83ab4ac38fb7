"""What the KL divergence is measured from: fixed, or following the policy, also after a run was killed."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from agents.loading import load_policy
from tests.train.conftest import SMALL, rows, timeless
from tests.train.kills import RUN, TINY, moments
from train.config import TrainConfig, resolved
from train.reference import changed_reference

PERIODIC = ("--kl-weight", "0.3", "--reference", "periodic", "--reference-every", "3")
FIXED = ("--kl-weight", "0.3")
MIXED = (*PERIODIC[:3], "mixed", "--reference-every", "3", "--reference-mix", "0.25")


def settings(words):
    options = dict(zip(words[::2], words[1::2], strict=True))
    given = {name[2:].replace("-", "_"): value for name, value in options.items()}
    kinds = {"kl_weight": float, "reference_every": int, "reference_mix": float}
    return resolved(TrainConfig(**{k: kinds.get(k, str)(v) for k, v in given.items()}), True, 11)


def weights(policy):
    return torch.cat([parameter.flatten() for parameter in policy.model.parameters()])


@pytest.mark.parametrize(
    ("words", "part"),
    [(PERIODIC, 1.0), (MIXED, 0.25), (FIXED, 0.0)],
    ids=["periodic", "mixed", "fixed"],
)
def test_the_reference_moves_at_its_steps_alone(words, part):
    config, policy, reference = settings(words), load_policy("tiny-qwen2", 0), load_policy("tiny-qwen2", 1)
    before, followed = weights(reference), weights(policy)
    for step in (1, 2, 4, 5):
        changed_reference(reference, policy, config, step)
        assert torch.equal(weights(reference), before)
    changed_reference(reference, policy, config, 6)
    torch.testing.assert_close(weights(reference), part * followed + (1 - part) * before)
    if part in (0.0, 1.0):
        assert torch.equal(weights(reference), followed if part else before)
    assert torch.equal(weights(policy), followed)
    changed_reference(None, policy, config, 6)  # without a KL divergence there is none


def kls(run):
    return [float(row["kl"]) for row in rows(run / "metrics.csv")]


@pytest.mark.parametrize("words", [PERIODIC, MIXED], ids=["periodic", "mixed"])
def test_a_run_measures_from_it_and_goes_on_from_a_checkpoint_with_it(train, tmp_path, words):
    many = ("--keep-checkpoints", "9", "--lr-schedule", "constant", "--lr-warmup-steps", "0")
    assert train(*SMALL, *many, *words, "--steps", "6", "--run", "whole") == 0
    whole = kls(tmp_path / "whole")
    # the first step of all, and the one after a periodic change, are from the policy itself
    assert whole[0] < 1e-6
    assert (whole[3] < 1e-6) == (words == PERIODIC)
    assert min(whole[1], whole[2], whole[4], whole[5]) > 1e-5
    kept = tmp_path / "whole" / "checkpoints"
    # step 0 was written before there was any reference; step 2 has the first one still, step 4 has moved on
    for step in (0, 2, 4):
        shutil.copytree(tmp_path / "whole", tmp_path / f"from-{step}")
        assert train("--resume", f"from-{step}/checkpoints/step-{step:06d}") == 0
        assert timeless(tmp_path / f"from-{step}" / "metrics.csv") == timeless(tmp_path / "whole" / "metrics.csv")
    assert sorted(path.name for path in kept.iterdir() if (path / "reference").exists()) == [
        f"step-{step:06d}" for step in (2, 4, 6)
    ]
    first, second = (load_policy(str(kept / f"step-00000{step}" / "reference"), 0) for step in (2, 4))
    assert torch.equal(weights(first), weights(load_policy(str(tmp_path / "whole" / "reference"), 0)))
    assert not torch.equal(weights(first), weights(second))


def test_a_fixed_reference_is_written_once(train, tmp_path):
    assert train(*SMALL, "--kl-weight", "0.1", "--steps", "2", "--run", "a") == 0
    assert (tmp_path / "a" / "reference" / "model.safetensors").exists()
    assert not list((tmp_path / "a" / "checkpoints").glob("*/reference"))


def halved(path):
    """Another model of the same shapes: what a changed reference may be."""
    path = path / "model.safetensors"
    save_file({name: weight / 2 for name, weight in load_file(path).items()}, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (shutil.rmtree, "the folder is missing"),
        (halved, "model.safetensors is not what was written (its SHA-256 is another)"),
        (lambda path: (path / "checksums.json").write_text("{}"), "checksums.json is not what was written"),
        (lambda path: (path / "tokenizer.json").unlink(), "tokenizer.json is missing"),
    ],
    ids=["lost", "changed", "unlisted", "a file lost"],
)
def test_a_fixed_reference_that_is_not_what_it_was_is_refused(train, tmp_path, capsys, spoil, said):
    assert train(*SMALL, *FIXED, "--steps", "4", "--keep-checkpoints", "9", "--run", "a") == 0
    spoil(tmp_path / "a" / "reference")
    capsys.readouterr()
    for asked in ("a", "a/checkpoints/step-000002"):
        assert train("--resume", asked, "--steps", "6") == 2
        error = " ".join(capsys.readouterr().err.split())
        assert "a cannot go on, for its reference a/reference, from which the KL divergence is measured" in error
        assert f"when GRPO began: {said}" in error
    assert len(list((tmp_path / "a" / "checkpoints").iterdir())) == 3  # nothing of the run has changed
    assert len(rows(tmp_path / "a" / "metrics.csv")) == 4


def test_where_grpo_begins_again_so_does_its_reference(train, tmp_path):
    words = (*SMALL, *FIXED, "--lr-warmup-steps", "0", "--keep-checkpoints", "9", "--steps", "3")
    assert train(*words, "--run", "whole") == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    halved(tmp_path / "again" / "reference")
    assert train("--resume", "again/checkpoints/step-000000") == 0
    assert timeless(tmp_path / "again" / "metrics.csv") == timeless(tmp_path / "whole" / "metrics.csv")
    assert kls(tmp_path / "whole")[-1] > 1e-5


def test_a_broken_reference_of_a_checkpoint_is_named(train, tmp_path, capsys):
    assert train(*SMALL, *MIXED, "--steps", "4", "--run", "a") == 0
    path = tmp_path / "a" / "checkpoints" / "step-000004" / "reference" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert train("--resume", "a", "--steps", "6") == 2
    assert "reference/model.safetensors is not what was written" in capsys.readouterr().err


@pytest.mark.parametrize("part", [0.55, 0.8, 0.9])
def test_killed_it_goes_on_as_the_same_run(kills, tmp_path, part):
    words = [*TINY, "--reference", "mixed", "--reference-every", "2"]
    status, said = kills.train(tmp_path / "whole", words)
    assert status == 0, said
    at = int(part * len(moments(tmp_path / "whole")))
    status, said = kills.train(tmp_path / "killed", words, at)
    assert status < 0, said
    status, said = kills.train(tmp_path / "killed", ["--resume", RUN])
    assert status == 0, said
    for table in ("metrics.csv", "evals.csv"):
        assert timeless(tmp_path / "killed" / RUN / table) == timeless(tmp_path / "whole" / RUN / table)
    for name in ("model.safetensors", "reference/model.safetensors"):
        path = f"{RUN}/checkpoints/step-000004/{name}"
        assert (tmp_path / "killed" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()


@pytest.mark.parametrize("name", ["dapo", "gspo", "cispo", "reinforce++", "reinforce++ --kl-in reward"])
def test_every_loss_trains_and_goes_on_as_the_same_run(train, tmp_path, name):
    words = (*SMALL, "--loss", *name.split(), "--updates-per-batch", "2")
    assert train(*words, "--steps", "3", "--run", "whole") == 0
    assert train(*words, "--steps", "3", "--run", "cut") == 0
    shutil.rmtree(tmp_path / "cut" / "checkpoints" / "step-000003")
    assert train("--resume", "cut") == 0
    assert timeless(tmp_path / "cut" / "metrics.csv") == timeless(tmp_path / "whole" / "metrics.csv")
    assert all(float(row["grad_norm"]) > 0 for row in rows(tmp_path / "whole" / "metrics.csv"))
