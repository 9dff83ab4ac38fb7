"""Evaluation files made by hand: a policy that reads clocks with the faults that policies have."""

import base64
import io
import json
import random
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

HALF_DAY = 43_200


def interval(value: float, low: float | None = None, high: float | None = None) -> dict[str, float]:
    return {"value": value, "low": value if low is None else low, "high": value if high is None else high}


def picture(time: int | None, size: int = 56) -> str:
    """A small clock at `time` seconds after 12 as a data URI; None is a blank picture."""
    image = Image.new("RGB", (size, size), "white" if time is not None else (128, 128, 128))
    if time is not None:
        draw = ImageDraw.Draw(image)
        draw.ellipse((1, 1, size - 2, size - 2), outline="black")
        for turns, length, width in ((time / 43200, 0.5, 3), (time / 3600, 0.8, 2), (time / 60, 0.9, 1)):
            start, end = turns * 360 - 90, size * length
            draw.arc((size / 2 - end / 2,) * 2 + (size / 2 + end / 2,) * 2, start - 3, start + 3, "black", width)
            draw.pieslice((size / 2 - end / 2,) * 2 + (size / 2 + end / 2,) * 2, start - width, start + width, "black")
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return "data:image/png;base64," + base64.b64encode(kept.getvalue()).decode()


def written(time: int) -> str:
    return f"{time // 3600 or 12:02d}:{time // 60 % 60:02d}:{time % 60:02d}"


def apart(a: int, b: int) -> float:
    gap = abs(a - b) % HALF_DAY
    return min(gap, HALF_DAY - gap) / 60


def clock_row(seed: int, made: int | None, pool: dict[str, str], posed: str = "asked", /, **changes: Any) -> dict:
    """A row of the clock task: the time `made`, in seconds, answers the problem of this seed; None is no answer."""
    images, read, condition = pool, made, posed
    truth = random.Random(seed).randrange(HALF_DAY)
    blank = condition == "blank"
    shown = "blank" if blank else f"true-{seed}"
    images.setdefault(shown, picture(None if blank else truth))
    if read is not None:
        images.setdefault(f"read-{read}", picture(read))
    error = 360.0 if read is None else apart(read, truth)
    reward = 0.0 if read is None else round(0.9 * max(0.0, 1 - error / 60) + 0.1, 4)
    return {
        "condition": condition, "seed": seed, "sample": 0, "answer": written(truth),
        "prompt": "What time is it? Reply <answer>HH:MM:SS</answer>",
        "text": "I cannot tell." if read is None else f"<answer>{written(read)}</answer>",
        "tokens": 11, "reward": reward, "advantage": None, "parsed": read is not None,
        "error": error, "read": None if read is None else written(read),
        "lenient_error": error, "lenient_read": None if read is None else written(read),
        "parts": {"accuracy": reward, "format": float(read is not None)},
        "error_parts": {} if read is None else {"hour hand (h)": apart(read, truth) // 60, "minute hand (min)": 2.5},
        "truth_number": truth / 3600, "read_number": None if read is None else read / 3600,
        "info": {"hour": truth // 3600 or 12, "minute": truth // 60 % 60, "second": truth % 60},
        "images": [shown], "depicted": None if read is None else f"read-{read}",
    } | changes  # fmt: skip


def faulty(seed: int, skill: float) -> int | None:
    """What a policy of this skill reads: near the truth, an hour off, the hands swapped, anything, or nothing."""
    dice = random.Random(f"{seed} {skill}")
    truth = random.Random(seed).randrange(HALF_DAY)
    kind = dice.random()
    if kind < skill:
        return (truth + round(dice.gauss(0, 200))) % HALF_DAY
    if kind < skill + 0.5 * (1 - skill):
        return (truth + dice.choice((-3600, 3600))) % HALF_DAY
    return None if kind > 0.97 else dice.randrange(HALF_DAY)


def clock_evaluation(name: str = "clock", problems: int = 12, skill: float = 0.7, **changes: Any) -> dict[str, Any]:
    """A whole document: the conditions asked, blank and roman, sliced by hour; the figures are rough."""
    images: dict[str, str] = {}
    rows = [clock_row(seed, faulty(seed, skill), images) for seed in range(problems)]
    rows += [clock_row(seed, faulty(seed, -1.0), images, "blank") for seed in range(problems)]
    rows += [clock_row(seed, faulty(seed, skill / 3), images, "roman") for seed in range(problems)]

    def mean(condition: str, key: str) -> dict[str, float]:
        values = [row[key] for row in rows if row["condition"] == condition]
        value = sum(values) / len(values)
        return interval(value, 0.8 * value, 1.3 * value)

    def figures(condition: str) -> dict[str, Any]:
        return {
            "mae": mean(condition, "error"), "median_error": interval(3.5, 2.0, 6.0), "skill": interval(0.7, 0.6, 0.8),
            "within": interval(0.4, 0.3, 0.5), "parsed": mean(condition, "parsed"),
            "reward": mean(condition, "reward"), "reward/accuracy": interval(0.5, 0.4, 0.6), "tokens": interval(11),
            "lenient_mae": mean(condition, "lenient_error"), "lenient_parsed": mean(condition, "parsed"),
            "error/hour hand (h)": interval(0.5, 0.3, 0.8), "exact": None,
        }  # fmt: skip

    kinds = {"asked": "asked", "blank": "control", "roman": "style"}
    hours = [
        {"label": str(hour), "low": hour, "high": hour, "problems": 2, "mae": interval(10 * hour, 8 * hour, 14 * hour),
         "reward": interval(1 / hour), "within": None}
        for hour in range(1, 13)
    ]  # fmt: skip
    document = {
        "format": "eyechart evaluation", "version": 1, "env": "eyechart/Clock-v0",
        "task": {"unit": "min", "worst_error": 360.0, "tolerance": 1.0, "period": 12.0, "fields": {"size": 56}},
        "model": f"runs/{name}", "name": name, "policy": {"kind": "checkpoint", "max_new_tokens": 16},
        "settings": {"eval_size": problems, "samples": 1, "temperature": 0.0, "seed": 0, "controls": ["blank"]},
        "yardsticks": {"chance": 180.1, "best_constant": 179.0, "best_constant_answer": "03:00:00", "oracle": 0.0,
                       "floor": 0.0},
        "versions": {"python": "3.11.7", "eyechart": "0.1.0"}, "git_commit": "0123456789abcdef",
        "conditions": [{"name": condition, "kind": kind, "problems": problems, "answers": problems,
                        "figures": figures(condition)} for condition, kind in kinds.items()],
        "drops": {"blank": {"mae": interval(120.5, 100, 140), "reward": interval(-0.4, -0.5, -0.3)},
                  "roman": {"mae": interval(30, 20, 45), "reward": None}},
        "slices": [{"by": "hour", "slices": hours}],
        "rows": rows, "images": images, "seconds": 12.3,
    }  # fmt: skip
    return document | changes


def write_evaluation(path: Path, document: dict[str, Any] | None = None) -> Path:
    path.write_text(json.dumps(clock_evaluation() if document is None else document))
    return path
