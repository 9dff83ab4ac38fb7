"""An exported folder under `transformers serve`: what any OpenAI-compatible client gets to hear."""

import base64
import io
import json
import urllib.request

import pytest
from PIL import Image

from agents.endpoint import Endpoint, EndpointError
from agents.endpoint_settings import EndpointSettings
from agents.loading import load_policy
from agents.policy import Draws, texts_of
from tests.agents.conftest import noise_pictures
from train.evaluate import main as evaluate
from train.evaluation.results import read_results

pytest.importorskip("fastapi", reason="transformers serve needs fastapi and uvicorn: pip install -e '.[test]'")

QUESTION = "Red?"


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


@pytest.fixture(scope="module")
def own(exported):
    """The same checkpoint as a policy of ours."""
    policy = load_policy(str(exported), 0, device="cpu")
    policy.max_new_tokens = 6
    return policy


@pytest.fixture
def endpoint(server, exported, monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return Endpoint(EndpointSettings(f"{server}/v1", str(exported), concurrency=3, max_new_tokens=6))


def ours(own, pictures):
    (text,) = own.decode(own.generate(own.prepare([QUESTION], [pictures])))
    return text


def test_a_question_about_a_picture(server, exported, own):
    (picture,) = noise_pictures(56)
    content = [{"type": "image_url", "image_url": {"url": data_uri(picture)}}, {"type": "text", "text": QUESTION}]
    assert asked(server, exported, content) == ours(own, [picture])


def test_a_question_without_one(server, exported, own):
    assert asked(server, exported, [{"type": "text", "text": QUESTION}]) == ours(own, [])


def test_an_endpoint_answers_as_the_policy_itself(endpoint, own):
    observations = {
        "prompt": ("What time is it?", QUESTION, "How many?", "Two?", "None?"),
        "images": (*((picture,) for picture in noise_pictures(56, 84, 56)), tuple(noise_pictures(56, 56)), ()),
    }
    draws = Draws.greedy(range(5))
    expected = dict(own.respond(observations, {}, draws))
    assert len({reply.text for reply in expected.values()}) > 1
    assert dict(endpoint.respond(observations, {}, draws)) == expected  # tokens too


def test_an_endpoint_answers_text_alone_as_the_policy_itself(endpoint, own):
    # Prompts whose answers begin with no space, which the server takes away, and hold no vision token, which we never
    # draw and the server may.
    observations = {"prompt": ("Blue?", QUESTION, "Three?", "Four?")}
    draws = Draws.greedy(range(4))
    assert dict(endpoint.respond(observations, {}, draws)) == dict(own.respond(observations, {}, draws))


def test_a_named_model_passes_the_check(endpoint, exported):
    assert endpoint.check() == str(exported)


def test_without_a_name_the_user_is_asked_for_one(server):
    with pytest.raises(EndpointError, match="say which one by --served-model NAME"):
        Endpoint(EndpointSettings(f"{server}/v1")).check()


def test_another_name_is_refused_in_the_servers_words(server):
    endpoint = Endpoint(EndpointSettings(f"{server}/v1", "toy"))
    with pytest.raises(EndpointError, match=r"refuses the request \(400: Server is pinned to .*; requested 'toy'"):
        list(endpoint.respond({"prompt": ("?",)}, {}, Draws.greedy([0])))


def test_an_address_without_v1(server):
    endpoint = Endpoint(EndpointSettings(server, "toy"))
    with pytest.raises(EndpointError, match=r"\(404: Not Found\).*did you forget /v1"):
        list(endpoint.respond({"prompt": ("?",)}, {}, Draws.greedy([0])))


def test_sampling_takes_a_field_of_this_server(server, exported):
    extra = '{"generation_config": "{\\"do_sample\\": true, \\"max_new_tokens\\": 6}"}'
    observations, draws = {"prompt": (QUESTION,) * 6}, Draws([(0, 0, sample) for sample in range(6)], temperature=1.5)
    settings = EndpointSettings(f"{server}/v1", str(exported), concurrency=1, max_new_tokens=6, extra_body=extra)
    texts = texts_of(Endpoint(settings).respond(observations, {}, draws))
    assert len(set(texts)) > 1
    assert texts_of(Endpoint(settings).respond(observations, {}, draws)) == texts


def test_a_whole_evaluation_over_http_equals_one_without(server, exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = "--env clock --task.size 56 --eval-size 6 --max-new-tokens 6 --format json".split()
    served = ["--model", f"{server}/v1", "--served-model", str(exported), "--concurrency", "3"]
    assert evaluate([*asked, *served, "--out", "served.json"]) == 0
    assert evaluate([*asked, "--model", str(exported), "--device", "cpu", "--out", "own.json"]) == 0
    there, here = (read_results(tmp_path / name) for name in ("served.json", "own.json"))
    assert len(there["rows"]) == 3 * 6
    for one, other in zip(there["rows"], here["rows"], strict=True):
        assert one == other | {"text": one["text"]}
        assert one["text"] == other["text"].strip()  # which the server strips
    assert there["policy"] == {"kind": "server", "served_model": str(exported)}
