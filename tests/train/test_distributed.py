"""Several processes of one run, started by torchrun, against one process that does the same."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import envs
from agents.choices import TINY_MODELS
from agents.loading import load_policy
from tests.readme import ROOT
from tests.train import workers
from tests.train.conftest import SMALL, TIMED
from tests.train.test_loop import remove, rows, timeless
from train.config import TrainConfig
from train.distributed import BUCKET, Processes, buckets, require_equal_work, require_shares
from train.environments import joined, make_eval_envs
from train.sharding import Sharding, blocks_of

pytestmark = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()), reason="torch has no gloo"
)
# Small steps: a weight whose gradient is mere rounding moves by a whole one in Adam.
CALM = (*SMALL, "--optimizer", "adamw", "--learning-rate", "1e-5", "--eval-size", "5")
SHARDED = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"}


def start(folder, *module, processes=2, environment=None):
    """Start a module in several processes, in a folder."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    more = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", **(environment or {})}
    return subprocess.Popen(
        [*launcher, "-m", "--", *module],
        cwd=folder,
        env={**os.environ, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def launch(folder, *module, **how):
    """Run a module in several processes to its end; returns what they printed."""
    process = start(folder, *module, **how)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The folders of what one process and two made of tests/train/workers.py."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    launch(two, "tests.train.workers", ".")
    workers.main(one)
    return one, two


def read(path):
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("weights", "case"),
    [*((weights, case) for weights in ("whole", "sharded") for case in workers.CASES), ("kept", "sequence")],
)
def test_gradients_add_up_to_those_of_one_process(worked, weights, case):
    one, two = worked
    expected, found = load_file(one / f"whole-{case}.safetensors"), load_file(two / f"{weights}-{case}.safetensors")
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= 1e-5 * gradient.norm(), name
    told, once = read(two / f"{weights}-{case}.json"), read(one / f"whole-{case}.json")
    assert told["texts"] == once["texts"]
    assert len(told["texts"]) == workers.P * workers.G
    assert told["rewards"] == once["rewards"]
    for name in ("loss", "entropy", "kl", "clip_fraction", "grad_norm"):
        assert told[name] == pytest.approx(once[name], rel=1e-5), name
    assert told["logp_gap"] < 1e-5
    # the step that was made with it: Adam's first one is the sign of the gradient, rounding included
    assert told["again"] == pytest.approx(once["again"], rel=1e-3)
    assert abs(told["again"] - told["loss"]) > 0.01


def test_an_evaluation_is_that_of_one_process(worked):
    one, two = worked
    found = [read(two / f"process-{i}.json") for i in (0, 1)]
    expected = read(one / "process-0.json")
    assert [told["number"] for told in (*found, expected)] == [2, 2, 1]
    assert found[0]["evaluation"] == found[1]["evaluation"] == expected["evaluation"]
    assert expected["evaluation"]["infos"]["seed"] == list(range(workers.EVAL))


def test_what_goes_wrong_in_one_process_goes_wrong_in_all(worked):
    for i in (0, 1):
        told = read(worked[1] / f"process-{i}.json")["failures"]
        assert told["not finite"] == "its loss is nan"
        assert told["unchanged"]
        assert told["forgotten"]
        assert "out of memory with" in told["out of memory"]
        assert told["goes on"] == pytest.approx(read(worked[0] / "process-0.json")["failures"]["goes on"], rel=1e-4)


def equal_rows(found, expected):
    """Whether rows of metrics.csv are the same but for rounding."""
    assert [row["step"] for row in found] == [row["step"] for row in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for name, value in theirs.items():
            if name.startswith(TIMED) or name == "logp_gap":
                continue
            exact = name in ("step", "problems", "rollouts", "reward", "mae", "parsed", "answer_tokens")
            near = pytest.approx(float(value), rel=1e-7 if exact else 1e-3, abs=1e-6) if value else value
            assert (float(ours[name]) if value else ours[name]) == near, (name, ours["step"])


def test_a_run_of_two_processes_is_the_run_of_one_and_either_goes_on_with_the_other(train, tmp_path, capsys):
    train(*CALM, "--steps", "4", "--run", "one")
    alone = capsys.readouterr().out
    said = launch(tmp_path, "train", *CALM, "--steps", "4", "--run", "two")
    one, two = tmp_path / "one", tmp_path / "two"
    expected = rows(one / "metrics.csv")
    # one of them writes and prints
    assert said.count("writing two") == said.count("curves: two") == 1
    assert said.splitlines()[1].split()[2:] == alone.splitlines()[1].split()[2:]
    assert [row["phase"] for row in rows(two / "evals.csv")] == ["start", "cold-start", "train", "end"]
    equal_rows(rows(two / "metrics.csv"), expected)
    assert timeless(two / "evals.csv") == timeless(one / "evals.csv")
    assert (two / "samples.jsonl").read_text() == (one / "samples.jsonl").read_text()
    assert sorted(path.name for path in (two / "checkpoints").iterdir()) == ["step-000002", "step-000004"]
    # two, then one
    remove(two / "checkpoints" / "step-000004")
    assert train("--resume", "two") == 0
    equal_rows(rows(two / "metrics.csv"), expected)
    # one, then two whose weights are sharded
    remove(one / "checkpoints" / "step-000004")
    said = launch(tmp_path, "train", "--resume", "one", environment=SHARDED)
    assert said.count("writing one") == 1
    equal_rows(rows(one / "metrics.csv"), expected)
    ours, theirs = (load_file(run / "checkpoints" / "step-000004" / "model.safetensors") for run in (one, two))
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
    assert all((ours[name] - theirs[name]).abs().max() < 1e-4 for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["fixed", "mixed"])
def test_a_sharded_run_is_the_run_of_one_and_goes_on_with_one(train, tmp_path, reference):
    calm = [*CALM, "--kl-weight", "0.1", "--updates-per-batch", "2", "--reference", reference]
    calm += ["--reference-every", "1"] if reference == "mixed" else []
    train(*calm, "--steps", "4", "--run", "one")
    launch(tmp_path, "train", *calm, "--steps", "4", "--run", "two", environment=SHARDED)
    expected = rows(tmp_path / "one" / "metrics.csv")
    equal_rows(rows(tmp_path / "two" / "metrics.csv"), expected)
    shutil.rmtree(tmp_path / "two" / "checkpoints" / "step-000004")
    assert train("--resume", "two") == 0
    equal_rows(rows(tmp_path / "two" / "metrics.csv"), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "environment"),
    [(["--lora", "--dtype", "bfloat16"], {}), (["--lora"], {}), (["--gradient-checkpointing", "always"], SHARDED)],
)
def test_what_saves_memory_learns_the_same(train, tmp_path, flags, environment):
    calm = [*CALM, *flags, "--steps", "2", "--cold-start", "none"]
    train(*calm, "--run", "one")
    launch(tmp_path, "train", *calm, "--run", "two", environment=environment)
    found, expected = (rows(tmp_path / run / "metrics.csv") for run in ("two", "one"))
    if "bfloat16" not in flags:
        equal_rows(found, expected)
    assert float(found[0]["grad_norm"]) == pytest.approx(float(expected[0]["grad_norm"]), rel=0.1)


def test_an_adapter_is_not_sharded():
    policy = SimpleNamespace(adapter=object())
    with pytest.raises(ValueError, match="--lora and sharded weights do not go together"):
        Sharding().shard(policy, torch.device("cpu"), 2)


@pytest.mark.parametrize("model", TINY_MODELS)
def test_every_family_is_sharded_layer_by_layer(model):
    tiny = load_policy(model, 0).model
    blocks = blocks_of(tiny)
    vision = getattr(tiny.config, "vision_config", None)
    assert len(blocks) == tiny.config.get_text_config().num_hidden_layers + (vision.depth if vision else 0)


@pytest.mark.slow
def test_the_first_process_tells_the_time(tmp_path):
    launch(tmp_path, "train", *SMALL, "--minutes", "0.4", "--run", "two")
    phases = [row["phase"] for row in rows(tmp_path / "two" / "evals.csv")]
    assert (phases[:2], phases[-1]) == (["start", "cold-start"], "end")
    assert len(rows(tmp_path / "two" / "metrics.csv")) > 1


def test_sharded_weights_want_pictures_in_every_prompt():
    vector = make_eval_envs(envs.resolve("tests.train.foreign:some"), 4, {})
    with pytest.raises(ValueError, match="every prompt needs pictures"):
        require_equal_work(vector, SimpleNamespace(sharding=Sharding()))
    require_equal_work(vector, SimpleNamespace(sharding=None))


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, SHARDED])
def test_muon_and_low_precision_learn_the_same(tmp_path, environment):
    """To the precision of bfloat16, in which Muon computes too."""
    calm = [*SMALL, "--optimizer", "muon", "--learning-rate", "1e-5", "--steps", "2", "--dtype", "bfloat16"]
    launch(tmp_path, "train", *calm, "--run", "two", environment=environment)
    found = rows(tmp_path / "two" / "metrics.csv")
    assert all(float(row["logp_gap"]) < 0.2 for row in found)
    assert [row["skipped_steps"] for row in found] == ["0", "0"]


@pytest.mark.parametrize("to_all", [False, True])
def test_ctrl_c_ends_all_of_them_with_a_checkpoint(tmp_path, to_all):
    """The launcher passes it on; a terminal tells everybody, and then each process hears it twice."""
    run = tmp_path / "run"
    module = ("train", *SMALL, "--steps", "100000", "--checkpoint-every", "100000", "--run", "run")
    process = start(tmp_path, *module)
    deadline = time.monotonic() + 120
    while not ((run / "metrics.csv").exists() and len(rows(run / "metrics.csv")) >= 2):
        assert time.monotonic() < deadline, "no step was done"
        assert process.poll() is None
        time.sleep(0.1)
    if to_all:
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
        for child in children.stdout.split():
            os.kill(int(child), signal.SIGINT)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output.count("--resume run") == 1
    last = rows(run / "metrics.csv")[-1]["step"]
    assert (run / "checkpoints" / f"step-{int(last):06d}" / "model.safetensors").exists()
    assert (run / "curves.png").exists()


@pytest.mark.slow
def test_bad_input_is_said_once(tmp_path):
    process = start(tmp_path, "train", *SMALL, "--problems-per-step", "5")
    output, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert (output + errors).count("error: --problems-per-step 5 cannot be split evenly over 2 processes") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("fields", "number", "message"),
    [
        ({"problems_per_step": 64}, 3, "--problems-per-step 64 cannot be split evenly over 3 processes"),
        ({"eval_size": 3}, 4, "--eval-size 3 leaves some of 4 processes without a problem"),
    ],
)
def test_problems_that_cannot_be_shared_out_are_named(fields, number, message):
    with pytest.raises(ValueError, match=message):
        require_shares(TrainConfig(**fields), SimpleNamespace(number=number))
    require_shares(TrainConfig(**fields), SimpleNamespace(number=1))


def test_shares_are_successive_and_leave_nothing_out():
    parts = [Processes.share(SimpleNamespace(number=4, index=i), 10) for i in range(4)]
    assert [list(range(10))[part] for part in parts] == [[0, 1], [2, 3, 4], [5, 6], [7, 8, 9]]


def test_one_process_is_alone(monkeypatch):
    for name, value in SHARDED.items():
        monkeypatch.setenv(name, value)
    processes = Processes()
    assert (processes.number, processes.index, processes.main, processes.sharding) == (1, 0, True, None)
    assert processes.gather("a") == ["a"]
    assert processes.once(lambda: "b") == "b"
    with pytest.raises(ValueError, match="broken"), processes.agreed(ValueError):
        raise ValueError("broken")


def test_gradients_travel_in_buckets():
    a, b, c = torch.zeros(3), torch.zeros(BUCKET - 3), torch.zeros(1)
    assert [[one.numel() for one in bucket] for bucket in buckets([a, b, c])] == [[3, BUCKET - 3], [1]]
    assert list(buckets([])) == []


def test_infos_are_joined_as_one_vector_environment_would_tell_them():
    parts = [
        {"error": np.array([1.0, 2.0]), "_error": np.array([True, True]), "more": {"text": np.array(["a", "bc"])}},
        {"hint": np.array(["x"], dtype=object), "_hint": np.array([True])},
    ]
    whole = joined(parts, [2, 1])
    assert whole["error"].tolist() == [1.0, 2.0, 0.0]
    assert whole["_error"].tolist() == [True, True, False]
    assert whole["hint"].tolist() == [None, None, "x"]
    assert whole["_hint"].tolist() == [False, False, True]
    assert whole["more"]["text"].tolist() == ["a", "bc", ""]


def launched_environment(monkeypatch, *flags):
    """What `accelerate launch` puts into the environment of each process, for a configuration of ours."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    command = [
        "--config_file",
        str(ROOT / "docs" / "fsdp2.yaml"),
        *flags,
        "-m",
        "train",
        "--env",
        "clock",
        "--run",
        "x",
    ]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(command))
    assert arguments.training_script_args == ["--env", "clock", "--run", "x"]
    for name, value in prepare_multi_gpu_env(arguments).items():
        if "FSDP" in name:
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("again", ["true", "false"])
def test_the_configuration_file_asks_for_fsdp2(monkeypatch, again):
    launched_environment(monkeypatch, "--fsdp_reshard_after_forward", again)
    assert Sharding.wanted() == Sharding(again == "true")


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("FSDP_VERSION", "1", "another fsdp_version than 2"),
        ("FSDP_OFFLOAD_PARAMS", "true", "fsdp_offload_params: true"),
        ("FSDP_CPU_RAM_EFFICIENT_LOADING", "true", "fsdp_cpu_ram_efficient_loading: true"),
    ],
)
def test_a_sharding_that_cannot_be_had_is_named(monkeypatch, name, value, setting):
    launched_environment(monkeypatch)
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=setting):
        Sharding.wanted()
