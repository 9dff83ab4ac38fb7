"""A group behind one prompt against one prompt for each answer: rollout and learner, side by side in one run.

`python -m tests.benchmarks.shared_prefix`. The learner's answers stand behind a cached prompt, or packed in one
sequence with it (which is what recomputed activations need). One by one means k = 1: the rollout repeats the key-value
cache for every member, the learner runs every sequence whole.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import gymnasium as gym
import torch

import envs  # noqa: F401 (registers the clock)
from agents import packing, shared_prefix
from agents.loading import load_policy
from agents.rollout import sampling_noise

ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.shared_prefix")
    for name, default in (("problems", 16), ("group", 16), ("tokens", 11)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    policy = load_policy("tiny", 0)
    policy.max_new_tokens = given.tokens
    policy.never_sampled = sorted({*policy.never_sampled, *policy.end_ids})
    seeds = list(range(given.problems))
    observations, _ = gym.make_vec("eyechart/Clock-v0", num_envs=given.problems).reset(seed=seeds)
    prompts = policy.prepare(observations["prompt"], observations["image"])
    noise = sampling_noise(0, 0, seeds, given.group, given.tokens)
    answers = policy.generate(prompts, given.group, 1.0, noise)

    def roll_out() -> None:
        policy.generate(prompts, given.group, 1.0, noise)

    def learn() -> None:
        logp_BT, _ = policy.log_probabilities(prompts, answers.ids_BT, answers.mask_BT)
        logp_BT.sum().backward()
        policy.model.zero_grad()

    usual = shared_prefix.recomputes
    most = packing.MAX_PACKED_TOKENS
    ways = {
        ("rollout", "shared"): (most, usual, roll_out),
        ("rollout", "one by one"): (1, usual, roll_out),
        ("learner", "behind a cache"): (most, usual, learn),
        ("learner", "packed"): (most, lambda _: True, learn),
        ("learner", "one by one"): (1, lambda _: True, learn),
    }
    took: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS + 1):  # the first warms up
        for way, (packing.MAX_PACKED_TOKENS, shared_prefix.recomputes, work) in ways.items():
            took[way].append(seconds(work))
    print(f"{given.problems} x {given.group} answers of {given.tokens} tokens, prompt ", end="")
    print(f"{prompts.input_ids_PS.shape[1]}, {torch.get_num_threads()} threads, median of {ROUNDS}\n")
    print("| half | way | time | times as fast as one by one |\n|---|---|---:|---:|")
    for half, way in ways:
        own, single = (median(took[half, name][1:]) for name in (way, "one by one"))
        print(f"| {half} | {way} | {own:.3f} s | {single / own:.1f} |")


if __name__ == "__main__":
    main()
