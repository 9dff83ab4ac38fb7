"""`vf-eval envs`, the library's own command, against a local server of chat completions."""

import itertools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("verifiers.v1", reason="verifiers has an environment of its own: .ci/adapters")

import verifiers.v1 as vf
from verifiers.v1.utils.loaders import load_taskset, taskset_config_type

import envs
from envs import make_task, problem
from envs.adapters.messages import user_message
from envs.answers import tagged
from tests.envs.adapters.chat_server import ChatServer
from tests.envs.adapters.guide import snippets
from tests.readme import ROOT

TEXTS = (
    lambda answer: tagged(answer),
    lambda answer: tagged("12:00:00"),
    lambda answer: f"{tagged(answer)} or {tagged('12:00:00')}",
    lambda answer: "I cannot see \ufffd it. \x00",
    lambda answer: "",
    lambda answer: f"It reads {tagged(answer)}",
)
"""What the model makes of the problems 0, 1, 2 and so on."""


def command(tool, *arguments):
    return [str(Path(sys.executable).with_name(tool)), *arguments]


def run(arguments, folder, server):
    """In a folder, where nothing of the platform's is reached but this server."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # uv lies there
    nowhere = {"PRIME_API_BASE_URL": server, "PRIME_TRACES_URL": server, "PRIME_API_KEY": "none"}
    environment = os.environ | nowhere | {"PATH": path, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "none"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def guide_line(server, count):
    """The line of the guide, with the address of the server, and for fewer problems."""
    (code,) = snippets("verifiers", "bash")
    line = next(line for line in code.replace("\\\n", "").splitlines() if line.startswith("vf-eval"))
    assert "--no-push" in line
    assert "http://127.0.0.1:8000/v1" in line
    arguments = shlex.split(line.replace("http://127.0.0.1:8000", server), comments=True)
    arguments[arguments.index("-n") + 1] = str(count)
    return command(*arguments)


def test_an_evaluation_is_paid_what_the_task_pays(tmp_path):
    task = make_task("clock")
    answers = {}
    for seed, text in enumerate(TEXTS):
        posed = problem(task, seed, "eval")
        answers[json.dumps(user_message(task, posed))] = text(posed.answer)
    assert len(answers) == len(TEXTS)

    def reply(messages):
        (message,) = messages
        return answers[json.dumps(message)]  # to the last pixel, or there is no answer

    with ChatServer(reply) as server:
        run([*guide_line(server.address, len(TEXTS)), "--no-rich"], tmp_path, server.address)
        assert set(server.requests) == {"/v1/chat/completions"}  # nothing was pushed
    (results,) = tmp_path.glob("outputs/eyechart-clock-v0--*/traces.jsonl")
    traces = [json.loads(line) for line in results.read_text().splitlines()]
    traces = {trace["task"]["data"]["seed"]: trace for trace in unpacked(traces)}
    assert sorted(traces) == list(range(len(TEXTS)))
    for seed, (message, text) in enumerate(answers.items()):
        data, rewards, metrics = traces[seed]["task"]["data"], traces[seed]["rewards"], traces[seed]["metrics"]
        posed = problem(task, seed, "eval")
        assert data["prompt"] == [json.loads(message)]
        assert (data["answer"], data["split"]) == (posed.answer, "eval")
        score = task.score(text, posed.answer)
        assert rewards == {"task_reward": {"score": score.reward, "weight": 1.0}}
        told = (metrics["error"], metrics["parsed"], metrics["lenient_error"], metrics["reward/accuracy"])
        assert told == (score.error, float(score.parsed), score.lenient_error, score.parts["accuracy"])
    paid = [traces[seed]["rewards"]["task_reward"]["score"] for seed in range(len(TEXTS))]
    assert (paid[0], paid[5]) == (1.0, 0.9)  # the format is a tenth
    assert 0 < paid[1] < 1
    assert paid[2:5] == [0, 0, 0]


def unpacked(rows):
    """The traces, whether a row is one or an episode of them."""
    return [trace for row in rows for trace in row.get("traces", [row])]


def load(**settings):
    config = taskset_config_type("envs")(id="envs", **settings)
    return load_taskset(config)


def test_problems_follow_the_seed_and_do_not_end():
    tasks = load(env="clock", fields={"size": 56}, split="eval", seed=5)
    assert not tasks.bounded
    first = list(itertools.islice(tasks, 3))
    assert [task.data.seed for task in first] == [5, 6, 7]
    assert [task.data.answer for task in first] == [
        problem(make_task("clock"), seed, "eval").answer for seed in (5, 6, 7)
    ]
    assert [task.data.answer for task in itertools.islice(tasks, 3)] == [task.data.answer for task in first]
    assert len({task.key for task in first}) == 3


def test_rows_of_a_file_are_all_there_once(tmp_path):
    rows = [{"question": f"What is {n} and {n}?", "answer": f"#### {2 * n}"} for n in range(4)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    tasks = load(env="gsm8k", fields={"source": str(tmp_path / "train.jsonl")})
    assert tasks.bounded
    task = make_task("gsm8k", source=str(tmp_path / "train.jsonl"))
    found = list(tasks)
    assert len(found) == task.num_problems("train")
    assert len({task.data.answer for task in found}) == len(found)
    assert isinstance(found[0].data.prompt[0].content, str)  # no picture


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"env": "clocc"}, "Did you mean eyechart/Clock-v0"),
        ({"fields": {"sise": 3}}, "sise"),
        ({"split": "test"}, "train.*eval"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"other": 1}, "other"),
    ],
)
def test_bad_settings_are_told(settings, reason):
    with pytest.raises(ValueError, match=f"(?s){reason}"):
        load(**settings)


def test_the_class_is_a_name_of_the_package():
    assert "EyechartTaskset" in envs.__all__
    assert issubclass(envs.EyechartTaskset, vf.Taskset)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = envs.Nothing


def test_the_library_validates_the_answers(tmp_path):
    with ChatServer(lambda messages: "") as server:
        arguments = ["envs", "--taskset.env", "scatter", "-n", "3", "--runtime.type", "subprocess", "-o", "checked"]
        run(command("vf-validate", *arguments), tmp_path, server.address)
        assert not server.requests
    (results,) = tmp_path.glob("checked/*/results.jsonl")
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert [row["reason"] for row in rows] == ["valid"] * 3
    assert [row["noop"]["rewards"] for row in rows] == [{"task_reward": 0.0}] * 3
