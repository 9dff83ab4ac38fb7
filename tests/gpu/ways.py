"""Ways to take a GRPO step on one model: ours, the plain computation, and TRL's GRPOTrainer; each timed and weighed."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import gymnasium as gym
import torch

import envs
from agents.batch import Prompts
from agents.grpo import group_advantages
from agents.packing import answers_behind_cache, packed_answers
from agents.qwen_vl import QwenVL
from agents.rollout import collect
from agents.scoring import MAX_LOGITS
from tests.gpu import figures
from tests.gpu.figures import Work, synchronised
from train.config import Settings, TrainConfig, resolved
from train.learner import Learner
from train.loop import Trainer
from train.preparation import autocast, choose_what_learns
from train.seeds import problem_seeds

# Bytes that a weight that learns has beside itself: gradient and AdamW's two averages, all float32.
STATE = 4 + 8


@dataclass(frozen=True)
class Case:
    """One measurement: which model learns how, from which problems."""

    shape: str
    lora: bool
    problems: int
    group: int
    tokens: int
    pixels: int
    rounds: int
    device: str

    def settings(self) -> Settings:
        """Those of `python -m train` for a real checkpoint on a GPU."""
        config = TrainConfig(
            env="clock",
            steps=10_000,
            lora=self.lora,
            problems_per_step=self.problems,
            group_size=self.group,
            max_new_tokens=self.tokens,
            lr_warmup_steps=0,
            cold_start="none",
            eval_size=1,
            dtype="bfloat16",
        )
        return resolved(config, small=False, answer_tokens=self.tokens, gpu=True)


class Step:
    """Our step, in its two halves, and the plain one, on the same trainer.

    Args:
        case: what is measured.
        policy: its model.
        folder: for the trainer's files.
    """

    def __init__(self, case: Case, policy: QwenVL, folder: Path) -> None:
        self.case, self.policy, self.settings = case, policy, case.settings()
        policy.max_new_tokens = case.tokens
        choose_what_learns(policy, self.settings)
        made = [
            gym.make_vec("eyechart/Clock-v0", num_envs=number, split=split, size=case.pixels)
            for number, split in ((case.problems * case.group, "train"), (1, "eval"))
        ]
        folder.mkdir(parents=True, exist_ok=True)
        self.trainer = Trainer(self.settings, policy, *made, folder, None, time.perf_counter())
        self.count = 0
        prompts = self.prompts()
        self.S = prompts.input_ids_PS.shape[1]
        self.patches = len(prompts.pixel_values) // case.problems
        self.rewards_PG = torch.rand(case.problems, case.group, generator=torch.Generator().manual_seed(0))

    @property
    def learner(self) -> Learner:
        """The trainer's."""
        return self.trainer.learner

    def prompts(self) -> Prompts:
        """The next step's problems, prepared; counts the step."""
        self.count += 1
        seeds = problem_seeds(0, self.count, self.case.problems)
        task = envs.make_task(envs.resolve("clock"), size=self.case.pixels)
        posed = [envs.problem(task, seed, "train") for seed in seeds]
        return self.policy.prepare([one.prompt for one in posed], [envs.question.draw(task, one) for one in posed])

    def recompute(self, yes: bool) -> None:
        """Whether the backward pass computes activations again."""
        for module in self.policy.model.modules():
            if hasattr(module, "gradient_checkpointing"):
                module.gradient_checkpointing = yes

    def ours(self) -> dict[str, float | None]:
        """One step as `Trainer.train_step` takes it; its rewards are noise, for a random model's are all 0."""
        device, settings = self.case.device, self.settings
        self.count += 1
        figures.reset_peak(device)
        begin = synchronised(device)
        seeds = problem_seeds(0, self.count, settings.problems_per_step)
        with autocast(settings, self.policy):
            rollout = collect(
                self.trainer.envs,
                self.policy,
                seeds,
                settings.group_size,
                temperature=settings.temperature,
                run_seed=0,
                step=self.count,
            )
        middle = synchronised(device)
        rollout_peak = figures.peak_memory(device)
        rollout = dataclasses.replace(rollout, rewards_PG=self.rewards_PG.to(self.policy.device))
        learned = self.trainer.learn(rollout, seeds, 1.0, 0.0)
        end = synchronised(device)
        require_length(rollout.answers.mask_BT, self.case)
        if learned["loss"] is None:
            raise ValueError("the update was skipped, for its loss or its gradient is not finite")
        return {**self.told(begin, middle, end, rollout_peak), "logp_gap": learned["logp_gap"]}

    def plain(self) -> dict[str, float | None]:
        """The same step by transformers' `generate`, and a gradient from every answer as a sequence of its own."""
        device, case = self.case.device, self.case
        figures.reset_peak(device)
        begin = synchronised(device)
        with autocast(self.settings, self.policy):
            prompts, ids_BT = self.plain_rollout()
        middle = synchronised(device)
        rollout_peak = figures.peak_memory(device)
        advantages_B = group_advantages(self.rewards_PG).flatten().to(self.policy.device)
        self.policy.model.train()
        at_once = max(1, self.settings.micro_batch_tokens // (self.S + case.tokens))
        for rows in torch.arange(len(ids_BT)).split(at_once):
            with autocast(self.settings, self.policy):
                logp_BT = plain_logp(self.policy, prompts.select(rows), ids_BT[rows])
            (-(logp_BT * advantages_B[rows, None]).sum() / ids_BT.numel()).backward()
        self.policy.model.eval()
        self.learner._step(1.0)
        end = synchronised(device)
        return {**self.told(begin, middle, end, rollout_peak), "logp_gap": None}

    @torch.no_grad()
    def plain_rollout(self) -> tuple[Prompts, torch.Tensor]:
        """B prompts, one for each answer, and the answers."""
        case, policy = self.case, self.policy
        repeated = self.prompts().select(torch.arange(case.problems).repeat_interleave(case.group))
        whole = policy.model.generate(
            input_ids=repeated.input_ids_PS,
            attention_mask=repeated.attention_mask_PS.long(),
            mm_token_type_ids=kinds(policy, repeated.input_ids_PS),
            **repeated.picture_inputs,
            do_sample=True,
            top_k=0,
            max_new_tokens=case.tokens,
            suppress_tokens=policy.never_sampled,
        )
        ids_BT = whole[:, self.S :]
        require_length(torch.ones_like(ids_BT, dtype=torch.bool), case)
        return repeated, ids_BT

    def told(self, begin: float, middle: float, end: float, rollout_peak: int | None) -> dict[str, float | None]:
        """The figures of a step."""
        peak = figures.peak_memory(self.case.device)
        return {
            "step_s": end - begin,
            "rollout_s": middle - begin,
            "learn_s": end - middle,
            "rollout_peak": rollout_peak,
            "peak": peak,
        }

    def work(self, plain: bool) -> tuple[Work, Work]:
        """What goes through the model in the rollout, and in the learner's forward pass."""
        P, G, T = self.case.problems, self.case.group, self.case.tokens
        if plain:
            sizes = P, G, T, self.S, self.patches
            return figures.plain_rollout(*sizes), figures.plain_learner(*sizes)
        k = packed_answers(G, T)
        rollout = figures.shared_rollout(P, G, T, self.S, k, self.patches)
        if self.recomputes:
            return rollout, figures.shared_learner(P, G, T, self.S, k, self.patches)
        k = answers_behind_cache(G, T - 1, self.S)
        return rollout, figures.cached_learner(P, G, T, self.S, k, self.patches)

    @property
    def recomputes(self) -> bool:
        """Whether the backward pass computes activations again."""
        return any(getattr(module, "gradient_checkpointing", False) for module in self.policy.model.modules())

    def flops(self, plain: bool) -> tuple[float, float]:
        """Of the rollout, and of the learner."""
        rollout, learner = (work.forward_flops(self.policy.model, self.case.shape) for work in self.work(plain))
        layers = self.policy.model.model.language_model.layers
        again = figures.recomputed_share(layers) if self.recomputes else 0.0
        text, vision = figures.training_passes(self.case.lora, again)
        many = self.case.problems * self.case.group * self.case.tokens * len(self.policy._bias_V) > MAX_LOGITS
        head, _ = figures.training_passes(self.case.lora, many and not plain)
        return sum(rollout), text * learner[0] + head * learner[1] + vision * learner[2]

    def state_bytes(self) -> int:
        """Weights, and what AdamW and the gradients keep beside them."""
        parameters = list(self.policy.model.parameters())
        return sum(p.numel() * (p.itemsize + (STATE if p.requires_grad else 0)) for p in parameters)


def kinds(policy: QwenVL, ids: torch.Tensor) -> torch.Tensor:
    """1 where a token stands for a picture."""
    return (ids == policy.model.config.image_token_id).int()


def plain_logp(policy: QwenVL, prompts: Prompts, ids_BT: torch.Tensor) -> torch.Tensor:
    """Log-probabilities (B, T) of answers, each behind its own of B prompts, by a stock forward pass."""
    T = ids_BT.shape[1]
    input_ids = torch.cat([prompts.input_ids_PS, ids_BT], dim=1)
    mask = torch.cat([prompts.attention_mask_PS, torch.ones_like(ids_BT, dtype=torch.bool)], dim=1)
    logits_BTV = policy.model(
        input_ids=input_ids,
        attention_mask=mask.long(),
        mm_token_type_ids=kinds(policy, input_ids),
        **prompts.picture_inputs,
        logits_to_keep=T + 1,
        use_cache=False,
    ).logits[:, :-1]
    logits_BTV = logits_BTV.float()
    logits_BTV[..., policy.never_sampled] = -1e4
    return logits_BTV.log_softmax(-1).gather(-1, ids_BT[..., None])[..., 0]


def require_length(mask_BT: torch.Tensor, case: Case) -> None:
    """Refuse answers that are not as many and as long as they were asked for.

    Raises:
        ValueError: naming both shapes.
    """
    wanted = (case.problems * case.group, case.tokens)
    if tuple(mask_BT.shape) != wanted or not bool(mask_BT.all()):
        raise ValueError(f"answers of shape {wanted} were to be written, and {int(mask_BT.sum())} tokens were")


def trl_steps(case: Case, policy: QwenVL, folder: Path) -> dict[str, float | None]:
    """Steps of TRL's GRPOTrainer on the same model: bfloat16 autocast, recomputing, one optimizer step on each batch.

    Raises:
        ImportError: TRL, or something it needs, is not installed.
    """
    import datasets  # noqa: F401
    import trl  # noqa: F401
    from accelerate.state import AcceleratorState

    from tests.benchmarks.trl_trainer import grpo_trainer

    AcceleratorState._reset_state(reset_partial_state=True)  # ours was told another precision
    policy.processor.save_pretrained(folder)
    task = envs.make_task(envs.resolve("clock"), size=case.pixels)
    steps = case.rounds + 1
    took: list[float] = []

    def after_step(seconds: float, *_: float) -> None:
        if not took:  # the first warms up
            figures.reset_peak(case.device)
        took.append(seconds)

    trainer = grpo_trainer(
        folder,
        lambda text, _: sum(text.encode(errors="replace")) % 97 / 97,
        task,
        range(case.problems * steps),
        case.group,
        case.tokens,
        policy.never_sampled,
        steps=steps,
        rate=1e-6,
        model=policy.adapter or policy.model,
        after_step=after_step,
        bf16=True,
        recompute=True,
    )
    lengths = count_tokens(trainer)
    trainer.train()
    synchronised(case.device)
    if set(lengths) != {case.problems * case.group * case.tokens}:
        raise ValueError(f"TRL wrote {lengths} tokens a step, not {case.problems * case.group * case.tokens}")
    peak = figures.peak_memory(case.device)
    return {"step_s": median(took[1:]), "rollout_s": None, "learn_s": None, "peak": peak, "logp_gap": None}


def count_tokens(trainer: Any) -> list[int]:
    """A list that gets the number of tokens of each batch that TRL writes."""
    lengths: list[int] = []
    generate: Callable[[Any], dict[str, Any]] = trainer._generate_and_score_completions

    def counted(inputs: Any) -> dict[str, Any]:
        output = generate(inputs)
        lengths.append(int(output["completion_mask"].sum()))
        return output

    trainer._generate_and_score_completions = counted
    return lengths
