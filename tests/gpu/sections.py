"""What is measured on a GPU: correctness, speed and memory of one architecture, the tiny model's learning curve."""

import csv
import dataclasses
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import envs
from agents.batch import Prompts
from agents.qwen_vl import QwenVL
from agents.rollout import sampling_noise
from tests.gpu import figures
from tests.gpu.models import build
from tests.gpu.report import COLUMNS, GIB, Report
from tests.gpu.ways import Case, Step, plain_logp, trl_steps
from train.preparation import checkpoint_layers

ROOT = Path(__file__).resolve().parents[2]
# A gap to the float32 truth is fine below this in float32, and below so many times the plain computation's own in
# bfloat16, which rounds as well.
EXACT, AS_ROUGH = 1e-3, 2.0
EQUAL_STEPS = "ours, equal steps"


def attempt(report: Report, name: dict[str, str], measure: Callable[[], dict[str, Any]]) -> bool:
    """Write down what a measurement finds, or why there is nothing; returns whether there is."""
    try:
        found = measure()
    except Exception as error:
        error.__traceback__ = None  # whose frames hold tensors
        what = "skipped: not installed" if isinstance(error, ImportError) else f"failed: {type(error).__name__}"
        report.row(**name, failed=f"{what}: {(str(error).strip() or '?').splitlines()[0][:300]}")
        return False
    report.row(**name, **found)
    return True


def correctness(report: Report, device: str, shape: str) -> None:
    """Ours and the plain computation, each in both precisions, against the plain one in float32."""
    P, G, T = 4, 8, 12
    policy = build(shape, device, torch.float32)
    policy.max_new_tokens = T
    checkpoint_layers(policy)  # takes effect in training mode
    task = envs.make_task(envs.resolve("clock"), size=112)
    posed = [envs.problem(task, seed) for seed in range(P)]
    prompts = policy.prepare([one.prompt for one in posed], [envs.question.draw(task, one) for one in posed])
    noise = sampling_noise(0, 0, range(P), G, T).to(device)
    report.fact(model=shape, problems=P, group=G, tokens=T, prompt_tokens=prompts.input_ids_PS.shape[1])
    report.fact(matrix_product_tflops=figures.matrix_product_tflops(device))
    for precision in ("float32", "bfloat16"):
        rounded = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
        check = Check(policy, prompts, G, rounded)
        with rounded:
            usual = policy.generate(prompts, G, 1.0, noise)
        check.truth(usual.ids_BT)
        for what, compute in check.computations().items():
            found = check.gradient(what, compute)
            report.row(precision=precision, what=what, **found)
        report.row(precision=precision, what="rollout", **check.judged(check.gap(usual.logp_BT)))

        def equal_steps(check: Check = check, rounded: Any = rounded) -> dict[str, Any]:
            policy.static_decoding = True
            try:
                with rounded:
                    answers = policy.generate(prompts, G, 1.0, noise)
            finally:
                policy.static_decoding = False
            check.truth(answers.ids_BT)
            return check.judged(check.gap(answers.logp_BT))

        attempt(report, {"precision": precision, "what": "rollout, equal steps"}, equal_steps)


class Check:
    """Log-probabilities of some answers and their gradient, held to the plain computation in float32."""

    def __init__(self, policy: QwenVL, prompts: Prompts, group: int, rounded: torch.autocast) -> None:
        self.policy, self.prompts, self.rounded = policy, prompts, rounded
        self.repeated = prompts.select(torch.arange(len(prompts)).repeat_interleave(group))
        self.own_gap: float | None = None
        """The plain computation's, if it rounds."""

    def truth(self, ids_BT: torch.Tensor) -> None:
        """Take the answers to be judged by."""
        self.ids_BT, self.mask_BT = ids_BT, torch.ones_like(ids_BT, dtype=torch.bool)
        self.weights_BT = torch.linspace(-1, 1, ids_BT.numel(), device=ids_BT.device).view(ids_BT.shape)
        self.logp_BT, self.gradients = self.differentiate(self.plain)

    def computations(self) -> dict[str, Callable[[], torch.Tensor]]:
        """The plain one first."""
        return {"plain": self.plain, "learner, packed": self.packed, "learner, behind a cache": self.cached}

    def plain(self) -> torch.Tensor:
        return plain_logp(self.policy, self.repeated, self.ids_BT)

    def packed(self) -> torch.Tensor:
        self.policy.model.train()  # recomputes, for which it packs
        try:
            return self.policy.log_probabilities(self.prompts, self.ids_BT, self.mask_BT)[0]
        finally:
            self.policy.model.eval()

    def cached(self) -> torch.Tensor:
        return self.policy.log_probabilities(self.prompts, self.ids_BT, self.mask_BT)[0]

    def differentiate(self, compute: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Log-probabilities, and the gradient of a weighted sum of them."""
        logp_BT = compute()
        parameters = [p for p in self.policy.model.parameters() if p.requires_grad]
        self.policy.model.train(compute == self.packed)  # the backward pass must find the same mode
        try:
            return logp_BT.detach(), list(torch.autograd.grad((logp_BT * self.weights_BT).sum(), parameters))
        finally:
            self.policy.model.eval()

    def gap(self, logp_BT: torch.Tensor) -> float:
        """The largest difference from the truth, in nats."""
        return float((logp_BT - self.logp_BT).abs().max())

    def gradient(self, what: str, compute: Callable[[], torch.Tensor]) -> dict[str, Any]:
        """A computation's gap, and its gradient's distance from the true one, of that one's norm."""
        with self.rounded:
            logp_BT, gradients = self.differentiate(compute)
        pairs = zip(gradients, self.gradients, strict=True)
        distance = sum(float((ours - true).square().sum()) for ours, true in pairs) ** 0.5
        norm = sum(float(true.square().sum()) for true in self.gradients) ** 0.5
        gap = self.gap(logp_BT)
        if what == "plain":
            self.own_gap = gap
        return {"gradient_difference": distance / norm, **self.judged(gap)}

    def judged(self, gap: float) -> dict[str, Any]:
        """A gap, and what to think of it."""
        limit = max(EXACT, AS_ROUGH * (self.own_gap or 0.0))
        return {"logp_gap": gap, "verdict": "fine" if gap <= limit else f"more than {limit:.2g}"}


def speed(report: Report, case: Case, graphs: bool = True) -> None:
    """Every way to take a step on one model, time, arithmetic and memory."""
    device = case.device
    policy = build(case.shape, device, torch.bfloat16 if case.lora else torch.float32)
    peak = figures.peak_flops(torch.cuda.get_device_name()) if device == "cuda" else None
    with tempfile.TemporaryDirectory() as scratch:
        step = Step(case, policy, Path(scratch) / "run")
        state, answer_tokens = step.state_bytes(), case.problems * case.group * case.tokens
        facts = {name: value for name, value in dataclasses.asdict(case).items() if name not in ("device", "rounds")}
        report.fact(**facts, prompt_tokens=step.S, state_gib=state / GIB)

        def figures_of(way: Callable[[], dict[str, Any]], plain: bool = False) -> dict[str, Any]:
            found = figures.medians(way, case.rounds)
            for half, flops in zip(("rollout", "learn"), step.flops(plain), strict=True):
                seconds = found[f"{half}_s"]
                found[f"{half}_tokens_s"] = answer_tokens / seconds
                found[f"{half}_tflops"] = flops / seconds / 1e12
                found[f"{half}_share"] = flops / seconds / peak if peak else None
            return in_gib(found, state)

        def ours(equal_steps: bool, recompute: bool) -> dict[str, Any]:
            policy.static_decoding = equal_steps
            step.recompute(recompute)
            figures.free(device)
            try:
                return figures_of(step.ours)
            finally:
                policy.static_decoding = False
                step.recompute(True)

        attempt(report, {"way": "ours"}, lambda: ours(False, True))
        if graphs:
            attempt(report, {"way": EQUAL_STEPS}, lambda: ours(True, True))
        else:
            report.row(way=EQUAL_STEPS, failed="skipped: it failed in the section correctness")
        attempt(report, {"way": f"{EQUAL_STEPS}, activations kept"}, lambda: ours(graphs, False))
        learner = step.trainer.learner
        report.fact(micro_batch_tokens=learner.micro_batch_tokens, prompts_at_once=policy.prompts_at_once)
        figures.free(device)
        attempt(report, {"way": "plain"}, lambda: figures_of(step.plain, plain=True))
        learner.optimizers.clear()  # TRL makes its own
        del step.trainer, learner
        left = figures.free(device)
        report.fact(held_before_trl_gib=None if left is None else left / GIB)
        attempt(report, {"way": "TRL"}, lambda: in_gib(trl_steps(case, policy, Path(scratch) / "processor"), state))


def in_gib(found: dict[str, Any], state: int) -> dict[str, Any]:
    """Peaks in GiB, and what is left of the whole one without weights, gradients and optimizer."""
    rollout, peak = found.pop("rollout_peak", None), found.pop("peak")
    if peak is None:
        return found
    rollout = None if rollout is None else rollout / GIB
    return {**found, "rollout_peak_gib": rollout, "peak_gib": peak / GIB, "beside_state_gib": (peak - state) / GIB}


def learning(report: Report, out: Path, flags: list[str], seconds: float) -> None:
    """`python -m train` on the tiny model, for some minutes, and no more than so many seconds.

    Raises:
        RuntimeError: it ended with an error.
        TimeoutExpired: it was stopped; what it had written is in the report.
    """
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "tiny"
        command = [sys.executable, "-m", "train", "--env", "clock", "--run", str(run), *flags]
        report.fact(command=" ".join(["python", *command[1:5], *flags]))
        try:
            code = subprocess.run(command, cwd=ROOT, check=False, timeout=seconds).returncode
        finally:
            for name in ("evals.csv", "curves.png"):
                if (run / name).exists():
                    shutil.copy(run / name, out / f"tiny-{name}")
            if (run / "evals.csv").exists():
                with (run / "evals.csv").open(newline="") as file:
                    for row in csv.DictReader(file):
                        report.row(**{name: number(row.get(name)) for name in COLUMNS["learning"]})
    if code:
        raise RuntimeError(f"python -m train ended with {code}")


def number(text: str | None) -> float | str | None:
    """A cell of a table."""
    try:
        return float(text) if text else None
    except ValueError:
        return text
