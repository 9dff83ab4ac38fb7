"""Comparing LaTeX answers through math-verify, in a process of its own that can be stopped.

Answers are untrusted: `9^{9^{9^9}}` keeps sympy busy for ever, in code that no signal interrupts, and math-verify's own
time limits work in a main thread alone. So one worker process, started when it is first needed and shared by all
threads, takes one pair of answers at a time; when it is not done in time, or dies, the answers are not equal, and the
next pair gets a new worker. The library is Kydlíček's, https://github.com/huggingface/Math-Verify.
"""

import functools
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

TIMEOUT, START_TIMEOUT = 10.0, 120.0
"""Seconds that a comparison may take, and that the worker may take to start."""

LONGEST = 300
"""A longer answer, in characters, is none: it is not read, and not compared."""

_WORKER = Path(__file__).with_name("verifier_worker.py")


def require() -> None:
    """Refuse to go on without the library, or with one that does not work.

    Raises:
        ValueError: Saying what to do.
    """
    if importlib.util.find_spec("math_verify") is None:
        raise ValueError(
            "Comparing LaTeX answers takes the library math-verify: pip install 'eyechart[maths]'. Without it, numbers "
            "and simple fractions can be compared (--task.compare numbers)."
        )
    if not is_equal("x + 1", "1 + x"):
        raise ValueError(
            f"The library math-verify is installed and does not work: {sys.executable} {_WORKER} should print ready."
        )


@functools.lru_cache(maxsize=65536)
def is_equal(truth: str, answer: str) -> bool:
    """Whether two texts, LaTeX without dollar signs, mean the same. Thread-safe, and never raises.

    An answer that is too long, that cannot be read, that offers several values, or that takes too long is not equal.
    """
    if max(len(truth), len(answer)) > LONGEST:
        return False
    return _worker().ask(truth, answer)


class _Worker:
    """The process, and the lock that lets one thread at a time talk to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(self, truth: str, answer: str) -> bool:
        """Have one pair compared."""
        with self._lock:
            try:
                process = self._started()
                assert process.stdin is not None
                process.stdin.write(json.dumps([truth, answer]) + "\n")
                process.stdin.flush()
                return self._lines.get(timeout=TIMEOUT).strip() == "true"
            except (OSError, queue.Empty):
                self._stop()
                return False

    def _started(self) -> subprocess.Popen[str]:
        """The process, started anew where there is none."""
        if self._process is None or self._process.poll() is not None:
            pipe = subprocess.PIPE
            command = [sys.executable, "-P", str(_WORKER)]
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
            self._lines = queue.SimpleQueue()
            threading.Thread(target=_forward, args=(self._process, self._lines), daemon=True).start()
            self._lines.get(timeout=START_TIMEOUT)  # it says when it has loaded the library
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _forward(process: subprocess.Popen[str], lines: "queue.SimpleQueue[str]") -> None:
    """Pass on what a process prints, line by line; an empty line when it ends."""
    assert process.stdout is not None
    with process.stdout as stdout:
        for line in stdout:
            lines.put(line)
    lines.put("")


@functools.cache
def _worker_of(process_id: int) -> _Worker:
    return _Worker()


def _worker() -> _Worker:
    """The worker of this process: one that was forked must not talk to its parent's."""
    return _worker_of(os.getpid())
