"""Rows of a data file that ask what a run is evaluated on are left out of what it learns."""

from pathlib import Path

import envs
from envs.data.dataset import identity
from train.config import Settings, TrainConfig
from train.data_file import Row, read_rows

# Of so many held-out problems the questions are known: those that are evaluated on first.
KNOWN = 2048


def examples_of(config: TrainConfig | Settings, task: envs.Task | None) -> list[Row] | None:
    """The rows of `--data`, without those that ask what is held out; a note says how many there are of them.

    Nothing is left out where prompts do not tell what is held out: pictures do, or training asks the same, or the
    environment is none of ours, which has no splits.

    Args:
        config: names the file, and the size of an evaluation.
        task: what the run is evaluated on, if it is a task.

    Returns:
        None without `--data`.

    Raises:
        ValueError: as `read_rows` does, or nothing is left.
    """
    if config.data is None:
        return None
    path = Path(config.data)
    rows = read_rows(path)
    if task is None or task.image_shape is not None:
        return rows
    number = max(config.eval_size, KNOWN)
    held_out = {identity(row.prompt) for row in rows} & questions(task, "eval", number)
    if held_out:
        held_out -= questions(task, "train", number)
    kept = [row for row in rows if identity(row.prompt) not in held_out]
    if not kept:
        raise ValueError(f"--data {path} asks only what is held out for evaluation, so nothing is left to learn from")
    if len(kept) < len(rows):
        first = next(row for row in rows if identity(row.prompt) in held_out)
        print(
            f"note: {len(rows) - len(kept)} of {len(rows)} rows of --data {path} are left out, for they ask what is "
            f"held out for evaluation; the first, {first.place}"
        )
    return kept


def questions(task: envs.Task, split: str, number: int) -> set[str]:
    """What the first problems of a split ask, as `identity` has it, each with and without how to reply.

    Args:
        task: poses them.
        split: "train" or "eval".
        number: how many, if there are as many.
    """
    posed = [envs.problem(task, seed, split) for seed in range(min(number, task.num_problems(split) or number))]
    bare = [one.prompt.replace(task.without_question(one) or "", "") for one in posed]
    return {identity(text) for text in (*bare, *(one.prompt for one in posed)) if text.strip()}
