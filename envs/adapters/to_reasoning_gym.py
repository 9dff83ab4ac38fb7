"""Our tasks as data sets of reasoning-gym, the picture in `metadata["image"]`.

to_reasoning_gym("clock", 100, seed=7, style="varied")     # or, by name in the library's own registry:
register_datasets(); reasoning_gym.create_dataset("eyechart_clock", seed=7, size=100, fields={"style": "varied"})
"""

from dataclasses import dataclass, field
from typing import Any

from gymnasium.envs.registration import EnvSpec

from envs.adapters.arguments import whole_number
from envs.adapters.extras import require
from envs.adapters.untrusted import task_from_data
from envs.answers import tagged
from envs.question import draw
from envs.registry import LIBRARIES, registered, resolve
from envs.task import Problem, problem


@dataclass
class EyechartConfig:
    """What the library's `create_dataset` takes for a task of ours.

    Attributes:
        seed: Item i is the problem of seed `seed` + i; None draws one.
        size: How many items there are, from 1 up.
        split: "train" or "eval".
        fields: The task's fields that differ from those registered.
    """

    seed: int | None = None
    size: int = 500
    split: str = "train"
    fields: dict[str, Any] = field(default_factory=dict)


def to_reasoning_gym(
    name: str, n: int = 500, /, *, seed: int | None = None, split: str = "train", **fields: Any
) -> Any:
    """A task as a `ProceduralDataset` of reasoning-gym.

    An item has `question`, the prompt; `answer`, what a perfect policy writes between the tags; and `metadata`, with
    `image` (uint8 `(H, W, 3)`) for a task with pictures, `seed`, `split` and the problem's own scalars. `score_answer`
    takes what stood between the tags, as the library's `extract_answer` gives it, and pays the task's `accuracy`, 0
    to 1.

    Args:
        name: The environment: `clock`, `eyechart/Clock-v0`, `module:name`.
        n: How many items, from 1 up.
        seed: Item i is the problem of seed `seed` + i; None draws one.
        split: "train" or "eval".
        **fields: The task's fields.

    Raises:
        MissingExtraError: Without the library.
        ValueError: For an unknown name, field or split, a number of items below 1, or a seed below 0.
    """
    return dataset_class(name, trust=True)(EyechartConfig(seed=seed, size=n, split=split, fields=fields))


def register_datasets() -> list[str]:
    """Register all of our environments with the library; once is enough.

    Returns:
        Their names there: `eyechart_clock` for `eyechart/Clock-v0`.

    Raises:
        MissingExtraError: Without the library.
    """
    factory = require("reasoning_gym.factory", "reasoning-gym")
    names = {library_name(spec): spec.id for spec in registered() if spec.namespace not in LIBRARIES}
    for name, id in names.items():
        if name not in factory.DATASETS:
            factory.register_dataset(name, dataset_class(id), EyechartConfig)
    return list(names)


def library_name(spec: EnvSpec) -> str:
    """What an environment is called there: `eyechart_clock`."""
    return f"{spec.namespace or 'eyechart'}_{spec.name}".lower()


def dataset_class(name: str, *, trust: bool = False) -> type:
    """A subclass of the library's `ProceduralDataset` whose items are an environment's problems.

    Args:
        name: The environment.
        trust: Whether a configuration's fields may name reward functions to call; what the library makes by name may
            come from a file or a request.
    """
    base: type = require("reasoning_gym.dataset", "reasoning-gym").ProceduralDataset
    spec = resolve(name)

    class EyechartDataset(base):
        """Problems of one task."""

        category = "eyechart"

        def __init__(self, config: EyechartConfig) -> None:
            whole_number("The number of items", config.size, 1)
            if config.seed is not None:
                whole_number("seed", config.seed, 0)
            self.task = task_from_data(spec.id, config.fields, trust=trust)
            problem(self.task, 0, config.split)  # an unknown split is told now
            super().__init__(config, config.seed, config.size)

        def __getitem__(self, idx: int) -> dict[str, Any]:
            if not 0 <= idx < self.size:
                raise IndexError(f"There are {self.size} items, numbered from 0, and no number {idx}.")
            posed = self._posed(idx)
            picture = draw(self.task, posed)
            told = {
                "source_dataset": library_name(spec),
                "source_index": idx,
                "seed": self.seed + idx,
                "split": self.config.split,
                "truth": posed.answer,
            }
            image = {} if picture is None else {"image": picture}
            answer = self.task.best_answer(posed.answer)
            return {"question": posed.prompt, "answer": answer, "metadata": {**posed.info, **told, **image}}

        def score_answer(self, answer: str | None, entry: dict[str, Any]) -> float:
            if not isinstance(answer, str):
                return 0.0
            return self.task.score(tagged(answer), entry["metadata"]["truth"]).parts["accuracy"]

        def _posed(self, idx: int) -> Problem:
            return problem(self.task, self.seed + idx, self.config.split)

    return EyechartDataset
