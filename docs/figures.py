"""The figures of ALGORITHMS.md, computed by the functions that the page is about: `python docs/figures.py`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image
from torch import Tensor, nn

from agents.grpo import group_advantages, k3_kl, token_weights
from agents.packing import packed_answers, packed_mask
from agents.surrogates import clipped_surrogate
from envs.rewards import SHAPES, accuracy
from plots.style import COLORS, INK, QUIET, SHADE, house_style
from train.config import Settings
from train.optimizer import build_optimizers

FOLDER = Path(__file__).with_name("figures")
BLUE, ORANGE, GREEN, PINK = COLORS[:4]

REWARDS = {
    "hopeless": (0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.14),
    "mixed": (0.10, 0.15, 0.25, 0.35, 0.45, 0.60, 0.80, 0.95),
    "solved": (0.93, 0.94, 0.94, 0.95, 0.95, 0.96, 0.97, 0.98),
    "equal": (0.50,) * 8,
}
"""Four groups of eight answers."""

LENGTHS = (2, 4, 8)
"""Tokens of three answers."""

CLOCK = {"prompt": 44, "patches": 64, "answer": 11}
"""The clock at 112 pixels for the tiny model: tokens of a prompt, vision patches of a picture, tokens of an answer."""


def kl_estimates(mean: float, samples: int = 400_000) -> dict[str, np.ndarray]:
    """Single-sample estimates (samples,) of KL(N(0, 1) ‖ N(mean, 1)), which is mean² / 2 exactly."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal(samples))
    logp, reference_logp = -(x**2) / 2, -((x - mean) ** 2) / 2
    log_ratio = reference_logp - logp
    estimates = {"k1": -log_ratio, "k2": log_ratio**2 / 2, "k3": k3_kl(logp, reference_logp)}
    return {name: value.numpy() for name, value in estimates.items()}


def learner_places(prompt: int, patches: int, answer: int, group: int, k: int) -> int:
    """Patches and tokens that the learner computes for a group with k of its answers behind each prompt."""
    inputs = answer - 1  # the last token of an answer predicts nothing
    return group // k * (patches + prompt + k * inputs)


def update_spectra() -> dict[str, np.ndarray]:
    """Singular values of a gradient whose strengths span three decades, and of the first updates made from it."""
    side = 96
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((side, side)))[0] for _ in range(2))
    gradient = torch.tensor(left * np.logspace(0, -3, side) @ right.T, dtype=torch.float32)
    spectra = {"gradient": gradient}
    for name in ("muon", "adamw"):
        model = nn.Linear(side, side)
        before = model.weight.detach().clone()
        model.weight.grad, model.bias.grad = gradient.clone(), torch.zeros(side)
        for optimizer in build_optimizers(model, Settings(optimizer=name, learning_rate=1.0)):
            optimizer.step()
        spectra[name] = before - model.weight.detach()
    return {name: torch.linalg.svdvals(matrix).numpy() for name, matrix in spectra.items()}


def mask_example() -> tuple[Tensor, list[str]]:
    """Who sees whom (L, L) behind a prompt of one padding and four tokens with three answers of three, and names."""
    prompt_mask_PS = torch.tensor([[False, True, True, True, True]])
    names = ["pad", "x1", "x2", "x3", "x4", *(f"{answer}{t}" for answer in "abc" for t in (1, 2, 3))]
    return packed_mask(prompt_mask_PS, k=3, T=3)[0, 0], names


PPO = {
    "problem": (0, 1, INK, ("policy",)),
    "policy": (1, 1, BLUE, ("answer",)),
    "answer": (2, 1, INK, ("reward − β KL\nper token", "critic V(s)\n(learns too)")),
    "reward − β KL\nper token": (3, 2, INK, ("GAE(γ, λ)",)),
    "critic V(s)\n(learns too)": (3, 0, ORANGE, ("GAE(γ, λ)",)),
    "GAE(γ, λ)": (4, 1, ORANGE, ("an advantage\nper token",)),
    "an advantage\nper token": (5, 1, INK, ()),
}
GRPO = {
    "problem": (0, 1, INK, ("policy",)),
    "policy": (1, 1, BLUE, ("answer 1", "answer …", "answer G")),
    "answer 1": (2, 2, INK, ("reward 1",)),
    "answer …": (2, 1, INK, ("reward …",)),
    "answer G": (2, 0, INK, ("reward G",)),
    "reward 1": (3, 2, INK, ("minus the\ngroup's mean",)),
    "reward …": (3, 1, INK, ("minus the\ngroup's mean",)),
    "reward G": (3, 0, INK, ("minus the\ngroup's mean",)),
    "minus the\ngroup's mean": (4, 1, GREEN, ("an advantage\nper answer",)),
    "an advantage\nper answer": (5, 1, INK, ()),
}
"""What happens to one problem: boxes with their column, row, colour, and the boxes that come next."""


def draw_ppo_to_grpo() -> Figure:
    """What happens to one problem in PPO and in GRPO."""
    figure, axes = plt.subplots(2, 1, figsize=(8, 4.2))
    charts = {"PPO: one answer to a problem": PPO, "GRPO: G answers to a problem": GRPO}
    width, height = 0.8, 0.74
    for ax, (title, boxes) in zip(axes, charts.items(), strict=True):
        ax.set(xlim=(-0.45, 5.45), ylim=(-0.45, 2.45))
        ax.set_title(title, loc="left")
        ax.axis("off")
        for text, (x, y, color, following) in boxes.items():
            corner = (x - width / 2, y - height / 2)
            ax.add_patch(FancyBboxPatch(corner, width, height, "round,pad=0,rounding_size=0.08", fc="white", ec=color))
            ax.text(x, y, text, ha="center", va="center", fontsize=8, color=color)
            for to_x, to_y, *_ in (boxes[name] for name in following):
                ends = (to_x - width / 2, to_y + (y - to_y) / 4), (x + width / 2, y + (to_y - y) / 4)
                ax.annotate("", *ends, arrowprops={"arrowstyle": "-|>", "color": QUIET, "lw": 0.9})
    figure.tight_layout()
    return figure


def draw_clip() -> Figure:
    """The clipped objective against the ratio, for a better and for a worse answer."""
    ratio = np.linspace(0.4, 1.6, 241)
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.7), sharex=True)
    for ax, advantage in zip(axes, (1.0, -1.0), strict=True):
        ratio_BT = torch.from_numpy(ratio)[:, None]
        advantages_B = torch.full((len(ratio),), advantage, dtype=torch.float64)
        loss_BT, clipped_BT = clipped_surrogate(ratio_BT, advantages_B[:, None])
        clipped = clipped_BT[:, 0].numpy()
        ax.plot(ratio, advantage * ratio, color=QUIET, lw=1, ls=":", label="ρA")
        ax.plot(ratio, -loss_BT[:, 0].numpy(), color=BLUE, label="objective")
        ax.axvspan(ratio[clipped].min(), ratio[clipped].max(), color=SHADE, lw=0, label="no gradient")
        ax.plot([1], [advantage], "o", color=ORANGE, label="one update per batch")
        ax.set(xlabel="ratio ρ = π / π_old", xlim=(0.4, 1.6), title=f"A = {advantage:+.0f}".replace("-", "−"))
    axes[0].set_ylabel("objective per token")
    axes[1].legend(loc="upper right")
    figure.tight_layout()
    return figure


def draw_advantage() -> Figure:
    """The rewards of four groups, and the advantages that each scale makes of them."""
    rewards_PG = torch.tensor(list(REWARDS.values()))
    panels = {"rewards": rewards_PG} | {
        f'"{scale}"': group_advantages(rewards_PG, scale) for scale in ("group", "batch", "none")
    }
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.9))
    spread = np.linspace(-0.28, 0.28, rewards_PG.shape[1])
    for ax, (title, values_PG) in zip(axes, panels.items(), strict=True):
        for p, values_G in enumerate(values_PG.numpy()):
            ax.plot(p + spread, values_G, "o", ms=3.5, color=COLORS[p])
        ax.set_xticks(range(len(REWARDS)), list(REWARDS), rotation=30)
        ax.set_title(title if ax is axes[0] else f"advantages, {title}")
        if ax is not axes[0]:
            ax.axhline(0, color=QUIET, lw=0.8, zorder=0)
    figure.tight_layout()
    return figure


def draw_kl_estimators() -> Figure:
    """The three estimators: as functions, and their bias and spread against the exact divergence."""
    figure, (shape, bias, spread) = plt.subplots(1, 3, figsize=(9, 2.9))
    log_ratio = np.linspace(-2, 2, 201)
    k3 = k3_kl(torch.zeros(201, dtype=torch.float64), torch.from_numpy(log_ratio)).numpy()
    for (name, values), color in zip(
        {"k1": -log_ratio, "k2": log_ratio**2 / 2, "k3": k3}.items(), (QUIET, ORANGE, BLUE), strict=True
    ):
        shape.plot(log_ratio, values, color=color, label=name)
    shape.set(xlabel="ln r = ln π_ref − ln π", title="one token's estimate", xticks=range(-2, 3))
    shape.legend()
    means = np.sqrt(2 * np.logspace(-3, 0, 13))
    exact = means**2 / 2
    simulated = [kl_estimates(mean) for mean in means]
    for name, color in (("k1", QUIET), ("k2", ORANGE), ("k3", BLUE)):
        values = [estimates[name] for estimates in simulated]
        bias.plot(exact, [v.mean() / kl for v, kl in zip(values, exact, strict=True)], ".-", color=color)
        spread.plot(exact, [v.std() / kl for v, kl in zip(values, exact, strict=True)], ".-", color=color)
    bias.set(xscale="log", xlabel="exact KL (nats)", title="mean ÷ exact KL", ylim=(0.8, 1.6))
    spread.set(xscale="log", yscale="log", xlabel="exact KL (nats)", title="standard deviation ÷ exact KL")
    _plain_ticks(spread, 1, 2, 5, 10, 20, 50)
    figure.tight_layout()
    return figure


def draw_token_weights() -> Figure:
    """The weight of each token of three answers, in the three ways of averaging."""
    mask_BT = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 1.9))
    for ax, normalise in zip(axes, ("token", "sequence", "constant"), strict=True):
        weights_BT = token_weights(mask_BT, normalise, constant=max(LENGTHS)).numpy()
        ax.imshow(np.where(mask_BT, weights_BT, np.nan), cmap="Blues", vmin=0, vmax=0.3, aspect="auto")
        for (b, t), weight in np.ndenumerate(weights_BT):
            if weight:
                label = f"1/{1 / weight:.0f}"
                ax.text(t, b, label, ha="center", va="center", fontsize=6.5, color="white" if weight > 0.15 else INK)
        ax.set_yticks(range(len(LENGTHS)), [f"answer {b + 1}" for b in range(len(LENGTHS))])
        ax.set_xticks([])
        ax.grid(False)
        ax.set_title(f'"{normalise}"')
    figure.tight_layout()
    return figure


def draw_shared_prefix() -> Figure:
    """The mask of a packed sequence with its positions, and what packing saves as the group grows."""
    figure, (ax, cost) = plt.subplots(1, 2, figsize=(9, 4.1), width_ratios=(1.25, 1))
    sees, names = mask_example()
    owner = np.array([0] * 5 + [1] * 3 + [2] * 3 + [3] * 3)
    shown = np.where(sees, 1 + owner[None, :], 0)
    shown[0, 0] = 5
    ax.imshow(shown, cmap=ListedColormap(["white", BLUE, ORANGE, GREEN, PINK, "#BBBBBB"]), vmin=0, vmax=5)
    places = range(len(names))
    # Where the code has them: counted over the prompt, and again from its end in every answer.
    positions = ["–", *range(4), *[4, 5, 6] * 3]
    ax.set_xticks(places, [f"{name}\n{position}" for name, position in zip(names, positions, strict=True)])
    ax.set_yticks(places, names)
    ax.set_xticks(np.arange(len(names)) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(names)) - 0.5, minor=True)
    ax.grid(False)
    ax.grid(True, which="minor", lw=0.5)
    ax.tick_params(length=0, which="both", labelsize=7.5)
    ax.set(title="a token (row) sees a token (column)", xlabel="token seen, and its position")
    groups = (2, 4, 8, 16, 32, 64)
    lines = {
        "one prompt for each answer": ([learner_places(**CLOCK, group=G, k=1) for G in groups], ORANGE),
        "packed": ([learner_places(**CLOCK, group=G, k=packed_answers(G, CLOCK["answer"])) for G in groups], BLUE),
    }
    for label, (places_G, color) in lines.items():
        cost.plot(groups, places_G, "o-", ms=4, color=color, label=label)
        cost.annotate(f"{places_G[3]}", (16, places_G[3]), (6, -10), textcoords="offset points", color=color)
    cost.set(xscale="log", yscale="log", xlabel="answers in a group, G", title="patches and tokens in the learner")
    cost.set_xticks(groups, [str(G) for G in groups])
    _plain_ticks(cost, 100, 300, 1000, 3000, 10_000)
    cost.legend()
    figure.tight_layout()
    return figure


def _plain_ticks(ax: Axes, *values: float) -> None:
    ax.set_yticks(values, [f"{value:,}" for value in values])
    ax.minorticks_off()


def draw_muon() -> Figure:
    """Singular values of a gradient and of the updates that two optimizers make of it."""
    figure, ax = plt.subplots(figsize=(5.2, 2.9))
    labels = {"gradient": "gradient", "adamw": "AdamW's first update", "muon": "Muon's first update"}
    for (name, label), color in zip(labels.items(), (QUIET, ORANGE, BLUE), strict=True):
        values = update_spectra()[name]
        ax.plot(np.arange(1, len(values) + 1), values / values.max(), color=color, label=label)
    ax.set(yscale="log", xlabel="direction, strongest first", ylabel="singular value ÷ largest", ylim=(5e-4, 1.5))
    ax.legend(loc="lower left")
    figure.tight_layout()
    return figure


def draw_rewards() -> Figure:
    """What an error on the clock earns under each shape, on a straight and on a logarithmic axis."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.9), sharey=True)
    for ax, errors in zip(axes, (np.linspace(0, 360, 721), np.logspace(-1, np.log10(360), 300)), strict=True):
        for shape, color in zip(SHAPES, (QUIET, ORANGE, BLUE, GREEN), strict=True):
            ax.plot(errors, [accuracy(shape, error, 360.0) for error in errors], color=color, label=shape)
        ax.axvline(180, color=QUIET, lw=0.8, ls="--")
        ax.set_xlabel("error (minutes)")
    axes[0].set(ylabel="accuracy component", xlim=(0, 360), xticks=range(0, 361, 60))
    axes[0].text(183, 0.93, "chance", color=QUIET, fontsize=8)
    axes[1].set(xscale="log", xlim=(0.1, 360))
    axes[1].set_xticks([0.1, 1, 10, 60, 360], ["0.1", "1", "10", "60", "360"])
    axes[1].legend(loc="lower left")
    figure.tight_layout()
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "ppo-to-grpo": draw_ppo_to_grpo,
    "clip": draw_clip,
    "advantage": draw_advantage,
    "kl-estimators": draw_kl_estimators,
    "token-weights": draw_token_weights,
    "shared-prefix": draw_shared_prefix,
    "muon": draw_muon,
    "rewards": draw_rewards,
}


def write_figures(folder: Path) -> Iterator[Path]:
    """Write every figure to `folder`, one after another."""
    folder.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        path = folder / f"{name}.png"
        with house_style():
            figure = draw()
            figure.savefig(path, dpi=110, facecolor="white")
            plt.close(figure)
        with Image.open(path) as picture:  # 64 colours are plenty for lines, and a third of the bytes
            picture.convert("RGB").quantize(64).save(path, optimize=True)
        yield path


if __name__ == "__main__":
    for written in write_figures(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(f"{written}  {written.stat().st_size / 1000:.0f} kB")
