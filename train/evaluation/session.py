"""One evaluation: every condition's problems in batches, posed and drawn ahead, each answer kept as it arrives."""

import hashlib
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
from train.evaluation.results import Images
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


class Session:
    """Puts problems to a policy.

    Args:
        plan: what is asked, and how.
        policy: who.
        journal: what it answered before, and where its answers go.
        images: where pictures are kept.
    """

    def __init__(self, plan: Plan, policy: Policy, journal: Journal, images: Images) -> None:
        self.plan, self.policy, self.journal, self.images = plan, policy, journal, images

    def answers(self, condition: Condition) -> Iterator[list[Row]]:
        """The rows of each problem's samples under a condition, in the order of the problems' seeds."""
        task = task_of(self.plan.spec, condition.fields)
        samples = self._samples(condition)
        for posed in self._posed(condition, task):
            replies = self._replies(condition, posed)
            _, rewards, _, _, infos = posed.vector.step(tuple(reply.text for reply in replies))
            told = {**posed.infos, **infos}
            for first in range(0, len(replies), samples):
                members = range(first, first + samples)
                scored = [(replies[i], float(rewards[i]), at_row(told, i)) for i in members]
                yield self._rows(condition, task, posed, first, scored)

    def _rows(
        self,
        condition: Condition,
        task: envs.Task | None,
        posed: Posed,
        first: int,
        scored: Sequence[tuple[Reply, float, Mapping[str, Any]]],
    ) -> list[Row]:
        """The rows of a problem: of each of its samples the reply, the reward, and what the environment told."""
        seed, images = posed.keys[first][0], pictures(posed.observations)
        problem = None if task is None else envs.problem(task, seed, "eval")
        keep = seed < (self.plan.pictured if condition.kind == "asked" else min(PICTURED_BESIDE, self.plan.pictured))
        shown_names = [self.images.keep(picture) for picture in images[first]] if keep and images is not None else []
        drawn: dict[str | None, str | None] = {}
        advantages = advantages_of([reward for _, reward, _ in scored])
        rows = []
        for sample, (reply, reward, told) in enumerate(scored):
            judged = row_of(task, problem, reply.text, told)
            read = judged["read"]
            if keep and read not in drawn:
                picture = depicted(task, problem, read)
                drawn[read] = None if picture is None else self.images.keep(picture)
            rows.append(
                {
                    "condition": condition.name,
                    "seed": seed,
                    "sample": sample,
                    "prompt": posed.observations["prompt"][first],
                    "text": reply.text,
                    "tokens": reply.tokens,
                    "truncated": reply.truncated,
                    "reward": reward,
                    "advantage": advantages[sample],
                    **judged,
                    "images": shown_names,
                    "depicted": drawn.get(read),
                }
            )
        return rows

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
        keys = [(condition.name, *key) for key in posed.keys]
        questions = digests(posed)
        rows = [row for row, key in enumerate(keys) if key not in self.journal]
        if rows:
            draws = Draws([(self.plan.seed, *posed.keys[row]) for row in rows], self.plan.temperature)
            asked = posed.observations if len(rows) == len(keys) else rows_of(posed.observations, rows)
            for place, reply in self.policy.respond(asked, some_of(posed.infos, np.array(rows)), draws):
                self.journal.add(keys[rows[place]], reply, questions[rows[place]])
        return [self.journal.reply(key, question) for key, question in zip(keys, questions, strict=True)]


def digests(posed: Posed) -> list[str]:
    """What each row asks, and what is true, in 16 hexadecimal digits: of prompt, pictures and answer."""
    images = pictures(posed.observations)
    truths = posed.infos.get("answer", [None] * len(posed.keys))
    found: dict[int, str] = {}
    for row, (seed, _) in enumerate(posed.keys):
        if seed not in found:
            digest = hashlib.sha256(f"{posed.observations['prompt'][row]}\0{truths[row]}".encode("utf-8", "replace"))
            for picture in images[row] if images is not None else []:
                digest.update(f"{picture.shape}".encode() + np.ascontiguousarray(picture).tobytes())
            found[seed] = digest.hexdigest()[:16]
    return [found[seed] for seed, _ in posed.keys]


def rows_of(observations: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Some rows of a batch of observations."""
    images = pictures(observations)
    chosen: dict[str, Any] = {"prompt": tuple(observations["prompt"][row] for row in rows)}
    return chosen if images is None else chosen | {"images": [images[row] for row in rows]}


def advantages_of(rewards: Sequence[float]) -> list[float | None]:
    """Those of the samples of a problem, as GRPO has them; None for a single one."""
    if len(rewards) < 2:
        return [None] * len(rewards)
    return group_advantages(torch.tensor(rewards, dtype=torch.float64)[None])[0].tolist()
