"""Which problems a step poses."""

import numpy as np

# Streams that never meet: the seeds of the steps of GRPO, of the cold start, of what replaces problems of a step; and
# the chance by which a curriculum picks levels.
GRPO, COLD_START, REPLACEMENTS, CURRICULUM = 0, 1, 2, 3


def problem_seeds(run_seed: int, step: int, problems: int, rows: int | None = None) -> list[int]:
    """The reset seeds of a step's problems; the cold start counts its steps from −1 down.

    Without `rows` they are drawn, and no two steps share one but by chance. With them, a row is drawn again only when
    all have been: each epoch goes through them once, in an order fixed by the run's seed and the epoch. Steps go on
    where the one before ended, so an epoch's last step is filled up from the next epoch. The cold start goes through
    the same rows, in orders of its own.

    Args:
        run_seed: the run's.
        step: the step; nothing that came before it counts.
        problems: how many, the same in each step.
        rows: how many different problems there are, seeds s and s + rows being the same one (`Task.num_problems`);
            None where they never run out.
    """
    stream, index = (GRPO, step) if step >= 0 else (COLD_START, -step - 1)
    if rows is None:
        return np.random.SeedSequence((run_seed, stream, abs(step))).generate_state(problems).tolist()
    first = index * problems
    places = [divmod(place, rows) for place in range(first, first + problems)]
    orders = {epoch: epoch_order(run_seed, stream, epoch, rows) for epoch in {epoch for epoch, _ in places}}
    # a row's seed differs from epoch to epoch, so that in a step which has it twice both are sampled on their own
    return [epoch * rows + int(orders[epoch][place]) for epoch, place in places]


def epoch_order(run_seed: int, stream: int, epoch: int, rows: int) -> np.ndarray:
    """The order (rows,) in which an epoch, counted from 0, goes through the rows."""
    return np.random.default_rng(np.random.SeedSequence((run_seed, stream, epoch, rows))).permutation(rows)


def replacement_seeds(run_seed: int, step: int, round_: int, problems: int) -> list[int]:
    """The seeds of the problems that may replace those of a step, in a round counted from 1.

    They are drawn, also where data run out: what is replaced was seen, and the epochs stay as they are.
    """
    return np.random.SeedSequence((run_seed, REPLACEMENTS, step, round_)).generate_state(problems).tolist()


def curriculum_rng(run_seed: int, step: int) -> np.random.Generator:
    """All the chance of the levels that a step's problems are posed at."""
    return np.random.default_rng(np.random.SeedSequence((run_seed, CURRICULUM, step)))
