import pytest

from envs.rewards import formatted, soft_format, strict_format, tag_count

LINES = "<think>\n2 + 2\n</think>\n<answer>\n4\n</answer>"
FLAT = "<think>2 + 2</think><answer>4</answer>"
LABELS = "Reasoning: 2 + 2\nAnswer: 4"


def test_format_is_all_or_nothing():
    assert formatted("<answer>7</answer>") == 1.0
    assert formatted("7") == 0.0


@pytest.mark.parametrize(
    ("text", "style", "strict", "soft"),
    [
        (LINES, "think", 1, 1),
        (LINES + "\n", "think", 1, 1),
        (LINES + "\n\n", "think", 0, 1),
        (LINES.replace("2 + 2", "2 + 2\n= 4\n\nso 4"), "think", 1, 1),  # many lines
        (FLAT, "think", 0, 1),
        (LINES.replace("2 + 2", " "), "think", 0, 1),
        (LINES.replace("\n4", "\n "), "think", 0, 1),
        ("Well: " + LINES, "think", 0, 1),
        (LINES.replace("</think>\n", "</think>\n\n"), "think", 0, 1),
        (LINES.replace("</think>", "</think> so"), "think", 0, 0),
        (LINES + "<answer>5</answer>", "think", 0, 0),
        (LINES.replace("2 + 2", "<think>2 + 2"), "think", 0, 0),
        (LINES.replace("2 + 2", "<answer>"), "think", 0, 0),
        ("<answer>\n4\n</answer>\n<think>\n2 + 2\n</think>", "think", 0, 0),
        ("<think>\n</think>\n<answer>\n</answer>", "think", 0, 1),
        (LINES[:-9], "think", 0, 0),
        (LINES, "reasoning", 0, 0),
        (LINES.replace("think>", "reasoning>"), "reasoning", 1, 1),
        (FLAT.replace("think>", "reasoning>"), "reasoning", 0, 1),
        (LABELS, "labels", 1, 1),
        (LABELS + "\n", "labels", 1, 1),
        (LABELS.replace(" 2 + 2", "\n2 + 2\n= 4"), "labels", 1, 1),
        ("So. " + LABELS, "labels", 0, 0),
        ("So.\n" + LABELS, "labels", 0, 1),
        (LABELS + "\nor 5", "labels", 0, 1),
        (LABELS + "\nAnswer: 5", "labels", 0, 0),
        ("Answer: 4\nReasoning: 2 + 2", "labels", 0, 0),
        ("Reasoning: is the Answer: 4?\nAnswer: 4", "labels", 1, 1),  # a label begins a line
        ("Reasoning:\nAnswer: 4", "labels", 0, 1),
        ("<answer>\n4\n</answer>", "none", 1, 1),
        ("<answer>4</answer>", "none", 0, 1),
        ("<answer>\n \n</answer>", "none", 0, 1),
        ("<answer>\n</answer>", "none", 0, 1),
        (LINES, "none", 0, 1),
        ("", "think", 0, 0),
        ("", "labels", 0, 0),
    ],
)
def test_forms(text, style, strict, soft):
    assert strict_format(text, style=style) == strict
    assert soft_format(text, style=style) == soft


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        (FLAT, "think", 1.0),
        (FLAT + "\n\n", "think", 1.0),
        (FLAT + " bye", "think", 1 - 3 * 0.004),
        (FLAT + 200 * "x", "think", 0.2),
        (FLAT + 4000 * "x", "think", 0.0),  # and not less
        ("2 + 2</think><answer>4</answer>", "think", 0.75),
        ("<think>2 + 2", "think", 0.25),
        (FLAT + "<answer>", "think", 0.75 - 8 * 0.004),
        (FLAT + FLAT, "think", 0.0),
        (FLAT, "reasoning", 0.5),
        (FLAT, "none", 1.0),
        (FLAT, "labels", 0.0),
        (LABELS, "labels", 1.0),
        (LABELS + "\nor 5", "labels", 1 - 4 * 0.004),
        ("4", "think", 0.0),
    ],
)
def test_tags_are_counted(text, style, expected):
    assert tag_count(text, style=style) == pytest.approx(expected, abs=1e-12)


def test_as_published_at_half_the_weight():
    """0.125 a tag; each character that trails costs 0.001 behind `</answer>⏎`, and 0.001 behind `</answer>` again."""
    text = LINES.replace("think", "reasoning") + "\n" + 100 * "x"
    assert 0.5 * tag_count(text, style="reasoning") == pytest.approx(0.3)  # 0.5 − 0.1 − 0.1
    assert 0.5 * tag_count(FLAT + "and more") == pytest.approx(4 * 0.125 - 2 * 8 * 0.001)
    assert tag_count(FLAT + "and more", penalty=0.0) == 1.0


@pytest.mark.parametrize("function", [strict_format, soft_format, tag_count])
def test_unknown_styles_are_refused(function):
    with pytest.raises(ValueError, match="style must be one of think, reasoning, labels, none, got 'xml'"):
        function("", style="xml")


def test_a_penalty_is_no_bonus():
    with pytest.raises(ValueError, match="penalty must be 0 or more"):
        tag_count("", penalty=-1.0)
