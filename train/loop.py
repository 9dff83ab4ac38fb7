"""The training loop: evaluate, cold start, then GRPO steps until the run's bound."""

import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from agents.grpo import steering
from agents.language_model import LanguageModel
from plots.curves import write_curves
from plots.report import write_report
from plots.runs import RunError
from train.answer_metrics import CLIPPED_APART, answer_metrics
from train.checkpoint import save_checkpoint
from train.cold_start import cold_start
from train.config import Settings
from train.curriculum import Curriculum
from train.distributed import Processes
from train.environments import mean, task_behind
from train.evaluation.asking import full_summary
from train.learner import Learner
from train.optimization import NotFiniteError, TrainingError
from train.preparation import autocast
from train.progress import Progress
from train.record import Record
from train.reference import changed_reference, reference_policy
from train.replay import advantages_of
from train.resampling import flat_groups
from train.samples import Samples, skipped_rows
from train.sampling import Batch, Sampler
from train.schedule import entropy_target, fraction_done, learning_rate_factor
from train.storage import WriteError, written_aside
from train.trackers import Trackers
from train.watch import Watch, seconds_by_phase

# What an update reports, as columns of `metrics.csv`.
LEARNED = ("loss", "entropy", "kl", "clip_fraction", "grad_norm", "logp_gap", *CLIPPED_APART)
# Rollout and learner compute the same policy. In bfloat16 they differ by some hundredths of a nat, and the largest gap
# among the tokens of a step by several times that.
WIDE_GAP = {"float32": 0.1, "bfloat16": 0.5}
# Skipped steps in a row that end a run.
MOST_SKIPPED = 5


@dataclasses.dataclass
class TrainerState:
    """Where a run is; what a checkpoint holds beside weights and optimizer."""

    step: int = 0
    problems: int = 0
    rollouts: int = 0
    seconds: float = 0.0
    cold_started: bool = False
    steering: float = 1.0
    """What the weight of the entropy is multiplied by."""
    skipped_steps: int = 0
    """Steps with an update whose loss or gradient was not finite."""
    skipped_in_a_row: int = 0
    micro_batch_tokens: int | None = None
    """What the learner had to come down to; None before the first checkpoint."""
    level: int = 0
    """Of the curriculum."""
    level_measured: list[float] = dataclasses.field(default_factory=list)
    """What its last steps at this level came to."""
    closing_seconds: float = 0.0
    """What the end of the run still has to do takes about this long: an evaluation, a checkpoint, the plots."""


class Trainer:
    """Trains a policy on an environment, and writes the run's folder as it goes.

    Args:
        config: resolved settings.
        policy: what learns.
        envs: this process's share of P·G training environments.
        eval_envs: its share of `config.eval_size` environments of the eval split.
        folder: the run's folder, which exists.
        chance: the task's MAE of chance; None without a task.
        started: `time.perf_counter()` when the program began; what a resumed run took before counted in.
        processes: those of the run; None for this one alone.
    """

    def __init__(
        self,
        config: Settings,
        policy: LanguageModel,
        envs: gym.vector.VectorEnv,
        eval_envs: gym.vector.VectorEnv,
        folder: Path,
        chance: float | None,
        started: float,
        processes: Processes | None = None,
    ) -> None:
        self.config, self.policy, self.envs, self.eval_envs = config, policy, envs, eval_envs
        self.folder, self.chance, self.started = folder, chance, started
        self.record = Record(folder)
        self.state = TrainerState()
        self.processes = processes or Processes(str(policy.device))
        self.accelerator = self.processes.accelerator
        self.sampler = Sampler(config, envs, policy, self.processes)
        self.progress = Progress(config)
        self.trackers = Trackers(self.accelerator, config, folder, self.progress.note)
        self.samples = Samples(config, self.record, self.trackers, envs, eval_envs)
        self.learner = Learner(config, policy, self.processes, self.progress.note)
        self.watch = Watch(config, self.samples, self.progress.note, self.processes)
        task = task_behind(envs)
        self.form = task.form if task else None
        """That answers are asked for in."""
        self.curriculum = Curriculum(config, task, self.progress.note) if config.curriculum and task else None
        self.stopping = False
        self.wide_gap = WIDE_GAP[config.dtype]
        """A gap above this is said; twice as much is said again."""
        self.complete = False

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, by this process's clock."""
        return time.perf_counter() - self.started

    def run(self) -> None:
        """Everything from the first evaluation to the last checkpoint."""
        with self.progress, self.trackers:
            if not self.state.cold_started:
                self.begin()
            if self.state.cold_started:
                self.keep_reference()
                while not self.done():
                    self.train_step()
                    if self.state.step % self.config.eval_every == 0 and not self.finished():
                        self.evaluate("train")
                    if self.state.step % self.config.checkpoint_every == 0 and not self.finished():
                        self.checkpoint()
                if self.finished():
                    self.evaluate("end")
                    self.complete = True
                self.checkpoint()
                self.watch.tell("end", {"step": self.state.step, "complete": self.complete})

    def begin(self) -> None:
        """What comes before GRPO. If it is stopped, nothing of it is kept: begun again, it does the same."""
        self.evaluate("start")
        if self.config.cold_start != "none":
            said = self.progress
            cold_start(self.policy, self.envs, self.config, self.processes, said.cold_start, self.done, said.note)
        if not self.stopped():
            if self.config.cold_start != "none":
                self.evaluate("cold-start")
            self.state.cold_started = True
            self.checkpoint()

    def done(self) -> bool:
        """Whether the loop ends here, for whichever reason."""
        return self.stopped() or self.finished()

    def stopped(self) -> bool:
        """Whether some process was told to stop."""
        return any(self.processes.gather(self.stopping))

    def finished(self) -> bool:
        """Whether the bound is reached, by the main process's clock; the time that closing takes is kept free."""
        return self.processes.once(self._finished)

    def _finished(self) -> bool:
        if self.config.last_step is not None and self.state.step >= self.config.last_step:
            return True
        return self.config.minutes is not None and self.seconds + self.state.closing_seconds >= 60 * self.config.minutes

    def keep_reference(self) -> None:
        """Keep what the KL divergence is measured from, if that has a weight."""
        if self.config.kl_weight > 0:
            made = (self.policy, self.config, self.folder, self.processes)
            self.learner.reference = reference_policy(*made, begins=self.state.step == 0)

    def train_step(self) -> None:
        """One batch of rollouts, and the updates on it."""
        config, begin = self.config, time.perf_counter()
        levels = None
        if self.curriculum is not None:
            levels = self.curriculum.levels_of_places(self.state.step, self.state.level)
        batch = self.sampler.batch(self.state.step, levels)
        rolled_out = time.perf_counter()
        done = fraction_done(config, self.state.step, self.processes.once(lambda: self.seconds))
        factor = learning_rate_factor(config, self.state.step, done)
        bonus = self.state.steering * config.entropy_bonus
        learned = self.learn(batch, factor, bonus)
        if config.entropy_target and learned["entropy"] is not None:
            self.state.steering = steering(learned["entropy"], entropy_target(config, done))
        self.state.step += 1
        changed_reference(self.learner.reference, self.policy, self.config, self.state.step)
        self.state.problems += batch.posed
        self.state.rollouts += batch.posed * config.group_size
        row = {
            "step": self.state.step,
            "problems": self.state.problems,
            "rollouts": self.state.rollouts,
            **rollout_metrics(batch),
            **(self.curriculum.climb(self.state, batch.first, levels) if self.curriculum and levels else {}),
            **learned,
            "skipped_steps": self.state.skipped_steps,
            "entropy_bonus": bonus,
            "learning_rate": factor * config.learning_rate,
            **answer_metrics(batch.first, self.policy.end_ids, self.form),
            **self.watch.machine(batch.posed * config.group_size, begin),
            "seconds_total": self.seconds,
            "seconds_rollout": rolled_out - begin,
            "seconds_learn": time.perf_counter() - rolled_out,
            **seconds_by_phase(self.sampler.phases),
        }
        if self.processes.main:
            self.record.metrics.add(row)
            self.trackers.log("train", row)
            self.samples.hold(self.state.step, batch)
            self.watch.step(row, batch)
        self.progress.step(row)
        self.require_progress()

    def learn(self, batch: Batch, factor: float, bonus: float) -> dict[str, float | None]:
        """The updates on a batch, and the mean of what they report; None each if there was none.

        An update that is not finite changes no weight. What is left of its batch is skipped, and the answers are kept
        to be looked at.
        """
        advantages_B = advantages_of(batch.rollout, self.config).flatten()
        updates = []
        try:
            for _ in range(self.config.updates_per_batch):
                updates.append(self.learner.update(batch.rollout, advantages_B, factor, bonus))
        except NotFiniteError as error:
            self.skip(error, skipped_rows(batch))
        else:
            self.state.skipped_in_a_row = 0
        if not updates:
            return dict.fromkeys(LEARNED)
        if updates[0]["logp_gap"] > self.wide_gap:
            self.wide_gap = 2 * updates[0]["logp_gap"]
            self.progress.note(
                f"rollout and learner differ by {updates[0]['logp_gap']:.2g} in the log-probability of a token of step "
                f"{self.state.step + 1}. Likely causes: a low precision, TF32, a changed model or packing"
            )
        means = {name: float(np.mean([update[name] for update in updates])) for name in LEARNED}
        # the first update's: later ones differ from the rollout because the policy has moved
        return {**means, "logp_gap": updates[0]["logp_gap"]}

    def skip(self, error: NotFiniteError, rows: Sequence[dict[str, Any]]) -> None:
        """Count a step whose update is not finite, and keep what it was to learn from."""
        self.state.skipped_steps += 1
        self.state.skipped_in_a_row += 1
        if self.processes.main:
            self.record.add_skipped(self.state.step + 1, str(error), rows)
        self.progress.note(f"step {self.state.step + 1} is skipped: {error}")

    def require_progress(self) -> None:
        """End a run that skips step after step."""
        if self.state.skipped_in_a_row >= MOST_SKIPPED:
            raise TrainingError(
                f"{MOST_SKIPPED} steps in a row were skipped, for the loss or the gradient is not finite; "
                f"{self.record.skipped} has their answers; try a smaller rate"
            )

    def evaluate(self, phase: str) -> None:
        """Greedy answers to the eval problems, and to blank pictures; a row of evals.csv and some samples."""
        begin = time.perf_counter()
        with autocast(self.config, self.policy):
            seen, figures = full_summary(self.eval_envs, self.policy, self.chance, self.processes)
        row = {
            "phase": phase,
            "step": self.state.step,
            "problems": self.state.problems,
            "rollouts": self.state.rollouts,
            **figures,
            "seconds_total": self.seconds,
        }
        if self.processes.main:
            self.record.evals.add(row)
            self.trackers.log("eval", row)
            self.samples.add_group(self.state.step)
            self.samples.add_evaluation(phase, self.state.step, seen)
            self.watch.tell("evaluation", row)
        self.progress.evaluation(row)
        self.state.closing_seconds = 1.5 * (time.perf_counter() - begin) + 5.0

    def draw(self) -> None:
        """Write the run's `curves.png` and `report.html`, from its first evaluation on; failing to ends no run."""
        if not self.processes.main or not self.record.evals.path.exists():
            return
        for what, name, write in (("curves", "curves.png", write_curves), ("report", "report.html", write_report)):
            path = self.folder / name
            try:
                with written_aside(path) as aside:
                    write([self.folder], aside)
                print(f"{what}: {path}")
            except (WriteError, RunError) as error:
                print(f"note: no {what} can be had: {error}", file=sys.stderr)

    def checkpoint(self) -> None:
        """Write a checkpoint of this step."""
        self.record.sync()
        self.state.seconds = self.seconds
        self.state.micro_batch_tokens = self.learner.micro_batch_tokens
        save_checkpoint(
            self.folder,
            self.policy,
            self.learner.optimizers,
            dataclasses.asdict(self.state),
            self.config.keep_checkpoints,
            self.processes,
            None if self.config.reference == "fixed" else self.learner.reference,
        )
        self.watch.tell("checkpoint", {"step": self.state.step})


def rollout_metrics(batch: Batch) -> dict[str, float | None]:
    """The columns of `metrics.csv` that come from the answers; None for what the environment does not tell.

    They are those of the problems that were drawn first, for what replaces some of them was chosen by its rewards.
    """
    infos, rewards_PG = batch.first.infos, batch.first.rewards_PG
    parts = {key: float(np.mean(infos[key])) for key in infos if key.startswith("reward/")}
    return {
        "reward": float(rewards_PG.mean()),
        "mae": mean(infos, "error"),
        "parsed": mean(infos, "parsed"),
        **parts,
        "groups_without_spread": len(flat_groups(batch.first)),
        "groups_replaced": len(flat_groups(batch.first)) - len(flat_groups(batch.rollout)),
        "answer_tokens": float(batch.first.answers.mask_BT.sum(-1).float().mean()),
    }
