"""Who reads a clock first: wall time to a mean absolute error of 10 minutes, ours and TRL's GRPOTrainer.

`python -m tests.benchmarks.race --minutes 30 --threads 2 --out race.json`, after `pip install -e '.[trl]'`. One tiny
model is cold-started with `--cold-start format`. From that checkpoint three trainings begin:

- ours and TRL's with the same settings: the same problems in the same order, P, G, answer length, reward, Muon and
  AdamW at the same rates, warm-up and clipping, no KL penalty, neither entropy bonus nor replay;
- ours with its defaults, the bonus, the replay and the falling rate among them.

All are evaluated by the same code on the same held-out problems, and the time that takes is not counted.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch

import envs
from agents.loading import latest_checkpoint, load_policy
from agents.policy import Policy
from tests.benchmarks.trl_trainer import grpo_trainer, reward_of
from train.config import Settings, TrainConfig
from train.environments import make_eval_envs
from train.evaluation.asking import evaluate, summarise
from train.loop import Trainer
from train.optimizer import build_optimizers
from train.seeds import problem_seeds
from train.setup import new_trainer

# More than anyone gets to.
ENDLESS = 100_000
# Answers that go through TRL's learner at once.
MICRO_BATCH = 256
SAME = {"entropy_bonus": 0.0, "entropy_target": 0.0, "replay_weight": 0.0, "lr_schedule": "constant", "steps": ENDLESS}
DEFAULTS = {"entropy_bonus": 0.05, "entropy_target": 0.4, "replay_weight": 0.05, "steps": 600}


class TimeIsUpError(Exception):
    """Ends a training from within."""


@dataclass
class Racer:
    """One training's clock, which stands still while it is evaluated."""

    name: str
    judge: Callable[[Policy], float]
    target: float
    limit: float
    every: float
    seconds: float = 0.0
    steps: int = 0
    reached: float | None = None
    """Seconds to the target."""
    curve: list[tuple[float, int, float]] = field(default_factory=list)
    """Seconds, steps, error."""

    def after_step(self, seconds: float, policy: Callable[[], Policy]) -> None:
        """Count a step, and evaluate if it is time to.

        Raises:
            TimeIsUpError: the target or the limit is reached.
        """
        self.seconds += seconds
        self.steps += 1
        over = self.seconds >= self.limit
        if over or self.seconds >= (self.curve[-1][0] if self.curve else 0.0) + self.every:
            self.look(policy())
        if self.reached is not None or over:
            raise TimeIsUpError

    def look(self, policy: Policy) -> None:
        """Evaluate, and say what came of it."""
        error = self.judge(policy)
        self.curve.append((self.seconds, self.steps, error))
        print(f"{self.name}: {self.seconds:.0f} s, {self.steps} steps, MAE {error:.1f}", flush=True)
        if error <= self.target:
            self.reached = self.seconds


def our_trainer(model: str, run: Path, given: argparse.Namespace, **settings: Any) -> Trainer:
    """Our trainer on clocks."""
    config = TrainConfig(
        env="clock",
        model=model,
        problems_per_step=given.problems,
        group_size=given.group,
        seed=given.seed,
        eval_size=given.eval_size,
        run=run,
        **settings,
    )
    return new_trainer(config, envs.resolve("clock"), {}, time.perf_counter())


def run_ours(racer: Racer, trainer: Trainer) -> None:
    """Take our steps."""
    while True:
        begin = time.perf_counter()
        trainer.train_step()
        racer.after_step(time.perf_counter() - begin, lambda: trainer.policy)


def run_trl(racer: Racer, folder: Path, settings: Settings, most: int) -> None:
    """Take TRL's steps, with the optimizers and the problems that ours has."""
    from transformers import AutoModelForImageTextToText

    judged = load_policy(str(folder), 0)
    judged.max_new_tokens = settings.max_new_tokens
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    optimizer = Both(build_optimizers(model, settings))
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / settings.lr_warmup_steps))

    def policy() -> Policy:
        judged.model.load_state_dict(model.state_dict())
        return judged

    P, G = settings.problems_per_step, settings.group_size
    parts = next(n for n in itertools.count(1) if P * G % n == 0 and P * G // n <= max(MICRO_BATCH, G))
    task = envs.make_task(envs.resolve("clock"))
    trainer = grpo_trainer(
        folder,
        reward_of(task),
        task,
        [seed for step in range(most) for seed in problem_seeds(settings.seed, step, P)],
        G,
        settings.max_new_tokens,
        judged.never_sampled,
        steps=most,
        model=model,
        optimizers=(optimizer, warmup),
        after_step=lambda seconds, *_: racer.after_step(seconds, policy),
        per_device_train_batch_size=P * G // parts,
        gradient_accumulation_steps=parts,
        steps_per_generation=parts,
        max_grad_norm=settings.max_grad_norm,
    )
    trainer.train()


class Both(torch.optim.Optimizer):
    """Several optimizers as one, whose groups are theirs."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})

    def step(self, closure: Any = None) -> None:
        for part in self.parts:
            part.step()


def cold_started(folder: Path, given: argparse.Namespace) -> Path:
    """A tiny model that knows the form of an answer and no more: its checkpoint."""
    trainer = our_trainer("tiny", folder, given, steps=1)
    trainer.begin()
    return latest_checkpoint(folder)


def judge(given: argparse.Namespace) -> Callable[[Policy], float]:
    """The mean absolute error on the held-out problems."""
    held_out: gym.vector.VectorEnv = make_eval_envs(envs.resolve("clock"), given.eval_size, {})
    return lambda policy: float(summarise(evaluate(held_out, policy), None)["mae"] or 0.0)


def table(racers: Sequence[Racer]) -> str:
    """The race in Markdown."""
    lines = [f"| | to MAE {racers[0].target:g} | steps | seconds a step | last MAE |", "|---|---:|---:|---:|---:|"]
    for racer in racers:
        reached = f"{racer.reached:.0f} s" if racer.reached is not None else f"not in {racer.seconds:.0f} s"
        pace = racer.seconds / max(1, racer.steps)
        lines.append(f"| {racer.name} | {reached} | {racer.steps} | {pace:.2f} | {racer.curve[-1][2]:.1f} |")
    return "\n".join(lines)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.race", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="most training time of each")
    parser.add_argument("--threads", type=int, default=None, help="torch's threads; default: as torch has it")
    parser.add_argument("--out", type=Path, default=None, help="a JSON file for the curves")
    parser.add_argument("--target", type=float, default=10.0, help="MAE to reach, in minutes")
    parser.add_argument("--every", type=float, default=10.0, help="seconds of training between evaluations")
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--group", type=int, default=16)
    parser.add_argument("--eval-size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-steps", type=int, default=2000, help="problems for so many steps of TRL's are listed")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    given = parsed(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {given.problems} × {given.group}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        folder = cold_started(root / "cold", given)

        same = our_trainer(str(folder), root / "same", given, cold_start="none", **SAME)
        defaults = our_trainer(str(folder), root / "defaults", given, cold_start="none", **DEFAULTS)
        contest: dict[str, Callable[[Racer], None]] = {
            "ours, same settings": lambda racer: run_ours(racer, same),
            "ours, defaults": lambda racer: run_ours(racer, defaults),
            "TRL, same settings": lambda racer: run_trl(racer, folder, same.config, given.most_steps),
        }
        racers = []
        for name, train in contest.items():
            racer = Racer(name, judge(given), given.target, 60 * given.minutes, given.every)
            racer.look(load_policy(str(folder), given.seed))
            with suppress(TimeIsUpError):
                train(racer)
            racers.append(racer)
            if given.out:
                kept = [{name: value for name, value in vars(r).items() if name != "judge"} for r in racers]
                given.out.write_text(json.dumps({"threads": torch.get_num_threads(), "racers": kept}, indent=2))
        print("\n" + table(racers))


if __name__ == "__main__":
    main()
