"""One update of the policy from one batch of scored answers."""

from collections import defaultdict
from collections.abc import Callable

import torch
from accelerate import Accelerator
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor

from agents.batch import Prompts
from agents.grpo import clipped_surrogate, k3_kl
from agents.language_model import LanguageModel
from agents.rollout import Rollout
from train.config import Settings
from train.optimizer import build_optimizers, set_learning_rates
from train.replay import LearnerBatch, learner_batch


class TrainingError(RuntimeError):
    """A run that cannot go on; its last checkpoint stays."""


class NotFiniteError(ArithmeticError):
    """An update whose loss or gradient is no finite number."""


class Learner:
    """GRPO's loss, its gradient, and the optimizers' steps.

    Args:
        config: resolved settings.
        policy: what learns.
        accelerator: autocast and the backward pass.
        say: tells the user something.
    """

    def __init__(
        self, config: Settings, policy: LanguageModel, accelerator: Accelerator, say: Callable[[str], None]
    ) -> None:
        self.config, self.policy, self.accelerator, self.say = config, policy, accelerator, say
        self.micro_batch_problems = min(config.micro_batch_problems, config.problems_per_step)
        """Problems whose answers go through the model at once; fewer after memory ran out."""
        policy.model, *self.optimizers = accelerator.prepare(policy.model, *build_optimizers(policy.model, config))
        self.reference: LanguageModel | None = None
        """The policy as GRPO began, for the KL divergence, if that has a weight."""

    def update(self, rollout: Rollout, advantages_B: Tensor, factor: float, bonus: float) -> dict[str, float]:
        """One optimizer step on a batch, in micro-batches of whole groups, smaller ones if memory runs out.

        Args:
            rollout: P problems, G answers to each.
            advantages_B: of the P·G answers.
            factor: what the peak learning rates, and the weight of the replay, are multiplied by.
            bonus: weight of the entropy.

        Returns:
            the loss and its parts, the gradient's norm before clipping, and the largest gap between the rollout's
            log-probabilities and these.

        Raises:
            NotFiniteError: the loss or the gradient is not finite. No weight has changed, no gradient is left.
            TrainingError: the answers to one problem do not fit into memory.
        """
        batch = learner_batch(rollout, advantages_B, self.config, self.policy, factor * self.config.replay_weight)
        while True:
            try:
                sums, gap = self._gradient(rollout, batch, bonus)
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                self._halve(error)
            else:
                return {**sums, "grad_norm": self._step(factor), "logp_gap": gap}

    def _halve(self, error: RuntimeError) -> None:
        """Begin the gradient again with half as many problems at once, after memory ran out."""
        self._forget()
        error.__traceback__ = None  # whose frames hold the tensors that did not fit
        clear_device_cache(garbage_collection=True)
        if self.micro_batch_problems == 1:
            raise TrainingError(
                f"out of memory with the {self.config.group_size} answers to one problem; try a smaller --group-size, "
                "--max-new-tokens, picture or model"
            ) from error
        self.micro_batch_problems = (self.micro_batch_problems + 1) // 2
        self.say(f"out of memory; from here on {self.micro_batch_problems} problems go through the learner at once")

    def _gradient(self, rollout: Rollout, batch: LearnerBatch, bonus: float) -> tuple[dict[str, float], float]:
        """Add up the gradient of a batch; returns the loss and its parts, and the gap."""
        sums: dict[str, float] = defaultdict(float)
        gap = 0.0
        for rows in torch.arange(len(rollout.prompts)).split(self.micro_batch_problems):
            parts, own_gap = self._backward(rollout.prompts.select(rows), batch, rows, bonus)
            for name, value in parts.items():
                sums[name] += value
            gap = max(gap, own_gap)
        return sums, gap

    def _backward(
        self, prompts: Prompts, batch: LearnerBatch, rows: Tensor, bonus: float
    ) -> tuple[dict[str, float], float]:
        """Add the gradient of the groups at `rows`; returns their part of the loss and of its parts, and the gap."""
        config = self.config
        members = slice(int(rows[0]) * batch.K, (int(rows[-1]) + 1) * batch.K)
        ids_BT, mask_BT = batch.answers.ids_BT[members], batch.answers.mask_BT[members]
        old_logp_BT, shares_BT = batch.answers.logp_BT[members], batch.shares_BT[members]
        with self.accelerator.autocast():
            logp_BT, entropy_BT = self.policy.log_probabilities(prompts, ids_BT, mask_BT, config.temperature)
        surrogate_BT, clipped_BT = clipped_surrogate(
            logp_BT, old_logp_BT, batch.advantages_B[members], config.clip_low, config.clip_high
        )
        kl_BT = self._kl(prompts, ids_BT, mask_BT, logp_BT)
        loss_BT = surrogate_BT - bonus * entropy_BT + config.kl_weight * kl_BT
        loss = (loss_BT * batch.weights_BT[members]).sum() - (logp_BT * batch.replay_BT[members]).sum()
        if not torch.isfinite(loss):
            self._forget()
            raise NotFiniteError(f"its loss is {loss.item()}")
        self.accelerator.backward(loss)
        averaged = {"entropy": entropy_BT, "kl": kl_BT, "clip_fraction": clipped_BT}
        parts = {name: (value_BT.detach() * shares_BT).sum().item() for name, value_BT in averaged.items()}
        gap = float(((logp_BT.detach() - old_logp_BT) * (shares_BT > 0)).abs().max())
        return {"loss": loss.item(), **parts}, gap

    def _kl(self, prompts: Prompts, ids_BT: Tensor, mask_BT: Tensor, logp_BT: Tensor) -> Tensor:
        """The KL divergence from the reference per token; zeros without a reference."""
        if self.reference is None:
            return torch.zeros_like(logp_BT)
        with torch.no_grad(), self.accelerator.autocast():
            reference_BT, _ = self.reference.log_probabilities(prompts, ids_BT, mask_BT, self.config.temperature)
        return k3_kl(logp_BT, reference_BT)

    def _step(self, factor: float) -> float:
        """Clip, step, forget the gradients; returns the gradient's norm before clipping."""
        norm = float(self.accelerator.clip_grad_norm_(self.policy.model.parameters(), self.config.max_grad_norm))
        if not torch.isfinite(torch.tensor(norm)):
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
