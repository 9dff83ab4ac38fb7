"""`python -m envs serve` where it has nothing to serve with; tests/envs/adapters/test_openenv.py has the rest."""

import socket
import sys

import pytest

from envs.__main__ import main
from envs.commands.serve import listen


def test_a_missing_library_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "openenv", None)
    assert main(["serve", "clock"]) == 2
    assert "pip install 'eyechart[openenv]'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["clocc"], ["clock", "--task.sise", "3"], ["clock", "--task.size", "big"]])
def test_bad_names_and_fields_are_told_first(arguments, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "openenv", None)
    assert main(["serve", *arguments]) == 2
    error = capsys.readouterr().err
    assert "error: " in error
    assert "pip install" not in error


def test_ports_that_cannot_be_had():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"Cannot listen at 127.0.0.1, port {port}: .*[Gg]ive another"):
            listen("127.0.0.1", port)
    with pytest.raises(ValueError, match=r"port 70000: .*[^.]\. Give another"):
        listen("127.0.0.1", 70000)
    with pytest.raises(ValueError, match=r"Cannot listen at 203\.0\.113\.1"):
        listen("203.0.113.1", 0)


def test_it_listens_at_this_machine_alone():
    with listen("127.0.0.1", 0) as one, listen("::1", 0) as other:
        assert one.getsockname()[0] == "127.0.0.1"
        assert other.getsockname()[0] == "::1"
