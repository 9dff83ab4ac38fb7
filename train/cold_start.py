"""The cold start: the short supervised phase before GRPO (DeepSeek-R1's word for it).

`format` teaches the form of an answer and nothing else; `answers` teaches from worked solutions.
"""

import dataclasses
from collections.abc import Callable

import gymnasium as gym
import torch
from torch import nn

from agents.batch import Prompts
from agents.language_model import LanguageModel
from train.config import Settings, peak_rates
from train.distributed import Processes
from train.lessons import make_lesson, pose
from train.optimization import NotFiniteError, Optimization, TrainingError
from train.optimizer import BETAS, TOKEN_EMBEDDINGS, build_optimizers, only_trainable
from train.seeds import problem_seeds
from train.supervised import imitate

# What the info of a reset must hold for it; where an `answer` is told, so is the `best_reply`, all that is
# written for it.
COLD_START_INFO = {"format": "answer", "answers": "demonstration"}
# A step of `format`: problems, and random answers to each, taken from the others.
PROBLEMS, ANSWERS = 32, 8
# A step of `answers`: problems, each with its own demonstration.
DEMONSTRATIONS = 64
# Learning rate of `format` with Muon, that is from scratch; else the run's own.
FORMAT_RATE = 1e-2


def cold_start(
    policy: LanguageModel,
    envs: gym.vector.VectorEnv,
    config: Settings,
    processes: Processes,
    on_step: Callable[[int, float], None],
    stopping: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Supervised steps, as `config.cold_start` says.

    `format`: random answers in the right form, each problem with some other problems' answers. Nothing about the
    problems can be learned from it, so the error stays at chance. Only the token embeddings learn: training the rest
    on answers that have nothing to do with the picture teaches it to look away, and GRPO then needs far longer to
    begin to see (docs/RESULTS.md).

    `answers`: each problem with its own demonstration, every weight learning, the learning rate falling to 0. Unlike
    `format` it uses labels, and what the policy can do afterwards was not learned from rewards.

    Args:
        policy: what learns.
        envs: training environments, whose reset tells in its infos what `COLD_START_INFO` says.
        config: the run's settings.
        processes: split the problems of each step.
        on_step: told the number of steps done and the loss, after each.
        stopping: asked before each step whether to end early.
        say: tells the user something.

    Raises:
        TrainingError: a step that is not finite, or does not fit into memory.
    """
    lesson = other_answers if config.cold_start == "format" else own_demonstrations
    parameters, optimizers = _what_learns(policy.model, config)
    learning = Optimization(config, policy, processes, say, optimizers)
    with only_trainable(policy.model, parameters):
        for step in range(config.cold_start_steps):
            if stopping():
                break
            prompts, texts = lesson(policy, envs, config, step, processes)
            texts = texts[processes.share(len(texts))]
            factor = 1.0
            if config.cold_start == "answers":
                factor = min(1.0, (step + 1) / 10) * (1 - step / config.cold_start_steps)
            try:
                told = imitate(learning, make_lesson(prompts, policy.encode(texts), processes), factor)
            except NotFiniteError as error:
                raise TrainingError(f"step {step + 1} of the cold start: {error}; try a smaller rate") from error
            on_step(step + 1, told["loss"])


def _what_learns(model: nn.Module, config: Settings) -> tuple[list[nn.Parameter], list[torch.optim.Optimizer]]:
    """The parameters that the cold start trains, and their optimizers, which end with it."""
    scratch = config.optimizer == "muon"
    if config.cold_start == "answers":
        if scratch:
            rate, adamw_rate = peak_rates(False, "muon", small=True)
            config = dataclasses.replace(config, learning_rate=rate, adamw_learning_rate=adamw_rate)
        return [p for p in model.parameters() if p.requires_grad], build_optimizers(model, config)
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    # an adapter has no embeddings to teach, so all of it learns
    embeddings = [p for name, p in learning if TOKEN_EMBEDDINGS.search(name)] or [p for _, p in learning]
    rate = FORMAT_RATE if scratch else config.learning_rate
    return embeddings, [torch.optim.AdamW(embeddings, rate, BETAS, weight_decay=0.0)]


def other_answers(
    policy: LanguageModel, envs: gym.vector.VectorEnv, config: Settings, step: int, processes: Processes
) -> tuple[Prompts, list[str]]:
    """The own ones of `PROBLEMS` prompts, and `ANSWERS` texts to each of all: other problems' answers in form."""
    prompts, texts = _pose(policy, envs, config, step, processes, PROBLEMS, "best_reply")
    problems = len(texts)
    answers = min(ANSWERS, problems - 1)  # never a problem's own
    return prompts, [texts[(i + 1 + k) % problems] for i in range(problems) for k in range(answers)]


def own_demonstrations(
    policy: LanguageModel, envs: gym.vector.VectorEnv, config: Settings, step: int, processes: Processes
) -> tuple[Prompts, list[str]]:
    """The own ones of `DEMONSTRATIONS` prompts, and the right text to each of all."""
    return _pose(policy, envs, config, step, processes, DEMONSTRATIONS, COLD_START_INFO["answers"])


def _pose(
    policy: LanguageModel,
    envs: gym.vector.VectorEnv,
    config: Settings,
    step: int,
    processes: Processes,
    problems: int,
    told: str,
) -> tuple[Prompts, list[str]]:
    """Training problems in a stream of their own: this process's prepared for the policy; a text about each of all.

    Args:
        policy: prepares the prompts.
        envs: this process's training environments.
        config: holds the seed.
        step: of the cold start.
        processes: split the problems.
        problems: how many, if there are as many environments; as many for each process.
        told: which text of the reset's infos.
    """
    each = min(-(-problems // processes.number), envs.num_envs)
    seeds = problem_seeds(config.seed, -1 - step, each * processes.number, config.num_problems)
    questions, infos = pose(envs, seeds[processes.share(len(seeds))])
    texts = processes.gather([str(text) for text in infos[told][:each]])
    return questions.prepare(policy), [text for own in texts for text in own]
