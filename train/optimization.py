"""Steps of the optimizers: a gradient in parts that memory has room for, summed over the processes, clipped."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from accelerate.utils.memory import clear_device_cache

from agents.fitting import out_of_memory
from agents.language_model import LanguageModel
from train.config import Settings
from train.distributed import Processes
from train.micro_batches import MicroBatch, micro_batches
from train.optimizer import set_learning_rates

# Adds the gradient of a part of a batch; returns its part of each sum (the loss, and what else is told), and what the
# largest value counts of.
Backward = Callable[[MicroBatch], tuple[dict[str, float], dict[str, float]]]


class TrainingError(RuntimeError):
    """A run that cannot go on; its last checkpoint stays."""


class NotFiniteError(ArithmeticError):
    """An update whose loss or gradient is no finite number."""


class Optimization:
    """Gradients of batches of answers, and the steps of the optimizers on them, whatever the loss is.

    Args:
        config: resolved settings.
        policy: what learns.
        processes: the backward pass, and the other processes of the run.
        say: tells the user something.
        optimizers: of what learns.
    """

    def __init__(
        self,
        config: Settings,
        policy: LanguageModel,
        processes: Processes,
        say: Callable[[str], None],
        optimizers: Sequence[torch.optim.Optimizer],
    ) -> None:
        self.config, self.policy, self.processes, self.say = config, policy, processes, say
        self.accelerator = processes.accelerator
        self.micro_batch_tokens = config.micro_batch_tokens
        """Tokens that go through the model at once; fewer after memory ran out."""
        self.optimizers = [self.accelerator.prepare_optimizer(optimizer) for optimizer in optimizers]

    def take_step(
        self, problems: int, answers: int, tokens: tuple[int, int], backward: Backward, factor: float
    ) -> dict[str, float]:
        """One step of the optimizers on a batch, in micro-batches, smaller ones if memory runs out.

        Args:
            problems: P, of this process's share.
            answers: to each of them.
            tokens: the length of the longest prompt, and of the longest answer; the same for all processes if the
                weights are sharded.
            backward: adds the gradient of a part; its value `loss` has to be finite.
            factor: what the peak learning rates are multiplied by.

        Returns:
            the sums and the largest values that `backward` told, of all processes, and the gradient's norm before
            clipping, `grad_norm`.

        Raises:
            NotFiniteError: the loss or the gradient is not finite. No weight has changed, no gradient is left.
            TrainingError: the answers to one problem do not fit into memory.
        """
        self.policy.model.train()  # else gradient checkpointing is off; no dropout is left in it
        try:
            with self.processes.agreed(TrainingError):
                own = self._gradient_that_fits(problems, answers, tokens, backward)
        finally:
            self.policy.model.eval()
        parts, largest = zip(*self.processes.gather(own), strict=True)
        sums = {name: sum(part[name] for part in parts) for name in parts[0]}
        if not math.isfinite(sums["loss"]):
            self._forget()
            raise NotFiniteError(f"its loss is {sums['loss']}")
        self.processes.sum_gradients(self.policy.model.parameters())
        norm = self._step(factor)
        return {**sums, "grad_norm": norm, **{name: max(most[name] for most in largest) for name in largest[0]}}

    def _gradient_that_fits(
        self, problems: int, answers: int, tokens: tuple[int, int], backward: Backward
    ) -> tuple[dict[str, float], dict[str, float]]:
        """`_gradient`, begun again with half as many tokens at once whenever memory runs out."""

        def split(budget: int) -> list[MicroBatch]:
            return micro_batches(problems, answers, *tokens, budget)

        while True:
            parts = split(self.micro_batch_tokens)
            try:
                return self._gradient(parts, backward)
            except RuntimeError as error:
                # sharded weights are gathered by all processes in step: none may begin again alone
                if not out_of_memory(error) or self.processes.sharding is not None:
                    raise
                error.__traceback__ = None  # whose frames hold the tensors that did not fit
                self._forget()
                clear_device_cache(garbage_collection=True)
                if len(parts) == len(split(1)):
                    raise TrainingError(
                        "out of memory with one prompt and the answers behind it; try a smaller --group-size, "
                        "--max-new-tokens, picture or model, --gradient-checkpointing always, or --lora"
                    ) from error
            while len(split(self.micro_batch_tokens)) == len(parts):
                self.micro_batch_tokens //= 2
            self.say(f"out of memory; from here on {self.micro_batch_tokens} tokens go through the learner at once")

    def _gradient(self, parts: Sequence[MicroBatch], backward: Backward) -> tuple[dict[str, float], dict[str, float]]:
        """Add up the gradient of a batch; returns what `backward` told of all its parts."""
        sums: dict[str, float] = defaultdict(float)
        largest: dict[str, float] = defaultdict(float)
        for part in parts:
            values, peaks = backward(part)
            for name, value in values.items():
                sums[name] += value
            for name, value in peaks.items():
                largest[name] = max(largest[name], value)
        return dict(sums), dict(largest)

    def _step(self, factor: float) -> float:
        """Clip, step, forget the gradients; returns the gradient's norm before clipping."""
        norm = self.processes.clip_gradients(self.policy.model.parameters(), self.config.max_grad_norm)
        if not math.isfinite(norm):
            self._forget()
            raise NotFiniteError(f"the norm of its gradient is {norm}")
        set_learning_rates(self.optimizers, factor)
        for optimizer in self.optimizers:
            optimizer.step()
        self._forget()
        return norm

    def _forget(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()
