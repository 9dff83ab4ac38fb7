"""Experiment trackers, through accelerate: TensorBoard, Weights & Biases, Trackio.

They get what the run's own folder has: each row of `metrics.csv` as `train/COLUMN`, each row of `evals.csv` as
`eval/COLUMN`, the settings, and the answers of `samples.jsonl` with their pictures, where the tracker takes those.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from accelerate import Accelerator
from accelerate.tracking import (
    GeneralTracker,
    TensorBoardTracker,
    TrackioTracker,
    WandBTracker,
    get_available_trackers,
)

from train.config import Settings


def require_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that are not installed.

    Raises:
        ValueError: naming the first of them.
    """
    installed = {str(name) for name in get_available_trackers()}
    for name in names:
        if name not in installed:
            raise ValueError(
                f"--track {name} needs the package {name}: pip install {name}, "
                "or all three trackers with pip install 'eyechart[track]'"
            )


class Trackers:
    """A run's trackers. One that fails on the way is told no more, and the run goes on.

    Args:
        accelerator: starts and holds them, on the main process alone.
        config: resolved settings; `track` names the trackers.
        folder: the run's folder.
        say: tells the user something.
    """

    def __init__(self, accelerator: Accelerator, config: Settings, folder: Path, say: Callable[[str], None]) -> None:
        self.accelerator, self.config, self.folder, self.say = accelerator, config, folder, say
        self.failed: set[str] = set()

    def start(self, document: Mapping[str, Any], step: int | None = None) -> None:
        """Begin the run in every tracker, or go on with it.

        Args:
            document: `config.json`.
            step: the last step that a resumed run keeps; None for a new one.

        Raises:
            ValueError: a tracker that does not start, for instance for want of a login.
        """
        if not self.config.track:
            return
        self.accelerator.log_with = make_trackers(self.config, self.folder, document.get("tracker_id"), step)
        try:
            self.accelerator.init_trackers(self.config.track_project, flat_settings(document))
        except Exception as error:  # each raises what it likes
            self.failed = set(self.config.track)  # they end without a word
            self.close()
            raise ValueError(f"--track {' '.join(self.config.track)} could not start: {reason(error)}") from error

    def log(self, group: str, row: Mapping[str, Any]) -> None:
        """Tell the numbers of a row, which has a `step`, as `group/COLUMN`; what is None is left out."""
        values = {f"{group}/{name}": value for name, value in row.items() if isinstance(value, (int, float))}
        step = values.pop(f"{group}/step")
        self._each(lambda tracker: tracker.log(values, step=step))

    def log_samples(self, rows: Sequence[Mapping[str, Any]], pictures: Sequence[Sequence[np.ndarray]] | None) -> None:
        """Show the sample answers of an evaluation.

        Args:
            rows: of `samples.jsonl`, all of one step.
            pictures: those of each answer, or of more of them, uint8 (H, W, 3); None where there are none.
        """
        if rows:
            shown = [[] if pictures is None else list(pictures[i]) for i in range(len(rows))]
            self._each(lambda tracker: show_samples(tracker, rows, shown))

    def _each(self, tell: Callable[[GeneralTracker], None]) -> None:
        """Do something with every tracker that has not failed yet."""
        for tracker in self.accelerator.trackers:
            if tracker.name in self.failed:
                continue
            try:
                tell(tracker)
            except Exception as error:  # a full disk, a lost connection: no reason to end a run
                self.failed.add(tracker.name)
                self.say(f"{tracker.name} fails and is told no more of this run, which goes on: {reason(error)}")

    def close(self) -> None:
        """End the run in every tracker, also in those that failed, which then say nothing more."""
        for tracker in self.accelerator.trackers:
            try:
                tracker.finish()
            except Exception as error:
                if tracker.name not in self.failed:
                    self.say(f"{tracker.name} could not be closed: {reason(error)}")
        self.accelerator.trackers.clear()

    def __enter__(self) -> "Trackers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_trackers(config: Settings, folder: Path, run_id: str | None, step: int | None) -> list[GeneralTracker]:
    """The trackers that `config.track` names, not started yet.

    TensorBoard's files go into the run's folder, whose name is all that TensorBoard calls a run. Weights & Biases finds
    a resumed run by its id, Trackio by project and name.

    Args:
        config: resolved settings.
        folder: the run's folder.
        run_id: what tells this run from all others.
        step: the last step that a resumed run keeps, after which TensorBoard forgets; None for a new one.
    """
    project, name = config.track_project, config.track_name or folder.absolute().name
    purge = None if step is None else step + 1
    make: dict[str, Callable[[], GeneralTracker]] = {
        "tensorboard": lambda: TensorBoardTracker("tensorboard", folder, purge_step=purge),
        "wandb": lambda: WandBTracker(project, name=name, id=run_id, resume="allow", dir=str(folder)),
        "trackio": lambda: TrackioTracker(project, name=name, resume="never" if step is None else "allow"),
    }
    return [make[tracker]() for tracker in dict.fromkeys(config.track)]


def flat_settings(document: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    """The settings of a `config.json`, and the task's fields as `task.FIELD`; what is None is left out."""
    fields = (document.get("task") or {}).get("fields", {})
    values = {**document["settings"], **{f"task.{name}": value for name, value in fields.items()}}
    return {
        name: value if isinstance(value, (bool, int, float, str)) else " ".join(map(str, value))
        for name, value in values.items()
        if value is not None
    }


def show_samples(
    tracker: GeneralTracker, rows: Sequence[Mapping[str, Any]], pictures: Sequence[Sequence[np.ndarray]]
) -> None:
    """Show sample answers as far as a tracker can: TensorBoard texts and pictures, Weights & Biases pictures."""
    step = rows[0]["step"]
    if tracker.name == "tensorboard":
        tracker.log({f"samples/{i}": caption(row) for i, row in enumerate(rows)}, step=step)
        named = {
            f"samples/{i}{f'-{k + 1}' if k else ''}": picture[None]
            for i, several in enumerate(pictures)
            for k, picture in enumerate(several)
        }
        tracker.log_images(named, step=step, dataformats="NHWC")
    elif tracker.name == "wandb":
        import wandb

        images = [
            wandb.Image(picture, caption=caption(row))
            for row, several in zip(rows, pictures, strict=True)
            for picture in several
        ]
        if images:
            tracker.log_images({"samples": images}, step=step)


def caption(row: Mapping[str, Any]) -> str:
    """Prompt, answer and truth of a row of `samples.jsonl`, without half characters, which no tracker takes."""
    parts = {"prompt": row["prompt"], "answer": row["text"], "truth": row["answer"], "reward": row["reward"]}
    text = "\n\n".join(f"{name}: {value}" for name, value in parts.items() if value is not None)
    return text.encode("utf-8", "replace").decode("utf-8")


def reason(error: Exception) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
