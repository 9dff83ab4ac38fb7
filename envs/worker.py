"""A process of its own for work on untrusted text: it can be stopped, and what it breaks is its own.

A worker is a Python script that prints a line when it is ready, and then, for each line that it reads, a JSON document,
prints one. It is started when it is first asked, and shared by all threads; it ends with the process that started it.
"""

import functools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START_TIMEOUT = 120.0
"""Seconds that a worker may take to start."""


class Worker:
    """The process, and the lock that lets one thread at a time talk to it."""

    def __init__(self, script: Path, environment: Mapping[str, str]) -> None:
        """Prepare it; it starts when it is asked.

        Args:
            script: The Python file.
            environment: Variables that it gets beside those of this process.
        """
        self._lock = threading.Lock()
        self._script, self._environment = script, environment
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(self, question: Any, timeout: float) -> Any:
        """Its reply to a JSON document; None where it takes more than `timeout` seconds, or dies of it.

        The next question then gets a new process.
        """
        with self._lock:
            try:
                process = self._started()
                assert process.stdin is not None
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                return json.loads(self._lines.get(timeout=timeout))
            except (OSError, queue.Empty, ValueError):
                self._stop()
                return None

    def _started(self) -> subprocess.Popen[str]:
        """The process, started anew where there is none."""
        if self._process is None or self._process.poll() is not None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(self._script)],
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | self._environment,
            )
            self._lines = queue.SimpleQueue()
            threading.Thread(target=_forward, args=(self._process, self._lines), daemon=True).start()
            self._lines.get(timeout=START_TIMEOUT)  # it says when it has loaded its library
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
def _worker_of(process_id: int, script: Path, environment: tuple[tuple[str, str], ...]) -> Worker:
    return Worker(script, dict(environment))


def worker(script: Path, **environment: str) -> Worker:
    """The worker of this process for a script: one that was forked must not talk to its parent's."""
    return _worker_of(os.getpid(), script, tuple(sorted(environment.items())))
