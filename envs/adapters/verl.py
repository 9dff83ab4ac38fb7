"""verl: our problems as the Parquet rows that it trains on, and the function that scores what it samples.

verl itself is not needed to write the rows. Its rules for them are in its docs/preparation/prepare_data.rst (the
columns), `RLHFDataset` in verl/utils/dataset/rl_dataset.py (pictures), docs/preparation/reward_function.rst and
`NaiveRewardManager` in verl/experimental/reward_loop/reward_manager/naive.py (scoring); they were tried with verl 0.9.
"""

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envs.adapters.arguments import full_name, whole_number
from envs.adapters.extras import require
from envs.adapters.files import whole_file, write_batches
from envs.adapters.untrusted import task_from_data
from envs.question import draw
from envs.registry import make_task, resolve
from envs.task import Task, problem

EXTRA = "data"
PICTURE = "<image>"
PLACEHOLDERS = (PICTURE, "<video>", "<audio>")
"""What verl puts pictures, videos and sounds in the place of."""
ROWS_AT_ONCE = 64


def rows(name: str, n: int, /, *, seed: int = 0, split: str = "train", **fields: Any) -> Iterator[dict[str, Any]]:
    """Problems as verl's rows, drawn one by one.

    A row is `data_source`, by which `compute_score` finds the task; `prompt`, one message, with `<image>` in front
    where there is a picture; `images`, one `PIL.Image`, no such column for a text task; `ability`; `reward_model`,
    with the answer as `ground_truth`; and `extra_info` with `index`, `split`, `seed`, and the `fields` given, as JSON.

    Args:
        name: The environment: `clock`, `eyechart/Clock-v0` or `module:name`, whose module verl's workers import if they
            are told to trust the rows.
        n: How many, from 1 up.
        seed: Of the first one; the next ones follow.
        split: "train" or "eval".
        **fields: The task's fields.

    Raises:
        ValueError: For a number out of range, an unknown name, split or field, or a problem with a picture whose text
            holds one of verl's placeholders.
    """
    n, seed = whole_number("n", n, 1), whole_number("seed", seed, 0)
    spec = resolve(name)
    task = make_task(spec, **fields)
    source = full_name(name, spec)
    given = json.dumps(fields)
    for index in range(n):
        told = {"index": index, "split": split, "seed": seed + index, "fields": given}
        yield _row(task, source, told)


def _row(task: Task, source: str, told: Mapping[str, Any]) -> dict[str, Any]:
    from PIL import Image

    posed = problem(task, told["seed"], told["split"])
    picture = draw(task, posed)
    if picture is not None and (found := [text for text in PLACEHOLDERS if text in posed.prompt]):
        raise ValueError(f"The prompt of problem {told['seed']} holds {found[0]}, which verl takes for a placeholder.")
    content = posed.prompt if picture is None else PICTURE + posed.prompt
    return {
        "data_source": source,
        "prompt": [{"role": "user", "content": content}],
        **({} if picture is None else {"images": [Image.fromarray(picture)]}),
        "ability": "text" if picture is None else "vision",
        "reward_model": {"style": "rule", "ground_truth": posed.answer},
        "extra_info": dict(told),
    }


def write_parquet(
    path: str | Path, name: str, n: int, /, *, seed: int = 0, split: str = "train", **fields: Any
) -> Path:
    """Write rows to a Parquet file, for verl's `data.train_files` or `data.val_files`, in constant memory.

    Args:
        path: The file; one that is there is replaced, when all rows are written.
        name: As for `rows`, and so are the others.
        n: How many.
        seed: Of the first one.
        split: "train" or "eval".
        **fields: The task's fields.

    Returns:
        The path.

    Raises:
        MissingExtraError: `datasets` is not installed.
        ValueError: As for `rows`.
    """
    datasets, parquet = require("datasets", EXTRA), require("pyarrow.parquet", EXTRA)
    drawn = rows(name, n, seed=seed, split=split, **fields)
    first = next(drawn)
    features = _features(datasets, "images" in first)
    schema = features.arrow_schema
    path = Path(path)
    encoded = map(features.encode_example, itertools.chain([first], drawn))
    with whole_file(path) as part, parquet.ParquetWriter(part, schema) as file:
        write_batches(file, schema, encoded, ROWS_AT_ONCE)
    return path


def _features(datasets: Any, pictures: bool) -> Any:
    """The types of the columns; `datasets`, with which verl reads them, finds them in the file."""
    text, number = datasets.Value("string"), datasets.Value("int64")
    columns = {
        "data_source": text,
        "prompt": datasets.List({"role": text, "content": text}),
        "images": datasets.List(datasets.Image()),
        "ability": text,
        "reward_model": {"style": text, "ground_truth": text},
        "extra_info": {"index": number, "split": text, "seed": number, "fields": text},
    }
    return datasets.Features({name: kind for name, kind in columns.items() if pictures or name != "images"})


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
    **_: Any,
) -> dict[str, float]:
    """`task.score` as verl calls it: `reward.custom_reward_function.path=pkg://envs.adapters.verl`.

    Thread-safe, and no text makes it raise.

    Args:
        data_source: The row's, which names the task.
        solution_str: What the policy wrote.
        ground_truth: The row's.
        extra_info: The row's, for the task's fields; verl adds to it.
        trust: Whether rows may name modules and reward functions to import, those of a task of one's own: verl's
            `reward_kwargs.trust=True`, or the environment variable `EYECHART_TRUST_ROWS=1`.

    Returns:
        `score`, the reward; `acc`, 1 for a correct answer; `error` and `lenient_error` in the task's unit; `parsed`.
        The keys are the same for all tasks, so that verl can batch them.

    Raises:
        ValueError: For a `data_source` or `fields` that `rows` did not write, or that name code and are not trusted.
    """
    task = _task(data_source, (extra_info or {}).get("fields") or "{}", trust)
    score = task.score(solution_str, ground_truth)
    return {
        "score": score.reward,
        "acc": float(score.parsed and score.error <= task.tolerance),
        "error": score.error,
        "lenient_error": score.lenient_error,
        "parsed": float(score.parsed),
    }


@functools.lru_cache(maxsize=64)
def _task(name: str, fields: str, trust: bool) -> Task:
    return task_from_data(name, fields, trust=trust)
