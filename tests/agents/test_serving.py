"""An exported folder under `transformers serve`: what any OpenAI-compatible client gets to hear."""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from agents.__main__ import main
from agents.loading import load_policy
from tests.agents.conftest import noise_pictures

pytest.importorskip("fastapi", reason="transformers serve needs fastapi and uvicorn: pip install -e '.[test]'")

QUESTION = "Red?"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A tiny model, exported by the command."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert main(["export", "--model", "tiny", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def server(exported):
    """The address of a server of it."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(exported)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--port", str(port), "--device", "cpu", "--dtype", "float32"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert process.poll() is None, "the server ended by itself"
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=1):
                    break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def asked(server, folder, content):
    body = {"model": str(folder), "messages": [{"role": "user", "content": content}], "max_tokens": 6, "temperature": 0}
    request = urllib.request.Request(
        f"{server}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]


def data_uri(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def ours(folder, pictures):
    policy = load_policy(str(folder), 0, device="cpu")
    policy.max_new_tokens = 6
    (text,) = policy.decode(policy.generate(policy.prepare([QUESTION], [pictures])))
    return text


def test_a_question_about_a_picture(server, exported):
    (picture,) = noise_pictures(56)
    content = [{"type": "image_url", "image_url": {"url": data_uri(picture)}}, {"type": "text", "text": QUESTION}]
    assert asked(server, exported, content) == ours(exported, [picture])


def test_a_question_without_one(server, exported):
    assert asked(server, exported, [{"type": "text", "text": QUESTION}]) == ours(exported, [])
