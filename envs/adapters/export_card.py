"""The data card of an export: the README.md that the Hugging Face hub shows, its settings in YAML on top."""

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from envs.task import Task, problem

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
"""What the hub calls sizes, up to so many rows."""

FILES = {"parquet": ["data/{split}-*.parquet"], "jsonl": ["{split}.jsonl"]}
"""Where `datasets.load_dataset` finds the rows; an Arrow folder is for `load_from_disk`."""

LONGEST = 4000
"""Characters of a prompt that are shown."""

ABOUT = {
    "seed": "the seed that the problem is drawn from",
    "image": "the picture, PNG; pixel for pixel what the environment shows",
    "prompt": "what the policy reads, answer instructions included",
    "answer": "the truth, for `task.score(text, answer)`",
    "best_answer": "what a perfect policy writes between the answer tags",
    "demonstration": "all that a perfect policy writes",
    "info": "what else is known of the problem, a JSON object",
}
"""The columns."""


def card(task: Task, manifest: Mapping[str, Any]) -> str:
    """The text of the card.

    Args:
        task: The task of the problems.
        manifest: What `export.json` holds.
    """
    env, split, first, rows = (manifest[key] for key in ("env", "split", "first_seed", "num_rows"))
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in manifest["fields"].items()}
    changed = "".join(f", {name}={value!r}" for name, value in fields.items())
    source = manifest.get("source")
    prompt = problem(task, first, split).prompt
    columns = "\n".join(f"| `{name}` | {ABOUT[name]} |" for name in manifest["columns"])
    values = "\n".join(f"| `{name}` | `{_cell(value)}` |" for name, value in fields.items())
    return f"""{_settings(manifest)}
# {env}, {split}: {rows:,} problems

Drawn from seeds by Eyechart, procedural environments for vision-language models: every row can be drawn again from \
what this page says{" and the file that it names" if source else ""}.

- **Task**: `{env}` (`{manifest["task"]}`), Eyechart {manifest["eyechart"]}
- **Split**: `{split}`; the other split has problems of its own, whatever the seeds
- **Seeds**: {first} to {first + rows - 1}, row i being the problem of seed {first} + i
- **Error**: in {task.unit or "no unit"}, 0 to {task.worst_error:g}; an answer is correct up to {task.tolerance:g}\
{_about(source)}

A prompt:

{_quoted(textwrap.shorten(prompt, LONGEST) if len(prompt) > LONGEST else prompt)}

| column | |
|---|---|
{columns}

## Load

```python
{_loading(manifest)}
```

## Score

```python
import envs

task = envs.make_task({env!r}{changed})
score = task.score("<answer>...</answer>", row["answer"])  # score.reward, score.error in {task.unit or "no unit"}
```

## Draw again

```python
from envs.question import draw

posed = envs.problem(task, row["seed"], {split!r})  # posed.prompt, posed.answer
picture = draw(task, posed)  # uint8 (height, width, 3); None for a text task
```

or all rows from `export.json`: `envs.adapters.export.recreate(folder{", source=PATH" if source else ""})`.

## Fields of the task

| field | value |
|---|---|
{values}
"""


def _settings(manifest: Mapping[str, Any]) -> str:
    """The YAML on top; JSON, which is YAML too, where there is text of the user's."""
    pictures, split, rows = "image" in manifest["columns"], manifest["split"], manifest["num_rows"]
    size = next((name for most, name in SIZES if rows < most), "n>10M")
    files = FILES.get(manifest["format"], [])
    if pictures and manifest["format"] == "jsonl":
        files = ["metadata.jsonl", "images/**"]
    paths = "".join(f"\n    - {json.dumps(path.format(split=split))}" for path in files)
    configs = (
        f"\nconfigs:\n- config_name: default\n  data_files:\n  - split: {split}\n    path:{paths}" if files else ""
    )
    return f"""---
pretty_name: {json.dumps(f"{manifest['env']}, {split}")}
tags:
- eyechart
- procedural
task_categories:
- {"visual-question-answering" if pictures else "question-answering"}
size_categories:
- {size}{configs}
---
"""


def _about(source: Mapping[str, str] | None) -> str:
    """The line that names the file the rows are read from, if there is one."""
    if source is None:
        return ""
    return (
        f"\n- **Source**: `{_cell(source['name'])[1:-1]}`, SHA-256 `{source['sha256']}`, which is not part of this "
        "data set: whoever draws the rows again needs it, and puts the path to it in place of its name"
    )


def _loading(manifest: Mapping[str, Any]) -> str:
    if manifest["format"] == "hf":
        return 'import datasets\n\nrows = datasets.load_from_disk("THIS FOLDER")'
    return f'import datasets\n\nrows = datasets.load_dataset("THIS FOLDER", split={manifest["split"]!r})'


def _cell(value: Any) -> str:
    """A value in a table, where a bar would end the cell and a backtick the code."""
    return repr(value).replace("|", "\\|").replace("`", "'")


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
