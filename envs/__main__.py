"""`python -m envs`: look at tasks, play them, check them, export their problems."""

import io
import os
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

import tyro
from gymnasium.envs.registration import EnvSpec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from envs.check import check_task, repeated, unasked_form
from envs.commands.export import Export
from envs.commands.gallery import Gallery
from envs.commands.serve import Serve
from envs.fields import flag_of, read_fields, require_used, required, split_flags
from envs.foreign import UntrainableError, gymnasiums_complaint, require_trainable
from envs.importing import import_module
from envs.levels import level_name, levels_of
from envs.problems import Score
from envs.question import draw
from envs.registry import is_ours, load_library, make_task, registered, resolve, task_class
from envs.rewards import COMPONENTS
from envs.sheet import contact_sheet, write_png
from envs.task import Task, problem
from envs.yardsticks import yardsticks

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
Split = Literal["train", "eval"]


@dataclass(frozen=True)
class List:
    """List the registered environments with their units and fields."""

    modules: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[MODULE ...]")] = ()
    """Modules to import first, for what they register; `reasoning_gym` for the tasks of that library."""

    def run(self, texts: dict[str, str]) -> int:
        """Print the table."""
        _refuse_fields(texts, "`list` shows every task as registered")
        for module in self.modules:
            if not load_library(module):
                import_module(module, module)
        table = Table("environment", "unit", "worst", "fields")
        table.columns[0].no_wrap = True
        for spec in registered():
            try:
                kind = task_class(spec)
                missing = dict.fromkeys(required(kind) - spec.kwargs.keys(), "must be given")
                task: Any = kind if missing else make_task(spec)  # a class holds the defaults
            except ValueError as error:
                table.add_row(spec.id, "", "", f"[red]{escape(str(error))}[/red]")
                continue
            values = ", ".join(f"{f.name}={missing.get(f.name) or repr(getattr(task, f.name))}" for f in fields(kind))
            table.add_row(spec.id, kind.unit, f"{kind.worst_error:g}", escape(values))
        Console().print(table)
        return 0


@dataclass(frozen=True)
class Show:
    """Draw a contact sheet: problems side by side, the answers beneath."""

    name: Name
    """The environment: `clock`, `eyechart/Clock-v0` or `module:name`."""
    out: Path = Path("sheet.png")
    """The PNG to write."""
    count: int = 12
    """How many problems."""
    seed: int = 0
    """Seed of the first; the next ones follow."""
    split: Split = "train"
    """Whose problems: those trained on or those held out."""

    def run(self, texts: dict[str, str]) -> int:
        """Write the picture."""
        task = _make(self.name, texts)
        sheet = contact_sheet(task, self.count, self.seed, self.split)
        write_png(sheet, self.out)
        print(problem(task, self.seed, self.split).prompt)
        levels = [level_name(task, level) for level in levels_of(task)]
        if len(levels) > 1:
            print(f"levels of a curriculum: {'; '.join(levels)}")
        print(f"{self.out}: {self.count} problems, {sheet.shape[1]} x {sheet.shape[0]} pixels")
        return 0


@dataclass(frozen=True)
class Play:
    """Answer problems yourself and see what each answer earns."""

    name: Name
    """The environment: `clock`, `eyechart/Clock-v0` or `module:name`."""
    seed: int = 0
    """Seed of the first problem; the next ones follow."""
    split: Split = "train"
    """Whose problems: those trained on or those held out."""
    picture: Path | None = None
    """Where to put the picture; by default a file in the folder for temporary ones."""
    open: bool = True
    """Whether to open it too, where there is a screen."""

    def run(self, texts: dict[str, str]) -> int:
        """Ask until an empty line, the end of the input or Ctrl-C."""
        task = _make(self.name, texts)
        path = self.picture or Path(tempfile.mkdtemp(prefix="eyechart-")) / "problem.png"
        scores: list[Score] = []
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # any bytes are an answer
        print("An empty line ends the game. Answers count with or without <answer> tags.")
        try:
            while (score := self._turn(task, self.seed + len(scores), path)) is not None:
                scores.append(score)
        except (EOFError, KeyboardInterrupt):
            print()
        print(_summary(task, scores))
        return 0

    def _turn(self, task: Task, seed: int, path: Path) -> Score | None:
        """Pose one problem; None where the answer is an empty line."""
        posed = problem(task, seed, self.split)
        picture = draw(task, posed)
        print(f"\nProblem {seed}: {posed.prompt}")
        if picture is not None:
            write_png(picture, path)
            print(f"Picture: {path}")
            if self.open and _has_screen():
                webbrowser.open(path.resolve().as_uri())
        text = input("> ").strip()
        if not text:
            return None
        score = task.score(text, posed.answer)
        parts = ", ".join(f"{name} {value:.3f}" for name, value in score.parts.items())
        error = f"error {_with_unit(score.error, task)}" if score.parsed else "not an answer"
        print(f"{error}; reward {score.reward:.3f} ({parts}). The answer: {task.best_answer(posed.answer)}")
        return score


@dataclass(frozen=True)
class Rewards:
    """List the components that `--reward NAME WEIGHT` names, with their bounds and parameters."""

    def run(self, texts: dict[str, str]) -> int:
        """Print the table."""
        _refuse_fields(texts, "`rewards` shows the components of every task")
        table = Table("reward", "bounds", "parameters", "what it pays")
        table.add_row("accuracy, format, ...", "0 to 1", "", "The task's own parts; `list` shows their weights.")
        for known in COMPONENTS.values():
            parameters = ", ".join(f"{name}={value!r}" for name, value in known.defaults.items())
            least, most = known.bounds(**known.defaults)
            about = (known.function.__doc__ or "").partition(" Bounds")[0]
            table.add_row(known.name, f"{least:g} to {most:g}", escape(parameters), escape(about))
        table.add_row("module:function", "0 to 1, or its own", "", "Your own: f(text, ...) -> float.")
        Console().print(table)
        return 0


@dataclass(frozen=True)
class Check:
    """Check that a task keeps the rules, and tell its yardsticks; or check every registered task.

    Exits with 1 if a rule is broken. Of an environment that is not made from a task it tells whether it can be trained
    on. What presets are paid is checked by `python -m train --preset check`.
    """

    name: Name = ""
    """The environment: `clock`, `eyechart/Clock-v0` or `module:name`; none for every registered task."""
    samples: int = 32
    """How many problems to try."""
    seed: int = 0
    """Seed of the first; the next ones follow."""

    def run(self, texts: dict[str, str]) -> int:
        """Print broken rules, or the yardsticks if there are none."""
        if not self.name:
            return self._run_all(texts)
        spec = resolve(self.name)
        if not is_ours(spec):
            return _check_foreign(spec, texts)
        task = _make(self.name, texts)
        broken = check_task(task, self.samples, self.seed)
        for sentence in broken:
            print(f"broken: {sentence}")
        if broken:
            return 1
        print(f"{self.name}: no broken rule in {self.samples} problems.")
        if unasked := unasked_form(task):
            print(f"note: {unasked}")
        for sentence in repeated(task, self.samples, self.seed):
            print(f"note: {sentence}")
        sticks = yardsticks(task)
        print(f"chance        {_with_unit(sticks.chance, task)}")
        print(f"best constant {_with_unit(sticks.best_constant, task)} ({sticks.best_constant_answer})")
        print(f"oracle        {_with_unit(sticks.oracle, task)}")
        print(f"floor         {_with_unit(sticks.floor, task)}")
        return 0

    def _run_all(self, texts: dict[str, str]) -> int:
        """Print the broken rules of every registered task."""
        others = {name: text for name, text in texts.items() if name != "rewards"}
        _refuse_fields(others, "`check` without a name goes over every task")
        checked: dict[Task, str] = {}
        status = 0
        for spec in registered():
            missing = sorted(required(task_class(spec)) - spec.kwargs.keys())
            if missing:
                print(f"{spec.id}: not checked, for it needs {', '.join(map(flag_of, missing))}; check it by its name")
                continue
            task = _make(spec.id, texts)
            if task in checked:
                print(f"{spec.id}: the same as {checked[task]}")
                continue
            checked[task] = spec.id
            broken = check_task(task, self.samples, self.seed)
            print(f"{spec.id}: no broken rule in {self.samples} problems." if not broken else f"{spec.id}:", flush=True)
            for sentence in broken:
                print(f"broken: {sentence}")
            status = 1 if broken else status
        return status


def _make(name: str, texts: dict[str, str]) -> Task:
    """The task that a name and its `--task.FIELD VALUE` flags mean."""
    spec = resolve(name)
    fields = read_fields(task_class(spec), texts)
    task = make_task(spec, **fields)
    require_used(task, fields, spec.kwargs)
    return task


def _check_foreign(spec: EnvSpec, texts: dict[str, str]) -> int:
    """Check an environment that knows nothing of tasks; 1 if something is broken."""
    _refuse_fields(texts, f"{spec.id} is not made from a Task")
    complaint = gymnasiums_complaint(spec)
    if complaint is not None:
        print(f"note: gymnasium's check_env says {complaint}")
    try:
        unseen = require_trainable(spec)
    except UntrainableError as error:
        print(f"broken: {error}")
        return 1
    if unseen:
        print(f"note: of its observations a policy sees the prompt and pictures alone, not {', '.join(unseen)}")
    print(
        f"{spec.id} is not made from a Task, so there are no errors and no yardsticks to tell of. It can be trained "
        "on: its actions are texts, one seed is one problem, and one answer ends the episode."
    )
    return 0


def _refuse_fields(texts: dict[str, str], why: str) -> None:
    if texts:
        raise ValueError(f"{why} and takes no {flag_of(next(iter(texts)))}.")


def _has_screen() -> bool:
    """Whether opening a file shows it in a window, rather than in a text browser over this terminal."""
    desktop = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return desktop and sys.stdin.isatty()


def _with_unit(value: float, task: Task) -> str:
    return f"{value:.3f} {task.unit}".rstrip()


def _summary(task: Task, scores: Sequence[Score]) -> str:
    """What the game came to."""
    if not scores:
        return "No answers."
    parsed = sum(score.parsed for score in scores)
    return (
        f"{len(scores)} answers, {parsed} of them readable: mean error "
        f"{_with_unit(fmean(score.error for score in scores), task)}, "
        f"mean reward {fmean(score.reward for score in scores):.3f}."
    )


def main(arguments: Sequence[str] | None = None, prog: str = "python -m envs") -> int:
    """Run a command line; the return value is the exit status.

    Args:
        arguments: What follows `python -m envs`; None takes the process's own.
        prog: What usage and messages call the program.
    """
    try:
        texts, others = split_flags(sys.argv[1:] if arguments is None else arguments)
        command = tyro.extras.subcommand_cli_from_dict(
            {
                "list": List,
                "show": Show,
                "play": Play,
                "check": Check,
                "rewards": Rewards,
                "export": Export,
                "gallery": Gallery,
                "serve": Serve,
            },
            prog=prog,
            description="Look at tasks, play them, check them, export their problems. `--task.FIELD VALUE` sets a "
            "field of the task; `list` shows which fields there are. `--reward NAME WEIGHT`, as often as need be, says "
            "what an answer is paid for; `rewards` lists the names.",
            args=others,
        )
        status = command.run(texts)
        sys.stdout.flush()
        return status
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads it, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still has to write
        return 141  # as a shell tells it


if __name__ == "__main__":
    sys.exit(main())
