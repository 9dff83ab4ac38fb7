"""Run folders made by hand, a few cells each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EVAL_HEADER = "phase,step,problems,rollouts,mae,median_error,parsed,reward,skill,lenient_mae,blank_mae,seconds_total\n"
METRIC_HEADER = "step,problems,rollouts,reward,mae,parsed,loss,seconds_total,seconds_rollout\n"
# phase, step, mae, median_error, parsed, reward, blank_mae, seconds_total
EVALS = (
    ("start", 0, 360, 360, 0, 0, 360, 5),
    ("cold-start", 0, 180, 170, 1, 0.1, 182, 20),
    ("train", 10, 60, 40, 0.9, 0.4, 178, 50),
    ("end", 20, 12, 3, 1, 0.7, 181, 80),
)
# step, reward, parsed, seconds_total
METRICS = ((1, 0.1, 0.8, 23), (2, 0.3, 0.9, 26), (3, 0.2, 1, 29))
YARDSTICKS = {"chance": 180.5, "best_constant": 180.0, "best_constant_answer": "03:00:00", "floor": 4.0}

MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A function that writes a run folder under `tmp_path/runs` and returns it."""

    def make(
        name: str = "clock",
        evals: tuple[tuple[Any, ...], ...] = EVALS,
        metrics: tuple[tuple[Any, ...], ...] = METRICS,
        yardsticks: dict[str, Any] | None = YARDSTICKS,
        unit: str = "min",
        env: str = "eyechart/Clock-v0",
        fields: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        config = {
            "env": env,
            "task": {"unit": unit, "worst_error": 360.0, "fields": fields or {"size": 112}},
            "yardsticks": yardsticks,
            "settings": {"env": "clock", "seed": 0, "model": "tiny", "run": str(folder), **settings},
            "versions": {},
            "git_commit": None,
        }
        (folder / "config.json").write_text(json.dumps(config))
        rows = [
            f"{phase},{step},{step * 64},{step * 512},{mae},{median},{parsed},{reward},,{mae},{blank},{seconds}\n"
            for phase, step, mae, median, parsed, reward, blank, seconds in evals
        ]
        (folder / "evals.csv").write_text(EVAL_HEADER + "".join(rows))
        rows = [f"{step},64,512,{reward},9,{parsed},1.5,{s},0.5\n" for step, reward, parsed, s in metrics]
        (folder / "metrics.csv").write_text(METRIC_HEADER + "".join(rows))
        return folder

    return make


@pytest.fixture
def make_rewarded(make_run: MakeRun) -> MakeRun:
    """A function that writes the run of an env that is not made from a task and tells no errors."""

    def make(name: str = "own", env: str = "Own-v0", **settings: Any) -> Path:
        folder = make_run(name, env=env, **settings)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "task": None, "yardsticks": None}))
        (folder / "evals.csv").write_text(
            "phase,step,mae,parsed,reward,blank_mae,blank_reward,seconds_total\n"
            "start,0,,,-2.5,,-2.25,4\ntrain,10,,,1.5,,-2,9\nend,20,,,0.5,,-1,14\n"
        )
        (folder / "metrics.csv").write_text(
            "step,reward,mae,parsed,answer_tokens,seconds_total\n1,-2,,,7,5\n2,-1,,,6,6\n3,0,,,5,7\n"
        )
        return folder

    return make
