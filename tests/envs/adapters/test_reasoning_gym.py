"""The tasks of reasoning-gym as environments of ours, made and scored by the real library."""

import ast
import json
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import envs
from envs import worker
from envs.__main__ import main
from envs.adapters import reasoning_gym as adapter
from envs.adapters.extras import MissingExtraError
from envs.answers import tagged
from envs.check import check_task
from envs.forms import MARKS, is_formatted
from tests.envs.adapters.guide import snippets

library = pytest.importorskip("reasoning_gym")

ALL = sorted(adapter._configs())
HASHED = ("isomorphic_strings", "ransom_note", "word_ladder", "list_functions", "polynomial_multiplication")
"""Some of those whose problems depend on Python's hash seed, the fourth on the global generator too."""

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def told(monkeypatch):
    """Questions to a new process, which has seen none."""
    fresh = worker.Worker(adapter._WORKER, {"PYTHONHASHSEED": "0"})
    yield lambda **question: fresh.ask({"fields": {}, **question}, 60.0)
    fresh._stop()


def errors(task, posed, *said):
    return [task.score(tagged(text), posed.answer).error for text in said]


def test_all_of_them_are_there():
    assert len(ALL) == 105


@pytest.mark.parametrize("name", ALL)
def test_every_task_keeps_the_rules(name):
    task = envs.make_task(f"reasoning_gym/{name}")
    posed = {split: [envs.problem(task, seed, split) for seed in range(4)] for split in ("train", "eval")}
    for one in posed["train"] + posed["eval"]:
        score = task.score(tagged(task.best_answer(one.answer)), one.answer)
        assert (score.error, score.reward, score.parsed) == (0.0, 1.0, True)
    assert not {one.prompt for one in posed["train"]} & {one.prompt for one in posed["eval"]}
    assert check_task(task, 4) == []  # no junk raises, or earns what an answer does


@pytest.mark.parametrize("name", ["leg_counting", "survo", "gsm_symbolic", "acre", "word_sorting"])
def test_a_problem_is_the_librarys_item(name):
    task = envs.make_task(f"reasoning_gym/{name}")
    for seed in range(3):
        posed = envs.problem(task, seed)
        item = posed.info["item"]
        entry = library.create_dataset(name, seed=item - item % 500, size=500)[item % 500]
        assert posed.prompt == f"{entry['question'].rstrip()}\n\nReply <think>STEPS</think><answer>ANSWER</answer>"
        assert task.best_answer(posed.answer) == entry["answer"].strip()


@pytest.mark.parametrize("form", MARKS)
def test_a_form_changes_how_to_reply_and_nothing_else(form):
    plain, asked = envs.make_task("reasoning_gym/leg_counting"), envs.make_task("reasoning_gym/leg_counting", form=form)
    for split in ("train", "eval"):
        for seed in range(6):
            before, posed = envs.problem(plain, seed, split), envs.problem(asked, seed, split)
            assert (posed.info, posed.answer) == (before.info, before.answer)
            question = before.prompt.removesuffix(plain.without_question(before))
            assert posed.prompt == question + asked.instruction("ANSWER", "STEPS")
            assert posed.prompt.endswith(asked.without_question(posed))
            shown = asked.demonstration(posed)
            assert is_formatted(shown, form)
            assert asked.score(shown, posed.answer).reward == 1.0
    assert check_task(asked, 8) == []


def test_check_tells_that_labels_do_not_fit_answers_of_several_lines():
    broken = check_task(envs.make_task("reasoning_gym/mini_sudoku", form="labels"), 2)
    assert len(broken) == 1
    assert broken[0].startswith("The truth must be read with error 0, but 'Answer: ")
    assert check_task(envs.make_task("reasoning_gym/mini_sudoku", form="reasoning"), 2) == []


@pytest.mark.parametrize("name", HASHED)
def test_another_process_makes_the_same(name, told):
    task = envs.make_task(f"reasoning_gym/{name}")
    for seed in (3, 1):
        posed = envs.problem(task, seed)
        again = told(dataset=name, item=posed.info["item"])
        assert again["question"].rstrip() in posed.prompt
        assert again["answer"] == task.best_answer(posed.answer)


def test_what_is_trained_on_is_never_held_out():
    task = envs.make_task("reasoning_gym/tower_of_hanoi")  # has less than a hundred questions
    train, held_out = ({envs.problem(task, seed, split).prompt for seed in range(60)} for split in ("train", "eval"))
    assert len(train) > 20
    assert len(held_out) > 5
    assert not train & held_out


def test_too_few_questions_are_told(monkeypatch):
    task = envs.make_task("reasoning_gym/leg_counting")
    monkeypatch.setattr(adapter, "is_held_out", lambda question: False)
    with pytest.raises(ValueError, match="reasoning_gym/leg_counting has too few questions to hold some of them out"):
        envs.problem(task, 0, "eval")


def test_scores_are_the_librarys():
    task = envs.make_task("reasoning_gym/leg_counting")
    posed = envs.problem(task, 5)
    truth = task.best_answer(posed.answer)
    wrong = str(int(truth) + 1)
    # a truth inside a longer answer earns its share of the length
    assert errors(task, posed, truth, f" {truth}\n", wrong, f"{truth} legs") == [
        0.0,
        0.0,
        1.0,
        pytest.approx(1 - len(truth) / (len(truth) + 5)),
    ]
    assert task.score(truth, posed.answer).error == 0.0  # a text that is nothing but the answer
    assert not task.score(tagged(truth) + tagged(truth), posed.answer).parsed
    assert not task.score(tagged(""), posed.answer).parsed
    assert not task.score(tagged("9" * 20_001), posed.answer).parsed
    assert task.score(tagged(truth), posed.answer).reward == 1.0
    assert task.score(f"I say {tagged(wrong)}", posed.answer).reward == 0.0

    task = envs.make_task("reasoning_gym/prime_factorization", min_value=12, max_value=12)
    posed = task.generate(np.random.default_rng(0))
    assert errors(task, posed, "2 × 2 × 3", "3 × 2 × 2", "2 × 6", "5", "no idea") == [0.0, 0.0, 0.5, 0.99, 1.0]


@pytest.mark.parametrize(
    "text", ["", "<answer>1</answer>", "<answer>1</answer><answer> 2 </answer>", "<answer>1<answer>2</answer>",
             "</answer><answer>3</answer></answer>", "4</answer>", "<answer>5", "<answer>\n6 7\n</answer> 8"]
)  # fmt: skip
def test_the_lenient_reading_is_the_librarys(text):
    task = envs.make_task("reasoning_gym/ab")
    theirs = library.utils.extract_answer(text)
    ours = task.parse_lenient(text)
    if theirs is None:
        assert ours == task.parse(text)
    else:
        assert ours.text == theirs


def test_a_scorer_that_takes_any_text_is_not_asked():
    task = envs.make_task("reasoning_gym/game_of_life_halting")
    posed = envs.problem(task, 0)
    other = {"True": "False", "False": "True"}[task.best_answer(posed.answer)]
    assert errors(task, posed, task.best_answer(posed.answer), other, "no idea") == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "name", ["string_insertion", "spiral_matrix", "binary_matrix", "n_queens", "countdown", "puzzle24",
             "polynomial_multiplication", "simple_integration", "intermediate_integration"]
)  # fmt: skip
def test_answers_are_not_run(name, tmp_path, monkeypatch):
    path = tmp_path / "run"
    hidden = "+".join(f"chr({ord(letter)})" for letter in f"open({str(path)!r}, 'w')")
    task = envs.make_task(f"reasoning_gym/{name}")
    posed = envs.problem(task, 1)
    said = (f"open({str(path)!r}, 'w')", f"[open({str(path)!r}, 'w')]", f"eval({hidden})", f"exec({hidden})")
    assert min(errors(task, posed, *said)) >= 0.95
    assert not path.exists()


def test_what_may_run_an_answer_is_known():
    """Another version of the library may evaluate answers elsewhere: then look at it, and disarm it in the worker."""
    root = Path(library.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                if name in ("eval", "exec", "parse_expr", "sympify", "lambdify", "loads") and "json" not in ast.unparse(
                    node
                ):
                    found.add((str(path.relative_to(root)), name))
    disarmed = {
        *((f"algorithmic/{name}.py", "eval") for name in ("binary_matrix", "spiral_matrix", "string_insertion")),
        *((f"games/{name}.py", "parse_expr") for name in ("countdown", "puzzle24")),
        *((f"algebra/{name}_integration.py", "parse_expr") for name in ("simple", "intermediate")),
        ("algebra/polynomial_multiplication.py", "parse_expr"),
        ("games/n_queens.py", "eval"),
    }
    of_its_own = {  # problems and data of the library, never an answer; and a parser of that name
        ("algorithmic/number_sorting.py", "eval"),
        ("arithmetic/basic_arithmetic.py", "eval"),
        ("arithmetic/bitwise_arithmetic.py", "eval"),
        ("arithmetic/gsm_symbolic/generators_00_49.py", "eval"),
        ("arithmetic/gsm_symbolic/generators_50_99.py", "eval"),
        ("code/codeio.py", "exec"),
        ("logic/propositional_logic.py", "parse_expr"),
    }
    assert found == disarmed | of_its_own


def test_an_answer_that_keeps_a_scorer_busy_is_wrong(monkeypatch):
    task = envs.make_task("reasoning_gym/puzzle24")
    posed = envs.problem(task, 0)
    monkeypatch.setattr(adapter, "SCORE_TIMEOUT", 1.0)
    assert errors(task, posed, "9**9**9**9") == [1.0]
    monkeypatch.setattr(adapter, "SCORE_TIMEOUT", 120.0)
    assert errors(task, posed, f"{task.best_answer(posed.answer)} + 0 - 0") == [0.99]  # by a new process: six numbers
    assert errors(task, posed, task.best_answer(posed.answer)) == [0.0]


def test_names():
    assert envs.resolve("reasoning_gym/leg_counting").id == "reasoning_gym/leg_counting-v0"
    assert envs.resolve("reasoning_gym/Leg_Counting-v0").id == "reasoning_gym/leg_counting-v0"
    assert envs.resolve("countdown").id == "eyechart/Countdown-v0"
    assert envs.resolve("reasoning_gym/countdown").id == "reasoning_gym/countdown-v0"
    with pytest.raises(ValueError, match=r"Did you mean reasoning_gym/leg_counting-v0.*envs list reasoning_gym"):
        envs.resolve("reasoning_gym/leg_countin")
    assert envs.resolve("reasoning-gym/leg_counting").id == "reasoning_gym/leg_counting-v0"
    with pytest.raises(ValueError, match="Registered: eyechart/Clock-v0") as error:
        envs.resolve("reasoning")
    assert "reasoning_gym/" not in str(error.value)


@pytest.mark.parametrize("name", ["leg_counting", "Leg-Counting", "reasoning_gym", "reasoning-gym"])
def test_a_bare_name_is_told_its_librarys(name, clean_registry):
    before = set(clean_registry)
    with pytest.raises(ValueError, match=rf"Unknown environment '{name}'\. Did you mean reasoning_gym/leg_counting\?"):
        envs.resolve(name)
    assert set(clean_registry) == before  # nothing is registered that nobody named


def test_fields_are_the_librarys():
    task = envs.make_task("reasoning_gym/leg_counting", min_animals=2, max_animals=2)
    for seed in range(4):
        assert envs.problem(task, seed).prompt.count(",") == 2  # one in the question, one between the animals
    task = envs.make_task("reasoning_gym/basic_arithmetic", operators=["*"])
    assert all(set("+/").isdisjoint(envs.problem(task, s).prompt.partition("\n\nReply")[0]) for s in range(4))
    task = envs.make_task("reasoning_gym/calendar_arithmetic", tasks=["is_leap_year"])
    assert "leap year" in envs.problem(task, 0).prompt
    assert envs.make_task("reasoning_gym/rearc").diff_ub == 0.2
    for fields, message in (
        ({"max_animals": 2}, r"reasoning_gym/leg_counting takes no such fields: max_animals must be >= min_animals"),
        ({"min_animals": "2"}, r"leg_counting.min_animals must be a whole number, got '2'"),
        ({"animals": 2}, r"leg_counting has no field 'animals'. Did you mean 'min_animals'"),
    ):
        with pytest.raises(ValueError, match=message):
            envs.make_task("reasoning_gym/leg_counting", **fields)


def test_gymnasium_makes_them():
    spec = envs.resolve("reasoning_gym/leg_counting")
    env = gym.make(gym.spec(spec.id), split="eval", max_animals=4)
    observation, info = env.reset(seed=3)
    assert observation == {"prompt": envs.problem(env.unwrapped.task, 3, "eval").prompt}
    _, reward, terminated, _, _ = env.step(tagged(info["best_answer"]))
    assert (reward, terminated) == (1.0, True)
    many = gym.make_vec(spec.id, num_envs=4)
    many.reset(seed=[1, 1, 2, 2])
    assert many.step(["a"] * 4)[1].tolist() == [0.0] * 4


def test_the_commands(capsys, tmp_path):
    for name in ("reasoning_gym", "reasoning-gym"):
        assert main(["list", name]) == 0
        assert "reasoning_gym/zebra_puzzles-v0" in capsys.readouterr().out
    assert main(["show", "reasoning_gym/leg_counting", "--count", "2", "--out", str(tmp_path / "sheet.png")]) == 0
    assert "how many legs" in capsys.readouterr().out
    assert main(["check", "reasoning_gym/leg_counting", "--task.max-animals", "4", "--samples", "8"]) == 0
    assert "no broken rule in 8 problems" in capsys.readouterr().out
    assert main(["export", "reasoning_gym/ab", "--size", "3", "--format", "jsonl", "--out", str(tmp_path / "ab")]) == 0
    assert len((tmp_path / "ab" / "train.jsonl").read_text().splitlines()) == 3


@pytest.mark.slow  # no CI run has both libraries: .ci/adapters says how to run it
def test_training_and_evaluating(run_python, tmp_path):
    pytest.importorskip("torch")
    words = "--env reasoning_gym/leg_counting --eval-size 4".split()
    some = "--steps 2 --problems-per-step 2 --group-size 4 --cold-start-steps 2".split()
    ran = run_python("-m", "train", *words, *some, "--run", str(tmp_path / "run"), timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert "end" in (tmp_path / "run" / "evals.csv").read_text()
    out = tmp_path / "chance.json"
    ran = run_python("-m", "train.evaluate", *words, "--model", "chance", "--out", str(out), timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(out.read_text())["env"]


def test_a_missing_library_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    adapter._configs.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match=r"pip install 'eyechart\[reasoning-gym\]'"):
            envs.resolve("reasoning_gym/leg_counting")
        assert main(["list", "reasoning-gym"]) == 2
        assert "pip install" in capsys.readouterr().err
        with pytest.raises(ValueError, match=r"Did you mean reasoning_gym/leg_counting\?"):
            envs.resolve("reasoning_gym")
        assert main(["check", "reasoning_gym/leg_counting"]) == 2
        assert "pip install" in capsys.readouterr().err
    finally:
        adapter._configs.cache_clear()


def test_the_guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for code in snippets("reasoning-gym"):
        exec(code, {})
    for line in "".join(snippets("reasoning-gym", "sh")).splitlines():
        words = line.partition("#")[0].split()
        if words[:3] == ["python", "-m", "envs"] and words[3] != "list":
            assert main(words[3:]) == 0
