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
from train.evaluation.results import Images, journal_path, read_results, write_results

if TYPE_CHECKING:
    from train.evaluation.conditions import Condition
    from train.evaluation.journal import Journal
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
        documents = read_again(config) if config.compare else [evaluate(config, texts)]
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
    images = Images()
    with Journal(journal_path(parts.out), parts.asking) as journal, _nothing_lost(journal):
        answers = ask(parts, journal, images)
        unsliced = () if parts.task is None else parts.task.unsliced
        document = {
            **parts.header,
            "versions": versions(),
            "git_commit": git_commit(),
            **summary(answers, parts.scale, unsliced),
            "rows": [row for rows in answers.values() for row in rows],
            "images": images.uris,
            "seconds": round(time.perf_counter() - begin, 1),
        }
        write_results(parts.out, document)
        journal.delete()
    told.print(f"results: {parts.out}", markup=False)
    report(parts.out)
    return document


def ask(parts: "Parts", journal: "Journal", images: Images) -> "dict[Condition, list[dict[str, Any]]]":
    """The rows of each condition; what the journal has is not asked for again."""
    from train.evaluation.progress import shown
    from train.evaluation.session import Session

    session, N = Session(parts.plan, parts.policy, journal, images), parts.plan.problems
    problems = {one: list(shown(one.name, session.answers(one), N, told)) for one in parts.conditions}
    for remark in remarks(problems[parts.conditions[0]], parts.header["policy"]["kind"] == "server"):
        told.print(f"note: {remark}", markup=False)
    return {one: [row for rows in several for row in rows] for one, several in problems.items()}


def remarks(problems: Sequence[Sequence[Mapping[str, Any]]], server: bool) -> list[str]:
    """What to say of the answers to the plain problems, each with what to do.

    Args:
        problems: the rows of each problem's samples.
        server: whether a server gave them.
    """
    rows, found = [row for rows in problems for row in rows], []
    truncated = sum(row["truncated"] is True for row in rows)
    if any(row["parsed"] is not None for row in rows) and not any(row["parsed"] for row in rows):
        found.append("no answer could be read; see in the report what was written, and ask for its form in the prompt")
    if truncated:
        found.append(f"{truncated} of {len(rows)} answers are cut off; give them room by --max-new-tokens")
    alike = all(len({row["text"] for row in samples}) == 1 for samples in problems)
    if server and alike and len(rows) > len(problems):
        found.append(
            "every problem's samples are the same text; a server that does not sample by itself may need an "
            "--extra-body (docs/EVALUATION.md)"
        )
    return found


@contextmanager
def _nothing_lost(journal: "Journal") -> Iterator[None]:
    """Say what is there already, and, if something fails, what there is then."""
    if len(journal):
        told.print(f"note: {len(journal)} answers are there already, in {journal.path}", markup=False)
    try:
        yield
    except BaseException:
        if len(journal):
            told.print(
                f"note: {len(journal)} answers are kept in {journal.path}; the same command goes on from them",
                markup=False,
            )
        raise


def read_again(config: EvaluateConfig) -> list[dict[str, Any]]:
    """The documents that `--compare` names, judged by `--tolerance` and `--k` if they are given.

    Raises:
        ValueError: one cannot be read, or not be judged so.
    """
    documents = [read_results(path) for path in config.compare]
    names = [document["name"] for document in documents]
    for path, document in zip(config.compare, documents, strict=True):
        if names.count(document["name"]) > 1:
            document["name"] += f" ({path.stem})"
    if config.tolerance is None and not config.k:
        return documents
    from train.evaluation.document import judged_again

    return [judged_again(document, config.tolerance, config.k) for document in documents]


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
