"""The forms of an answer: what is asked for, shown, read, paid and counted is one and the same."""

from dataclasses import dataclass
from typing import get_args

import gymnasium as gym
import pytest

from envs import Problem, check_task, make_task, problem
from envs.answers import CLOSE, OPEN, committed
from envs.check import unasked_form
from envs.forms import MARKS, Form, answer_label, instruction, is_asked_for, is_formatted, reply, thought_of
from tests.envs.test_fuzz import NEEDED, TASKS
from tests.envs.test_task import Sum

FORMS = get_args(Form)
THINK = "<think>\n2 + 2\n</think>\n<answer>\n4\n</answer>"
FORM_REWARDS = {"correct": 1, "strict_format": 0.5, "soft_format": 0.25, "tag_count": 0.25}


@pytest.mark.parametrize(
    ("form", "bare", "worked"),
    [
        (None, "<answer>4</answer>", "<think>2 + 2</think><answer>4</answer>"),
        ("think", "<answer>\n4\n</answer>", THINK),
        ("reasoning", "<answer>\n4\n</answer>", THINK.replace("think", "reasoning")),
        ("labels", "Answer: 4", "Reasoning: 2 + 2\nAnswer: 4"),
        ("none", "<answer>\n4\n</answer>", "<answer>\n4\n</answer>"),
    ],
)
def test_how_each_is_written(form, bare, worked):
    assert reply(form, "4") == bare
    assert reply(form, "4", " 2 + 2\n") == worked
    for text in (bare, worked):
        assert is_formatted(text, form)
        assert committed(text, answer_label(form)) == "4"
    assert thought_of(bare, form) is None
    assert (thought_of(worked, form) or "").strip() == ("" if form == "none" else "2 + 2")


def test_a_form_without_steps():
    assert reply(None, "4", "") == "<think></think><answer>4</answer>"
    assert reply("labels", "4", " ") == "Answer: 4"
    assert reply("reasoning", "4", "") == "<answer>\n4\n</answer>"
    assert reply("labels", "1\n2") == "Answer: 1 2"  # a line is all that is read


@pytest.mark.parametrize("form", [None, *FORMS])
def test_marks_among_the_steps_are_taken_out(form):
    steps = "a\nAnswer: 1\n<answer>2</answer>\n<think>b</think><reasoning>\nReasoning: <ans<answer>wer>"
    steps += "\nAnswer:Answer: 3"
    text = reply(form, "4", steps)
    assert is_formatted(text, form)
    assert committed(text, answer_label(form)) == "4"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("think", "Reply\n<think>\nSTEPS\n</think>\n<answer>\nNUMBER\n</answer>"),
        ("labels", "Reply\nReasoning: STEPS\nAnswer: NUMBER"),
        ("none", "Reply\n<answer>\nNUMBER\n</answer>"),
    ],
)
def test_how_it_is_asked_for(form, expected):
    assert instruction(form, "NUMBER") == instruction(form, "NUMBER", "STEPS") == expected
    assert [one for one in FORMS if is_asked_for(one, expected)] == [form]
    assert is_asked_for(None, expected) == (form != "labels")


def test_how_it_is_asked_for_without_a_form():
    assert instruction(None, "NUMBER", "STEPS") == "Reply <think>STEPS</think><answer>NUMBER</answer>"
    assert instruction(None, "±0.00") == "Reply <answer>±0.00</answer>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>7</answer>", True),
        (" \n<answer>7</answer>\n", True),
        ("<think>the short hand</think><answer>7</answer>", True),
        ("\n<think></think>\n\n<answer>\n7\n</answer>", True),
        ("<answer>7</answer>.", False),
        ("It is <answer>7</answer>", False),
        ("7", False),
        ("", False),
        ("<think>hm</think>7", False),
        ("<think>hm<answer>7</answer>", False),
        ("<think>hm</think>so<answer>7</answer>", False),
        ("<think>a</think><think>b</think><answer>7</answer>", False),
        ("<think><answer>6</answer></think><answer>7</answer>", False),
        ("<answer>7</answer><answer>8</answer>", False),
        ("<answer>7</answer></answer>", False),
        ("<answer>7", False),
        ("<answer></think></answer>", True),  # what the answer says is not looked at
    ],
)
def test_format(text, expected):
    assert is_formatted(text) is expected


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        (THINK, "think", True),
        (THINK, "reasoning", False),
        (THINK, "none", False),
        (THINK.replace("think", "reasoning"), "reasoning", True),
        (THINK.replace("think", "reasoning"), "think", False),
        (THINK.replace("think", "reasoning"), None, False),
        ("<answer>4</answer>", "reasoning", True),  # the reasoning may be missing, as ever
        ("<answer>4</answer>", "none", True),
        ("<answer>4</answer>", "labels", False),
        ("Reasoning: 2 + 2\nAnswer: 4", "labels", True),
        ("\n Reasoning: 2\n+ 2\nAnswer: 4\n", "labels", True),
        ("Answer: 4", "labels", True),
        ("Answer: 4", "think", False),
        ("So. Reasoning: 2 + 2\nAnswer: 4", "labels", False),
        ("2 + 2\nAnswer: 4", "labels", False),
        ("Reasoning: 2 + 2\nAnswer: 4\nor 5", "labels", False),
        ("Reasoning: 2 + 2\nAnswer: 4\nAnswer: 5", "labels", False),
        ("Reasoning: 2 + 2", "labels", False),
        ("Reasoning: <answer>\nAnswer: 4", "labels", False),
        ("", "labels", False),
    ],
)
def test_format_of_a_form(text, form, expected):
    assert is_formatted(text, form) is expected


@pytest.mark.parametrize(
    ("text", "thought"),
    [
        ("<think>a b</think>c", "a b"),
        ("x<think></think>", ""),
        ("the prompt opened it</think>c", "the prompt opened it"),
        ("<think>never closed", None),
        ("no tags", None),
        ("<think>a</think><think>bcd</think>", "a"),
    ],
)
def test_what_was_thought(text, thought):
    assert thought_of(text) == thought


@pytest.mark.parametrize(
    ("text", "form", "thought"),
    [
        ("<reasoning>a</reasoning>b", "reasoning", "a"),
        ("<think>a</think>b", "reasoning", None),
        ("<reasoning>a</reasoning>b", None, None),
        ("<think>a</think>b", "none", "a"),  # where there should be none
        ("Reasoning: a\nb\nAnswer: c", "labels", " a\nb"),
        ("Answer: c\nReasoning: a", "labels", None),
        ("Reasoning: never done", "labels", None),
        ("a\nAnswer: c", "labels", None),
    ],
)
def test_what_was_thought_in_a_form(text, form, thought):
    assert thought_of(text, form) == thought


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TASKS)
def test_prompt_demonstration_and_pay_agree(name, form):
    """The demonstration is in the form that the prompt asks for, and earns all that the form is paid."""
    task = make_task(name, form=form, rewards=FORM_REWARDS, **NEEDED.get(name, {}))
    assert check_task(task, samples=8) == []
    assert unasked_form(task) is None
    for seed in range(8):
        posed = problem(task, seed)
        assert is_asked_for(form, posed.prompt)
        shown = task.score(task.demonstration(posed), posed.answer)
        solved = form == "none" or thought_of(task.demonstration(posed), form) is not None
        assert shown.reward == pytest.approx(2.0) or not solved  # a row without a solution has nothing to reason with
        assert (shown.error, shown.parts["format"]) == (0.0, 1.0)
        bare = task.score(task.reply(task.best_answer(posed.answer)), posed.answer)
        assert (bare.error, bare.parts["format"]) == (0.0, 1.0)
        if task.without_question(posed) is not None:
            assert is_asked_for(form, task.without_question(posed))


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_is_one_problem_in_every_form(name):
    """Or what is trained on in one form would be held out in another."""
    tasks = [make_task(name, form=form, **NEEDED.get(name, {})) for form in (None, *FORMS)]
    for split in ("train", "eval"):
        for seed in range(16):
            posed = [problem(task, seed, split) for task in tasks]
            assert len({(one.answer, one.scene, one.solution) for one in posed}) == 1
            assert len({one.prompt.partition(" Reply")[0] for one in posed}) == 1


def test_the_prompts_of_two_tasks():
    asked = "Reply\n<reasoning>\nSTEPS\n</reasoning>\n<answer>\n{}\n</answer>"
    assert problem(make_task("clock", form="reasoning"), 0).prompt == "What time is it? " + asked.format("HH:MM:SS")
    assert problem(make_task("gsm8k", form="reasoning"), 0).prompt.endswith("? " + asked.format("NUMBER"))
    assert problem(make_task("clock"), 0).prompt == "What time is it? Reply <answer>HH:MM:SS</answer>"
    assert problem(make_task("gsm8k"), 0).prompt.endswith("? Reply <think>STEPS</think><answer>NUMBER</answer>")


@dataclass(frozen=True)
class Own(Sum):
    """A user's task, whose prompts ask as the form has it."""

    def generate(self, rng):
        a, b = rng.integers(1, 6, size=2).tolist()
        solution = f"<think>{a} and {b}</think><answer>{a + b}</answer>"
        return Problem(f"{a} + {b}? {self.instruction('NUMBER')}", str(a + b), solution=solution)


def test_labels_are_read_where_they_are_asked_for():
    rewards = {"correct": 2, "numeric": 0.5, "strict_format": 0.5}
    task = Own(rewards=rewards, form="labels")
    assert check_task(task) == []
    assert task.score("Reasoning: 4 + 6\nAnswer: 10", "10").reward == 3.0
    assert task.score("Reasoning: 4 + 6\nAnswer: 11", "10").reward == 1.0
    assert task.score("Answer: 10", "10").reward == 2.5
    assert task.score("<answer>10</answer>", "10").reward == 2.5
    for text in ("Answer: 10\nAnswer: 10", "Reasoning: 4 + 6\nAnswer:\n10", "The Answer: 10", "Answer: <answer>10"):
        assert task.score(text, "10").reward == 0.0
    assert Own(rewards=rewards).score("Reasoning: 4 + 6\nAnswer: 10", "10").reward == 0.0


@pytest.mark.parametrize("form", [None, *FORMS])
def test_a_task_of_ones_own(form):
    """Its solutions are written with <think>, and shown in whichever form is asked for."""
    task = Own(form=form)
    assert check_task(task) == []
    posed = problem(task, 0)
    steps = posed.solution.removeprefix("<think>").partition("</think>")[0]
    assert task.demonstration(posed) == reply(form, posed.answer, steps)


def test_a_task_whose_prompt_does_not_follow_is_told_so():
    (broken,) = check_task(Sum(form="reasoning"))
    assert broken.startswith("The prompt must ask for the form 'reasoning', and for no other: end it in self.instruct")
    (broken,) = check_task(Sum(form="labels"))
    assert "the form 'labels'" in broken
    assert check_task(Sum(form="none")) == []  # <answer> alone is what its prompt asks for


def test_a_style_that_is_not_asked_for():
    with pytest.raises(ValueError, match=r"'soft_format' has the style 'think', and the form .* is 'labels': leave"):
        make_task("clock", form="labels", rewards={"soft_format:style=think": 1})
    for rewards, said in (
        ({"correct": 1, "soft_format:style=reasoning": 0.1}, "--task.form reasoning"),
        ({"correct": 1, "tag_count": 0.1}, "--task.form think"),
    ):
        assert said in unasked_form(make_task("clock", rewards=rewards))
    assert unasked_form(make_task("gsm8k", rewards={"correct": 1, "tag_count": 0.1})) is None
    assert unasked_form(make_task("clock", rewards={"correct": 1, "tag_count": 0.0, "log_length": 0.1})) is None
    assert unasked_form(make_task("clock")) is None


def test_an_environment_tells_the_answer_in_its_form():
    """Which cold starts and replays write, without having seen the task."""
    for form, expected in (
        ("labels", "Answer: {}"),
        ("think", "<answer>\n{}\n</answer>"),
        (None, "<answer>{}</answer>"),
    ):
        _, info = gym.make("eyechart/Clock-v0", form=form).reset(seed=3)
        assert info["best_reply"] == expected.format(info["answer"])


def test_a_form_that_is_none():
    with pytest.raises(ValueError, match="form must be one of 'think', 'reasoning', 'labels', 'none' or none, got 'x"):
        Sum(form="xml")
    with pytest.raises(ValueError, match=r"Shape\.form must be one of think, reasoning, labels, none, or None, got"):
        dataclass(frozen=True)(type("Shape", (Sum,), {"__annotations__": {"form": str}, "form": "round"}))()


def test_marks_are_those_of_the_form():
    assert set(MARKS) == set(FORMS)
    assert all(marks[-2:] == (OPEN, CLOSE) for form, marks in MARKS.items() if form != "labels")
