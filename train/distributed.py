"""Several processes of one run: they split its problems, add up their gradients, and one of them writes.

Nothing in a run depends on how many processes there are: what is random is keyed by (run seed, step, problem, member),
each process takes its share of the problems, and everything that is computed from all answers of a step (advantages,
the weight of a token, averages) is computed by every process from all of them, which were gathered. So the processes
hold equal weights, and their gradients add up to those of one process.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import gymnasium as gym
import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, broadcast_object_list, gather_object
from torch import Tensor, nn

from agents.batch import Answers, concatenate
from agents.choices import Dtype
from agents.language_model import LanguageModel
from agents.loading import find_device
from agents.rollout import Rollout
from train.config import TrainConfig
from train.environments import joined
from train.sharding import Sharding, number

T = TypeVar("T")
# Gradients are added up so many numbers at a time: 64 MB in float32.
BUCKET = 2**24


class Processes:
    """This process among those of a run, whose launcher (`torchrun`, `accelerate launch`) told accelerate of them.

    Whatever communicates has to be called by all processes, in the same order. With one process nothing does.

    Args:
        device: where a process that is alone computes, as `--device` says.

    Raises:
        ValueError: the launcher asks for a kind of sharding that cannot be had, or one device is given to several.
    """

    def __init__(self, device: str | None = None) -> None:
        sharding = Sharding.wanted()
        self.device = find_device(device)
        # precision is `--dtype`'s, whatever accelerate is configured with
        self.accelerator = Accelerator(cpu=self.device.type == "cpu", mixed_precision="no")
        if self.accelerator.gradient_accumulation_steps != 1:
            raise ValueError(
                f"accelerate is configured with {self.accelerator.gradient_accumulation_steps} steps of gradient "
                "accumulation; set 1: a step here is a whole batch, in parts of --micro-batch-tokens"
            )
        self.number: int = self.accelerator.num_processes
        if self.number > 1:
            if device not in (None, "cpu"):
                raise ValueError(
                    f"--device {device} is one for {self.number} processes; leave it out, each takes its own"
                )
            self.device = self.accelerator.device
        self.sharding = sharding if self.number > 1 else None
        """How the weights are sharded; None where each process has all of them."""
        self.index: int = self.accelerator.process_index
        self.main = self.index == 0
        """Whether this is the one process that writes and prints."""

    @property
    def loading_device(self) -> str:
        """Where to load weights: where they stay, unless they are to be sharded first."""
        return "cpu" if self.sharding is not None else str(self.device)

    def share(self, count: int) -> slice:
        """This process's part of `count` things: successive ones, as many as the others have, give or take one."""
        return slice(count * self.index // self.number, count * (self.index + 1) // self.number)

    def size(self, count: int) -> int:
        """How many of `count` things are this process's part."""
        own = self.share(count)
        return own.stop - own.start

    def gather(self, value: T) -> list[T]:
        """Every process's value, in their order."""
        return gather_object([value])

    def most(self, value: int) -> int:
        """The largest of the processes' values."""
        return max(self.gather(value))

    def once(self, make: Callable[[], T]) -> T:
        """What `make` returns to the main process, told to all; the others do not call it, and wait for it."""
        return broadcast_object_list([make() if self.main else None])[0]

    def wait(self) -> None:
        """Go on when all processes have come here."""
        self.accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leave the other processes, when all is done."""
        if self.number > 1:
            torch.distributed.destroy_process_group()

    @contextmanager
    def agreed(self, kind: type[Exception]) -> Iterator[None]:
        """Within this context processes may fail one by one; an error of this kind is then raised in all of them."""
        own: Exception | None = None
        try:
            yield
        except kind as error:
            own = error
        told = [text for text in self.gather(None if own is None else str(own)) if text is not None]
        if own is not None:
            raise own
        if told:
            raise kind(told[0])

    def place(self, policy: LanguageModel, dtype: Dtype | None) -> None:
        """Move a policy's weights to this process's device: the main process's weights, or a part of them each.

        Args:
            policy: the same on each process, or nearly.
            dtype: in which it computes, None being float32; parts are gathered in it.

        Raises:
            ValueError: it has an adapter, whose weights are not of one kind with those under it, and is to be sharded.
        """
        if self.sharding is not None:
            low = dtype == "bfloat16"
            self.sharding.shard(policy, self.accelerator.device, self.number, torch.bfloat16 if low else None)
            policy.goes_on = lambda running_B: bool(self.accelerator.reduce(running_B.any().float(), "sum"))
            return
        policy.to(self.device)
        for tensor in (*policy.model.parameters(), *policy.model.buffers()):
            broadcast(tensor.data)

    @torch.no_grad()
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the sum of all processes' gradients; sharded ones are summed already."""
        if self.number == 1 or self.sharding is not None:
            return
        learning = [parameter for parameter in parameters if parameter.requires_grad]
        # what no picture went through on one process may have a gradient on another
        used = np.any(self.gather([parameter.grad is not None for parameter in learning]), axis=0)
        gradients: list[Tensor] = []
        for parameter in (parameter for parameter, one in zip(learning, used, strict=True) if one):
            parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            gradients.append(parameter.grad)
        for bucket in buckets(gradients):
            flat = torch.cat([gradient.flatten().float() for gradient in bucket])
            total = self.accelerator.reduce(flat, "sum")
            for gradient, part in zip(bucket, total.split([one.numel() for one in bucket]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def clip_gradients(self, parameters: Iterable[nn.Parameter], most: float) -> float:
        """Scale gradients down to a norm of at most `most`; returns the norm before."""
        return number(nn.utils.clip_grad_norm_(parameters, most))

    def whole(self, rollout: Rollout) -> Rollout:
        """A rollout with the answers of all processes to all problems, in order; its prompts are this one's own."""
        if self.number == 1:
            return rollout
        device, own = rollout.rewards_PG.device, rollout.answers
        tensors = [tensor.cpu() for tensor in (own.ids_BT, own.mask_BT, own.logp_BT)]
        parts = self.gather((rollout.rewards_PG.cpu(), tensors, rollout.texts, rollout.infos))
        rewards, answers, texts, infos = zip(*parts, strict=True)
        every = concatenate([Answers(*several) for several in answers], pad_id=0)  # what is masked counts as no token
        return Rollout(
            rollout.prompts,
            Answers(every.ids_BT.to(device), every.mask_BT.to(device), every.logp_BT.to(device)),
            [text for several in texts for text in several],
            torch.cat(rewards).to(device),
            joined(infos, [len(several) for several in texts]),
        )


def require_shares(settings: TrainConfig, processes: Processes) -> None:
    """Refuse a run whose problems cannot be shared out.

    Raises:
        ValueError: naming the numbers.
    """
    P, number = settings.problems_per_step, processes.number
    if P % number:
        raise ValueError(
            f"--problems-per-step {P} cannot be split evenly over {number} processes; give a multiple of {number}, or "
            f"start a number of processes that divides {P}"
        )
    if settings.eval_size < number:
        raise ValueError(f"--eval-size {settings.eval_size} leaves some of {number} processes without a problem")


def require_equal_work(envs: gym.vector.VectorEnv, processes: Processes) -> None:
    """Refuse to shard the weights where prompts may have no picture: every process has to gather the vision tower's.

    Raises:
        ValueError: naming what was shown.
    """
    shown = envs.single_observation_space.spaces.get("images")
    if processes.sharding is not None and isinstance(shown, gym.spaces.Sequence):
        raise ValueError(
            "with sharded weights every prompt needs pictures, for all processes go through the model in step, and "
            f"this environment's `images` are {shown}, any number of them; leave FSDP out"
        )


def buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Tensors in order, in lists of at most `BUCKET` numbers, or of one tensor."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(one.numel() for one in bucket) + tensor.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
