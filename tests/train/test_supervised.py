"""One supervised step against plain computations: which tokens count, how they are averaged, whom they are drawn to."""

import dataclasses

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div

from agents import scoring
from agents.loading import load_policy
from train.lessons import Demonstrations, Lesson, OwnAnswers, TeachersAnswers, make_lesson, pose
from train.optimization import NotFiniteError
from train.sampling import Sampler
from train.seeds import problem_seeds
from train.supervised import distil, imitate

TEXTS = ["<answer>01:10:00</answer>", "<think>The short hand</think><answer>02:40:00</answer>"]
RUN = {"algorithm": "sft", "group_size": None, "optimizer": "adamw"}
DISTILL = {**RUN, "algorithm": "distill", "teacher": "runs/teacher"}


def lesson_of(trainer, texts=TEXTS, teacher=None):
    questions, _ = pose(trainer.envs, [3, 4])
    asked = None if teacher is None else questions.prepare(teacher)
    return make_lesson(questions.prepare(trainer.policy), trainer.policy.encode(texts), trainer.processes, asked)


def plain_logits(policy, lesson, row):
    """Logits that the tokens of one answer are predicted from: one whole sequence, without any of our machinery."""
    prompts = lesson.prompts.select(torch.tensor([row]))
    ids = torch.cat([prompts.input_ids_PS[0][prompts.attention_mask_PS[0]], lesson.ids_BT[row][lesson.mask_BT[row]]])
    kinds = (ids == policy.model.config.image_token_id).long()[None]
    shown = prompts.picture_inputs
    positions, _ = policy.model.model.get_rope_index(
        ids[None],
        mm_token_type_ids=kinds,
        image_grid_thw=shown["image_grid_thw"],
        attention_mask=torch.ones_like(kinds),
    )
    logits = policy.model(input_ids=ids[None], position_ids=positions, **shown, mm_token_type_ids=kinds).logits[0]
    logits[:, policy.never_sampled] -= 1e4
    return logits[-int(lesson.mask_BT[row].sum()) - 1 : -1]


def test_the_loss_is_the_cross_entropy_of_the_answers_tokens_alone(make):
    trainer = make(**RUN, temperature=1.0)
    lesson = lesson_of(trainer)
    end = trainer.policy.tokenizer.eos_token_id
    with torch.no_grad():
        logits = torch.cat([plain_logits(trainer.policy, lesson, row) for row in (0, 1)])
    ids = lesson.ids_BT[lesson.mask_BT]
    assert ids.tolist().count(end) == 2  # the end of a turn is learned too
    assert len(ids) == sum(len(trainer.policy.tokenizer(text)["input_ids"]) + 1 for text in TEXTS)
    told = imitate(trainer.learner, lesson, 1.0)
    # every token counts the same, whichever answer it stands in
    assert told["loss"] == pytest.approx(cross_entropy(logits, ids).item(), rel=1e-5)
    assert told["token_accuracy"] == pytest.approx((logits.argmax(-1) == ids).float().mean().item())
    for _ in range(30):
        told = imitate(trainer.learner, lesson, 10.0)
    assert told["loss"] < 1.0
    assert told["token_accuracy"] > 0.7


@pytest.mark.parametrize("measure", ["off-policy", "on-policy"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_divergence_is_torchs_over_the_whole_vocabulary(make, measure, temperature):
    trainer = make(**DISTILL, distill=measure, distill_temperature=temperature)
    teacher = load_policy("tiny-half", 1)
    lesson = lesson_of(trainer, teacher=teacher)
    with torch.no_grad():
        student, other = (
            torch.cat([plain_logits(policy, lesson, row) for row in (0, 1)]) for policy in (trainer.policy, teacher)
        )
    q, p = ((logits / temperature).log_softmax(-1) for logits in (student, other))
    pair = (q, p) if measure == "off-policy" else (p, q)  # kl_div(a, b) is KL(b ‖ a)
    expected = temperature**2 * kl_div(*pair, reduction="batchmean", log_target=True).item()
    before = [p.clone() for p in teacher.model.parameters()]
    told = distil(trainer.learner, lesson, teacher, 1.0)
    assert told["loss"] == pytest.approx(expected, rel=1e-4)
    assert told["teacher_agreement"] == pytest.approx((student.argmax(-1) == other.argmax(-1)).float().mean().item())
    for _ in range(20):
        after = distil(trainer.learner, lesson, teacher, 10.0)
    assert after["loss"] < 0.5 * told["loss"]
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in teacher.model.parameters())


@pytest.mark.parametrize("fields", [RUN, {**DISTILL, "distill": "off-policy"}, {**DISTILL, "distill": "on-policy"}])
def test_parts_and_pieces_have_the_gradient_of_the_whole(make, monkeypatch, fields):
    """Micro-batches of one prompt, and logits of one token at a time."""
    gradients = []
    for tokens, logits in ((10_000, 2**25), (1, 512)):
        monkeypatch.setattr(scoring, "MAX_LOGITS", logits)
        trainer = make(**fields, micro_batch_tokens=tokens)
        teacher = load_policy("tiny-half", 1)
        lesson, kept = lesson_of(trainer, teacher=teacher), []
        model = trainer.policy.model
        trainer.learner._step = lambda factor, kept=kept, model=model: kept.extend(
            p.grad.flatten().clone() for p in model.parameters() if p.grad is not None
        )
        learner = trainer.learner
        told = imitate(learner, lesson, 1.0) if fields is RUN else distil(learner, lesson, teacher, 1.0)
        gradients.append((told["loss"], torch.cat(kept)))
    (loss, whole), (again, parts) = gradients
    assert again == pytest.approx(loss, rel=1e-5)
    assert float((parts - whole).norm() / whole.norm()) < 1e-5
    assert whole.norm() > 1e-3


def test_a_loss_that_is_no_number_changes_nothing(make):
    trainer = make(**RUN)
    lesson = lesson_of(trainer)
    broken = dataclasses.replace(lesson, weights_BT=lesson.weights_BT * float("nan"))
    before = [p.clone() for p in trainer.policy.model.parameters()]
    with pytest.raises(NotFiniteError, match="its loss is nan"):
        imitate(trainer.learner, broken, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.policy.model.parameters(), strict=True))


def test_each_problem_has_the_solution_that_the_environment_tells(make):
    trainer = make(**RUN)
    source = Demonstrations(trainer.config, trainer.policy, trainer.processes, None, trainer.envs)
    first, second, again = (source.lesson(step) for step in (0, 1, 0))
    assert (len(first.prompts), first.K) == (2, 1)
    assert first.weights_BT.sum().item() == pytest.approx(1)
    assert torch.equal(first.ids_BT, again.ids_BT)
    assert not torch.equal(first.prompts.pixel_values, second.prompts.pixel_values)
    for row, (ids, mask) in enumerate(zip(first.ids_BT, first.mask_BT, strict=True)):
        _, infos = pose(trainer.envs, problem_seeds(0, 0, 2))
        assert trainer.policy.tokenizer.decode(ids[mask][:-1]) == infos["demonstration"][row]


def test_teacher_and_student_are_asked_the_same_problems(make):
    """The teacher's answers are sampled by the teacher; the student's own by the student."""
    trainer = make(**{**DISTILL, "group_size": 4}, distill="on-policy")
    teacher = load_policy("tiny-half", 1)
    teacher.max_new_tokens = trainer.policy.max_new_tokens
    sampler = Sampler(trainer.config, trainer.envs, trainer.policy, trainer.processes)
    own = OwnAnswers(trainer.config, trainer.processes, teacher, trainer.envs, sampler).lesson(0)
    theirs = TeachersAnswers(trainer.config, trainer.policy, trainer.processes, teacher, trainer.envs).lesson(0)
    for lesson in (own, theirs):
        assert isinstance(lesson, Lesson)
        assert (len(lesson.prompts), lesson.K) == (2, 4)
        assert torch.equal(lesson.prompts.pixel_values, lesson.teacher_prompts.pixel_values)
    assert torch.equal(own.prompts.pixel_values, theirs.prompts.pixel_values)
    with torch.no_grad():
        logp = [
            policy.log_probabilities(lesson.prompts, lesson.ids_BT, lesson.mask_BT)[0][lesson.mask_BT].mean()
            for lesson in (own, theirs)
            for policy in (trainer.policy, teacher)
        ]
    assert logp[0] > logp[1]
    assert logp[3] > logp[2]
    assert (own.batch is not None, theirs.batch) == (True, None)
    rewards = own.batch.first.rewards_PG
    assert rewards.shape == (2, 4)
