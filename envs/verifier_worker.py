"""The process that `envs.verifier` starts: reads pairs of answers, a JSON list on each line, prints true or false."""

import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

MEMORY = 4 * 2**30
"""Bytes of address space that the process may take, where the system can limit it."""

_SEVERAL = re.compile(r"\$|\\\(|\\\[|\\boxed|\\approx|\\simeq|\\sim(?![a-z])|\\neq?(?![a-z])|\\cong|\\equiv|=.*=", re.S)
"""What could make one answer stand for two: several formulas, `2 \\approx 3`, `1 = 2 = 3`."""


def main() -> None:
    """Compare pairs until the input ends."""
    _limit_memory()
    logging.disable(logging.CRITICAL)
    compare = _comparer()
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            equal = compare(*json.loads(line))
        except (Exception, RecursionError):
            equal = False
        print(json.dumps(equal), flush=True)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass  # elsewhere the time limit has to do


def _comparer() -> Callable[[str, str], bool]:
    """What compares a truth with an answer."""
    from math_verify import LatexExtractionConfig, parse, verify
    from sympy import Eq, Symbol

    def read(text: str) -> list[Any]:
        return parse(f"${text}$", [LatexExtractionConfig()], parsing_timeout=None)

    def compare(truth: str, answer: str) -> bool:
        if _SEVERAL.search(answer) or ("%" in answer) != ("%" in truth):
            return False
        expected, found = read(truth), read(answer)
        equations = [one for one in found if isinstance(one, Eq)]
        if any(not isinstance(one.lhs, Symbol) for one in equations) and not any(isinstance(e, Eq) for e in expected):
            return False  # 1 = 2 is not 2
        return bool(found) and bool(verify(expected, found, timeout_seconds=None))

    return compare


if __name__ == "__main__":
    main()
