"""`python -m train --env clock`: train a policy on an environment."""

import time

STARTED = time.perf_counter()  # a run's clock starts before the slow imports

import errno  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from contextlib import ExitStack, redirect_stdout  # noqa: E402
from pathlib import Path  # noqa: E402
from types import FrameType  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from train.storage import WriteError  # noqa: E402

if TYPE_CHECKING:
    from train.callbacks import Callback
    from train.loop import Trainer

OUT_OF_MEMORY = (
    "out of memory; --dry-run tells what the run takes: try --lora, --dtype bfloat16, a smaller --micro-batch-tokens, "
    "--problems-per-step or --group-size, or a smaller model"
)
# The errors of a full disk that reach further than the run's own folder: to where its output goes, or a cache.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(
    arguments: Sequence[str] | None = None, prog: str = "python -m train", callbacks: "Sequence[Callback]" = ()
) -> int:
    """Train as a command line says.

    Args:
        arguments: what follows `python -m train`; None takes the process's own.
        prog: what usage and messages call the program.
        callbacks: called as those of `--callback` are, by the main process; a resumed run has to be given them again.

    Returns:
        the exit status: 0, 1 for a run that could not go on, 2 for bad input, 130 after Ctrl-C.
    """
    with ExitStack() as stack:
        if int(os.environ.get("RANK", "0")) > 0:  # one of several processes, of which the first does the talking
            stack.enter_context(redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        # what is wrong with the command line is wrong for all the processes on a machine
        errors = sys.stderr if os.environ.get("LOCAL_RANK", "0") == "0" else sys.stdout
        try:
            trainer = make_trainer(sys.argv[1:] if arguments is None else arguments, prog)
            if trainer is None:
                return 0
            trainer.watch.add(callbacks)
            return train(trainer, prog)
        except ValueError as error:
            print(f"error: {error}", file=errors)
            return 2
        except WriteError as error:
            print(f"error: {error}; put that right, and start it again", file=errors)
            return 1
        except RuntimeError as error:
            require_out_of_memory(error)
            print(f"error: {OUT_OF_MEMORY}", file=errors)
            return 1
        except KeyboardInterrupt:
            print("stopped at once; what the last checkpoint holds is kept", file=errors)
            return 130


def make_trainer(arguments: Sequence[str], prog: str) -> "Trainer | None":
    """Read the command line, and make all that the run needs; None after `--dry-run`.

    Raises:
        ValueError: whatever is wrong with the command line, or with what it names.
    """
    from train.cli import parse

    config, spec, fields = parse(arguments, prog)
    from train.setup import dry_run, new_trainer, resumed_trainer  # seconds of imports, after the flags are right

    if config.dry_run and spec is not None:
        dry_run(config, spec, fields)
        return None
    return resumed_trainer(config, STARTED) if spec is None else new_trainer(config, spec, fields, STARTED)


def train(trainer: "Trainer", prog: str = "python -m train") -> int:
    """Run a trainer, with Ctrl-C meaning an orderly end, and draw its curves whatever happens."""
    from envs.foreign import UntrainableError
    from train.optimization import TrainingError

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if trainer.processes.number == 1:  # else the launcher tells each process again what the terminal told it
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C is meant
        trainer.stopping = True

    before = signal.signal(signal.SIGINT, on_interrupt)
    print(f"writing {trainer.folder}; Ctrl-C ends it after the step under way, twice at once", flush=True)
    try:
        trainer.run()
    except (TrainingError, UntrainableError, MemoryError) as error:
        print(f"error: {error}; checkpoints so far are in {trainer.folder / 'checkpoints'}", file=sys.stderr)
        return 1
    except (WriteError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_ROOM:
            raise
        print(f"error: {error}; {what_is_kept(trainer.folder, prog)}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        require_out_of_memory(error)
        print(f"error: {OUT_OF_MEMORY}; {what_is_kept(trainer.folder, prog)}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, before)
        trainer.draw()
    trainer.processes.close()
    if trainer.complete:
        return 0
    go_on = f"go on with: {prog} --resume {trainer.folder}"
    print(f"stopped; {go_on if trainer.state.cold_started else 'nothing is kept of a run stopped this early'}")
    return 130


def require_out_of_memory(error: RuntimeError) -> None:
    """Raise an error again that is about anything else."""
    from agents.fitting import out_of_memory

    if not out_of_memory(error):
        raise error


def what_is_kept(folder: Path, prog: str) -> str:
    """What there is to go on from, after a run could not be written."""
    from agents.loading import checkpoints

    found = checkpoints(folder)
    if not found:
        return "there is no checkpoint yet, so nothing is kept: put that right, and begin again"
    return f"{found[-1]} is kept: put that right, then go on with: {prog} --resume {folder}"


if __name__ == "__main__":
    sys.exit(main())
