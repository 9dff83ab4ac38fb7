"""Comparing LaTeX answers through math-verify, in a process of its own that can be stopped.

Answers are untrusted: `9^{9^{9^9}}` keeps sympy busy for ever, in code that no signal interrupts, and math-verify's own
time limits work in a main thread alone. So a worker (`envs.worker`) takes one pair of answers at a time; when it is not
done in time, or dies, the answers are not equal. The library is Kydlíček's, https://github.com/huggingface/Math-Verify.
"""

import functools
import importlib.util
import sys
from pathlib import Path

from envs import worker

TIMEOUT = 10.0
"""Seconds that a comparison may take."""

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
    return _worker().ask([truth, answer], TIMEOUT) is True


def _worker() -> worker.Worker:
    return worker.worker(_WORKER)
