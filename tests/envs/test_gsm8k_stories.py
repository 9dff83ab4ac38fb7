"""Word problems that are made up: their arithmetic, their English, their splits."""

import json
import re
from fractions import Fraction

import numpy as np
import pytest

from envs import problem
from envs.tasks.gsm8k import GSM8K
from envs.tasks.word_problems import STEPS, compose
from envs.tasks.word_problems.grammar import Calculation, Number, calculate
from envs.tasks.word_problems.words import BOYS, GIRLS, QUESTIONS, SITUATIONS
from tests.envs.arithmetic import evaluate

NOTE = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")
LEVELS = range(1, 9)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("16-3-4", 9), ("2+3*4", 14), ("(2+3)*4", 20), ("7/2", Fraction(7, 2)), (".5*-4", -2), ("60/100*50", 30)],
)
def test_the_evaluator_by_hand(expression, value):
    assert evaluate(expression) == value


@pytest.mark.parametrize("expression", ["", "1+", "1 2", "(1", "a", "__import__", "1//2"])
def test_the_evaluator_refuses(expression):
    with pytest.raises((ValueError, IndexError)):
        evaluate(expression)


@pytest.mark.parametrize("difficulty", LEVELS)
def test_every_step_is_right(difficulty):
    task = GSM8K(difficulty=difficulty)
    for seed in range(400):
        posed = problem(task, seed)
        assert posed.info["steps"] == difficulty
        assert posed.solution is not None
        *lines, last = posed.solution.split("\n")
        assert len(lines) == difficulty
        known = {int(number) for number in re.findall(r"[0-9]+", posed.prompt)}
        for line in lines:
            ((expression, value),) = NOTE.findall(line)
            assert evaluate(expression) == int(value)
            # the same expression and the same result stand beside the note, for people
            assert re.search(rf"{re.escape(_spaced(expression))} = \$?<<.*>>{value}(?![0-9])", line)
            assert 1 <= int(value) <= 10 * difficulty * (difficulty + 1)
            # nothing comes from nowhere: from the story, a step before, or what words say
            spelled = {2, 3, 4, 7, 12, 60, 100}
            assert {int(number) for number in re.findall(r"[0-9]+", expression)} <= known | spelled
            known.add(int(value))
        assert last == f"#### {value}" == f"#### {posed.answer}"
        assert int(value) >= 2


def _spaced(expression):
    return re.sub(r"[-+*/]", lambda sign: f" {sign[0]} ", expression)


def test_difficulty_1_stays_small():
    task = GSM8K()
    posed = [problem(task, seed) for seed in range(2000)]
    numbers = [int(number) for one in posed for number in re.findall(r"[0-9]+", one.prompt)]
    assert max(numbers) == 20
    assert max(int(one.answer) for one in posed) == 20
    # a policy that always says the same is right one time in ten
    assert np.unique([one.answer for one in posed], return_counts=True)[1].max() < 240
    signs = [re.findall(r"[-+*/]", NOTE.findall(one.solution)[0][0])[0] for one in posed]
    assert all(signs.count(sign) > 200 for sign in "+-*/")


@pytest.mark.parametrize(("difficulty", "distinct"), [(1, 950), (2, 990), (8, 1000)])
def test_problems_differ(difficulty, distinct):
    task = GSM8K(difficulty=difficulty)
    posed = [problem(task, seed) for seed in range(1000)]
    assert len({one.prompt for one in posed}) >= distinct
    assert len({one.info["situation"] for one in posed}) >= 10


def test_dozens_of_templates_are_in_use():
    rng = np.random.default_rng(0)
    unused = set(STEPS)
    for i in range(20_000):
        unused -= set(compose(rng, 1 + i % 5).steps)
        if not unused:
            break
    assert not unused
    assert len(STEPS) == 168
    assert len({step.tells + step.asks for step in STEPS}) == 168  # no two alike


def test_no_story_says_a_thing_twice():
    rng = np.random.default_rng(1)
    for _ in range(300):
        story = compose(rng, 8)
        assert len(set(story.steps)) == len(story.steps)
        assert [a.gives for a in story.steps[:-1]] == [b.takes for b in story.steps[1:]]
        assert sum(len(step.work) for step in story.steps) == 8


def test_templates_keep_the_grammar():
    for step in STEPS:
        for letter in step.letters:
            assert min(step.choices(letter)) >= 2, step  # literal plurals in the sentences rely on it
            mentioned = f"{{{letter}" in step.tells + step.asks
            assert mentioned, f"{step.tells!r} does not tell {letter}"
        assert step.takes or step.enters, step
        assert step.asks or step.gives in QUESTIONS, step
        assert all(line.count("{calc") == 1 for _, line in step.work), step
        assert not step.enters or step.enters in SITUATIONS
    reachable = {step.gives for step in STEPS if step.gives}
    assert {step.takes for step in STEPS if step.takes} == reachable


@pytest.mark.parametrize("difficulty", LEVELS)
def test_the_english(difficulty):
    task = GSM8K(difficulty=difficulty, distractors=4)
    for seed in range(150):
        posed = problem(task, seed)
        text = posed.prompt.removesuffix(" Reply <think>STEPS</think><answer>NUMBER</answer>") + "\n" + posed.solution
        assert not re.search(r"[{}|]|\b1 [a-z]+s\b|  ", text), text
        question = text.partition("\n")[0]
        assert question.endswith("?")
        assert question.count("?") == 1
        sentences = re.split(r"(?<=[.?]) ", question)
        assert all(sentence[0].isupper() or sentence[0].isdigit() for sentence in sentences), text
        names = {name for name in (*GIRLS, *BOYS) if re.search(rf"\b{name}\b", text)}
        pronouns = set(re.findall(r"\b(?:he|she|his|her|him)\b", text.lower()))
        assert not (pronouns & {"he", "his", "him"} and pronouns & {"she", "her"}), text
        if names and pronouns:
            hero = sentences[0].partition(" ")[0]
            assert bool(pronouns & {"she", "her"}) == (hero in GIRLS), text


def test_distractors_change_nothing_but_the_story():
    plain, strewn = GSM8K(difficulty=3, distractors=0), GSM8K(difficulty=3, distractors=3)
    counts = []
    for seed in range(200):
        rng = (np.random.default_rng(seed), np.random.default_rng(seed))
        a, b = plain.generate(rng[0]), strewn.generate(rng[1])
        assert (a.answer, a.solution) == (b.answer, b.solution)
        counts.append(len(re.split(r"(?<=[.?]) ", b.prompt)) - len(re.split(r"(?<=[.?]) ", a.prompt)))
        extra = sum(map(int, re.findall(r"[0-9]+", b.prompt))) - sum(map(int, re.findall(r"[0-9]+", a.prompt)))
        assert 6 <= extra <= 60
    assert set(counts) == {3}


def test_how_many_distractors_there_are_by_default():
    assert [problem(GSM8K(difficulty=d), 0).info["distractors"] for d in LEVELS] == [0, 0, 1, 1, 1, 2, 2, 2]
    assert problem(GSM8K(distractors=4), 0).info["distractors"] == 4


def test_what_is_trained_on_is_never_held_out():
    task = GSM8K()
    trained = {problem(task, seed, "train").prompt for seed in range(4000)}
    held_out = {problem(task, seed, "eval").prompt for seed in range(1000)}
    assert len(held_out) > 900
    assert not trained & held_out


def test_one_seed_is_one_problem_in_every_process(run_python):
    code = (
        "import json; from envs import make_task, problem; task = make_task('gsm8k', difficulty=5)\n"
        "print(json.dumps([[p.prompt, p.solution] for s in range(20) for p in [problem(task, s, 'eval')]]))"
    )
    ran = [run_python("-c", code, PYTHONHASHSEED=str(seed)) for seed in (0, 1)]
    assert ran[0].returncode == 0, ran[0].stderr
    here = [[p.prompt, p.solution] for s in range(20) for p in [problem(GSM8K(difficulty=5), s, "eval")]]
    assert json.loads(ran[0].stdout) == json.loads(ran[1].stdout) == here


@pytest.mark.parametrize(
    ("formula", "numbers", "value"),
    [
        ("v-a", {"v": 9, "a": 4}, 5),
        ("v-a", {"v": 4, "a": 4}, None),  # from 1 up
        ("v-a+b", {"v": 4, "a": 5, "b": 9}, None),  # there are never less than none on a bus
        ("v*2/3", {"v": 9}, 6),
        ("v*2/3", {"v": 8}, None),
        ("v*a/100", {"v": 50, "a": 20}, 10),
        ("v*a", {"v": 50, "a": 20}, None),  # above the limit
    ],
)
def test_formulas(formula, numbers, value):
    found = calculate(formula, numbers, 100)
    assert (found and found.value) == value


def test_numbers_agree_with_their_nouns():
    one, many = Number(1), Number(5)
    assert f"{one:box|boxes}, {many:box|boxes}, {many}, {one:=is|are} {many:=is|are}" == "1 box, 5 boxes, 5, is are"
    assert f"{Calculation('9*2', 18):$}" == "9 * 2 = $<<9*2=18>>18"
    assert f"{Calculation('9-8', 1):egg|eggs}" == "9 - 8 = <<9-8=1>>1 egg"
