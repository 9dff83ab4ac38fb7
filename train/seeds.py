"""Which problems a step poses."""

import numpy as np


def problem_seeds(run_seed: int, step: int, problems: int) -> list[int]:
    """The reset seeds of a step's problems; the cold start counts its steps from −1 down."""
    stream = (run_seed, 0, step) if step >= 0 else (run_seed, 1, -step)
    return [int(seed) for seed in np.random.SeedSequence(stream).generate_state(problems)]
