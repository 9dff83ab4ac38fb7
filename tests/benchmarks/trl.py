"""A whole GRPO step beside TRL's GRPOTrainer: the same tiny model, problems and answer lengths, in one run.

`python -m tests.benchmarks.trl`, after `pip install -e '.[trl]'`. Both train float32 weights that were loaded from
the same folder, with AdamW, one update per batch, no KL penalty. Their steps alternate, so that whatever else the
machine does meets both. First the two are held to each other: on the same answers, the same rewards, tokens, loss and
gradient.

A step of ours is `Trainer.train_step`: drawing the problems, rollout, scoring, update, a row of metrics.csv. A step of
TRL's is the time from the end of one step to the end of the next, in its own training loop, drawing included.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

import envs
from agents.batch import Answers
from agents.grpo import group_advantages
from agents.language_model import LanguageModel
from agents.loading import load_policy
from agents.rollout import Rollout
from agents.tiny import build_tiny
from tests.benchmarks.trl_trainer import first_batch, grpo_trainer, reward_of
from train.config import TrainConfig
from train.loop import Trainer
from train.setup import new_trainer

CASES = ((8, 16, 12), (4, 16, 96))
GROUPS = (4, 8, 16, 32)
RATE = 1e-4
ENDLESS = 10_000


@dataclass(frozen=True)
class Timing:
    """Median seconds of a step."""

    problems: int
    group: int
    tokens: int
    ours: float
    rollout: float
    learn: float
    trl: float
    trl_data: float
    """Of TRL's step: fetching the batch from the data set."""
    ours_processor: float
    """Seconds of processor time, of all threads: what a busy machine disturbs less."""
    trl_processor: float
    rounds: list[float]
    """The ratio in each round."""

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.trl / self.ours

    @property
    def processor_ratio(self) -> float:
        """The same by processor time."""
        return self.trl_processor / self.ours_processor


def our_trainer(folder: Path, task: envs.Task, case: Sequence[int], run: Path) -> Trainer:
    """Our trainer, its policy told never to end an answer."""
    problems, group, tokens = case
    config = TrainConfig(
        env="clock",
        model=str(folder),
        steps=ENDLESS,
        problems_per_step=problems,
        group_size=group,
        max_new_tokens=tokens,
        optimizer="adamw",
        learning_rate=RATE,
        lr_schedule="constant",
        lr_warmup_steps=0,
        entropy_bonus=0.0,
        replay_weight=0.0,
        cold_start="none",
        eval_size=1,
        run=run,
    )
    trainer = new_trainer(config, envs.resolve("clock"), {"size": task.size}, time.perf_counter())
    trainer.policy.never_sampled = never_sampled(trainer.policy)
    return trainer


def never_sampled(policy: LanguageModel) -> list[int]:
    """What neither side samples: vision tokens, without a picture behind them, and the end of an answer."""
    return sorted({*policy.never_sampled, *policy.end_ids})


def spread(text: str, _: str) -> float:
    """A reward that differs from answer to answer, where the task gives a random model 0 for all."""
    return sum(text.encode()) % 97 / 97


def compare(folder: Path, task: envs.Task, case: Sequence[int]) -> dict[str, float]:
    """How far apart the two are on TRL's own first batch: rewards, loss, and gradient, relative to its norm."""
    problems, group, tokens = case
    policy = load_policy(str(folder), 0)
    never = never_sampled(policy)
    batch = first_batch(grpo_trainer(folder, spread, task, range(problems), group, tokens, never, steps=1))
    # TRL's learner does not mask what its sampler may not draw.
    policy.never_sampled = []
    posed = [envs.problem(task, seed) for seed in batch.seeds[::group]]
    prompts = policy.prepare([one.prompt for one in posed], [envs.question.draw(task, one) for one in posed])
    mask_BT = torch.ones_like(batch.ids_BT, dtype=torch.bool)
    answers = Answers(batch.ids_BT, mask_BT, torch.zeros(mask_BT.shape))
    texts = policy.decode(answers)
    scored = [spread(text, "") for text in texts]
    rewards_PG = torch.tensor(scored).view(problems, group)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = our_trainer(folder, task, case, Path(scratch) / "run")
        trainer.learner.policy.never_sampled = []
        with torch.no_grad():
            logp_BT, _ = trainer.policy.log_probabilities(prompts, answers.ids_BT, mask_BT)
        rollout = Rollout(prompts, Answers(batch.ids_BT, mask_BT, logp_BT), texts, rewards_PG, {})
        ours = our_gradient(trainer, rollout)
    gap = sum(float((ours[name] - g).square().sum()) for name, g in batch.gradient.items()) ** 0.5
    norm = sum(float(g.square().sum()) for g in batch.gradient.values()) ** 0.5
    return {
        "tokens": float(batch.ids_BT.numel()),
        "reward difference": max(abs(a - b) for a, b in zip(scored, batch.rewards, strict=True)),
        "gradient norm": norm,
        "relative gradient difference": gap / norm,
    }


def our_gradient(trainer: Trainer, rollout: Rollout) -> dict[str, torch.Tensor]:
    """The gradient of our update on a batch, as the optimizer gets it, but not clipped."""
    caught: dict[str, torch.Tensor] = {}

    def catch(factor: float) -> float:
        named = trainer.policy.model.named_parameters()
        caught.update({name: p.grad.clone() for name, p in named if p.grad is not None})
        return 0.0

    trainer.learner._step = catch  # type: ignore[method-assign]
    advantages_B = group_advantages(rollout.rewards_PG).flatten()
    trainer.learner.update(rollout, advantages_B, 1.0, 0.0)
    return caught


def race(folder: Path, task: envs.Task, case: Sequence[int], rounds: int) -> Timing:
    """Steps of both, in turn; the first two warm up."""
    problems, group, tokens = case
    with tempfile.TemporaryDirectory() as scratch:
        ours = our_trainer(folder, task, case, Path(scratch) / "run")
        took: list[tuple[float, ...]] = []

        def our_step(trl_seconds: float, trl_data: float, trl_processor: float) -> None:
            begin, processor = time.perf_counter(), time.process_time()
            ours.train_step()
            seconds, processor = time.perf_counter() - begin, time.process_time() - processor
            took.append((seconds, *halves(ours), trl_seconds, trl_data, processor, trl_processor))

        steps = rounds + 2
        seeds, never = range(problems * steps), ours.policy.never_sampled
        trainer = grpo_trainer(
            folder, reward_of(task), task, seeds, group, tokens, never, steps=steps, rate=RATE, after_step=our_step
        )
        trainer.train()
    kept = took[2:]
    middle = [median(column) for column in zip(*kept, strict=True)]
    return Timing(problems, group, tokens, *middle, rounds=[row[3] / row[0] for row in kept])


def halves(trainer: Trainer) -> tuple[float, float]:
    """Seconds of the rollout and of the update, of the last step."""
    columns, *_, last = trainer.record.metrics.path.read_text().splitlines()
    row = dict(zip(columns.split(","), last.split(","), strict=True))
    return float(row["seconds_rollout"]), float(row["seconds_learn"])


def table(timings: Sequence[Timing]) -> str:
    """The timings in Markdown."""
    lines = [
        "| P × G × tokens | ours | rollout | update | TRL | of it data | ratio | rounds | by processor time |",
        "|---|---:|---:|---:|---:|---:|---:|---|---:|",
    ]
    for t in timings:
        spread = f"{min(t.rounds):.1f} to {max(t.rounds):.1f}"
        lines.append(
            f"| {t.problems} × {t.group} × {t.tokens} | {t.ours:.3f} s | {t.rollout:.3f} s | {t.learn:.3f} s "
            f"| {t.trl:.3f} s | {t.trl_data:.3f} s | **{t.ratio:.1f}** | {spread} | {t.processor_ratio:.1f} |"
        )
    return "\n".join(lines)


def growth(timings: Sequence[Timing]) -> str:
    """How much longer a step takes with twice the group, in Markdown."""
    lines = [
        "| G | ours | times the one before | TRL | times the one before | ratio | by processor time |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    before: Timing | None = None
    for t in timings:
        ours, trl = ("", "") if before is None else (f"{t.ours / before.ours:.2f}", f"{t.trl / before.trl:.2f}")
        ratios = f"{t.ratio:.1f} | {t.processor_ratio:.1f}"
        lines.append(f"| {t.group} | {t.ours:.3f} s | {ours} | {t.trl:.3f} s | {trl} | {ratios} |")
        before = t
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.trl", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="steps of each that are timed")
    parser.add_argument("--threads", type=int, default=None, help="torch's threads; default: as torch has it")
    parser.add_argument("--size", type=int, default=112, help="side of the pictures, in pixels")
    parser.add_argument("--cases", nargs="*", default=["x".join(map(str, case)) for case in CASES], metavar="PxGxT")
    parser.add_argument("--groups", nargs="*", type=int, default=list(GROUPS), help="group sizes, for the growth")
    parser.add_argument("--out", type=Path, default=None, help="a JSON file for the numbers")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    task = envs.make_task(envs.resolve("clock"), size=given.size)
    cases = [tuple(int(part) for part in case.split("x")) for case in given.cases]
    threads = torch.get_num_threads()
    print(f"torch {torch.__version__}, {threads} threads, median of {given.rounds} rounds\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "tiny"
        build_tiny("tiny", 0).save(folder)
        told: dict[str, Any] = {"threads": threads, "size": given.size}
        told["same"] = [compare(folder, task, (2, *case[1:])) for case in cases]
        for case, same in zip(cases, told["same"], strict=True):
            figures = ", ".join(f"{name} {value:.3g}" for name, value in same.items())
            print(f"the same batch, 2 × {case[1]} × {case[2]}: {figures}")
        timings = measured(lambda case: race(folder, task, case, given.rounds), cases)
        print("\n" + table(timings))
        grown = measured(lambda case: race(folder, task, case, given.rounds), [(8, g, 12) for g in given.groups])
        if grown:
            print("\n8 problems, 12 tokens, G doubled:\n\n" + growth(grown))
    told |= {"cases": [asdict(t) for t in timings], "groups": [asdict(t) for t in grown]}
    if given.out:
        given.out.write_text(json.dumps(told, indent=2))


def measured(time_case: Callable[[Sequence[int]], Timing], cases: Sequence[Sequence[int]]) -> list[Timing]:
    return [time_case(case) for case in cases]


if __name__ == "__main__":
    main()
