"""The training loop of SFT and distillation: GRPO's, but for what a step is."""

import time
from typing import Any

import numpy as np

from agents.batch import Answers
from train.answer_metrics import answer_metrics
from train.environments import mean
from train.imitated import Imitated
from train.lessons import Demonstrations, Examples, Lesson, Lessons, OwnAnswers, TeachersAnswers
from train.loop import Trainer
from train.optimization import NotFiniteError
from train.schedule import fraction_done, learning_rate_factor
from train.supervised import distil, imitate
from train.watch import seconds_by_phase

# What a step reports, as columns of `metrics.csv`.
TOLD = {"sft": ("loss", "token_accuracy", "grad_norm"), "distill": ("loss", "teacher_agreement", "grad_norm")}


class SupervisedTrainer(Trainer):
    """Trains a policy on texts, and writes the run's folder as it goes.

    Args:
        parts: what a `Trainer` is made of.
        imitated: the teacher, or the examples, if the run has either.
    """

    def __init__(self, *parts: Any, imitated: Imitated) -> None:
        super().__init__(*parts)
        self.imitated = imitated
        self.lessons = self._lessons()

    def _lessons(self) -> Lessons:
        config, teacher = self.config, self.imitated.teacher
        common, phases = (config, self.policy, self.processes, teacher), self.sampler.phases
        if self.imitated.examples is not None:
            return Examples(*common, self.imitated.examples, phases)
        if teacher is None or config.distill_texts == "demonstrations":
            return Demonstrations(*common, self.envs, phases)
        if config.distill == "on-policy":
            return OwnAnswers(config, self.processes, teacher, self.envs, self.sampler)
        return TeachersAnswers(config, self.policy, self.processes, teacher, self.envs, phases)

    def train_step(self) -> None:
        """One lesson, and the update on it."""
        config, begin = self.config, time.perf_counter()
        lesson = self.lessons.lesson(self.state.step)
        drawn = time.perf_counter()
        done = fraction_done(config, self.state.step, self.processes.once(lambda: self.seconds))
        factor = learning_rate_factor(config, self.state.step, done)
        learned = self.learn_from(lesson, factor)
        texts = config.problems_per_step * config.group_size
        self.state.step += 1
        self.state.problems += config.problems_per_step
        self.state.rollouts += 0 if lesson.batch is None else texts
        ended = time.perf_counter()
        row = {
            "step": self.state.step,
            "problems": self.state.problems,
            "rollouts": self.state.rollouts,
            **sampled_metrics(lesson),
            **learned,
            "answer_tokens": sum(self.processes.gather(int(lesson.mask_BT.sum()))) / texts,
            "skipped_steps": self.state.skipped_steps,
            "learning_rate": factor * config.learning_rate,
            **(answer_metrics(lesson.batch.first, self.policy.end_ids, self.form) if lesson.batch else {}),
            **self.watch.machine(texts, begin),
            "seconds_total": self.seconds,
            "seconds_rollout": drawn - begin,
            "seconds_learn": ended - drawn,
            **seconds_by_phase(self.sampler.phases),
            "seconds_per_sample": (ended - begin) / texts,
        }
        if self.processes.main:
            self.record.metrics.add(row)
            self.trackers.log("train", row)
            self.watch_step(row, lesson)
        self.progress.step(row)
        self.require_progress()

    def watch_step(self, row: dict[str, Any], lesson: Lesson) -> None:
        """Look at a step: its row, and the student's own answers if it learned from them."""
        if lesson.batch is None:
            self.watch.look(row)
        else:
            self.samples.hold(self.state.step, lesson.batch)
            self.watch.step(row, lesson.batch)

    def learn_from(self, lesson: Lesson, factor: float) -> dict[str, float | None]:
        """The update, and what it reports; None each if it is not finite, in which case no weight has changed."""
        teacher = self.imitated.teacher
        try:
            if teacher is None:
                told = imitate(self.learner, lesson, factor)
            else:
                told = distil(self.learner, lesson, teacher, factor)
        except NotFiniteError as error:
            texts = self.policy.decode(Answers(lesson.ids_BT, lesson.mask_BT, lesson.weights_BT))
            self.skip(error, [{"text": text} for text in texts])
            return dict.fromkeys(TOLD[self.config.algorithm])
        self.state.skipped_in_a_row = 0
        return {name: told[name] for name in TOLD[self.config.algorithm]}


def sampled_metrics(lesson: Lesson) -> dict[str, float | None]:
    """What the answers that the student sampled scored, which it does not learn from; none of other lessons."""
    if lesson.batch is None:
        return {}
    infos, rewards_PG = lesson.batch.first.infos, lesson.batch.first.rewards_PG
    parts = {key: float(np.mean(infos[key])) for key in infos if key.startswith("reward/")}
    return {"reward": float(rewards_PG.mean()), "mae": mean(infos, "error"), "parsed": mean(infos, "parsed"), **parts}


def make_trainer(*parts: Any, imitated: Imitated) -> Trainer:
    """The trainer of a run's algorithm, the settings being the first of its parts."""
    return Trainer(*parts) if parts[0].algorithm == "grpo" else SupervisedTrainer(*parts, imitated=imitated)
