"""A whole evaluation over HTTP: what fails on the way, and what is kept."""

import itertools
import json
from pathlib import Path

import pytest

import envs
from tests.agents.fake_server import FakeServer, completion, completion_models
from train.evaluate import main
from train.evaluation.results import read_results

pytest.importorskip("openai", reason="a server as policy needs openai: pip install -e '.[test]'")

KEY = "sk-very-secret-0123456789"
PROBLEMS = 6


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    server = FakeServer()
    yield server
    server.stop()


def command(fake, *more):
    arguments = f"--env clock --task.size 56 --eval-size {PROBLEMS} --retries 0 --concurrency 2 --model".split()
    return main([*arguments, fake.url, "--served-model", "toy", *more])


def steady(body):
    return completion("At a guess <answer>03:00:00</answer>", usage={"completion_tokens": 9})


def script(fake, *steps):
    fake.script["What time is it? Reply <answer>HH:MM:SS</answer>"] = list(steps)


def test_answers_figures_and_pictures(fake):
    script(fake, steady)
    assert command(fake) == 0
    document = read_results(Path("evaluations/clock-size-56-toy.json"))
    task = envs.make_task("clock", size=56)
    errors = [task.error(3 * 3600, task.read(envs.problem(task, seed, "eval").answer)) for seed in range(PROBLEMS)]
    for condition in document["conditions"]:
        assert condition["figures"]["mae"]["value"] == pytest.approx(sum(errors) / PROBLEMS)
        assert condition["figures"]["tokens"]["value"] == 9
    assert (document["name"], document["policy"]) == ("toy", {"kind": "server", "served_model": "toy"})
    assert len(fake.bodies) == 3 * PROBLEMS
    assert fake.most_in_flight <= 2
    sent = {name.lower(): value for headers in fake.headers for name, value in headers.items()}
    assert sent["authorization"] == f"Bearer {KEY}"
    assert not {"openai-organization", "openai-project"} & set(sent)


@pytest.mark.parametrize("paid", [1, 4, 7])
@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ((401, {}, {"error": {"message": f"wrong key {KEY}"}}), "OPENAI_API_KEY"),
        ((500, {}, "oops"), "500"),
        ("no json at all", "no JSON"),
        ({"object": "chat.completion", "choices": []}, "no choice"),
    ],
)
def test_what_was_paid_for_is_kept(fake, capsys, failure, message, paid):
    script(fake, *[steady] * paid, failure)
    assert command(fake) == 1
    told = capsys.readouterr().err
    assert message in told
    assert f"{paid} answers are kept" in told
    asked = len(fake.bodies)
    script(fake, steady)
    assert command(fake) == 0
    assert len(fake.bodies) - asked == 3 * PROBLEMS - paid
    for path in Path().rglob("*.*"):
        assert KEY not in path.read_text(errors="ignore")
    assert KEY not in told + "".join(capsys.readouterr())


def test_a_failure_that_passes_is_not_seen(fake):
    script(fake, (429, {"Retry-After": "0"}, "slow down"), *[steady] * 3, (429, {"Retry-After": "0"}, ""), steady)
    assert command(fake, "--retries", "1") == 0
    assert len(fake.bodies) == 3 * PROBLEMS + 2


def test_a_model_that_says_nothing_is_wrong_not_an_error(fake):
    script(fake, completion(None))
    assert command(fake) == 0
    asked = read_results(Path("evaluations/clock-size-56-toy.json"))["conditions"][0]["figures"]
    assert (asked["parsed"]["value"], asked["mae"]["value"], asked["reward"]["value"]) == (0, 360, 0)


def test_a_model_that_ran_out_of_tokens_is_told_of(fake, capsys):
    choice = {"message": {"role": "assistant", "content": None}, "finish_reason": "length"}
    script(fake, {"object": "chat.completion", "choices": [choice]})
    assert command(fake) == 0
    asked = read_results(Path("evaluations/clock-size-56-toy.json"))["conditions"][0]["figures"]
    assert asked["truncated"]["value"] == 1
    assert f"{PROBLEMS} of {PROBLEMS} answers are cut off" in capsys.readouterr().err


def test_what_the_first_try_had_wrong_can_be_put_right(fake):
    script(fake, (400, {}, {"error": {"message": "Unsupported parameter: max_tokens"}}))
    assert command(fake) == 1
    script(fake, steady)
    assert command(fake, "--extra-body", '{"max_tokens": null}') == 0
    assert [path.name for path in Path("evaluations").glob("*.json*")] == ["clock-size-56-toy.json"]


def test_samples_are_drawn_with_seeds_of_their_own(fake, capsys):
    times = itertools.count()
    script(fake, lambda body: completion(f"<answer>{1 + next(times) % 12:02d}:00:00</answer>"))
    assert command(fake, "--samples", "3", "--controls") == 0
    seeds = [body["seed"] for body in fake.bodies]
    assert len(set(seeds)) == 3 * PROBLEMS
    assert {body["temperature"] for body in fake.bodies} == {1.0}
    assert "the same text" not in capsys.readouterr().err
    assert command(fake, "--samples", "3", "--controls") == 0
    assert sorted(body["seed"] for body in fake.bodies[3 * PROBLEMS :]) == sorted(seeds)


def test_a_server_that_does_not_sample_is_noticed(fake, capsys):
    script(fake, steady)
    assert command(fake, "--samples", "2", "--controls") == 0
    assert "every problem's samples are the same text" in capsys.readouterr().err


def test_a_server_that_is_not_there(fake, capsys):
    fake.stop()
    assert command(fake) == 1
    assert fake.url in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_the_only_model_of_a_server_is_asked(fake):
    fake.models = completion_models("only/one-7b")
    script(fake, steady)
    assert main(["--env", "clock", "--eval-size", "2", "--controls", "blank", "--model", fake.url]) == 0
    assert {body["model"] for body in fake.bodies} == {"only/one-7b"}
    (results,) = Path("evaluations").glob("*.json")
    assert json.loads(results.read_text())["policy"]["served_model"] == "only/one-7b"
