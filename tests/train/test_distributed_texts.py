"""SFT and distillation in two processes, against one that does the same."""

import pytest
import torch

from tests.train.conftest import TIMED, rows, timeless
from tests.train.test_algorithms import SFT, SMALLEST
from tests.train.test_distributed import SHARDED, launch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (torch.distributed.is_available() and torch.distributed.is_gloo_available()), reason="torch has no gloo"
    ),
]
CALM = ["--optimizer", "adamw", "--learning-rate", "1e-4", "--steps", "3"]


@pytest.fixture
def teacher(train):
    assert train(*SFT, "--steps", "3", "--run", "teacher") == 0
    return ["--algorithm", "distill", "--model", "tiny-half", "--teacher", "teacher"]


@pytest.mark.parametrize("environment", [{}, SHARDED])
@pytest.mark.parametrize("how", ["sft", "off-policy", "on-policy", "demonstrations"])
def test_two_processes_are_one_run(train, tmp_path, teacher, how, environment):
    flags = {
        "sft": SFT,
        "demonstrations": [*SMALLEST, *teacher, "--distill-texts", how],
    }.get(how, [*SMALLEST, *teacher, "--distill", how, "--group-size", "2"])
    assert train(*flags, *CALM, "--run", "one") == 0
    launch(tmp_path, "train", *flags, *CALM, "--run", "two", environment=environment)
    found, expected = (rows(tmp_path / run / "metrics.csv") for run in ("two", "one"))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            if not name.startswith(TIMED):
                near = pytest.approx(float(value), rel=1e-3, abs=1e-6) if value else value
                assert (float(ours[name]) if value else ours[name]) == near, (name, ours["step"])
    assert timeless(tmp_path / "two" / "evals.csv") == timeless(tmp_path / "one" / "evals.csv")
