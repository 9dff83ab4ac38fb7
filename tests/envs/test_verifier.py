"""LaTeX answers compared by math-verify in its own process: what is equal, what is refused, what cannot harm."""

import importlib.util
import subprocess
import sys
import threading
import time

import pytest

from envs import verifier

PATIENCE = 120.0  # seconds, for a busy machine must not decide

needs_math_verify = pytest.mark.skipif(
    importlib.util.find_spec("math_verify") is None, reason="math-verify is not installed"
)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(verifier, "TIMEOUT", PATIENCE)


def test_it_takes_an_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'eyechart\[maths\]'.*--task.compare numbers"):
        verifier.require()


def test_a_library_that_does_not_work_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(verifier, "is_equal", lambda truth, answer: False)
    with pytest.raises(ValueError, match="is installed and does not work"):
        verifier.require()


@needs_math_verify
@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        (r"\frac{1}{2}", "0.5"),
        (r"\frac{1}{2}", r"\frac12"),
        (r"3\sqrt{2}", r"\sqrt{18}"),
        ("x + 1", "1 + x"),
        ("(x+1)^2", "x^2 + 2x + 1"),
        (r"\{1, 2\}", r"\{2, 1\}"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"12\pi", r"12 \pi"),
        ("5", "x = 5"),
        ("[0, 1)", "[0,1)"),
        (r"2^{10}", "1024"),
    ],
)
def test_what_is_equal(truth, answer):
    verifier.require()
    assert verifier.is_equal(truth, answer)


@needs_math_verify
@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("2", "3"),
        (r"\sqrt{2}", "1.4"),
        ("x", "y"),
        ("[0, 1)", "[0, 1]"),
        ("2", ""),
        ("2", "no idea"),
        *[("2", a) for a in ("1, 2", "1, 2, 3", r"\{1, 2\}", "1 or 2", r"1 \text{ or } 2", "1;2", "1 2", r"\pm 2")],
        *[("2", a) for a in ("1 = 2", "2 = 3", "1 = 2 = 3", r"2 \approx 3", r"2 \neq 3", "3 = 2", "x = 2 = 3")],
        *[("2", a) for a in ("$2$ $3$", r"\boxed{2} \boxed{3}", r"\(2\) \(3\)", "x > 1", r"x \in \{1, 2\}", "nan")],
        ("50", r"50\%"),
        (r"\infty", "nan"),
    ],
)
def test_what_is_not(truth, answer):
    verifier.require()
    assert not verifier.is_equal(truth, answer)


@needs_math_verify
def test_bombs_do_no_harm(monkeypatch):
    verifier.require()
    monkeypatch.setattr(verifier, "TIMEOUT", 1.0)
    for bomb in (
        "9^{9^{9^{9}}}",
        "(10^{10})!",
        r"\sqrt{" * 40 + "2" + "}" * 40,
        "{" * 290,
        "(" * 150 + "2" + ")" * 149,
    ):
        assert not verifier.is_equal("2", bomb)
    assert not verifier.is_equal("2", "2" * 301)
    assert not verifier.is_equal("2", "\ud800\n\x00")
    monkeypatch.setattr(verifier, "TIMEOUT", PATIENCE)
    assert verifier.is_equal("2", r"\frac{4}{2} + 0")  # by a new process, where the old one was stopped


@needs_math_verify
def test_threads_share_it():
    verifier.require()
    verdicts = {}

    def compare(i):
        for j in range(5):
            verdicts[i, j] = verifier.is_equal(f"{i} + y", f"y + {j}")

    threads = [threading.Thread(target=compare, args=(i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == {(i, j): i == j for i in range(5) for j in range(5)}


@needs_math_verify
def test_the_process_ends_with_its_parent(run_python):
    code = (
        "from envs import verifier; verifier.require(); print(verifier.is_equal('x + x', '2 x'), "
        "verifier._worker()._process.pid)"
    )
    ran = run_python("-c", code)
    verdict, pid = ran.stdout.split()
    assert (verdict, ran.stderr) == ("True", "")
    for _ in range(100):
        if subprocess.run(["ps", "-p", pid], capture_output=True, check=False).returncode:
            return
        time.sleep(0.1)
    raise AssertionError("it is still there")


@needs_math_verify
def test_a_dead_process_is_replaced():
    verifier.require()
    worker = verifier._worker()
    worker._process.kill()
    worker._process.wait()
    assert verifier.is_equal("z + 1", "1 + z")
    assert sys.executable in worker._process.args
