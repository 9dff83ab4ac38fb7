"""`python -m train --env clock`: train a policy on an environment."""

import time

STARTED = time.perf_counter()

import signal  # noqa: E402 (the clock starts before the slow imports)
import sys  # noqa: E402
from types import FrameType  # noqa: E402

from train.cli import fail, parse  # noqa: E402
from train.progress import console  # noqa: E402


def main() -> int:
    """Train as the command line says; returns the exit status."""
    try:
        config, spec, fields = parse(sys.argv[1:])
        from train.setup import new_trainer, resumed_trainer  # after the flags are known to be right: this takes seconds

        trainer = resumed_trainer(config, STARTED) if spec is None else new_trainer(config, spec, fields, STARTED)
    except ValueError as error:
        fail(error)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C is meant
        console.print("stopping after this step; Ctrl-C again to stop at once")
        trainer.stop()

    signal.signal(signal.SIGINT, on_interrupt)
    console.print(f"writing {trainer.folder}")
    try:
        trainer.run()
    finally:
        from plots.curves import write_curves

        console.print(f"curves: {write_curves([trainer.folder], trainer.folder / 'curves.png')}")
    if trainer.stopping:
        console.print(f"stopped; go on with: python -m train --resume {trainer.folder}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
