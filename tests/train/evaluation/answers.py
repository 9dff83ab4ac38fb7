"""Rows and documents of evaluations, made up by hand."""

from train.evaluation.figures import drops, figures
from train.evaluation.slices import slices

CLOCK = {"unit": "min", "worst_error": 360.0, "tolerance": 1.0, "period": 12.0, "fields": {"size": 112}}


def row(seed, error, sample=0, read="07:20:00", condition="asked", **more):
    """An answer to a clock that was off by `error` minutes; None could not be read."""
    parsed = error is not None
    error = error if parsed else 360.0
    return {
        "condition": condition,
        "seed": seed,
        "sample": sample,
        "prompt": "What time is it?",
        "answer": "07:25:30",
        "text": "raw",
        "tokens": 11,
        "reward": 1 - error / 360,
        "parsed": parsed,
        "error": error,
        "read": read if parsed else None,
        "lenient_error": error,
        "lenient_read": read if parsed else None,
        "parts": {"accuracy": 1 - error / 360, "format": float(parsed)},
        "error_parts": {"hour hand (h)": error / 60} if parsed else {},
        "truth_number": 7.425,
        "read_number": (7.425 + error / 60) % 12 if parsed else None,
        "info": {"hour": 7, "minute": 25},
        "images": [],
        "depicted": None,
        **more,
    }


def foreign_row(seed, reward, sample=0, **more):
    """An answer in an environment that tells nothing but its reward."""
    nothing = dict.fromkeys(("answer", "tokens", "parsed", "error", "read", "lenient_error", "lenient_read"))
    numbers = {"truth_number": None, "read_number": None, "parts": {}, "error_parts": {}, "info": {}}
    return {**row(seed, 0.0, sample), **nothing, **numbers, "reward": reward, **more}


def document(rows, name="model", task=CLOCK, chance=180.0, ks=(), **more):
    """An evaluation file of these rows, of several conditions."""
    conditions = dict.fromkeys(row["condition"] for row in rows)
    of = {one: [row for row in rows if row["condition"] == one] for one in conditions}
    scale = {field: task and task[field] for field in ("tolerance", "worst_error", "period")}
    yardsticks = {"chance": chance, "best_constant": 179.26, "best_constant_answer": "03:00:00", "oracle": 0.0}
    return {
        "format": "eyechart evaluation",
        "version": 1,
        "env": "eyechart/Clock-v0",
        "task": task,
        "model": f"runs/{name}",
        "name": name,
        "settings": {"k": list(ks)},
        "yardsticks": yardsticks | {"floor": 0.25} if task else None,
        "conditions": [
            {
                "name": one,
                "kind": "asked" if one == "asked" else "control",
                "problems": len({row["seed"] for row in several}),
                "answers": len(several),
                "figures": figures(several, chance=chance if task else None, ks=ks, **scale),
            }
            for one, several in of.items()
        ],
        "drops": {
            one: drops(of["asked"], several, tolerance=scale["tolerance"])
            for one, several in of.items()
            if one != "asked"
        },
        "slices": slices(of["asked"], tolerance=scale["tolerance"]),
        "rows": rows,
        **more,
    }
