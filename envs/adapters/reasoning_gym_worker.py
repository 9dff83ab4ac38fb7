"""The process in which reasoning-gym makes and scores problems; `envs.adapters.reasoning_gym` asks it.

It has a process to itself for three reasons. Some of its scorers give the answer to `eval` or to sympy's `parse_expr`,
which is the same; here both are replaced by readers that run nothing. Some of its problems depend on Python's hash
seed or on the global random generators, which are fixed here. And an answer such as `9**9**9` keeps a scorer busy for
ever, so that it has to be stopped.

A question is `{"dataset": NAME, "fields": {...}, "item": N}`; its reply has the item's `question`, its `answer` (null
where there is none) and the `score` of that, or `refused` with words. With a `text` the reply is the text's score.
"""

import ast
import copy
import dataclasses
import functools
import importlib
import json
import math
import random
import re
import sys
from collections import deque
from typing import Any

import numpy as np

MEMORY = 4 * 2**30
"""Bytes of address space that the process may take, where the system can limit it."""

SIZE = 500
"""Items of a data set; item n is number `n % SIZE` of the one whose seed is the rest, for number i takes seed + i."""

REBUILT = ("acre", "gsm_symbolic", "list_functions")
"""Data sets that draw something for each item when they are made; others are made once, and given another seed."""

EXACT = ("game_of_life_halting",)
"""Data sets whose own scorer takes any text: the truth and nothing else is right."""

EVALUATING = (
    "algorithmic.binary_matrix",
    "algorithmic.spiral_matrix",
    "algorithmic.string_insertion",
    "games.n_queens",
)
"""Modules whose scorer gives the answer to `eval`."""

PARSING = ("games.countdown", "games.puzzle24")
"""Modules that have a `parse_expr` of their own for it; others take `sympy.parse_expr`."""

_FORMULA = re.compile(r"[0-9A-Za-z+\-*/^(),!\s]|\.(?![\s.]*[A-Za-z])")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc asin acos atan acot sinh cosh tanh asinh acosh atanh exp log ln sqrt Abs pi".split()
)


def main() -> None:
    """Reply to questions until the input ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # some of its data sets print
    _limit_memory()
    disarm()
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        try:
            told = reply(**json.loads(line))
        except Exception as error:
            told = {"refused": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), file=out, flush=True)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass  # elsewhere the time limit has to do


def disarm() -> None:
    """Put readers that run nothing where scorers evaluate answers."""
    import sympy

    evaluate = sympy.parse_expr

    @functools.wraps(evaluate)
    def parse_expr(text: str, *arguments: Any, **options: Any) -> Any:
        return evaluate(require_formula(text), *arguments, **options)

    for module in EVALUATING:
        importlib.import_module(f"reasoning_gym.{module}").eval = ast.literal_eval  # type: ignore[attr-defined]
    for module in PARSING:
        importlib.import_module(f"reasoning_gym.{module}").parse_expr = parse_expr  # type: ignore[attr-defined]
    sympy.parse_expr = parse_expr


def require_formula(text: str) -> str:
    """Refuse what is more than numbers, one-letter symbols, operators and the usual functions.

    Raises:
        ValueError: For such a text.
    """
    names = set(_NAME.findall(text))
    if _FORMULA.sub("", text) or any(len(name) > 1 and name not in _FUNCTIONS for name in names):
        raise ValueError("this is no formula")
    return text


def reply(dataset: str, fields: dict[str, Any], item: int, text: str | None = None) -> Any:
    """What is asked for: an item, or the score of a text."""
    told, entry = _entry(dataset, json.dumps(fields), item)
    if text is not None:
        return score(told, dataset, text, entry)
    answer = entry["answer"] if entry["answer"] is not None else published(dataset, entry["metadata"])
    if answer is None:
        return {"question": entry["question"], "answer": None, "score": 0.0}
    answer = str(answer).strip()
    return {"question": entry["question"], "answer": answer, "score": score(told, dataset, answer, entry)}


def score(dataset: Any, name: str, text: str, entry: dict[str, Any]) -> float:
    """What a text earns, 0 to 1; 0 where the scorer raises."""
    try:
        if name in EXACT:
            return float(text == entry["answer"])
        value = float(dataset.score_answer(text, copy.deepcopy(entry)))  # one of them writes into it
    except Exception:
        return 0.0
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0


@functools.lru_cache(maxsize=512)
def _entry(name: str, fields: str, item: int) -> tuple[Any, dict[str, Any]]:
    """A data set and its item."""
    first = item - item % SIZE
    if name in REBUILT:
        made = _dataset(name, fields, first)
    else:
        made = copy.copy(_dataset(name, fields, 0))
        made.seed, made.config = first, dataclasses.replace(made.config, seed=first)
    _seed(item)
    return made, made[item % SIZE]


@functools.lru_cache(maxsize=8)
def _dataset(name: str, fields: str, seed: int) -> Any:
    kind, config = importlib.import_module("reasoning_gym.factory").DATASETS[name]
    defaults = config()
    given = {
        field: tuple(value) if isinstance(getattr(defaults, field), tuple) else value
        for field, value in json.loads(fields).items()
    }
    _seed(seed)
    return kind(config(seed=seed, size=SIZE, **given))


def _seed(seed: int) -> None:
    """Seed the global generators, which some data sets draw from."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002


def published(name: str, metadata: dict[str, Any]) -> str | None:
    """The answer of a data set whose items have none: an example that it keeps beside them, or one found here."""
    if name == "graph_color":
        return json.dumps(metadata["possible_answer"])
    if name == "boxnet":
        return json.dumps(carry(metadata["initial_state"]))
    if name == "rush_hour":
        return slide(metadata["board_config"])
    return metadata.get("example_correct_answer") or metadata.get("example_answer")


def carry(squares: dict[str, list[str]]) -> list[dict[str, str]]:
    """Plans that bring each box, one after another, to a target of its colour: a step along x or y in each plan."""
    at = {square: tuple(map(float, square.split("_"))) for square in squares}
    targets = [
        (content[7:], at[s]) for s, contents in squares.items() for content in contents if content[:7] == "target_"
    ]
    plans = []
    for square, contents in squares.items():
        for colour in (content[4:] for content in contents if content.startswith("box_")):
            target = next(one for one in targets if one[0] == colour)
            targets.remove(target)
            (x, y), (x_to, y_to) = at[square], target[1]
            while (x, y) != (x_to, y_to):
                agent = f"Agent[{x}, {y}]"
                x, y = (x + math.copysign(1, x_to - x), y) if x != x_to else (x, y + math.copysign(1, y_to - y))
                plans.append({agent: f"move(box_{colour}, square[{x}, {y}])"})
            plans.append({f"Agent[{x}, {y}]": f"move(box_{colour}, target_{colour})"})
    return plans


def slide(board: str, side: int = 6) -> str | None:
    """The fewest moves, of one square each, that bring the first car of a Rush Hour board to the exit.

    Args:
        board: The squares row by row: `o` is free, `x` a wall, any other letter a car, `A` the one to bring out.
        side: Squares of a row.
    """
    cars = [[i for i, label in enumerate(board) if label == car] for car in sorted(set(board) - {"o", "x"})]
    shapes = [(len(squares), squares[1] - squares[0]) for squares in cars]
    walls = {i for i, label in enumerate(board) if label == "x"}
    start, out = tuple(squares[0] for squares in cars), 3 * side - shapes[0][0]
    came: dict[tuple[int, ...], tuple[tuple[int, ...], str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here[0] == out:
            moves = []
            while (step := came[here]) is not None:
                here = step[0]
                moves.append(step[1])
            return " ".join(reversed(moves))
        taken = walls | {at + k * way for at, (length, way) in zip(here, shapes, strict=True) for k in range(length)}
        for car, (at, (length, way)) in enumerate(zip(here, shapes, strict=True)):
            for sign, ahead, first in (("+", at + length * way, at + way), ("-", at - way, at - way)):
                last = at + (length - 1) * way if sign == "+" else at
                if not 0 <= ahead < side * side or ahead in taken or (way == 1 and ahead // side != last // side):
                    continue
                there = (*here[:car], first, *here[car + 1 :])
                if there not in came:
                    came[there] = (here, f"{chr(ord('A') + car)}{sign}1")
                    waiting.append(there)
    return None


if __name__ == "__main__":
    main()
