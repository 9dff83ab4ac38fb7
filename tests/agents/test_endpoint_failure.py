"""Servers that cannot be reached, refuse, hang or talk nonsense."""

import logging
import re
import socket
import threading
import traceback

import pytest

from agents.endpoint import Endpoint, EndpointError
from agents.endpoint_failure import retry_after
from agents.endpoint_settings import EndpointSettings
from agents.policy import Reply
from tests.agents.fake_server import ask, completion, completion_models, endpoint, threads

pytest.importorskip("openai", reason="a server as policy needs openai: pip install -e '.[test]'")

PAGE = "<!doctype html><title>Welcome</title>"
GOOD = completion("fine")
NOT_SET = "the environment variable OPENAI_API_KEY (it is not set)"


def error_body(message):
    return {"error": {"message": message, "type": "some_error"}}


def failure(policy, *prompts):
    with pytest.raises(EndpointError) as caught:
        list(ask(policy, *prompts or ["?"]))
    line = str(caught.value)
    assert line.isprintable()
    return line


# -- what passes ---------------------------------------------------------------------------------------------------

PASSING = {
    "429": (429, {"Retry-After": "0.01"}, error_body("slow down")),
    "429 without a date": (429, {"Retry-After": "soon"}, error_body("slow down")),
    "500": (500, {}, error_body("oh")),
    "502, a page": (502, {}, PAGE),
    "503": (503, {}, ""),
    "408": (408, {}, ""),
    "409": (409, {}, ""),
    "broken off": (200, {"Content-Length": "999", "Connection": "close"}, "{"),
    "invalid JSON": '{"choices": [',
    "too deep": "[" * 100_000,
    "empty body": "",
    "JSON of another kind": "[]",
    "no choices": {"choices": []},
    "null choices": {"choices": None},
    "empty choice": {"choices": [{}]},
    "no message": {"choices": [{"message": None}]},
    "a number": completion(7),
    "an error with 200": error_body("upstream is down"),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_trouble_that_passes(fake, trouble):
    fake.script["?"] = [trouble, trouble, GOOD]
    assert list(ask(endpoint(fake, retries=2), "?")) == [(0, Reply("fine"))]
    assert len(fake.bodies) == 3
    assert fake.bodies[0] == fake.bodies[2]


def test_a_hang_that_passes(fake):
    fake.script["?"] = [fake.hang, GOOD]
    assert list(ask(endpoint(fake, retries=1, timeout=0.3), "?")) == [(0, Reply("fine"))]


def test_a_drip_is_a_hang(fake):
    fake.script["?"] = [(200, {"Content-Length": "9999", "Drip": "yes"}, " "), GOOD]
    assert list(ask(endpoint(fake, retries=1, timeout=0.3), "?")) == [(0, Reply("fine"))]


LASTING = {
    "429": "the server wants fewer requests (429: slow down), 3 times in a row; lower --concurrency, raise --retries",
    "500": "the server is out of order (500: oh), 3 times in a row; look into its log",
    "502, a page": "the server is out of order (502: <!doctype html><title>Welcome</title>), 3 times in a row",
    "503": "the server is out of order (503), 3 times in a row",
    "invalid JSON": 'the server answers with what cannot be read: no JSON: {"choices": [, 3 times in a row; look into',
    "empty body": "the server answers with what cannot be read: no JSON: an empty body, 3 times in a row",
    "no choices": 'the server answers with what cannot be read: no choice with a message: {"choices": []}, 3 times',
    "a number": "the server answers with what cannot be read: a content that is no text",
    "an error with 200": "cannot be read: an error in place of an answer: upstream is down, 3 times in a row",
}


@pytest.mark.parametrize("name", LASTING)
def test_trouble_that_lasts(fake, name):
    fake.script["?"] = [PASSING[name]]
    line = failure(endpoint(fake, retries=2))
    assert line.startswith(f"--model {fake.url} --served-model toy: the server ")
    assert LASTING[name] in line
    assert len(fake.bodies) == 3


def test_a_server_that_hangs(fake):
    fake.script["?"] = [fake.hang]
    line = failure(endpoint(fake, retries=1, timeout=0.2))
    assert "gave no answer within 0.2 s, 2 times in a row; give it longer by --timeout" in line


def test_a_server_that_asks_for_a_long_pause_is_left_alone(fake):
    fake.script["?"] = [(429, {"Retry-After": "3600"}, error_body("quota"))]
    assert "(429: quota), and asks to wait 3600 s; lower --concurrency" in failure(endpoint(fake))
    assert len(fake.bodies) == 1


def test_the_pause_that_a_server_asks_for():
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}) > 3000
    for value in ("0", "-3", "nan", "inf", "soon", "", "Fri, 31 Dec 1999 23:59:59 GMT"):
        assert retry_after({"retry-after": value}) is None
    assert retry_after({}) is None


def test_nobody_there():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    policy = Endpoint(EndpointSettings(url, "toy", retries=1), first_pause=0.001)
    line = failure(policy)
    assert re.search(r"the server cannot be reached \(.*\), 2 times in a row; start it, or check the address", line)
    with pytest.raises(EndpointError, match="cannot be reached"):
        policy.check()


def test_a_host_without_a_name():
    policy = Endpoint(EndpointSettings("http://nobody.invalid/v1", "toy", retries=0))
    assert "the server cannot be reached (" in failure(policy)


# -- what does not pass --------------------------------------------------------------------------------------------

AT_ONCE = {
    "400": ((400, {}, error_body("no\nsuch\x1b[31m field")), "refuses the request (400: no such\\x1b[31m field)"),
    "400, at length": (
        (400, {}, error_body("x" * 9999)),
        f"refuses the request (400: {'x' * 199}…); change what it complains of",
    ),
    "401": ((401, {}, error_body("who?")), f"refuses the key (401: who?); put a valid key into {NOT_SET}"),
    "403": ((403, {}, error_body("not you")), "forbids it (403: not you); the key in OPENAI_API_KEY"),
    "422": ((422, {}, {"detail": [{"loc": "seed"}]}), 'refuses the request (422: [{"loc": "seed"}])'),
    "a page": (
        PAGE,
        "is no OpenAI-compatible server: it answers with a web page; check the address; did you forget /v",
    ),
    "404, a page": ((404, {}, PAGE), "knows no such model or page (404, a web page); "),
    "a redirect": (
        (307, {"Location": "https://x.org/v1?a=b"}, ""),
        "redirects to https://x.org/v1 (307); give the add",
    ),
    "nowhere": ((302, {}, ""), "redirects to nowhere (302)"),
}


@pytest.mark.parametrize(("trouble", "told"), AT_ONCE.values(), ids=AT_ONCE)
def test_trouble_that_does_not_pass(fake, trouble, told):
    fake.script["?"] = [trouble, GOOD]
    assert f"--model {fake.url} --served-model toy: the server {told}" in failure(endpoint(fake))
    assert len(fake.bodies) == 1


def test_a_model_that_is_not_served(fake):
    fake.models = completion_models("small", "large")
    fake.script["?"] = [(404, {}, error_body("no toy here"))]
    line = failure(endpoint(fake))
    assert line.endswith("(404: no toy here); name a model that it serves by --served-model: small, large")


def test_an_address_without_v1(fake):
    settings = EndpointSettings(fake.url.removesuffix("/v1"), "toy")
    line = failure(Endpoint(settings))
    assert line.endswith(
        "(404: no such page); check --served-model, and check the address; did you forget /v1 at its end?"
    )


def test_replies_in_flight_are_not_lost_and_no_request_follows(fake):
    both = threading.Barrier(3, timeout=20)
    refused = threading.Event()

    def refuse(body):
        both.wait()
        refused.set()
        return 401, {}, ""

    def reply_later(body):
        both.wait()
        refused.wait(20)
        threading.Event().wait(0.1)
        return completion(f"paid {body['messages'][0]['content']}")

    fake.script = {"bad": [refuse], "a": [reply_later], "b": [reply_later]}
    replies = ask(endpoint(fake, concurrency=3), "a", "bad", "b", *map(str, range(20)))
    arrived = []
    with pytest.raises(EndpointError, match="refuses the key"):
        collect(replies, arrived)
    assert sorted(arrived) == [(0, "paid a"), (2, "paid b")]
    assert len(fake.bodies) == 3


def collect(replies, found):
    for row, reply in replies:
        found.append((row, reply.text))


def test_who_waits_for_another_try_gives_up_with_the_rest(fake):
    waits = threading.Event()

    def busy(body):
        waits.set()
        return 429, {"Retry-After": "100"}, ""

    def refuse(body):
        waits.wait(20)
        threading.Event().wait(0.1)
        return 400, {}, "bad"

    before = threads()
    fake.script = {"busy": [busy], "bad": [refuse]}
    assert "(400: bad)" in failure(endpoint(fake, concurrency=2), "busy", "bad")
    assert sorted(fake.prompts) == ["bad", "busy"]
    assert threads() == before


# -- the check before any work -------------------------------------------------------------------------------------


def test_the_only_model_is_taken(fake):
    policy = endpoint(fake, served_model=None)
    assert policy.check() == policy.served_model == "toy"
    assert not fake.bodies


def test_without_a_check_the_only_model_is_taken_too(fake):
    list(ask(endpoint(fake, served_model=None), "?"))
    assert fake.bodies[0]["model"] == "toy"


UNCLEAR = {
    "several": (completion_models("a", "b\n"), "serves 2 models: a, b; say which one by --served-model NAME"),
    "many": (
        completion_models(*map(str, range(20))),
        "serves 20 models: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more",
    ),
    "none": (completion_models(), "lists no model; say which one by --served-model NAME"),
    "odd": ({"data": [7, {"id": 7}, {"id": ""}]}, "lists no model"),
    "no list": (
        {"data": "x"},
        "does not tell what it serves, and answers with what cannot be read: no list of models:",
    ),
    "no page": (
        (404, {}, ""),
        "does not tell what it serves, and knows no such model or page (404); say which one by --s",
    ),
    "500": ((500, {}, ""), "does not tell what it serves, and is out of order (500); say which one by --served-model"),
}


@pytest.mark.parametrize(("models", "told"), UNCLEAR.values(), ids=UNCLEAR)
def test_a_model_must_be_named(fake, models, told):
    fake.models = models
    with pytest.raises(EndpointError) as caught:
        endpoint(fake, served_model=None).check()
    assert str(caught.value).startswith(f"--model {fake.url}: the server {told}")


@pytest.mark.parametrize(
    "models", [completion_models(), completion_models("x"), {}, *((n, {}, "") for n in (403, 404, 429, 500))]
)
def test_a_named_model_needs_no_list(fake, models):
    fake.models = models
    assert endpoint(fake).check() == "toy"


@pytest.mark.parametrize("models", [(401, {}, ""), (308, {"Location": "/x"}, ""), PAGE])
def test_a_check_finds_out_what_cannot_work(fake, models):
    fake.models = models
    for served in (None, "toy"):
        with pytest.raises(EndpointError, match=r"refuses the key|redirects to /x|web page"):
            endpoint(fake, served_model=served).check()


# -- the key -------------------------------------------------------------------------------------------------------

KEY = "sk-0123456789-not-to-be-seen"


def test_the_key_arrives_and_is_seen_nowhere_else(fake, monkeypatch, caplog, capfd):
    monkeypatch.setenv("OTHER_KEY", f" {KEY}\n")
    caplog.set_level(logging.DEBUG)
    fake.script = {"bad": [(500, {}, ""), (400, {}, error_body(f"key {KEY} may not"))]}
    policy = endpoint(fake, api_key_env="OTHER_KEY")
    policy.check()
    assert list(ask(policy, "?")) == [(0, Reply("?"))]
    with pytest.raises(EndpointError) as caught:
        list(ask(policy, "bad"))
    assert {headers["Authorization"] for headers in fake.headers} == {f"Bearer {KEY}"}
    assert "(400: key *** may not)" in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    seen = capfd.readouterr()
    logged = "".join(f"{record.getMessage()}{record.__dict__}" for record in caplog.records)
    assert "HTTP" in logged  # the client does log
    for text in (told, seen.out, seen.err, logged, repr(policy), repr(vars(policy)), repr(policy.settings)):
        assert KEY not in text


def test_a_key_that_is_refused_is_named_by_its_variable(fake, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    fake.script["?"] = [(401, {}, error_body(f"bad key {KEY}"))]
    line = failure(endpoint(fake))
    assert "(401: bad key ***); put a valid key into the environment variable OPENAI_API_KEY (what it has now" in line


def test_without_a_key_a_placeholder_is_sent(fake):
    endpoint(fake).check()
    assert [headers["Authorization"] for headers in fake.headers] == ["Bearer none"]


@pytest.mark.parametrize("inside", ["a\nb", "a b", "ä", "a\x7f"])
def test_what_cannot_be_a_key(fake, monkeypatch, inside):
    monkeypatch.setenv("OPENAI_API_KEY", KEY + inside)
    with pytest.raises(ValueError, match="the environment variable OPENAI_API_KEY holds no key") as caught:
        endpoint(fake)
    assert KEY not in str(caught.value)
