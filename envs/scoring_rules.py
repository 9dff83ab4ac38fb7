"""Rules on a task's answers and scores: each yields a sentence for what a task does wrong, for `check_task`."""

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean
from typing import Any

from envs.answers import OPEN, tagged
from envs.forms import is_asked_for
from envs.hacks import FORMAL, TRAILING, dressed, hacks, honest
from envs.problems import Score
from envs.rules import Sample, short, words
from envs.task import Task
from rendering import render


def _check_oracle(sample: Sample) -> Iterator[str]:
    """The best answer must be read, with error 0 or the `least_error` there is, and earn the most there is."""
    for posed in sample.problems:
        text, least = sample.best_text(posed), sample.task.least_error(posed.answer)
        for wording in (text, sample.task.best_answer(posed.answer)):
            score = sample.task.score(wording, posed.answer)
            if not score.parsed or score.error != least:
                yield f"The truth must be read with error {least:g}, but {short(wording)} gets {_told(score)}."
                return
        reward = sample.task.score(text, posed.answer).reward
        shown = sample.task.demonstration(posed)
        # with rewards that look at lengths, the shorter or the longer of the two may earn more
        if not sample.task.rewards and sample.task.score(shown, posed.answer).reward < reward:
            yield f"demonstration must earn the most, but {short(shown)} earns less than {short(text)}."
            return
        for other in sample.problems:
            another = sample.task.score(sample.best_text(other), posed.answer)
            if another.error > least and another.reward > reward:
                yield f"The truth must earn the most, but {short(text)} earns {reward} and another {another.reward}."
                return


def _check_errors(sample: Sample) -> Iterator[str]:
    """Errors must lie between 0 and `worst_error`."""
    worst = sample.task.worst_error
    answers = [sample.task.parse(sample.best_text(posed)) for posed in sample.problems]
    for posed in sample.problems:
        for answer, other in zip(answers, sample.problems, strict=True):
            if answer is None:
                continue  # the oracle's rule says so
            raw = sample.task.error(answer, sample.task.truth(posed.answer))
            if not 0.0 <= raw < math.inf:
                yield f"error must be finite and 0 or more, got {raw} ({other.answer} for {posed.answer})."
                return
            score = sample.task.score(sample.best_text(other), posed.answer)
            if not 0.0 <= score.error <= worst:
                yield f"A scored error must be at most worst_error {worst}, but is {score.error}."
                return


def _check_reward_falls(sample: Sample) -> Iterator[str]:
    """The reward must not rise with the error."""
    for posed in sample.problems:
        texts = [sample.best_text(other) for other in sample.problems]
        if sample.task.rewards:  # which may look at lengths
            texts = [text for text in texts if len(text) == len(texts[0])]
        scores = [sample.task.score(text, posed.answer) for text in texts]
        scores.sort(key=lambda score: score.error)
        for near, far in pairwise(scores):
            if far.error > near.error and far.reward > near.reward + 1e-12:
                yield (
                    "The reward must not rise with the error, but an error of "
                    f"{near.error} earns {near.reward} and one of {far.error} earns {far.reward}."
                )
                return


def check_components(sample: Sample) -> Iterator[str]:
    """A user's own reward must give a number within its bounds for every text."""
    task, posed = sample.task, sample.problems[0]
    for term in task.terms:
        if not term.foreign:
            continue
        for text in (*honest(sample), *hacks(sample)):
            try:
                value = term.raw(text, task.judge(text, posed.answer))
            except ValueError as error:
                yield f"The reward {term.name!r} must give a number for every text, but on {short(text)} {error}."
                break
            if not term.bounds[0] <= value <= term.bounds[1]:
                yield (
                    f"The reward {term.name!r} must lie within its bounds {term.bounds}, but {short(text)} gets "
                    f"{value}: set {term.name}.bounds = (least, most)."
                )
                break


def _check_parts(sample: Sample) -> Iterator[str]:
    """Parts of a reward must have weights, and lie within their bounds."""
    bounds = {term.name: term.bounds for term in sample.task.terms}
    for posed in sample.problems:
        text = sample.best_text(posed)
        own = sample.task.parts(text, sample.task.judge(text, posed.answer)["error"])
        for name, value in own.items():
            if name not in bounds:
                yield f"A part of the reward must have a weight: declare a field {name}_weight, for parts has {name!r}."
                return
            if not 0.0 <= value <= 1.0:
                yield f"A task's own part of the reward must lie from 0 to 1, but {name!r} is {value}."
                return


def _check_trailing(sample: Sample) -> Iterator[str]:
    """No component that looks at the form or the reasoning may pay for what stands behind an answer."""
    task, posed = sample.task, sample.problems[0]
    names = [term.name for term in task.terms if term.name in FORMAL and not term.foreign]
    for text in honest(sample):
        alone = task.score(text, posed.answer).parts
        for behind in TRAILING:
            parts = task.score(text + behind, posed.answer).parts
            for name in names:
                if parts[name] > alone[name]:
                    yield f"What trails must earn nothing, but {short(text)} earns more {name} with {short(behind)}."
                    return


def _check_hacks(sample: Sample) -> Iterator[str]:
    """Any text must get a score; none may beat an honest answer, nor, if it commits to no answer, chance."""
    task, posed = sample.task, sample.problems[0]
    told = [task.score(text, posed.answer) for text in honest(sample)]
    most = max(score.reward for score in told) if all(score.error == 0.0 for score in told) else math.inf
    least = _unread_at_most(sample)
    for text in hacks(sample):
        try:
            score = task.score(text, posed.answer)
        except Exception as error:
            yield f"score must never raise, but on {short(text)} it raises {words(error)}."
            return
        if score.parsed and text.count(OPEN) > 1:
            yield f"Several answers are no answer, but {short(text)} gets {_told(score)}."
            return
        if not score.parsed and (score.error != task.worst_error or score.reward > least):
            yield (
                "A text without an answer must get worst_error and no more reward than "
                f"{'chance' if _pays_unread(task) else 'any answer'}, but {short(text)} gets {_told(score)}."
            )
            return
        if not -math.inf < score.reward <= (most if score.error > 0.0 else math.inf):
            yield f"Nothing may earn more than an honest answer, {most}, but {short(text)} gets {_told(score)}."
            return


def _unread_at_most(sample: Sample) -> float:
    """The most that a text without an answer may earn: what the worst answer does; chance, where some are paid."""
    answer = sample.problems[0].answer
    earned = [
        [sample.task.score(text, answer).reward for text in dressed(sample.task.best_answer(one.answer))]
        for one in sample.problems
    ]
    if not _pays_unread(sample.task):
        return min(map(min, earned))
    return max(fmean(worded) for worded in zip(*earned, strict=True)) + 1e-9


def _pays_unread(task: Task) -> bool:
    """Whether some component may pay a text that commits to no answer."""
    return any(term.uncommitted and term.weight > 0 for term in task.terms)


def _check_pure(sample: Sample) -> Iterator[str]:
    """The same text must get the same score."""
    first, *_, last = sample.problems
    texts = (sample.best_text(last), tagged(""), "no idea")
    for text in texts:
        if sample.task.score(text, first.answer) != sample.task.score(text, first.answer):
            yield f"score must be a pure function, but {short(text)} gets two different scores."
            return


def _check_depict(sample: Sample) -> Iterator[str]:
    """Any answer must depict as a scene or None."""
    shape = sample.task.image_shape
    posed, other = sample.problems[0], sample.problems[1]
    for answer in (sample.task.best_answer(other.answer), "", "99:99:99", "\ud800"):
        try:
            scene = sample.task.depict(posed, answer)
            if scene is not None and shape is not None:
                render(scene, shape[:2])
        except Exception as error:
            yield f"depict must give a scene or None, but on {short(answer)} it raises {words(error)}."
            return


def _check_written(sample: Sample) -> Iterator[str]:
    """What a task's own `write` writes must be read as the same answer."""
    if type(sample.task).write is Task.write:
        return  # what it makes of answers that are no numbers is shown, and that is all
    for answer in _answers(sample):
        text = sample.task.write(answer)
        if not isinstance(text, str) or sample.task.parse(text) != answer or sample.task.parse(tagged(text)) != answer:
            yield f"What write makes of an answer must be read as that answer, but {answer!r} becomes {text!r}."
            return


def _check_numbers(sample: Sample) -> Iterator[str]:
    """An answer's number must be finite, and within the period."""
    period = sample.task.period
    for answer in _answers(sample):
        number = sample.task.number(answer)
        if number is None:
            continue
        if not math.isfinite(number) or (period is not None and not 0 <= number < period):
            bound = "finite" if period is None else f"at least 0 and below the period {period}"
            yield f"number must be {bound}, or None, got {number} for {answer!r}."
            return


def _check_from_number(sample: Sample) -> Iterator[str]:
    """A task's own `from_number` must find the answer whose number it is told."""
    if type(sample.task).from_number is Task.from_number:
        return  # which may know nothing of numbers
    for answer in _answers(sample):
        number = sample.task.number(answer)
        found = answer if number is None else sample.task.from_number(number)
        if found != answer:
            yield f"from_number must give the answer that has a number, but {number} gives {found!r}, not {answer!r}."
            return


def _check_error_parts(sample: Sample) -> Iterator[str]:
    """Parts of an error must be finite and 0 or more, under the same names for every answer."""
    names: list[str] | None = None
    for posed in sample.problems:
        truth = sample.task.truth(posed.answer)
        for answer in _answers(sample):
            parts = sample.task.error_parts(answer, truth)
            names = names or sorted(parts)
            if sorted(parts) != names:
                yield f"error_parts must have the same names every time, but has {names} and {sorted(parts)}."
                return
            for name, value in parts.items():
                if not 0.0 <= value < math.inf:
                    yield f"error_parts must be finite and 0 or more, got {name} {value} ({answer!r} for {truth!r})."
                    return


def _answers(sample: Sample) -> list[Any]:
    """What is read from the truths, those that are read without error; of the others the oracle's rule tells."""
    task, read = sample.task, []
    for posed in sample.problems:
        answer = task.parse(sample.best_text(posed))
        if answer is not None and task.bounded_error(answer, task.truth(posed.answer)) == 0.0:
            read.append(answer)
    return read


def _check_without_question(sample: Sample) -> Iterator[str]:
    """A prompt without its question must still ask for the answer, and for no other."""
    bare = [sample.task.without_question(posed) for posed in sample.problems]
    for posed, prompt in zip(sample.problems, bare, strict=True):
        if prompt is None:
            continue
        if not isinstance(prompt, str) or not is_asked_for(sample.task.form, prompt):
            wanted = tagged("…") if sample.task.form is None else f"the form {sample.task.form!r}"
            yield f"without_question must keep what asks for the answer as {wanted}, got {prompt!r}."
            return
        if posed.prompt in prompt:
            yield f"without_question must take the question out, but {short(prompt)} still holds it."
            return
    asked = {posed.prompt for posed, prompt in zip(sample.problems, bare, strict=True) if prompt is not None}
    left = sorted({prompt for prompt in bare if prompt is not None})
    if len(left) > 1 and len(left) >= len(asked):
        yield f"without_question must take the question out, but {short(left[0])} still tells which problem it was."


def _told(score: Score) -> str:
    return f"error {score.error}, reward {score.reward}, parsed {score.parsed}"


SCORING_RULES = (
    _check_oracle,
    _check_errors,
    _check_reward_falls,
    _check_parts,
    _check_trailing,
    _check_hacks,
    _check_pure,
    _check_depict,
    _check_written,
    _check_numbers,
    _check_from_number,
    _check_error_parts,
    _check_without_question,
)
