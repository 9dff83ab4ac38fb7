"""OpenEnv's own client against `python -m envs serve`, in a process of its own."""

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("openenv", reason="OpenEnv has an environment of its own: .ci/adapters")

from openenv.core import GenericEnvClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from envs import make_task, problem
from envs.adapters.openenv import to_openenv
from envs.answers import tagged
from envs.question import draw
from tests.envs.adapters.guide import snippets
from tests.readme import ROOT

SIZE = 48
SESSIONS = 3


@contextlib.contextmanager
def served(log, *arguments):
    """The address of a server that runs until the block ends, which Ctrl-C has to do, without a traceback."""
    command = [sys.executable, "-m", "envs", "serve", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": log.open("w"), "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as server:
        try:
            yield re.search(r"http://\S+", server.stdout.readline()).group()
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=20) == 0
            assert "Traceback" not in log.read_text()
        finally:
            server.kill()


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    arguments = ("--port", "0", "--sessions", str(SESSIONS), "--task.size", str(SIZE))
    with served(tmp_path_factory.mktemp("clock") / "log", "clock", *arguments) as address:
        yield address


def play(address):
    return GenericEnvClient(base_url=address).sync()


def reset_in_time(client, **options):
    """A session is free a moment after the goodbye, not at once."""
    for _ in range(100):
        try:
            return client.reset(**options)
        except (RuntimeError, ConnectionClosed):
            time.sleep(0.1)
    return client.reset(**options)


def picture(uri):
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def post(address, path, body):
    request = urllib.request.Request(address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_an_episode_is_the_problem_and_its_score(clock):
    task = make_task("clock", size=SIZE)
    posed = problem(task, 7)
    with play(clock) as env:
        shown = env.reset(seed=7)
        assert shown.observation["prompt"] == posed.prompt
        assert np.array_equal(picture(shown.observation["image"]), draw(task, posed))
        assert (shown.reward, shown.done, shown.metadata) == (None, False, {"seed": 7, "split": "train"})
        ended = env.step({"text": tagged(posed.answer)})
        assert (ended.reward, ended.done) == (1.0, True)
        told = ended.metadata
        assert (told["answer"], told["error"], told["parsed"], told["reward/format"]) == (posed.answer, 0.0, True, 1.0)
        assert env.state() == {"episode_id": None, "step_count": 1, "seed": 7, "split": "train"}


def test_nothing_tells_the_answer_before_the_step(clock):
    posed = problem(make_task("clock", size=SIZE), 7)
    with play(clock) as env:
        shown = env.reset(seed=7, episode_id="a")
        told = json.dumps([shown.observation["prompt"], shown.metadata, env.state()])
    assert posed.answer not in told
    with play(clock) as env:
        assert env.state() == {"episode_id": None, "step_count": 0}  # a new session knows nothing of it


@pytest.mark.parametrize("text", ["", "12", "<answer>99:99:99</answer>", "\ud800 \x00", "a" * 100_000])
def test_any_text_is_scored(clock, text):
    task = make_task("clock", size=SIZE)
    expected = task.score(text, problem(task, 3, "eval").answer)
    with play(clock) as env:
        env.reset(seed=3, split="eval")
        ended = env.step({"text": text})
    assert (ended.reward, ended.metadata["error"]) == (expected.reward, expected.error) == (0.0, 360.0)


def test_sessions_are_played_side_by_side(clock):
    task = make_task("clock", size=SIZE)
    answers = [problem(task, seed).answer for seed in range(SESSIONS)]
    assert len(set(answers)) == SESSIONS
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(play(clock)) for _ in range(SESSIONS)]
        for seed, client in enumerate(clients):
            reset_in_time(client, seed=seed)
        # the first is asked last: its question is still its own
        told = [client.step({"text": tagged(answers[0])}).metadata for client in reversed(clients)]
        assert [one["answer"] for one in told] == answers[::-1]
        assert [one["error"] == 0 for one in told] == [False, False, True]
        with play(clock) as late, pytest.raises(RuntimeError, match="CAPACITY_REACHED"):
            late.reset()
    with play(clock) as env:
        assert not reset_in_time(env).done


def test_unseeded_problems_differ(clock):
    with play(clock) as env:
        seeds = {env.reset().metadata["seed"] for _ in range(8)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


REFUSED = [
    ({"type": "step", "data": {"text": "12:00:00"}}, "no open question"),
    ({"type": "reset", "data": {"seed": -1}}, "0 or more, got -1"),
    ({"type": "reset", "data": {"seed": "7"}}, "whole number, got '7'"),
    ({"type": "reset", "data": {"seed": 1.5}}, "whole number, got 1.5"),
    ({"type": "reset", "data": {"split": "test"}}, "Unknown split 'test'"),
    ({"type": "reset", "data": []}, "Invalid message"),
    ({"type": "step", "data": {}}, "Invalid message"),
    ({"type": "step", "data": {"text": "1", "other": 2}}, "Invalid message"),
    ({"type": "nonsense"}, "Unknown message type"),
]
ODD = [
    ("[]", "JSON object, got list"),
    ("7", "JSON object, got int"),
    ("null", "JSON object"),
    ("", "must be a text"),
    (b"\x00\xff", "must be a text"),
    ('{"type": "reset", "data": {"seed": ' + "9" * 5000 + "}}", "too long"),
    ("{" * 100_000, "Invalid JSON"),
    ("[" * 100_000, "nested too deeply"),
    ('{"type": "reset", "data": "\\ud800"}', "half a character"),
    ('{"type": "step", "data": {"text": "1", "\\ud800": 2}}', "half a character"),
    ('{"type": "\\ud800"}', "half a character"),
]


def test_bad_messages_are_answered_and_the_session_goes_on(clock):
    async def talk():
        async with connect(clock.replace("http", "ws") + "/ws", proxy=None) as socket:
            for message, reason in [*((json.dumps(told), why) for told, why in REFUSED), ("{", "Invalid JSON"), *ODD]:
                await socket.send(message)
                answer = json.loads(await socket.recv())
                assert answer["type"] == "error"
                assert reason in answer["data"]["message"], answer
            for text in (5, None, ["12:00:00"]):
                await socket.send('{"type": "reset", "data": {"seed": 0}}')
                assert json.loads(await socket.recv())["type"] == "observation"
                await socket.send(json.dumps({"type": "step", "data": {"text": text}}))
                assert "must be a text" in json.loads(await socket.recv())["data"]["message"]
            await socket.send('{"type": "step", "data": {"text": ""}}')  # the question is still open
            assert json.loads(await socket.recv())["data"]["reward"] == 0

    asyncio.run(talk())


def test_broken_and_dropped_sockets_free_their_sessions(clock):
    async def break_one(message):
        with contextlib.suppress(ConnectionClosed):
            async with connect(clock.replace("http", "ws") + "/ws", proxy=None) as socket:
                await socket.send('{"type": "reset"}')
                await socket.recv()
                await socket.send(message)
                socket.transport.abort()  # no goodbye

    async def break_all():
        for message in ["[]", '{"type": "reset"}', "a" * 20_000_000]:
            await asyncio.gather(*(break_one(message) for _ in range(SESSIONS)))

    asyncio.run(break_all())
    with contextlib.ExitStack() as stack:
        for client in [stack.enter_context(play(clock)) for _ in range(SESSIONS)]:
            assert reset_in_time(client, seed=1).metadata["seed"] == 1


def test_web_pages_of_another_host_are_refused(clock):
    async def answered(path, origin):
        async with connect(clock.replace("http", "ws") + path, proxy=None, origin=origin) as socket:
            await socket.send('{"type": "state"}')
            return json.loads(await socket.recv())["type"]

    for path in ("/ws", "/mcp"):
        for origin in ("http://evil.example", "http://127.0.0.1.evil.example", "null", "http://["):
            with pytest.raises(InvalidStatus, match="403"):
                asyncio.run(answered(path, origin))
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(urllib.request.Request(clock + "/mcp", b"{}", {"Origin": origin}), timeout=20)
    for origin in (None, clock, "http://127.0.0.1:3000", "https://127.0.0.1"):
        assert asyncio.run(answered("/ws", origin)) == "state"


def test_half_a_handshake_holds_nobody_up(clock):
    host, port = clock.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as idle:
        idle.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
        with play(clock) as env:
            assert not env.reset(seed=1).done


def test_http_keeps_no_state_and_says_so(clock):
    status, shown = post(clock, "/reset", {"seed": 7})
    assert (status, shown["observation"]["metadata"]) == (200, {"seed": 7, "split": "train"})
    assert post(clock, "/step", {"action": {"text": "12:00:00"}})[0] == 422
    assert "same /ws session" in post(clock, "/step", {"action": {"text": "12:00:00"}})[1]["detail"]
    assert "Unknown split" in post(clock, "/reset", {"split": "test"})[1]["detail"]
    assert post(clock, "/reset", {"seed": -1})[0] == 422


def test_the_action_has_one_required_field(clock):
    with urllib.request.urlopen(clock + "/schema", timeout=20) as answer:
        action = json.load(answer)["action"]
    assert action["required"] == ["text"]
    assert action["properties"]["text"]["type"] == "string"


def test_the_address_is_this_machines_alone(clock):
    host, _, port = clock.removeprefix("http://").rpartition(":")
    assert host == "127.0.0.1"
    with socket.socket() as other:  # were it listening at 0.0.0.0, this address would be taken
        other.bind(("127.0.0.2", int(port)))


def test_a_text_task_at_another_address(tmp_path):
    arguments = ("gsm8k", "--port", "0", "--host", "::1", "--split", "eval")
    with served(tmp_path / "log", *arguments) as address, play(address) as env:
        posed = problem(make_task("gsm8k"), 2, "eval")
        shown = env.reset(seed=2)
        assert (shown.observation["prompt"], shown.observation["image"]) == (posed.prompt, None)
        assert env.step({"text": tagged(posed.answer)}).reward == 1.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"split": "test"}, "Unknown split"), ({"max_sessions": 0}, "max_sessions"), ({"sise": 9}, "did you mean")],
)
def test_bad_settings_are_refused_before_serving(changes, reason):
    with pytest.raises(ValueError, match=f"(?i){reason}"):
        to_openenv("clock", **changes)


def test_the_guide(clock):
    code = snippets("OpenEnv")
    assert code
    for snippet in code:
        assert "http://127.0.0.1:8000" in snippet
        exec(snippet.replace("http://127.0.0.1:8000", clock), {})
