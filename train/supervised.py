"""Supervised steps: cross-entropy on given texts, and distillation, which imitates a teacher's whole distribution."""

import torch
from torch import Tensor

from agents.distillation import reverse_kl, soft_targets
from agents.language_model import LanguageModel
from agents.scoring import Score
from agents.shared_prefix import predicting_states
from train.lessons import Lesson
from train.micro_batches import MicroBatch
from train.optimization import Optimization
from train.preparation import autocast


def imitate(learning: Optimization, lesson: Lesson, factor: float) -> dict[str, float]:
    """One step on the mean cross-entropy of a token: −Σ_bt ln π(y_bt | x_b, y_b,<t) / Σ_b T_b, answers alone.

    The end-of-turn token is one of them; prompts are none, and no temperature divides the logits.

    Args:
        learning: the policy and its optimizers.
        lesson: what to imitate.
        factor: what the peak learning rates are multiplied by.

    Returns:
        `loss`, in nats a token; `token_accuracy`, the share of tokens that were the most likely one; `grad_norm`.

    Raises:
        NotFiniteError, TrainingError: as `Optimization.take_step` does.
    """
    config, policy = learning.config, learning.policy

    def score(hidden_ND: Tensor, ids_N: Tensor) -> tuple[Tensor, Tensor]:
        logits_NV = policy.logits(hidden_ND, 1.0)
        return Score.apply(logits_NV, ids_N)[0], (logits_NV.argmax(-1) == ids_N).float()

    def backward(part: MicroBatch) -> tuple[dict[str, float], dict[str, float]]:
        prompts, weights_BT = lesson.prompts.select(part.prompts), lesson.weights_BT[part.members]
        texts = lesson.ids_BT[part.members], lesson.mask_BT[part.members]
        with autocast(config, policy):
            logp_BT, right_BT = policy.scores(prompts, *texts, score)
        loss = -(logp_BT * weights_BT).sum()
        learning.accelerator.backward(loss)
        return {"loss": loss.item(), "token_accuracy": (right_BT * weights_BT).sum().item()}, {}

    return learning.take_step(len(lesson.prompts), lesson.K, _lengths(learning, lesson), backward, factor)


def distil(learning: Optimization, lesson: Lesson, teacher: LanguageModel, factor: float) -> dict[str, float]:
    """One step on the mean divergence of a token between a frozen teacher and the policy, over the whole vocabulary.

    Args:
        learning: the policy and its optimizers; its settings say which divergence, at which temperature.
        lesson: texts, at whose tokens the two are compared.
        teacher: of the same vocabulary.
        factor: what the peak learning rates are multiplied by.

    Returns:
        `loss`, in nats a token (times T²); `teacher_agreement`, the share of tokens at which both find the same one
        most likely; `grad_norm`.

    Raises:
        NotFiniteError, TrainingError: as `Optimization.take_step` does.
    """
    config, policy, asked = learning.config, learning.policy, lesson.teacher_prompts
    assert asked is not None, "a lesson of distillation has the teacher's prompts"
    divergence = reverse_kl if config.distill == "on-policy" else soft_targets
    V = min(policy.vocabulary, teacher.vocabulary)  # rows beyond are padding of an output layer
    T = config.distill_temperature or 1.0

    def score(hidden_ND: Tensor, ids_N: Tensor, theirs_ND: Tensor) -> tuple[Tensor, Tensor]:
        student_NV = policy.logits(hidden_ND, 1.0)[:, :V]
        with torch.no_grad():
            teacher_NV = teacher.logits(theirs_ND, 1.0)[:, :V]
        return divergence(student_NV, teacher_NV, T), (student_NV.argmax(-1) == teacher_NV.argmax(-1)).float()

    def backward(part: MicroBatch) -> tuple[dict[str, float], dict[str, float]]:
        prompts, weights_BT = lesson.prompts.select(part.prompts), lesson.weights_BT[part.members]
        ids_BT, mask_BT = lesson.ids_BT[part.members], lesson.mask_BT[part.members]
        with torch.no_grad(), autocast(config, teacher):
            theirs_ND = predicting_states(teacher, asked.select(part.prompts), ids_BT)[mask_BT]
        with autocast(config, policy):
            held = policy.vocabulary + teacher.vocabulary
            loss_BT, agree_BT = policy.scores(prompts, ids_BT, mask_BT, score, held, theirs_ND)
        loss = (loss_BT * weights_BT).sum()
        learning.accelerator.backward(loss)
        return {"loss": loss.item(), "teacher_agreement": (agree_BT * weights_BT).sum().item()}, {}

    return learning.take_step(len(lesson.prompts), lesson.K, _lengths(learning, lesson), backward, factor)


def _lengths(learning: Optimization, lesson: Lesson) -> tuple[int, int]:
    """The longest prompt, the student's or the teacher's, and the longest text, of all processes."""
    asked = [prompts for prompts in (lesson.prompts, lesson.teacher_prompts) if prompts is not None]
    S = max(prompts.input_ids_PS.shape[1] for prompts in asked)
    return learning.processes.most(S), lesson.ids_BT.shape[1]
