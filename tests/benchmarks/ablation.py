"""Short trainings that differ in one setting each, all from one cold start.

`python -m tests.benchmarks.ablation --out FOLDER`. The cold start is a run of its own, `FOLDER/cold-SEED`, whose
checkpoint at step 0 every other run begins with. A run is an ordinary one, in `FOLDER/VARIANT-SEED`; what there is
already is not run again, so the same command goes on. After each run `ablation.json` and `ablation.md` are written.
"""

import argparse
import csv
import json
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from train.record import git_commit, versions

# What all runs have in common; the replay is the default after a cold start, which the runs themselves have none of.
SHARED = "--env clock --task.size 56 --problems-per-step 32 --group-size 8 --eval-size 256 --samples 0"
FROM_COLD = "--cold-start none --replay-weight 0.05"
VARIANTS = {
    "defaults": "",
    "two-updates": "--updates-per-batch 2",
    "grpo": "--loss grpo",
    "grpo-without-kl": "--loss grpo --kl-weight 0",
    "dr_grpo": "--loss dr_grpo",
    "dapo": "--loss dapo",
    "gspo": "--loss gspo --updates-per-batch 2",
    "cispo": "--loss cispo --updates-per-batch 2",
    "reinforce++": "--loss reinforce++",
    "scale-batch": "--advantage-scale batch",
    "scale-none": "--advantage-scale none",
    "baseline-batch": "--advantage-baseline batch --advantage-scale batch",
    "clip-higher": "--updates-per-batch 2 --clip-high 0.28",
    "resample": "--resample 3",
    "overlong-masked": "--overlong masked",
    "kl-fixed": "--kl-weight 0.04",
    "kl-periodic": "--kl-weight 0.04 --reference periodic --reference-every 50",
    "kl-mixed": "--kl-weight 0.04 --reference mixed --reference-every 25 --reference-mix 0.5",
    "entropy-constant": "--entropy-target 0",
    "entropy-none": "--entropy-bonus 0",
    "replay-none": "--replay-weight 0",
    "adamw": "--optimizer adamw",
    "curriculum-success": "--curriculum success",
    "curriculum-error": "--curriculum error",
}


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    variant: str
    command: str
    seed: int
    steps: int
    seconds: float
    """Wall time by the run's own clock, evaluations included."""
    rollouts: int
    mae: dict[int, float]
    """Of greedy answers to the held-out problems, by step."""
    failed: str | None = None
    """The last line that a run which ended badly had to say."""


def cold_command(folder: Path, shared: str, seed: int) -> list[str]:
    """The run that is there for its cold start alone: the checkpoint of step 0."""
    run = folder / f"cold-{seed}"
    return [*shlex.split(shared), "--seed", str(seed), "--steps", "1", "--run", str(run)]


def command(folder: Path, shared: str, variant: str, seed: int, steps: int, every: int) -> list[str]:
    """The command line of a run; what a variant sets twice, it means."""
    bounds = f"--seed {seed} --steps {steps} --eval-every {every}"
    model = folder / f"cold-{seed}" / "checkpoints" / "step-000000"
    words = shlex.split(f"{shared} {FROM_COLD} {bounds} {VARIANTS[variant]}")
    return [*words, "--model", str(model), "--run", str(folder / f"{variant}-{seed}")]


def train(words: Sequence[str]) -> str | None:
    """`python -m train` in a process of its own; returns the last line of a failure."""
    done = subprocess.run([sys.executable, "-m", "train", *words], capture_output=True, text=True, check=False)
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
    return f"exit status {done.returncode}: {said}" if done.returncode else None


def result(run: Path, variant: str, words: Sequence[str], seed: int, failed: str | None) -> Result:
    """What a run's files tell."""
    evals = run / "evals.csv"
    rows = list(csv.DictReader(evals.open(newline=""))) if evals.exists() else []
    by_step = {int(row["step"]): float(row["mae"]) for row in rows if row["mae"]}
    last = rows[-1] if rows else {"step": "0", "seconds_total": "0", "rollouts": "0"}
    return Result(
        variant,
        shlex.join(["python", "-m", "train", *words]),
        seed,
        int(last["step"]),
        round(float(last["seconds_total"]), 1),
        int(last["rollouts"]),
        by_step,
        failed,
    )


def table(results: Sequence[Result]) -> str:
    """The results in Markdown, the smallest last error first."""
    steps = sorted({step for one in results for step in one.mae})
    heads = ["variant", "what it sets", "seed", "steps", "rollouts", "seconds", *(f"MAE at {step}" for step in steps)]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for one in sorted(results, key=lambda one: (one.failed is not None, one.mae.get(max(one.mae, default=0), 1e9))):
        errors = [f"{one.mae[step]:.3g}" if step in one.mae else "" for step in steps]
        cells = [one.variant, f"`{VARIANTS[one.variant]}`" if VARIANTS[one.variant] else "nothing"]
        cells += [str(one.seed), str(one.steps), str(one.rollouts), f"{one.seconds:.0f}", *errors]
        lines.append("| " + " | ".join(cells) + " |" + (f" {one.failed}" if one.failed else ""))
    return "\n".join(lines)


def write(folder: Path, results: Sequence[Result]) -> None:
    """Write what there is so far."""
    machine = {"machine": platform.machine(), "system": platform.system(), "versions": versions()}
    document = {**machine, "git_commit": git_commit(), "results": [asdict(one) for one in results]}
    (folder / "ablation.json").write_text(json.dumps(document, indent=2) + "\n")
    commands = "\n".join(f"{one.command}" for one in results)
    (folder / "ablation.md").write_text(f"{table(results)}\n\n```\n{commands}\n```\n")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ablation", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder of the runs and of the tables")
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--eval-every", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no run is begun that would take longer")
    parser.add_argument("--shared", default=SHARED, help="flags that all runs have")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    given, began, longest = parsed(arguments), time.perf_counter(), 0.0
    given.out.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in given.seeds:
        cold = given.out / f"cold-{seed}"
        failed = None if cold.exists() else train(cold_command(given.out, given.shared, seed))
        if failed:
            raise SystemExit(f"no cold start: {failed}")
        for variant in given.only:
            words = command(given.out, given.shared, variant, seed, given.steps, given.eval_every)
            run, failed, start = given.out / f"{variant}-{seed}", None, time.perf_counter()
            if not run.exists():
                if start - began + longest > 60 * given.minutes:
                    print(f"{variant}, seed {seed}: no time left")
                    continue
                failed = train(words)
                longest = max(longest, time.perf_counter() - start)
            results.append(result(run, variant, words, seed, failed))
            write(given.out, results)
            print(f"{variant}, seed {seed}: {failed or results[-1].mae}", flush=True)
    print("\n" + table(results))


if __name__ == "__main__":
    main()
