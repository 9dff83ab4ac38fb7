"""Asking a policy the problems of the eval split: the pass that a training run makes time and again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from agents.policy import Draws, Policy, in_order, pictures
from train.environments import column, joined, mean
from train.evaluation.conditions import blanked

if TYPE_CHECKING:
    from train.distributed import Processes


@dataclass(frozen=True)
class Evaluation:
    """What a policy answered to N problems, and what it scored."""

    observations: Mapping[str, Any]
    """Where several processes evaluate, of the first of these problems only, in the main process."""
    infos: Mapping[str, Any]
    """In gymnasium's vector layout, from the step that scored the answers."""
    texts: list[str]
    rewards: np.ndarray
    tokens: list[int | None] = field(default_factory=list)
    """Of each answer; None where the policy does not tell."""

    @property
    def errors(self) -> np.ndarray | None:
        """Errors (N,) in the task's unit; None where the environment tells none."""
        return column(self.infos, "error")


def evaluate(
    envs: gym.vector.VectorEnv, policy: Policy, blank: bool = False, processes: "Processes | None" = None
) -> Evaluation:
    """Ask a policy the first N problems of a split, N being the number of environments.

    Args:
        envs: single-turn environments of the split to evaluate on.
        policy: answers.
        blank: show an even grey instead of each picture. What can then still be answered is the prior.
        processes: those that have the other environments, if they are several: N counts all of them, and what comes
            back is what all of them answered, but for the observations, which are this process's own.
    """
    numbers, first = [envs.num_envs], 0
    if processes is not None:
        numbers = processes.gather(envs.num_envs)
        first = sum(numbers[: processes.index])
    seeds = range(first, first + envs.num_envs)
    observations, infos = envs.reset(seed=list(seeds))
    if blank:
        observations = {name: shown if name == "prompt" else blanked(shown) for name, shown in observations.items()}
    asked = dict(infos)
    replies = in_order(policy.respond(observations, infos, Draws.greedy(seeds)))
    texts, tokens = [reply.text for reply in replies], [reply.tokens for reply in replies]
    _, rewards, _, _, infos = envs.step(tuple(texts))
    own = Evaluation(observations, {**asked, **infos}, texts, np.asarray(rewards, dtype=float), tokens)
    if processes is None or len(numbers) == 1:
        return own
    parts = processes.gather((own.infos, replies, own.rewards))
    infos_of, replies_of, rewards_of = zip(*parts, strict=True)
    replies = [reply for several in replies_of for reply in several]
    texts, tokens = [reply.text for reply in replies], [reply.tokens for reply in replies]
    return Evaluation(observations, joined(infos_of, numbers), texts, np.concatenate(rewards_of), tokens)


def summarise(evaluation: Evaluation, chance: float | None) -> dict[str, float | None]:
    """What the answers to one set of problems came to; None for what the environment does not tell.

    Args:
        evaluation: the answers.
        chance: the task's MAE of chance, for skill = 1 − MAE / MAE of chance; 0 or None leaves it out.
    """
    errors, mae = evaluation.errors, mean(evaluation.infos, "error")
    return {
        "mae": mae,
        "median_error": None if errors is None else float(np.median(errors)),
        "exact": None if errors is None else float(np.mean(errors == 0)),
        "parsed": mean(evaluation.infos, "parsed"),
        "reward": float(evaluation.rewards.mean()),
        "skill": None if mae is None or not chance else 1 - mae / chance,
        "lenient_mae": mean(evaluation.infos, "lenient_error"),
    }


def full_summary(
    envs: gym.vector.VectorEnv, policy: Policy, chance: float | None, processes: "Processes | None" = None
) -> tuple[Evaluation, dict[str, float | None]]:
    """The answers to the pictures, and the columns of `evals.csv`: `summarise`, and the blank-picture control.

    `blank_parsed` tells how many answers to blank pictures could be read at all: a large `blank_mae` may come from
    answers that fall out of form, as well as from wrong ones.
    """
    seen = evaluate(envs, policy, processes=processes)
    figures = summarise(seen, chance)
    figures |= {"blank_mae": None, "blank_parsed": None, "blank_reward": None}
    if pictures(seen.observations) is not None:
        blank = summarise(evaluate(envs, policy, True, processes), chance)
        figures |= {f"blank_{name}": blank[name] for name in ("mae", "parsed", "reward")}
    return seen, figures
