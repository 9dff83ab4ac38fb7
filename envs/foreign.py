"""Environments that are not made from a `Task`: what training asks of them, and the form that training sees.

Any Gymnasium environment will do whose actions are texts and whose episodes end with the first one.
"""

import copy
import functools
import math
import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from envs import pictures
from envs.answers import is_unicode, tagged
from envs.question import TextSpace
from envs.rules import short, words

EVAL_SEEDS = 2**31
"""Where held-out problems begin: there are no splits, so training poses the seeds below it, evaluation those above."""

TRIED = ("", "7", "no idea", "<answer>7</answer>", "\x00 é漢\n", "a b " * 500)
"""Texts that `require_trainable` answers with."""


class UntrainableError(ValueError):
    """An environment that a policy which writes cannot be trained on; the message says why, and what would help."""


class SingleTurn(gym.Wrapper[dict[str, Any], str, Any, Any]):
    """An environment with text actions in the form of `QuestionEnv`: one question, one answer, any text.

    Observation: `{"prompt": str}`, and, where the environment shows pictures, `image`, uint8 `(H, W, 3)`, or `images`,
    several such: stacked, `(K, H, W, 3)`, or a tuple. A bare text counts as the prompt, and other members of a `Dict`
    are left out (`unseen` names them). Action: `TextSpace()`: whatever was written is passed on, inside the
    environment's own action space or not. Info: `seed`, as it was given to the environment, and of the info
    of the environment's reset `answer` (a text, then `best_answer` too) and `demonstration` (a text); after the step
    also, of its own info, `error`, `lenient_error` (finite numbers) and `parsed` (a truth value); nothing else.

    `reset(seed=s)` poses the problem of seed s % `EVAL_SEEDS` in the training split, of `EVAL_SEEDS` + s in the other.
    """

    def __init__(self, env: gym.Env, split: str = "train") -> None:
        """Wrap an environment.

        Args:
            env: The environment.
            split: "train" or "eval".

        Raises:
            UntrainableError: If its spaces are not what they have to be.
        """
        super().__init__(env)
        self.split, self.name = split, env.spec.id if env.spec else str(env)
        if not _is_text(env.action_space):
            raise self._unfit(
                f"its actions are {env.action_space}; they must be texts, for what a policy does is write"
            )
        seen = env.observation_space
        members = seen.spaces if isinstance(seen, gym.spaces.Dict) else {"prompt": seen}
        if not _is_text(members.get("prompt")):
            raise self._unfit(
                f"its observations are {seen}; they must be a text, or a Dict with a text `prompt` and maybe an "
                "`image` or `images` (gymnasium.wrappers.TransformObservation makes them so)"
            )
        spaces: dict[str, gym.Space] = {"prompt": TextSpace()}
        self.shown = next((name for name in ("image", "images") if name in members), None)
        if self.shown is not None:
            spaces[self.shown] = members[self.shown]
            wanted = pictures.wanted(self.shown, members[self.shown])
            if wanted is not None:
                raise self._unfit(f"its `{self.shown}` is {members[self.shown]}; it must be {wanted}")
        self.unseen = [name for name in members if name not in spaces]
        self.observation_space, self.action_space = gym.spaces.Dict(spaces), TextSpace()
        self._seed: int | None = None
        self._told: dict[str, Any] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Pose the problem of a seed.

        Raises:
            UntrainableError: If the environment raises, or shows what its space does not hold.
        """
        if seed is not None:
            seed = seed % EVAL_SEEDS + (EVAL_SEEDS if self.split == "eval" else 0)
        try:
            observation, info = self.env.reset(seed=seed, options=options)
        except Exception as error:
            raise self._unfit(f"reset(seed={seed}) raises {words(error)}") from error
        self._seed = seed
        self._told = self._asked(info)
        return self._observation(observation), dict(self._told)

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Pass a text on, and end the episode.

        Raises:
            UntrainableError: If the environment raises, its episode does not end, or its reward is no finite number.
        """
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            value = float(reward)
        except Exception as error:
            raise self._unfit(
                f"step raises {words(error)} on the text {short(action)} (seed {self._seed}); a policy may write "
                "anything, inside the action space or not, so any text must get a reward"
            ) from error
        if not math.isfinite(value):
            raise self._unfit(f"the reward of the text {short(action)} is {value} (seed {self._seed})")
        if not (terminated or truncated):
            raise self._unfit(
                f"the episode goes on after the text {short(action)} (seed {self._seed}), and only single-turn "
                "environments can be trained on; registered with max_episode_steps=1 it ends there"
            )
        return self._observation(observation), value, bool(terminated), bool(truncated), self._scored(info)

    def _observation(self, observation: Any) -> dict[str, Any]:
        if isinstance(observation, str):
            observation = {"prompt": observation}
        spaces = self.observation_space.spaces
        if not isinstance(observation, Mapping) or not spaces.keys() <= observation.keys():
            must = " and ".join(sorted(spaces, reverse=True))
            given = sorted(map(str, observation)) if isinstance(observation, Mapping) else f"{observation!r:.60}"
            raise self._unfit(f"its observation must hold {must}, got {given} (seed {self._seed})")
        prompt = observation["prompt"]
        if not isinstance(prompt, str) or not is_unicode(prompt):
            raise self._unfit(f"its prompt must be a text that UTF-8 can hold, got {prompt!r:.60} (seed {self._seed})")
        if self.shown is None:
            return {"prompt": prompt}
        shown, space = observation[self.shown], spaces[self.shown]
        if not pictures.hold(space, shown):
            must, given = pictures.form(space), pictures.form(shown)
            raise self._unfit(f"its {self.shown} must be {must}, got {given} (seed {self._seed})")
        return {self.shown: shown, "prompt": prompt}

    def _asked(self, info: dict[str, Any]) -> dict[str, Any]:
        """What of a reset's info can be used; everything else is dropped, whatever it is."""
        self._require_dict(info)
        kept: dict[str, Any] = {} if self._seed is None else {"seed": self._seed}
        names = {"answer": "answer", "best_answer": "answer", "demonstration": "demonstration"}
        kept |= {name: info[theirs] for name, theirs in names.items() if isinstance(info.get(theirs), str)}
        return kept | ({"best_reply": tagged(kept["answer"])} if "answer" in kept else {})

    def _require_dict(self, info: Any) -> None:
        if not isinstance(info, Mapping):
            raise self._unfit(f"its info must be a dict, got {info!r:.60} (seed {self._seed})")

    def _scored(self, info: dict[str, Any]) -> dict[str, Any]:
        """What the reset told, and what of a step's info can be used."""
        self._require_dict(info)
        kept = dict(self._told)
        for name in ("error", "lenient_error"):
            value = info.get(name)
            if isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value):
                kept[name] = float(value)
        if isinstance(info.get("parsed"), bool | np.bool_):
            kept["parsed"] = bool(info["parsed"])
        return kept

    def _unfit(self, what: str) -> UntrainableError:
        return UntrainableError(f"{self.name} cannot be trained on: {what}.")


def _is_text(space: gym.Space | None) -> bool:
    """Whether a space holds texts: `TextSpace`, Gymnasium's `Text`, or any other whose samples are strings."""
    if isinstance(space, TextSpace | gym.spaces.Text):
        return True
    return isinstance(space, gym.Space) and isinstance(space.sample(), str)


def make_vector(spec: EnvSpec, num_envs: int, split: str) -> gym.vector.VectorEnv:
    """Many `SingleTurn` of one registered environment, stepped one after another; reset before each step.

    Args:
        spec: The environment.
        num_envs: How many.
        split: "train" or "eval".

    Raises:
        UntrainableError: If it cannot be made, or its spaces are not what they have to be.
    """
    _make(spec, split).close()  # what is wrong is said of one, not of the first of many
    return gym.make_vec(
        _unchecked(spec),
        num_envs,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED},
        wrappers=[functools.partial(SingleTurn, split=split)],
    )


def _make(spec: EnvSpec, split: str = "train") -> SingleTurn:
    try:
        env = gym.make(_unchecked(spec))
    except Exception as error:
        raise UntrainableError(f"{spec.id} cannot be made: gymnasium.make raises {words(error)}") from error
    return SingleTurn(env, split)


def _unchecked(spec: EnvSpec) -> EnvSpec:
    """The spec without Gymnasium's own checks, which would warn of every text outside the action space."""
    spec = copy.deepcopy(spec)
    spec.disable_env_checker = True
    return spec


def require_trainable(spec: EnvSpec) -> list[str]:
    """Refuse an environment that training would stumble over: it is made, and a few problems are answered.

    Returns:
        What of its observations no policy will see.

    Raises:
        UntrainableError: Naming the first thing that is wrong.
    """
    first, second = _make(spec), _make(spec)
    seen = {seed: first.reset(seed=seed)[0] for seed in (0, 1, EVAL_SEEDS - 1)}
    for env in (second, first):
        for seed, observation in seen.items():
            again = env.reset(seed=seed)[0]
            if not _equal(observation, again):
                raise UntrainableError(
                    f"{spec.id} cannot be trained on: reset(seed={seed}) shows one thing and then another, and a group "
                    "of answers must see one problem; let all chance come from self.np_random, after "
                    "super().reset(seed=seed)."
                )
    for text in TRIED:
        first.reset(seed=0)
        first.step(text)
    first.close()
    second.close()
    return first.unseen


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(map(pictures.equal, one.values(), other.values()))


def gymnasiums_complaint(spec: EnvSpec) -> str | None:
    """What Gymnasium's own `check_env` raises; None if it raises nothing. Training may well do without it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_env(gym.make(spec).unwrapped, skip_render_check=True)
    except Exception as error:
        return words(error)
    return None
