"""One update of the policy from one batch of scored answers."""

import math
import weakref
from collections.abc import Callable

import torch
from torch import Tensor

from agents.batch import Prompts
from agents.grpo import k2_kl, k3_kl, kl_to_go
from agents.language_model import LanguageModel
from agents.rollout import Rollout
from agents.surrogates import clipped_surrogate, importance_ratio, weighted_likelihood
from train.answer_metrics import clipped_apart
from train.config import Settings
from train.distributed import Processes
from train.micro_batches import MicroBatch
from train.optimization import Optimization
from train.optimizer import build_optimizers
from train.preparation import autocast
from train.replay import LearnerBatch, learner_batch

KL_ESTIMATORS = {"k2": k2_kl, "k3": k3_kl}


class Learner(Optimization):
    """GRPO's loss, its gradient, and the optimizers' steps.

    Args:
        config: resolved settings.
        policy: what learns.
        processes: the backward pass, and the other processes of the run.
        say: tells the user something.
    """

    def __init__(
        self, config: Settings, policy: LanguageModel, processes: Processes, say: Callable[[str], None]
    ) -> None:
        super().__init__(config, policy, processes, say, build_optimizers(policy.model, config))
        self.reference: LanguageModel | None = None
        """What the KL divergence is measured from, if that has a weight; with an adapter, the policy itself."""
        self.first: tuple[weakref.ref[Rollout], Tensor] | None = None
        """With `old_policy` "learner": which batch it is, and the log-probabilities of its answers in the first update.
        """

    def update(self, rollout: Rollout, advantages_B: Tensor, factor: float, bonus: float) -> dict[str, float]:
        """One optimizer step on a batch, in micro-batches, smaller ones if memory runs out.

        Args:
            rollout: P problems, G answers to each, those of all processes; prompts of this one's share of the problems.
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
        batch = batch.groups(self.processes.share(len(rollout.rewards_PG)))
        self._remember(rollout, batch)
        prompts, T = rollout.prompts, batch.answers.ids_BT.shape[1]
        S = self.processes.most(prompts.input_ids_PS.shape[1])

        def backward(part: MicroBatch) -> tuple[dict[str, float], dict[str, float]]:
            values, gap = self._backward(prompts.select(part.prompts), batch, part.members, bonus)
            return values, {"logp_gap": gap}

        return self.take_step(len(prompts), batch.K, (S, T), backward, factor)

    def _backward(
        self, prompts: Prompts, batch: LearnerBatch, members: slice, bonus: float
    ) -> tuple[dict[str, float], float]:
        """Add the gradient of some answers; returns their part of the loss and of its parts, and the gap."""
        config = self.config
        ids_BT, mask_BT = batch.answers.ids_BT[members], batch.answers.mask_BT[members]
        sampled_logp_BT, shares_BT = batch.answers.logp_BT[members], batch.shares_BT[members]
        reference_BT = self._reference(prompts, ids_BT, mask_BT)
        with autocast(config, self.policy):
            logp_BT, entropy_BT = self.policy.log_probabilities(prompts, ids_BT, mask_BT, config.temperature)
        old_logp_BT = self._old(members, sampled_logp_BT, logp_BT)
        ratio_BT = importance_ratio(logp_BT, old_logp_BT, mask_BT, config.ratio_level)
        advantages_BT, kl_weight = batch.advantages_B[members][:, None], config.kl_weight
        if config.kl_in == "reward" and reference_BT is not None:
            advantages_BT = advantages_BT - kl_weight * kl_to_go(old_logp_BT, reference_BT, mask_BT)
            kl_weight = 0.0
        surrogate_BT, clipped_BT = self._surrogate(ratio_BT, logp_BT, advantages_BT)
        kl = KL_ESTIMATORS[config.kl_estimator]
        kl_BT = torch.zeros_like(logp_BT) if reference_BT is None else kl(logp_BT, reference_BT)
        loss_BT = surrogate_BT - bonus * entropy_BT + kl_weight * kl_BT
        loss = (loss_BT * batch.weights_BT[members]).sum() - (logp_BT * batch.replay_BT[members]).sum()
        self.accelerator.backward(loss)
        averaged = {"entropy": entropy_BT, "kl": kl_BT, "clip_fraction": clipped_BT}
        averaged |= clipped_apart(clipped_BT, ratio_BT)
        parts = {name: (value_BT.detach() * shares_BT).sum().item() for name, value_BT in averaged.items()}
        gap = float(((logp_BT.detach() - sampled_logp_BT) * (shares_BT > 0)).abs().max())
        return {"loss": loss.item(), **parts}, gap

    def _surrogate(self, ratio_BT: Tensor, logp_BT: Tensor, advantages_BT: Tensor) -> tuple[Tensor, Tensor]:
        """The policy's loss per token, and where the ratio was clipped."""
        bounds = self.config.clip_low, self.config.clip_high
        if self.config.surrogate == "cispo":
            return weighted_likelihood(ratio_BT, logp_BT, advantages_BT, *bounds)
        return clipped_surrogate(ratio_BT, advantages_BT, *bounds)

    def _remember(self, rollout: Rollout, batch: LearnerBatch) -> None:
        """Make room for what the first update on a batch finds likely."""
        if self.config.old_policy == "learner" and (self.first is None or self.first[0]() is not rollout):
            self.first = weakref.ref(rollout), torch.full_like(batch.answers.logp_BT, math.nan)

    def _old(self, members: slice, sampled_logp_BT: Tensor, logp_BT: Tensor) -> Tensor:
        """Log-probabilities of some answers under the policy that sampled them."""
        if self.first is None:
            return sampled_logp_BT
        old_logp_BT = self.first[1][members]
        return old_logp_BT.copy_(torch.where(old_logp_BT.isnan(), logp_BT.detach(), old_logp_BT))

    def _reference(self, prompts: Prompts, ids_BT: Tensor, mask_BT: Tensor) -> Tensor | None:
        """Log-probabilities under the reference; None without one."""
        if self.reference is None:
            return None
        with torch.no_grad(), autocast(self.config, self.policy), self.reference.adapter_off():
            return self.reference.log_probabilities(prompts, ids_BT, mask_BT, self.config.temperature)[0]
