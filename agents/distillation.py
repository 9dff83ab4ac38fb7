"""Knowledge distillation in pure functions on logits: a student's distribution drawn to a teacher's, token by token.

Both are expectations over the whole vocabulary, not estimates from a sampled token; which texts they are taken on is
the caller's. Hinton et al. 2015 (https://arxiv.org/abs/1503.02531) use the first, on given texts; on-policy
distillation (Agarwal et al. 2023, GKD, https://arxiv.org/abs/2306.13649; Gu et al. 2023, MiniLLM,
https://arxiv.org/abs/2306.08543) the second, on texts that the student wrote.
"""

from torch import Tensor


def soft_targets(student_NV: Tensor, teacher_NV: Tensor, temperature: float = 1.0) -> Tensor:
    """T² · KL(teacher ‖ student), both softened by T: the student is to cover all that the teacher holds possible.

    T² Σ_v p_v (ln p_v − ln q_v) with p = softmax(teacher / T), q = softmax(student / T). Gradients of softened
    logits shrink as 1/T², which the factor makes up for (Hinton et al. 2015, section 2).

    Args:
        student_NV: logits of N tokens, which get the gradient.
        teacher_NV: logits of the same tokens.
        temperature: T, above 0; the larger, the more the unlikely tokens count.

    Returns:
        (N,), 0 and up, in nats at T = 1.
    """
    return temperature**2 * kl_divergence(teacher_NV / temperature, student_NV / temperature)


def reverse_kl(student_NV: Tensor, teacher_NV: Tensor, temperature: float = 1.0) -> Tensor:
    """T² · KL(student ‖ teacher), both softened by T: the student is to do nothing that the teacher would not.

    As `soft_targets`, the other way round. A student too small to cover all of the teacher keeps to what the teacher
    finds likely, instead of spreading over what lies between (Gu et al. 2023, section 2.1).

    Args:
        student_NV: logits of N tokens, which get the gradient.
        teacher_NV: logits of the same tokens.
        temperature: T, above 0.

    Returns:
        (N,), 0 and up, in nats at T = 1.
    """
    return temperature**2 * kl_divergence(student_NV / temperature, teacher_NV / temperature)


def kl_divergence(p_NV: Tensor, q_NV: Tensor) -> Tensor:
    """KL(p ‖ q) = Σ_v p_v (ln p_v − ln q_v) in nats (N,), of distributions given by finite logits."""
    logp_NV, logq_NV = p_NV.log_softmax(-1), q_NV.log_softmax(-1)
    return (logp_NV.exp() * (logp_NV - logq_NV)).sum(-1)
