"""What is tried before the first step: pictures against tokens, one answer, one gradient, the memory it will take."""

from dataclasses import dataclass

import gymnasium as gym
import torch
from rich.table import Table
from rich.text import Text

from agents.batch import Answers, Prompts
from agents.fitting import out_of_memory
from agents.language_model import LanguageModel
from agents.policy import pictures
from agents.qwen_vl import QwenVL
from train.config import Settings
from train.memory import Memory, available, estimate
from train.preparation import autocast
from train.sharding import number


def size(number: int) -> str:
    """Bytes for people: 3.2 GiB, 14 MiB."""
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"


@dataclass(frozen=True)
class Preflight:
    """What one problem of the training split went through."""

    prompt: str
    """The whole text that the model reads, special tokens included."""
    image_tokens: int
    prompt_tokens: int
    text: str
    """The most likely answer."""
    grad_norm: float
    gap: float
    """Largest gap between rollout and learner in the log-probability of a token."""
    memory: Memory
    available: int
    """Bytes that the device has for it."""

    def shortage(self) -> str | None:
        """What to say if the device seems to have too little memory."""
        if self.memory.total <= self.available:
            return None
        largest = max(self.memory.parts, key=self.memory.parts.__getitem__)
        return (
            f"this run may need {size(self.memory.total)} of memory, most of it for the {largest}, and there are "
            f"{size(self.available)}; if it does not fit: --lora, --gradient-checkpointing always, a smaller "
            "--micro-batch-tokens, --problems-per-step or --group-size"
        )

    def table(self, settings: Settings, device: torch.device) -> Table:
        """What there is to know, for the terminal."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        rows = {
            "picture": f"{self.image_tokens} image tokens, as many features" if self.image_tokens else "none",
            "prompt": f"{self.prompt_tokens} tokens, and at most {settings.max_new_tokens} of an answer",
            "answer": repr(self.text),
            "gradient": f"norm {self.grad_norm:.4g}; rollout and learner differ by {self.gap:.2g}",
            "memory": f"about {size(self.memory.total)} of the {size(self.available)} on {device}",
        }
        rows |= {f"  {name}": size(number) for name, number in self.memory.parts.items()}
        for name, value in rows.items():
            table.add_row(name, Text(value))  # no markup: an answer is anything at all
        return table


def preflight(
    policy: LanguageModel, envs: gym.vector.VectorEnv, settings: Settings, teacher: LanguageModel | None = None
) -> Preflight:
    """Take one problem all the way to a gradient, and forget it again. Changes no weight.

    Args:
        policy: as it will be trained.
        envs: the training environments.
        settings: of the run.
        teacher: who is imitated, if somebody is.

    Raises:
        ValueError: a processor that is not the model's, image tokens that are not as many as features, a prompt that
            leaves no room for an answer, memory that runs out, a gradient that is not finite.
    """
    observations, _ = envs.reset(seed=[0] * envs.num_envs)
    images = pictures(observations)
    require_own_processor(policy)
    prompts = policy.prepare(observations["prompt"][:1], None if images is None else images[:1])
    memory = estimate(policy, settings, prompts.input_ids_PS.shape[1], envs.num_envs, teacher)
    room = available(policy.device)
    try:
        image_tokens = require_features(policy, prompts)
        with autocast(settings, policy):
            answers = policy.generate(prompts, 1, settings.temperature)
        grad_norm, gap = try_gradient(policy, prompts, answers, settings)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        parts = ", ".join(f"{name} {size(number)}" for name, number in memory.parts.items() if number)
        raise ValueError(
            f"out of memory with a single answer: the run needs about {size(memory.total)} ({parts}), and "
            f"{policy.device} has {size(room)}; try --lora, --dtype bfloat16, or a smaller model or picture"
        ) from error
    return Preflight(
        prompt=policy.tokenizer.decode(prompts.input_ids_PS[0][prompts.attention_mask_PS[0]]),
        image_tokens=image_tokens,
        prompt_tokens=int(prompts.attention_mask_PS[0].sum()),
        text=policy.decode(answers)[0],
        grad_norm=grad_norm,
        gap=gap,
        memory=memory,
        available=room,
    )


def require_own_processor(policy: LanguageModel) -> None:
    """Refuse a processor that cuts pictures into other patches than the model's.

    Raises:
        ValueError: naming both numbers.
    """
    if not isinstance(policy, QwenVL):
        return
    vision = policy.model.config.vision_config
    for what, ours, theirs in (
        ("patches", policy.patch_size, vision.patch_size),
        ("merged patches", policy.merge_size, vision.spatial_merge_size),
    ):
        if ours != theirs:
            raise ValueError(
                f"the processor's {what} are {ours} wide and the model's {theirs}; take the processor that was "
                "published with the model"
            )


def require_features(policy: LanguageModel, prompts: Prompts) -> int:
    """Count the image tokens in the prompts, and the features that the vision tower makes of the pictures.

    Returns:
        how many there are of each.

    Raises:
        ValueError: naming both numbers, if they differ.
    """
    if not isinstance(policy, QwenVL) or prompts.pixel_values is None:
        return 0
    tokens = int((prompts.input_ids_PS == policy.model.config.image_token_id).sum())
    features = policy.count_features(prompts)
    if tokens != features:
        raise ValueError(
            f"the prompt holds {tokens} image tokens and the vision tower makes {features} features of its pictures; "
            "the processor is not the model's"
        )
    return tokens


def try_gradient(policy: LanguageModel, prompts: Prompts, answers: Answers, settings: Settings) -> tuple[float, float]:
    """The norm of the gradient of an answer's log-probability, and the gap to what the rollout said of it.

    Raises:
        ValueError: it is not finite, or nothing learns.
    """
    learning = [p for p in policy.model.parameters() if p.requires_grad]
    policy.model.train()
    with autocast(settings, policy):
        logp_BT, _ = policy.log_probabilities(prompts, answers.ids_BT, answers.mask_BT, settings.temperature)
    logp_BT.sum().backward()
    policy.model.eval()
    norm = number(torch.nn.utils.get_total_norm([p.grad for p in learning if p.grad is not None]))
    for parameter in learning:
        parameter.grad = None
    if not 0 <= norm < float("inf"):
        raise ValueError(f"the gradient of the very first answer has the norm {norm}; the weights may be broken")
    return norm, float((logp_BT.detach() - answers.logp_BT).abs().max())
