"""A group behind one prompt against one prompt for each answer: rollout and learner, side by side in one run.

`python -m tests.benchmarks.shared_prefix`. One by one means k = 1: the rollout repeats the key-value cache for every
member, the learner runs every sequence whole.
"""

import time
from collections.abc import Callable
from statistics import median

import gymnasium as gym
import torch

import envs  # noqa: F401 (registers the clock)
from agents import packing
from agents.loading import load_policy
from agents.rollout import sampling_noise

PROBLEMS, GROUP, TOKENS, ROUNDS = 16, 16, 11, 5


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    policy = load_policy("tiny", 0)
    policy.max_new_tokens = TOKENS
    observations, _ = gym.make_vec("eyechart/Clock-v0", num_envs=PROBLEMS).reset(seed=list(range(PROBLEMS)))
    prompts = policy.prepare(observations["prompt"], observations["image"])
    noise = sampling_noise(0, 0, range(PROBLEMS), GROUP, TOKENS)
    answers = policy.generate(prompts, GROUP, 1.0, noise)

    def learn() -> None:
        logp_BT, _ = policy.log_probabilities(prompts, answers.ids_BT, answers.mask_BT)
        logp_BT.sum().backward()
        policy.model.zero_grad()

    took: dict[tuple[str, str], list[float]] = {}
    for round_ in range(ROUNDS + 1):  # the first warms up
        for way, budget in (("packed", 512), ("one by one", 1)):
            packing.MAX_PACKED_TOKENS = budget
            for half, work in (("rollout", lambda: policy.generate(prompts, GROUP, 1.0, noise)), ("learner", learn)):
                if round_:
                    took.setdefault((half, way), []).append(seconds(work))
                else:
                    work()
    print(f"{PROBLEMS} x {GROUP} answers of {TOKENS} tokens, prompt {prompts.input_ids_PS.shape[1]}, ", end="")
    print(f"{torch.get_num_threads()} threads, median of {ROUNDS}\n\n| half | packed | one by one | ratio |")
    print("|---|---:|---:|---:|")
    for half in ("rollout", "learner"):
        packed, single = (median(took[half, way]) for way in ("packed", "one by one"))
        print(f"| {half} | {packed:.3f} s | {single:.3f} s | {single / packed:.1f} |")


if __name__ == "__main__":
    main()
