"""`python -m train --env clock`: train a policy on an environment."""

import time

STARTED = time.perf_counter()  # a run's clock starts before the slow imports

import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from types import FrameType  # noqa: E402

from train.cli import parse  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as a command line says; returns the exit status: 0, 2 for bad input, 130 after Ctrl-C.

    Args:
        arguments: what follows `python -m train`; None takes the process's own.
    """
    try:
        config, spec, fields = parse(sys.argv[1:] if arguments is None else arguments)
        # Seconds of imports, after the flags are known to be right.
        from transformers.utils.logging import disable_progress_bar

        from train.setup import new_trainer, resumed_trainer

        disable_progress_bar()  # of every checkpoint's few files
        trainer = resumed_trainer(config, STARTED) if spec is None else new_trainer(config, spec, fields, STARTED)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C is meant
        print("stopping after this step; Ctrl-C again to stop at once", flush=True)
        trainer.stop()

    before = signal.signal(signal.SIGINT, on_interrupt)
    print(f"writing {trainer.folder}", flush=True)
    try:
        trainer.run()
    finally:
        signal.signal(signal.SIGINT, before)
        trainer.draw_curves()
    if trainer.stopping:
        print(f"stopped; go on with: python -m train --resume {trainer.folder}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
