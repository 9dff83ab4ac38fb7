"""How well Stable-Baselines3's PPO learns a task through a view of its answers: `python -m tests.benchmarks.ppo`.

The task, the view and PPO's settings are flags. Every so many steps the policy, at its best guess, answers the same
held-out problems, off the clock. What it came to is printed, and written as a run that `python -m plots` draws. Seconds
are those of the processor, whatever else it is busy with.
"""

import argparse
import csv
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from envs import Task, resolve, yardsticks
from envs.adapters.stable_baselines import task_of, to_sb3


def held_out_errors(name: str, model: BaseAlgorithm, problems: int = 256, **options) -> np.ndarray:
    """Errors `(problems,)` on the held-out problems 0, 1, ... of a task, at the policy's best guess.

    `options` are those of `to_sb3`.
    """
    return held_out_scores(name, model, problems, **options)[:, 0]


def held_out_scores(name: str, model: BaseAlgorithm, problems: int = 256, **options) -> np.ndarray:
    """Errors and rewards `(problems, 2)` of the same."""
    env = to_sb3(name, split="eval", **options)
    scores = []
    for seed in range(problems):
        picture, _ = env.reset(seed=seed)
        action, _ = model.predict(picture, deterministic=True)
        _, reward, _, _, info = env.step(action)
        scores.append((info["error"], reward))
    return np.array(scores)


def main() -> None:
    """Train, and tell how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", default="clock")
    parser.add_argument("--view", choices=["dial", "number", "choice"])
    parser.add_argument("--bins", type=int)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--eval-every", type=int, default=4096)
    parser.add_argument("--n-steps", type=int, default=2048, help="answers from one update to the next")
    parser.add_argument("--n-epochs", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument(
        "--log-std-init", type=float, default=0.0, help="spread of the first guesses, for dial and number"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--run", type=Path, default=Path("runs/ppo"), help="a new folder for the curve")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    options = {"view": chosen.view, "bins": chosen.bins, "size": chosen.size}
    env = to_sb3(chosen.env, **options)
    settings = {"n_steps": chosen.n_steps, "n_epochs": chosen.n_epochs, "learning_rate": chosen.learning_rate}
    spread = {"log_std_init": chosen.log_std_init}
    model = PPO("CnnPolicy", env, seed=chosen.seed, policy_kwargs=spread, **settings)
    begin_run(chosen, task_of(env))
    weights = sum(values.numel() for values in model.policy.parameters())
    print(f"{weights:,} weights\n| answers | seconds | MAE (median) | reward |\n|---:|---:|---:|---:|")
    seconds = 0.0
    with (chosen.run / "evals.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["phase", "step", "mae", "median_error", "reward", "seconds_total"])
        while True:
            scores, done = held_out_scores(chosen.env, model, **options), model.num_timesteps
            (mae, reward), median = scores.mean(axis=0), np.median(scores[:, 0])
            phase = "start" if done == 0 else "train" if done < chosen.steps else "end"
            table.writerow([phase, done, mae, median, reward, round(seconds, 1)])
            file.flush()
            print(f"| {done:,} | {seconds:.0f} | {mae:.1f} ({median:.1f}) | {reward:.2f} |", flush=True)
            if done >= chosen.steps:
                return
            begun = time.process_time()
            model.learn(min(chosen.eval_every, chosen.steps - done), reset_num_timesteps=False)
            seconds += time.process_time() - begun


def begin_run(chosen: argparse.Namespace, task: Task) -> None:
    """Make the folder of the run, with what `python -m plots` needs to know of it."""
    config = {
        "env": resolve(chosen.env).id,
        "task": {"unit": task.unit, "fields": dataclasses.asdict(task)},
        "yardsticks": dataclasses.asdict(yardsticks(task)),
        "settings": {name: value for name, value in vars(chosen).items() if name != "run"},
    }
    chosen.run.mkdir(parents=True)
    (chosen.run / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
