"""What supervised steps imitate: prompts, and a text or several to each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from torch import Tensor
from torch.nn.functional import pad

from agents.batch import Prompts
from agents.fitting import answer
from agents.language_model import LanguageModel
from agents.phases import Phases
from agents.policy import pictures
from agents.rollout import sampling_noise
from train.config import Settings
from train.data_file import Row
from train.distributed import Processes
from train.preparation import autocast
from train.sampling import Batch, Sampler
from train.seeds import problem_seeds


@dataclass(frozen=True)
class Questions:
    """What is asked, before a model's processor has seen it: teacher and student may have different ones."""

    prompts: list[str]
    images: list[list[np.ndarray]] | None

    def prepare(self, policy: LanguageModel) -> Prompts:
        """As a model takes them."""
        return policy.prepare(self.prompts, self.images)


@dataclass(frozen=True)
class Lesson:
    """This process's share of a batch: P prompts with K texts to each, B = P·K."""

    prompts: Prompts
    ids_BT: Tensor
    """Right-padded to the longest text of all processes."""
    mask_BT: Tensor
    """Boolean: True on a text's tokens, the closing end-of-turn token included."""
    weights_BT: Tensor
    """How much each token counts: one over the tokens of all processes."""
    teacher_prompts: Prompts | None = None
    """The same prompts as the teacher takes them."""
    batch: Batch | None = None
    """The student's own answers, if these are they, and what they scored."""

    @property
    def K(self) -> int:
        """Texts to each prompt."""
        return len(self.ids_BT) // len(self.prompts)


class Lessons(Protocol):
    """Where the lessons of a run come from."""

    def lesson(self, step: int) -> Lesson:
        """The lesson of a step, which depends on the weights and on nothing that came before."""
        ...


def make_lesson(
    prompts: Prompts, texts: tuple[Tensor, Tensor], processes: Processes, teacher_prompts: Prompts | None = None
) -> Lesson:
    """A lesson from this process's prompts and its texts to them, ids (B, T) and mask (B, T)."""
    ids_BT, mask_BT = texts
    by = (0, processes.most(ids_BT.shape[1]) - ids_BT.shape[1])
    tokens = sum(processes.gather(int(mask_BT.sum())))
    ids_BT, mask_BT = pad(ids_BT, by), pad(mask_BT, by)
    return Lesson(prompts, ids_BT, mask_BT, mask_BT.float() / tokens, teacher_prompts)


def pose(envs: gym.vector.VectorEnv, seeds: Sequence[int]) -> tuple[Questions, Mapping[str, Any]]:
    """Pose problems, at most as many as there are environments; returns them and the infos of all environments."""
    observations, infos = envs.reset(seed=np.resize(seeds, envs.num_envs).tolist())
    images, count = pictures(observations), len(seeds)
    return Questions(list(observations["prompt"][:count]), None if images is None else images[:count]), infos


@dataclass(frozen=True)
class Demonstrations:
    """Training problems, each with the solution that the environment tells."""

    config: Settings
    policy: LanguageModel
    processes: Processes
    teacher: LanguageModel | None
    envs: gym.vector.VectorEnv
    phases: Phases = field(default_factory=Phases)

    def lesson(self, step: int) -> Lesson:
        """The problems that GRPO would pose in this step."""
        self.phases.begin()
        seeds = own_seeds(self.config, step, self.processes)
        questions, infos = pose(self.envs, seeds)
        texts = [str(text) for text in infos["demonstration"][: len(seeds)]]
        made = given_texts(self, questions, texts)
        self.phases.end("draw")
        return made


@dataclass(frozen=True)
class Examples:
    """The rows of a file, each epoch in an order of its own."""

    config: Settings
    policy: LanguageModel
    processes: Processes
    teacher: LanguageModel | None
    rows: Sequence[Row]
    phases: Phases = field(default_factory=Phases)

    def lesson(self, step: int) -> Lesson:
        """The rows of a step."""
        self.phases.begin()
        rows = [self.rows[seed % len(self.rows)] for seed in own_seeds(self.config, step, self.processes)]
        shown = any(row.images for row in self.rows)
        questions = Questions([row.prompt for row in rows], [row.pictures() for row in rows] if shown else None)
        made = given_texts(self, questions, [row.response for row in rows])
        self.phases.end("draw")
        return made


@dataclass(frozen=True)
class TeachersAnswers:
    """Training problems, each with answers that the teacher samples."""

    config: Settings
    policy: LanguageModel
    processes: Processes
    teacher: LanguageModel
    envs: gym.vector.VectorEnv
    phases: Phases = field(default_factory=Phases)

    def lesson(self, step: int) -> Lesson:
        """The problems that GRPO would pose in this step, answered with the noise that GRPO would use."""
        self.phases.begin()
        config, G = self.config, self.config.group_size
        seeds = own_seeds(config, step, self.processes)
        questions, _ = pose(self.envs, seeds)
        asked, own = questions.prepare(self.teacher), questions.prepare(self.policy)
        self.phases.end("draw")
        noise = sampling_noise(config.seed, step, seeds, G, self.teacher.max_new_tokens).to(self.teacher.device)
        with autocast(config, self.teacher):
            answers = answer(self.teacher, asked, G, config.temperature, noise)
        self.phases.end("generate")
        return make_lesson(own, (answers.ids_BT, answers.mask_BT), self.processes, asked)


@dataclass(frozen=True)
class OwnAnswers:
    """Training problems, each with answers that the student samples, which are scored for people to see."""

    config: Settings
    processes: Processes
    teacher: LanguageModel
    envs: gym.vector.VectorEnv
    sampler: Sampler

    def lesson(self, step: int) -> Lesson:
        """The batch that GRPO would learn from."""
        batch = self.sampler.batch(step)
        self.sampler.phases.begin()
        share = self.processes.share(len(batch.seeds))
        questions, _ = pose(self.envs, batch.seeds[share])
        G, answers = self.config.group_size, batch.rollout.answers
        members = slice(share.start * G, share.stop * G)
        texts = answers.ids_BT[members], answers.mask_BT[members]
        asked = questions.prepare(self.teacher)
        self.sampler.phases.end("draw")
        made = make_lesson(batch.rollout.prompts, texts, self.processes, asked)
        return replace(made, batch=batch)


def own_seeds(config: Settings, step: int, processes: Processes) -> list[int]:
    """This process's share of the seeds of a step's problems."""
    seeds = problem_seeds(config.seed, step, config.problems_per_step, config.num_problems)
    return seeds[processes.share(len(seeds))]


def given_texts(source: Demonstrations | Examples, questions: Questions, texts: Sequence[str]) -> Lesson:
    """A lesson of one text to each question."""
    policy, teacher = source.policy, source.teacher
    asked = None if teacher is None else questions.prepare(teacher)
    return make_lesson(questions.prepare(policy), policy.encode(texts), source.processes, asked)
