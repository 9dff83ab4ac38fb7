"""A group of sampled answers as a table for the terminal. What a policy wrote is not trusted."""

from rich.console import Group as RichGroup
from rich.table import Table
from rich.text import Text

from train.evaluation.cells import DASH, harmless
from train.samples import Group

# Of a larger group the best and the worst answers are shown, so many in all.
MOST_SHOWN = 8
# A text is shortened to so many characters: a few lines of a terminal.
LONGEST = 300


def sample_table(group: Group, step: int, prompt: str | None, truth: str | None) -> RichGroup:
    """The answers to one problem, the best first.

    Args:
        group: the answers.
        step: after which they are shown.
        prompt: the problem; None where nobody can say.
        truth: its answer; None likewise.
    """
    title = f"step {step}, training problem {group.seed}"
    if prompt is not None:
        title += f": {shortened(prompt)}"
    if truth is not None:
        title += f" (truth: {shortened(truth)})"
    table = Table(show_lines=True)
    for name in ("reward", "advantage", "error", "tokens"):
        table.add_column(name, justify="right")
    table.add_column("answer", overflow="fold")
    for i in shown_members(group.rewards):
        error = group.told[i].get("error")
        cells = (figure(group.rewards[i]), figure(group.advantages[i]), figure(error), str(group.tokens[i]))
        table.add_row(*(Text(cell) for cell in (*cells, shortened(group.texts[i]))))
    return RichGroup(Text(title, style="bold"), table)


def shown_members(rewards: list[float | None]) -> list[int]:
    """Which answers are shown, by falling reward; of many the best half and the worst half of what there is room for.

    Args:
        rewards: of a group; None stands last.
    """
    order = sorted(range(len(rewards)), key=lambda i: (rewards[i] is None, -(rewards[i] or 0.0)))
    half = MOST_SHOWN // 2
    return order if len(order) <= MOST_SHOWN else order[:half] + order[-half:]


def shortened(text: str) -> str:
    """Text in one line, harmless to a terminal, with its middle left out if it is long."""
    line = harmless(text if len(text) <= 2 * LONGEST else f"{text[:LONGEST]} … {text[-LONGEST:]}")
    half = LONGEST // 2
    return line if len(line) <= LONGEST else f"{line[:half]} … {line[-half:]}"


def figure(value: object) -> str:
    """A number with three digits; a dash for what is none."""
    return f"{value:.3g}" if isinstance(value, (int, float)) else DASH
