"""Runs of `python -m train` that kill themselves with SIGKILL, or find the disk full, when they would change a file.

`python -m tests.train.kills` imports everything once and then forks a process for each job that it reads, so that many
moments can be tried. A run's moments are counted by Python's audit events: each file opened for writing, each rename,
each folder made, each file or folder deleted, in the order in which the run does them.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import ROOT

RUN = "run"
# Seconds rather than minutes, and everything that a run writes: a reference, a cold start, checkpoints that go.
TINY = (
    "--env tests.train.letters:letters --problems-per-step 2 --group-size 3 --max-new-tokens 4 --cold-start-steps 1"
    f" --eval-size 2 --eval-every 2 --checkpoint-every 1 --samples 1 --steps 4 --kl-weight 0.1 --run {RUN}"
).split()
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# What a killed process may have written of a row, a picture, a JSON file.
HALF = b'{"step": 2, "3,4'
MOMENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}


class Kills:
    """The process that forks a run for each job."""

    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-m", "tests.train.kills"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def train(self, folder, words, at=None, half=False, error=None, largest=None):
        """Run `python -m train WORDS` in a folder.

        Args:
            folder: where; the run is to be called `RUN` there.
            words: the command line.
            at: before which of its moments to kill it; None lets it end.
            half: in that moment, first write a half of what it was about to.
            error: instead of killing it, have whatever it writes from that moment on fail with this errno.
            largest: bytes that the system lets a file have.

        Returns:
            the exit status, negative for a signal, and all that was said.
        """
        folder.mkdir(exist_ok=True)
        job = {"folder": str(folder), "words": [*words], "largest": largest, "death": [at, half, error]}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        return status, (folder / "said").read_text()

    def close(self):
        """End the process."""
        self.process.communicate()


def moments(folder):
    """What the last run of a folder that came to its end did to its files, in order."""
    return json.loads((folder / "moments").read_text())


@pytest.fixture(scope="session")
def kills():
    kills = Kills()
    yield kills
    kills.close()


@pytest.fixture(scope="session")
def whole(kills, tmp_path_factory):
    """The folder of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    status, said = kills.train(folder, TINY)
    assert status == 0, said
    return folder


class Death:
    """An audit hook that counts a run's moments, and kills the process in one of them, or has it fail from there on."""

    def __init__(self, at, half, error):
        self.at, self.half, self.error, self.seen, self.active = at, half, error, [], True

    def __call__(self, event, arguments):
        if not self.active or not self.matters(event, arguments):
            return
        if len(self.seen) == self.at and self.half and event == "open":
            self.active = False
            anew = os.O_TRUNC if arguments[2] & os.O_TRUNC else os.O_APPEND
            file = os.open(arguments[0], os.O_WRONLY | os.O_CREAT | anew)
            os.write(file, HALF)
            os.close(file)
            self.active = True
        if len(self.seen) == self.at and self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen.append(" ".join([event, *map(str, arguments[: 2 if event == "os.rename" else 1])]))
        if self.error and len(self.seen) > self.at and event in ("open", "os.mkdir", "os.rename"):
            raise OSError(self.error, os.strerror(self.error), arguments[0])

    @staticmethod
    def matters(event, arguments):
        """Whether an event changes a file of the run: the folders that rmtree is in are known by number alone."""
        if event == "open":
            path, mode, flags = arguments
            changes = flags & WRITES and (mode is not None or flags & os.O_CREAT)
            return bool(changes) and str(path).startswith(RUN)
        return event in MOMENTS and (str(arguments[0]).startswith(RUN) or arguments[-1] != -1)


def run(job):
    """In the forked process: train, and end it."""
    os.chdir(job["folder"])
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    death = Death(*job["death"])
    if not (death.error or job["largest"]):
        Trainer.draw = lambda self: None  # most of a second each time
    if job["largest"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest"], resource.RLIM_INFINITY))
    sys.addaudithook(death)
    status = main(job["words"])
    death.active = False
    Path("moments").write_text(json.dumps(death.seen))
    sys.stdout.flush()
    os._exit(status)


def serve():
    """Fork a process for each line of standard input, and tell how it ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                run(json.loads(line))
            finally:
                os._exit(99)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    import safetensors.torch
    from safetensors import SafetensorError

    import train.setup  # noqa: F401 (imported once, for all)
    from train.__main__ import main
    from train.loop import Trainer

    def announced(tensors, path, *arguments, plain=safetensors.torch.serialize_file, **more):
        try:
            sys.audit("open", str(path), "wb", os.O_WRONLY | os.O_CREAT)  # as Python's own writing does
        except OSError as error:
            raise SafetensorError(
                f"Error while serializing: I/O error: {error.strerror} (os error {error.errno})"
            ) from None
        return plain(tensors, path, *arguments, **more)

    safetensors.torch.serialize_file = announced
    serve()
