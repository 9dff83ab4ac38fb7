"""What a step learns from: answers to its problems, drawn again where they teach nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import gymnasium as gym

from agents.language_model import LanguageModel
from agents.phases import Phases
from agents.rollout import Rollout, collect
from train.config import Settings
from train.distributed import Processes
from train.preparation import autocast
from train.resampling import with_spread
from train.seeds import problem_seeds, replacement_seeds


@dataclass(frozen=True)
class Batch:
    """The answers of a step."""

    first: Rollout
    """As they were drawn first."""
    rollout: Rollout
    """As they are learned from."""
    seeds: list[int]
    """Of the problems that are learned from."""
    posed: int
    """Problems that were answered in all."""
    levels: Sequence[int] | None = None
    """At which they are posed, those of the problems that were replaced too; None for the whole task."""


class Sampler:
    """Draws the batches of a run.

    Args:
        config: resolved settings.
        envs: this process's share of P·G training environments.
        policy: answers.
        processes: those of the run.
    """

    def __init__(
        self, config: Settings, envs: gym.vector.VectorEnv, policy: LanguageModel, processes: Processes
    ) -> None:
        self.config, self.envs, self.policy, self.processes = config, envs, policy, processes
        self.share = processes.share(config.problems_per_step)
        self.phases = Phases()
        """Of this process alone: what it took to draw, generate and score since this was last looked at."""

    def batch(self, step: int, levels: Sequence[int] | None = None) -> Batch:
        """The batch of a step, which depends on the weights and on nothing that came before.

        Args:
            step: which.
            levels: at which each of its P problems is posed, and what may replace it; None for the whole task.
        """
        config, P = self.config, self.config.problems_per_step
        seeds, posed = problem_seeds(config.seed, step, P, config.num_problems), P
        own = self._draw(step, seeds, levels)
        first = self.processes.whole(own)
        if not config.resample:
            return Batch(first, first, seeds, posed, levels)

        def draw_again(round_: int, rows: Sequence[int]) -> tuple[Rollout, list[int]]:
            nonlocal posed
            posed += sum(self.processes.gather(len(rows)))
            fresh = replacement_seeds(config.seed, step, round_, P)
            return self._draw(step, fresh, levels, rows), [fresh[self.share][row] for row in rows]

        agree = partial(_any, self.processes)
        own, kept = with_spread(own, seeds[self.share], draw_again, config.resample, self.policy.pad_id, agree)
        seeds = [seed for share in self.processes.gather(kept) for seed in share]
        return Batch(first, self.processes.whole(own), seeds, posed, levels)

    def _draw(
        self, step: int, seeds: Sequence[int], levels: Sequence[int] | None, rows: Sequence[int] | None = None
    ) -> Rollout:
        """This process's share of the answers to some problems, or some rows of it."""
        with autocast(self.config, self.policy):
            return collect(
                self.envs,
                self.policy,
                seeds[self.share],
                self.config.group_size,
                temperature=self.config.temperature,
                run_seed=self.config.seed,
                step=step,
                rows=rows,
                levels=None if levels is None else levels[self.share],
                phases=self.phases,
            )


def _any(processes: Processes, needed: bool) -> bool:
    return any(processes.gather(needed))
