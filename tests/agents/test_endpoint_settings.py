import re

import pytest

from agents.endpoint_settings import EndpointSettings, is_address, seed_of


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "ftp://x/v1"}, "--model 'ftp://x/v1' is no address; give one such as http://127.0.0.1:8000/v1"),
        ({"url": "http:///v1"}, "is no address"),
        ({"url": "http://x:port/v1"}, "--model 'http://x:port/v1' is no address: Port could not be cast"),
        ({"url": "http://x y/v1"}, "is no address"),
        ({"url": "http://x/v1/chat/completions"}, "leave /chat/completions off"),
        ({"url": "http://me:secret@x/v1"}, "--model http://x...: the address must hold no user name, password, query"),
        (
            {"url": "https://x/v1?key=secret"},
            "--model https://x...: the address must hold no user name, password, quer",
        ),
        ({"url": "http://☃/v1"}, "is no address"),
        (
            {"served_model": " "},
            "--served-model must be a name in printable characters, got ' '; leave it out if the ser",
        ),
        ({"served_model": "a\n"}, "got 'a\\n'"),
        ({"api_key_env": ""}, "--api-key-env must be the name of an environment variable"),
        ({"concurrency": 0}, "--concurrency must be at least 1, got 0"),
        ({"retries": -1}, "--retries must be at least 0, got -1"),
        ({"max_new_tokens": 0}, "--max-new-tokens must be at least 1, got 0"),
        ({"timeout": 0.0}, "--timeout must be a number of seconds above 0, got 0"),
        ({"timeout": float("inf")}, "--timeout must be a number of seconds above 0, got inf"),
        ({"timeout": float("nan")}, "--timeout must be a number of seconds above 0, got nan"),
        ({"extra_body": "top_p=1"}, "--extra-body must be a JSON object, got 'top_p=1'"),
        ({"extra_body": "[1]"}, "--extra-body must be a JSON object, got '[1]'"),
        ({"extra_body": '{"top_p": NaN}'}, "NaN is not JSON"),
        ({"extra_body": '{"stop": "\\ud800"}'}, "--extra-body must be a JSON object"),
        ({"extra_body": '{"stream": true, "n": 2}'}, "--extra-body must leave n, stream alone"),
    ],
)
def test_settings_outside_their_range(wrong, told):
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        EndpointSettings(**{"url": "http://x/v1", **wrong})
    assert "secret" not in str(caught.value)


def test_what_is_an_address():
    assert is_address("http://127.0.0.1:8000/v1")
    assert is_address("HTTPS://x.org")
    assert not is_address("runs/http")
    assert not is_address("Qwen/Qwen2.5-VL-3B-Instruct")


def test_seeds_are_spread_and_the_same_for_ever():
    # echo $((0x$(printf 3,5,0 | sha256sum | head -c 8) >> 1))
    assert seed_of((3, 5, 0)) == 1563123695
    seeds = {seed_of((seed, problem, sample)) for seed in range(10) for problem in range(10) for sample in range(10)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
