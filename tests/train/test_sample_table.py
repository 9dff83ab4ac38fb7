import io

from rich.console import Console

from train.sample_table import figure, sample_table, shortened, shown_members
from train.samples import Group


def group(rewards, texts):
    count = len(rewards)
    return Group(7, None, texts, [3] * count, rewards, [0.5] * count, [{"error": 2.0}] + [{}] * (count - 1))


def printed(table):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_the_best_answers_stand_first():
    text = printed(sample_table(group([0.25, 1.0, None], ["four", "nine", "none"]), 50, "How many?", "9"))
    assert "step 50, training problem 7: How many? (truth: 9)" in text
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert cells == [
        ["1", "0.5", "–", "3", "nine"],
        ["0.25", "0.5", "2", "3", "four"],
        ["–", "0.5", "–", "3", "none"],
    ]


def test_a_terminal_obeys_no_answer():
    text = printed(sample_table(group([1.0], ["\x1b[2J[bold]x[/bold]\n\x07"]), 1, "\x1b]0;t\x07", "[red]"))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\\x1b[2J[bold]x[/bold]" in text
    assert "(truth: [red])" in text


def test_of_many_the_best_and_the_worst():
    assert shown_members([0.1, 0.9, 0.5]) == [1, 2, 0]
    assert shown_members([float(i) for i in range(10)]) == [9, 8, 7, 6, 3, 2, 1, 0]


def test_long_texts_lose_their_middle():
    assert shortened("a" * 300) == "a" * 300
    assert shortened("a" * 200 + "b" * 200) == "a" * 150 + " … " + "b" * 150
    assert shortened("a" * 10**6 + "b" * 10**6) == "a" * 150 + " … " + "b" * 150


def test_figures():
    assert [figure(value) for value in (None, 0.12345, 3, "x")] == ["–", "0.123", "3", "–"]
