"""Asking a server: what is sent, in which order replies come, and how many are in flight; see test_endpoint_failure."""

import base64
import io
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from agents.endpoint import Endpoint
from agents.endpoint_settings import EndpointSettings
from agents.policy import Draws, Reply
from tests.agents.conftest import noise_pictures
from tests.agents.fake_server import ask, completion, endpoint, threads

pytest.importorskip("openai", reason="a server as policy needs openai: pip install -e '.[test]'")


def sent_pictures(body):
    found = []
    for part in body["messages"][0]["content"][:-1]:
        assert part["type"] == "image_url"
        head, data = part["image_url"]["url"].split(",")
        assert head == "data:image/png;base64"
        found.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
    return found


# -- what is sent --------------------------------------------------------------------------------------------------


def test_every_prompt_gets_its_reply(fake):
    replies = dict(ask(endpoint(fake), "one", "two", "three"))
    assert replies == {0: Reply("eno"), 1: Reply("owt"), 2: Reply("eerht")}
    assert sorted(fake.prompts) == ["one", "three", "two"]


def test_the_tokens_that_a_server_counts(fake):
    fake.script["one"] = [completion("a b", usage={"prompt_tokens": 90, "completion_tokens": 5, "total_tokens": 95})]
    assert list(ask(endpoint(fake), "one")) == [(0, Reply("a b", 5))]


def test_a_greedy_request(fake):
    list(ask(endpoint(fake, max_new_tokens=17), "Red?"))
    assert fake.bodies == [
        {"model": "toy", "messages": [{"role": "user", "content": "Red?"}], "temperature": 0.0, "max_tokens": 17}
    ]


def test_a_sampled_request_has_the_seed_of_its_key(fake):
    draws = Draws([(3, 5, 0), (3, 5, 1)], temperature=0.7)
    list(ask(endpoint(fake, concurrency=1), "Red?", "Red?", draws=draws))
    assert [body["temperature"] for body in fake.bodies] == [0.7, 0.7]
    # printf 3,5,0 | sha256sum: the first eight digits as a number, halved
    assert [body["seed"] for body in fake.bodies] == [0xBA56BFDE >> 1, 0xB075FDE5 >> 1]
    list(ask(endpoint(fake), "Red?", draws=draws.some([1])))
    assert fake.bodies[2]["seed"] == fake.bodies[1]["seed"]


def test_further_fields_have_the_last_word_and_null_leaves_one_out(fake):
    extra = '{"max_tokens": null, "max_completion_tokens": 9, "seed": null}'
    list(ask(endpoint(fake, extra_body=extra), "Red?", draws=Draws([(0, 0, 0)], 1.0)))
    (body,) = fake.bodies
    assert body.keys() == {"model", "messages", "temperature", "max_completion_tokens"}
    assert body["max_completion_tokens"] == 9


def test_one_picture_each_arrives_as_it_is(fake):
    pictures = noise_pictures(56, 84)
    list(ask(endpoint(fake, concurrency=1), "a", "b", image=pictures))
    for body, picture in zip(fake.bodies, pictures, strict=True):
        np.testing.assert_array_equal(sent_pictures(body), [picture])
    assert fake.prompts == ["a", "b"]


def test_several_pictures_each_or_none(fake):
    first, second, third = noise_pictures(56, 84, 56)
    list(ask(endpoint(fake, concurrency=1), "a", "b", "c", images=((first, second), (), (third,))))
    for got, sent in zip(sent_pictures(fake.bodies[0]), (first, second), strict=True):
        np.testing.assert_array_equal(got, sent)
    assert fake.bodies[1]["messages"] == [{"role": "user", "content": "b"}]
    np.testing.assert_array_equal(sent_pictures(fake.bodies[2]), [third])


@pytest.mark.parametrize(
    ("picture", "got"),
    [
        (np.zeros((8, 8), np.uint8), r"uint8 \(8, 8\)"),
        (np.zeros((8, 8, 1), np.uint8), r"uint8 \(8, 8, 1\)"),
        (np.zeros((8, 8, 3), np.float32), r"float32 \(8, 8, 3\)"),
        (np.zeros((0, 8, 3), np.uint8), r"uint8 \(0, 8, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused_before_anything_is_asked(fake, picture, got):
    with pytest.raises(ValueError, match=got):
        list(ask(endpoint(fake), "a", "b", image=[noise_pictures(8)[0], picture]))
    assert not fake.bodies


def test_keys_that_do_not_fit_the_prompts(fake):
    with pytest.raises(ValueError, match="2 prompts came with 1 keys"):
        list(ask(endpoint(fake), "a", "b", draws=Draws([(0, 0, 0)])))


def test_a_prompt_that_is_no_unicode(fake):
    list(ask(endpoint(fake), "a\ud800b\0"))
    assert fake.prompts == ["a?b\0"]


# -- when, and how many --------------------------------------------------------------------------------------------


def test_as_many_in_flight_as_may_be_and_never_more(fake):
    together = threading.Barrier(3, timeout=20)

    def meet(body):
        together.wait()  # breaks if three never come together
        return completion("met")

    prompts = [str(i) for i in range(9)]
    fake.script = {prompt: [meet] for prompt in prompts}
    replies = dict(ask(endpoint(fake, concurrency=3), *prompts))
    assert replies == {row: Reply("met") for row in range(9)}
    assert fake.most_in_flight == 3


def test_a_reply_does_not_wait_for_slower_ones(fake):
    fake.script["slow"] = [fake.hang]
    replies = ask(endpoint(fake, concurrency=2), "slow", "fast", "quick")
    assert [next(replies), next(replies)] == [(1, Reply("tsaf")), (2, Reply("kciuq"))]
    fake.release.set()
    assert list(replies) == [(0, Reply("wols"))]


def test_a_slow_caller_is_not_run_ahead_of(fake):
    replies = ask(endpoint(fake, concurrency=2), *map(str, range(40)))
    next(replies)
    threading.Event().wait(0.3)
    # one taken, two in the buffer, and two workers that wait to hand over theirs
    assert len(fake.bodies) <= 5
    assert len(list(replies)) == 39


def test_whoever_stops_early_leaves_nothing_behind(fake):
    before = threads()
    fake.script["slow"] = [fake.hang]
    replies = ask(endpoint(fake, concurrency=2), "fast", "slow", "never", "never 2", "never 3", "never 4", "never 5")
    assert next(replies) == (0, Reply("tsaf"))
    replies.close()
    assert threads() == before
    asked = len(fake.bodies)
    fake.release.set()
    threading.Event().wait(0.1)
    assert len(fake.bodies) == asked < 7


@pytest.fixture
def interruptible():
    """Ctrl-C as it is in a terminal; a shell's background jobs inherit that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_waiting_leaves_nothing_behind(fake):
    before = threads()

    def interrupt(body):
        os.kill(os.getpid(), signal.SIGINT)
        return fake.hang(body)

    fake.script["slow"] = [interrupt]
    replies = ask(endpoint(fake, concurrency=1), "slow", "never")
    with pytest.raises(KeyboardInterrupt):
        next(replies)
    assert threads() == before
    assert fake.prompts == ["slow"]


def test_nothing_to_ask(fake):
    assert list(ask(endpoint(fake))) == []


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ValueError, match=r"pip install 'eyechart\[api\]'"):
        Endpoint(EndpointSettings("http://127.0.0.1:1/v1"))


def test_importing_is_light():
    code = "import sys, agents.endpoint; print({'openai', 'torch', 'transformers', 'anyio'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
