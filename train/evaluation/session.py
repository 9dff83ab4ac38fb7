"""One evaluation: every condition's problems in batches, posed and drawn ahead, each answer kept as it arrives."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec

import envs
from agents.grpo import group_advantages
from agents.policy import Draws, Policy, Reply, pictures
from agents.rollout import some_of
from train.environments import make_eval_envs, task_of
from train.evaluation.conditions import Condition, shown
from train.evaluation.journal import Journal
from train.evaluation.rows import at_row, depicted, row_of

Row = dict[str, Any]
PICTURED_BESIDE = 4
"""Problems that keep their pictures under a control or in another style."""


@dataclass(frozen=True)
class Plan:
    """What is asked, and how."""

    spec: EnvSpec
    problems: int
    """N: the seeds 0 to N - 1 of the eval split."""
    samples: int
    """Answers to each problem, of the plain condition; the others get one."""
    temperature: float
    seed: int
    batch_size: int
    """Answers that the policy is asked for at once; more, if the samples of one problem are more."""
    pictured: int
    """Problems that keep their pictures."""


@dataclass(frozen=True)
class Posed:
    """A batch of problems as the policy is to see them, B rows: problem after problem, sample after sample."""

    keys: list[tuple[int, int]]
    """Seed and sample of each row."""
    observations: Mapping[str, Any]
    infos: Mapping[str, Any]
    vector: gym.vector.VectorEnv
    """Holds these problems until the next but one is posed."""


@dataclass(frozen=True)
class Answered:
    """A row of the results, with the pictures that belong to it."""

    row: Row
    pictures: list[np.ndarray]
    """What was shown, uint8 (H, W, 3) each."""
    depicted: np.ndarray | None
    """The picture that the answer would be."""


class Session:
    """Puts problems to a policy.

    Args:
        plan: what is asked, and how.
        policy: who.
        journal: what it answered before, and where its answers go.
    """

    def __init__(self, plan: Plan, policy: Policy, journal: Journal) -> None:
        self.plan, self.policy, self.journal = plan, policy, journal

    def answers(self, condition: Condition) -> Iterator[list[Answered]]:
        """The answers under a condition: the samples of each problem, in the order of their seeds."""
        pictured = self.plan.pictured if condition.kind == "asked" else min(PICTURED_BESIDE, self.plan.pictured)
        task = task_of(self.plan.spec, condition.fields)
        samples = self._samples(condition)
        for posed in self._posed(condition, task):
            replies = self._replies(condition, posed)
            _, rewards, _, _, infos = posed.vector.step(tuple(reply.text for reply in replies))
            told = {**posed.infos, **infos}
            images = pictures(posed.observations)
            for first in range(0, len(replies), samples):
                seed, rows = posed.keys[first][0], range(first, first + samples)
                asked = None if task is None else envs.problem(task, seed, "eval")
                advantages = advantages_of(rewards[first : first + samples])
                keep = seed < pictured
                yield [
                    Answered(
                        row={
                            "condition": condition.name,
                            "seed": seed,
                            "sample": sample,
                            "prompt": posed.observations["prompt"][row],
                            "text": replies[row].text,
                            "tokens": replies[row].tokens,
                            "reward": float(rewards[row]),
                            "advantage": advantages[sample],
                            **(judged := row_of(task, asked, replies[row].text, at_row(told, row))),
                        },
                        pictures=images[row] if keep and images is not None else [],
                        depicted=depicted(task, asked, judged["read"]) if keep else None,
                    )
                    for sample, row in enumerate(rows)
                ]

    def _samples(self, condition: Condition) -> int:
        return self.plan.samples if condition.kind == "asked" else 1

    def _posed(self, condition: Condition, task: envs.Task | None) -> Iterator[Posed]:
        """Each batch, the next one being posed while this one is answered."""
        plan, samples = self.plan, self._samples(condition)
        at_once = max(1, plan.batch_size // samples)
        batches = [range(i, min(i + at_once, plan.problems)) for i in range(0, plan.problems, at_once)]
        made: dict[tuple[int, int], gym.vector.VectorEnv] = {}

        def pose(number: int) -> Posed:
            keys = [(seed, sample) for seed in batches[number] for sample in range(samples)]
            place = (number % 2, len(keys))
            if place not in made:
                made[place] = make_eval_envs(plan.spec, len(keys), condition.fields)
            vector = made[place]
            seeds = [seed for seed, _ in keys]
            observations, infos = shown(
                condition, task, lambda them: vector.reset(seed=list(them)), seeds, plan.problems
            )
            return Posed(keys, observations, infos, vector)

        with ThreadPoolExecutor(1) as ahead:
            upcoming: Future[Posed] = ahead.submit(pose, 0)
            for number in range(len(batches)):
                posed = upcoming.result()
                if number + 1 < len(batches):
                    upcoming = ahead.submit(pose, number + 1)
                yield posed
        for vector in made.values():
            vector.close()

    def _replies(self, condition: Condition, posed: Posed) -> list[Reply]:
        """The replies to a batch: those of the journal, and the policy's to the rest."""
        known = self.journal.replies
        keys = [(condition.name, *key) for key in posed.keys]
        rows = [row for row, key in enumerate(keys) if key not in known]
        if rows:
            draws = Draws([(self.plan.seed, *posed.keys[row]) for row in rows], self.plan.temperature)
            asked = posed.observations if len(rows) == len(keys) else rows_of(posed.observations, rows)
            for place, reply in self.policy.respond(asked, some_of(posed.infos, np.array(rows)), draws):
                self.journal.add(keys[rows[place]], reply)
        return [known[key] for key in keys]


def rows_of(observations: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Some rows of a batch of observations."""
    images = pictures(observations)
    chosen: dict[str, Any] = {"prompt": tuple(observations["prompt"][row] for row in rows)}
    return chosen if images is None else chosen | {"images": [images[row] for row in rows]}


def advantages_of(rewards: np.ndarray) -> list[float | None]:
    """Those of the samples of a problem, as GRPO has them; None for a single one."""
    if len(rewards) < 2:
        return [None] * len(rewards)
    return group_advantages(torch.as_tensor(rewards)[None])[0].tolist()
