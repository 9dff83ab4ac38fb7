"""Components that look at the answer: is it correct, can it be read, is it a number."""

from envs import answers
from envs.answers import AMOUNT, read_amount
from envs.rewards.component import component


@component()
def correct(text: str, *, correct: bool) -> float:
    """1 for a correct answer, else 0: nothing for coming near. Bounds {0, 1}.

    `[error ≤ tolerance]`, with the task's tolerance. R1's accuracy reward (DeepSeek-AI 2025, arXiv 2501.12948,
    section 2.2.2); published runs on GSM8K give it weight 2.
    """
    return float(correct)


@component()
def readable(text: str, *, parsed: bool) -> float:
    """1 if the text commits to an answer that the task can read, right or wrong; else 0. Bounds {0, 1}.

    As `numeric` is for numbers, this is for whatever a task takes: `07:25:30` on the clock, of which a published run
    gave it weight 0.5.
    """
    return float(parsed)


@component()
def numeric(text: str, *, committed: str | None = None, whole: bool = False) -> float:
    """1 if the committed answer is a number and nothing else, right or wrong. Bounds {0, 1}.

    A number is what `envs.answers.AMOUNT` takes: `18`, `-3.5`, `1,234`, `$18.50`, in ASCII digits, of at most 15 on
    each side of the point. Published runs on GSM8K give it weight 0.5.

    Args:
        text: What the policy wrote.
        committed: Its committed answer; None reads it from the text.
        whole: Take whole numbers alone.
    """
    body = answers.committed(text) if committed is None else committed
    if body is None or not AMOUNT.fullmatch(body):
        return 0.0
    return float(not whole or read_amount(body).is_integer())
