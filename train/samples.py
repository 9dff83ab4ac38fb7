"""Which answers a run keeps, for people to look at: greedy ones of each evaluation, and groups that it learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

import envs
from agents.policy import pictures
from envs.levels import levels_of
from train.config import Settings
from train.environments import task_behind
from train.evaluation.asking import Evaluation
from train.evaluation.rows import at_row, depicted, plain, row_of
from train.record import Record
from train.replay import advantages_of
from train.sampling import Batch
from train.trackers import Trackers

Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """G sampled answers to one problem, and what the learner took them for: no advantages in distillation."""

    seed: int
    """What the problem was posed with."""
    level: int | None
    """At which it was posed; None for the whole task."""
    texts: list[str]
    tokens: list[int]
    rewards: list[float | None]
    advantages: list[float | None]
    told: list[dict[str, Any]]


class Samples:
    """Writes `samples.jsonl`, in the main process.

    Rows of a step depend on that step alone, so that a resumed run writes the same ones.

    Args:
        config: resolved settings.
        record: the run's folder.
        trackers: get the answers of evaluations too.
        train_envs: of any problems of the training split.
        eval_envs: those that are evaluated on.
    """

    def __init__(
        self,
        config: Settings,
        record: Record,
        trackers: Trackers,
        train_envs: gym.vector.VectorEnv,
        eval_envs: gym.vector.VectorEnv,
    ) -> None:
        self.config, self.record, self.trackers = config, record, trackers
        self.train_envs, self.task = train_envs, task_behind(eval_envs)
        self.latest: Group | None = None
        """A group of the last step; None once it is written."""

    def hold(self, step: int, batch: Batch) -> None:
        """Hold a group of a step until it is shown or evaluated; the first step's, which may be neither, is kept."""
        if self.config.samples:
            self.latest = widest_group(batch, self.config)
            if step == 1:
                self.add_group(step)

    def add_group(self, step: int) -> None:
        """Write the group that is held, with its picture: phase "rollout"."""
        group, self.latest = self.latest, None
        if group is None:
            return
        G = len(group.texts)
        options = None if group.level is None else {"level": group.level}
        observations, _ = self.train_envs.reset(seed=[group.seed] * self.train_envs.num_envs, options=options)
        shown, posed = pictures(observations), self.problem_of(group)
        rows = [
            {
                "phase": "rollout",
                "step": step,
                "seed": group.told[i].get("seed", group.seed),
                "sample": i,
                "prompt": observations["prompt"][0],
                "text": group.texts[i],
                "tokens": group.tokens[i],
                "reward": group.rewards[i],
                "advantage": group.advantages[i],
                **row_of(self.task, posed, group.texts[i], group.told[i]),
            }
            for i in range(G)
        ]
        self.record.add_samples(rows, None if shown is None else [shown[0]] * G, self._depicted(rows, [posed] * G))

    def problem_of(self, group: Group) -> envs.Problem | None:
        """The training problem that a group answered; None where nobody can say."""
        if self.task is None:
            return None
        task = self.task if group.level is None else levels_of(self.task)[group.level]
        return envs.problem(task, group.seed, "train")

    def add_evaluation(self, phase: str, step: int, seen: Evaluation) -> None:
        """Write the first answers of an evaluation; fewer than are wanted, if this process asked fewer problems."""
        prompts = seen.observations["prompt"]
        count = min(self.config.samples, len(prompts))
        posed = [None if self.task is None else envs.problem(self.task, seed, "eval") for seed in range(count)]
        told = [at_row(seen.infos, i) for i in range(count)]
        rows = [
            {
                "phase": phase,
                "step": step,
                "seed": told[i].get("seed", i),
                "sample": 0,
                "prompt": prompts[i],
                "text": seen.texts[i],
                "tokens": seen.tokens[i],
                "reward": float(seen.rewards[i]),
                "advantage": None,
                **row_of(self.task, posed[i], seen.texts[i], told[i]),
            }
            for i in range(count)
        ]
        shown = pictures(seen.observations)
        self.record.add_samples(rows, shown, self._depicted(rows, posed))
        self.trackers.log_samples(rows, shown)

    def _depicted(self, rows: Sequence[Row], posed: Sequence[envs.Problem | None]) -> list[np.ndarray | None]:
        """The picture that each answer would be, drawn once for equal answers to a problem."""
        drawn: dict[tuple[int, str | None], np.ndarray | None] = {}
        for row, problem in zip(rows, posed, strict=True):
            key = (row["seed"], row["read"])
            if key not in drawn:
                drawn[key] = depicted(self.task, problem, row["read"])
        return [drawn[row["seed"], row["read"]] for row in rows]


def widest_group(batch: Batch, config: Settings) -> Group:
    """The group of a batch whose rewards differ most, by their standard deviation; the first of equal ones."""
    rollout = batch.rollout
    rewards_PG = rollout.rewards_PG.double().cpu().numpy()
    p, G = int(np.argmax(np.nan_to_num(rewards_PG.std(axis=1), posinf=0.0))), rewards_PG.shape[1]
    members = range(p * G, (p + 1) * G)
    learned = config.algorithm == "grpo"  # a student compares no answers
    advantages = advantages_of(rollout, config)[p].tolist() if learned else [None] * G
    return Group(
        seed=batch.seeds[p],
        level=None if batch.levels is None else batch.levels[p],
        texts=[rollout.texts[i] for i in members],
        tokens=rollout.answers.mask_BT[members.start : members.stop].sum(-1).tolist(),
        rewards=[rounded(reward) for reward in rewards_PG[p].tolist()],
        advantages=[None if advantage is None else rounded(advantage) for advantage in advantages],
        told=[at_row(rollout.infos, i) for i in members],
    )


def rounded(value: float) -> float | None:
    """A float32 number with the digits that it has; None for what JSON has no number for."""
    return plain(float(f"{value:.7g}"))


def skipped_rows(batch: Batch) -> list[Row]:
    """The answers of a batch with their rewards, for `skipped.jsonl`."""
    rewards = batch.rollout.rewards_PG.flatten().tolist()
    problems = np.repeat(batch.seeds, len(rewards) // len(batch.seeds)).tolist()
    rows = zip(problems, batch.rollout.texts, rewards, strict=True)
    return [{"seed": seed, "text": text, "reward": reward} for seed, text, reward in rows]
