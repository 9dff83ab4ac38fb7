"""`python -m train.evaluate`: evaluate a policy on held-out problems, or compare evaluations.

Writes one JSON file, a row per answer, and a report beside it. Answers are kept as they arrive: whatever ends an
evaluation before its end, the same command goes on from them.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro
from rich.console import Console

from envs.fields import split_flags
from train.evaluation.config import EvaluateConfig, Format
from train.evaluation.results import read_results, write_results

if TYPE_CHECKING:
    from train.evaluation.conditions import Condition
    from train.evaluation.journal import Journal
    from train.evaluation.session import Answered
    from train.evaluation.setup import Parts

told = Console(stderr=True, highlight=False, soft_wrap=True)
"""For what is not the result."""


def main(arguments: Sequence[str] | None = None, prog: str = "python -m train.evaluate") -> int:
    """Evaluate or compare as a command line says.

    Args:
        arguments: what follows `python -m train.evaluate`; None takes the process's own.
        prog: what usage and messages call the program.

    Returns:
        the exit status: 0; 2 for bad input; 1 for what failed on the way; 130 for Ctrl-C.
    """
    try:
        texts, rest = split_flags(sys.argv[1:] if arguments is None else arguments)
        config = tyro.cli(EvaluateConfig, args=rest, prog=prog)
        documents = [read_results(path) for path in config.compare] or [evaluate(config, texts)]
        show(documents, config.format)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not _says_what_to_do(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _says_what_to_do(error: Exception) -> bool:
    from agents.endpoint import EndpointError
    from train.storage import WriteError

    return isinstance(error, MemoryError | WriteError | EndpointError)


def evaluate(config: EvaluateConfig, texts: Mapping[str, str]) -> dict[str, Any]:
    """Ask, write the results and the report, and return the document.

    Args:
        config: what is asked.
        texts: what `--task.FIELD VALUE` set.

    Raises:
        ValueError: bad input, before anything is asked.
        MemoryError: the answers to one prompt do not fit.
        EndpointError: a server failed for good; the answers that it gave are kept.
        WriteError: something could not be written; the answers are kept, unless they were what could not.
    """
    from train.evaluation.document import summary
    from train.evaluation.journal import Journal
    from train.evaluation.setup import make_parts
    from train.record import git_commit, versions

    begin = time.perf_counter()
    parts = make_parts(config, texts)
    with Journal(parts.journal, parts.shaping) as journal, _nothing_lost(journal):
        answers = ask(parts, journal)
        unsliced = () if parts.task is None else parts.task.unsliced
        document = {
            **parts.header,
            "versions": versions(),
            "git_commit": git_commit(),
            **summary(answers, parts.scale, unsliced),
            "seconds": round(time.perf_counter() - begin, 1),
        }
        write_results(parts.out, document)
        journal.delete()
    told.print(f"results: {parts.out}", markup=False)
    report(parts.out)
    return document


def ask(parts: "Parts", journal: "Journal") -> "dict[Condition, list[Sequence[Answered]]]":
    """The answers under each condition, those in the journal not asked for again; of each problem, its samples."""
    from train.evaluation.progress import shown
    from train.evaluation.session import Session

    session, N = Session(parts.plan, parts.policy, journal), parts.plan.problems
    answers = {one: list(shown(one.name, session.answers(one), N, told)) for one in parts.conditions}
    asked = answers[parts.conditions[0]]
    alike = all(len({answered.row["text"] for answered in samples}) == 1 for samples in asked)
    if alike and parts.plan.samples > 1 and parts.header["policy"]["kind"] == "server":
        told.print(
            "note: every problem's samples are the same text; a server that does not sample by itself may need an "
            "--extra-body (docs/EVALUATION.md)",
            markup=False,
        )
    return answers


@contextmanager
def _nothing_lost(journal: "Journal") -> Iterator[None]:
    """Say what is there already, and, if something fails, what there is then."""
    if journal.replies:
        told.print(f"note: {len(journal.replies)} answers are there already, in {journal.path}", markup=False)
    try:
        yield
    except BaseException:
        told.print(
            f"note: {len(journal.replies)} answers are kept in {journal.path}; the same command goes on from them",
            markup=False,
        )
        raise


def show(documents: Sequence[Mapping[str, Any]], form: Format) -> None:
    """Print an evaluation, or the comparison of several.

    Raises:
        ValueError: they cannot be compared.
    """
    from train.evaluation.compare import compare
    from train.evaluation.tables import figures_json, markdown, terminal

    subject = documents[0] if len(documents) == 1 else compare(documents)
    if form == "table":
        Console(highlight=False).print(terminal(subject))
    else:
        print((markdown if form == "md" else figures_json)(subject), end="")


def report(results: Path) -> None:
    """Write the report beside the results; that it could not be written loses nothing."""
    from plots.report import write_report
    from plots.runs import RunError

    path = results.with_suffix(".html")
    try:
        write_report([results], path)
    except (RunError, OSError) as error:
        told.print(f"note: no report is written: {error}", markup=False)
    else:
        told.print(f"report: {path}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
