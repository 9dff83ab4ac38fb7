"""Views of answers, with the real Stable-Baselines3."""

import functools
import math
import re
import sys
from dataclasses import dataclass
from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest

from envs import Problem, Task, make_task, problem, register
from envs.adapters.stable_baselines import ChoiceView, DialView, NumberView, PictureView, to_sb3
from envs.answers import NUMBER
from envs.question import draw
from rendering import Disc, Line, Plain, Scene
from tests.benchmarks.ppo import held_out_errors
from tests.envs.adapters.guide import snippets

sb3 = pytest.importorskip("stable_baselines3", reason="pip install -e '.[sb3]'")

WAYS = ("north", "east", "south", "west")


@dataclass(frozen=True)
class Compass(Task[float]):
    """A user's own task with a dial, whose answers are degrees; half of the numbers are rightly placed by default."""

    unit: ClassVar[str] = "deg"
    worst_error: ClassVar[float] = 180.0
    period: ClassVar[float] = 360.0
    pattern = NUMBER

    size: int = 36
    whole: bool = False

    def generate(self, rng):
        degrees = int(rng.integers(360))
        angle = math.radians(degrees)
        tip = (0.5 + 0.45 * math.sin(angle), 0.5 + 0.45 * math.cos(angle))
        scene = Scene((Line((0.5, 0.5), tip, 0.1, (0, 0, 0)),), Plain((255, 255, 255)))
        return Problem("Whither? <answer>DEGREES</answer>", str(degrees), scene)

    def read(self, text):
        return float(int(text) if self.whole else float(text)) % 360

    def error(self, answer, truth):
        return min(abs(answer - truth), 360 - abs(answer - truth))


@dataclass(frozen=True)
class Radians(Compass):
    """Its numbers are no more the answers themselves, and nothing says how to come back."""

    period: ClassVar[float] = 2 * math.pi

    def number(self, answer):
        return math.radians(answer)


@dataclass(frozen=True)
class Way(Compass):
    """Answers are words."""

    period: ClassVar[float | None] = None
    pattern: ClassVar[re.Pattern[str]] = re.compile("|".join(WAYS))
    asking: bool = False

    def generate(self, rng):
        way = int(rng.integers(4))
        x, y = 0.5 + 0.3 * (0, 1, 0, -1)[way], 0.5 + 0.3 * (1, 0, -1, 0)[way]
        question = f"Is it {WAYS[int(rng.integers(4))]}?" if self.asking else "Where?"
        scene = Scene((Disc((x, y), 0.15, (0, 0, 0)),), Plain((255, 255, 255)))
        return Problem(f"{question} <answer>WAY</answer>", WAYS[way], scene)

    def read(self, text):
        return text

    def error(self, answer, truth):
        return 0.0 if answer == truth else 180.0


@pytest.fixture
def own(clean_registry):
    """Registers the tasks of this file."""
    for task in (Compass, Radians, Way):
        register(f"{task.__name__}-v0", task)


# -- what actions say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ([1, 0], "12:00:00"),
        ([0, 1], "03:00:00"),
        ([-0.3, 0], "06:00:00"),
        ([0, -1], "09:00:00"),
        ([0.1, 0.1], "01:30:00"),
        ([1, -1e-9], "12:00:00"),  # just before twelve
        ([0, 0], "12:00:00"),  # no direction at all
        ([math.nan, 0], ""),
        ([0, math.inf], ""),
    ],
)
def test_a_direction_is_a_time(action, text):
    assert to_sb3("clock", size=48).action(np.array(action, np.float32)) == f"<answer>{text}</answer>"


def test_answers_have_the_form_of_the_task():
    env = to_sb3("clock", form="labels")
    assert env.action(np.array([0, 1], np.float32)) == "Answer: 03:00:00"
    assert to_sb3("clock", form="none").action([0, 1]) == "<answer>\n03:00:00\n</answer>"


def test_the_right_direction_earns_the_most():
    env = to_sb3("clock", size=48, split="eval")
    for seed in range(20):
        _, info = env.reset(seed=seed)
        hours = info["hour"] + info["minute"] / 60 + info["second"] / 3600
        action = np.array([math.cos(math.pi * hours / 6), math.sin(math.pi * hours / 6)], np.float32)
        _, reward, terminated, _, info = env.step(action)
        assert (info["error"], terminated) == (0.0, True)
        assert reward == pytest.approx(1.0)


@pytest.mark.parametrize(("action", "text"), [(-1, "-1.00"), (0.5, "+0.50"), (2, "+1.00"), (0.123, "+0.123")])
def test_a_number_is_a_place_in_the_range(action, text):
    env = to_sb3("scatter")
    assert (env.low, env.high) == (-1.0, 1.0)
    assert env.action(np.array([action], np.float32)) == f"<answer>{text}</answer>"


def test_the_range_can_be_given():
    env = NumberView(PictureView(gym.make("eyechart/Scatter-v0")), low=0.0, high=0.8)
    assert [env.text([action]) for action in (-1, 0, 1)] == ["+0.00", "+0.40", "+0.80"]
    assert to_sb3("scatter", functools.partial(NumberView, low=0.0, high=0.8)).text([0]) == "+0.40"


def test_choices_are_the_answers_that_there_are():
    hours = tuple(f"{hour:02d}:00:00" for hour in (12, *range(1, 12)))
    env = to_sb3("clock", "choice", every=3600)
    assert (env.texts, env.action_space) == (hours, gym.spaces.Discrete(12))
    assert env.action(np.int64(3)) == "<answer>03:00:00</answer>"


def test_choices_at_equal_distances():
    assert to_sb3("clock", bins=4).texts == ("12:00:00", "03:00:00", "06:00:00", "09:00:00")
    assert to_sb3("scatter", bins=5).texts == ("-1.00", "-0.50", "+0.00", "+0.50", "+1.00")
    assert len(to_sb3("clock", bins=24, every=3600).texts) == 12  # half hours are no answers there


def test_the_picture_is_that_of_the_seed():
    env, task = to_sb3("clock", split="eval", size=48, style="varied"), make_task("clock", size=48, style="varied")
    picture, info = env.reset(seed=7)
    assert np.array_equal(picture, draw(task, problem(task, 7, "eval")))
    assert picture.shape == env.observation_space.shape == (48, 48, 3)
    assert info["answer"] == problem(task, 7, "eval").answer


# -- tasks of one's own --------------------------------------------------------------------------------------------


def test_ones_own_dial(own):
    env = to_sb3("compass")
    assert isinstance(env, DialView)
    assert env.text([0, 1]) == "90"
    whole = to_sb3("compass", whole=True)
    assert whole.text([math.cos(math.radians(33.4)), math.sin(math.radians(33.4))]) == "33"


def test_ones_own_words(own):
    env = to_sb3("way")
    assert isinstance(env, ChoiceView)
    assert env.texts == ("east", "north", "south", "west")
    _, info = env.reset(seed=1)
    *_, info = env.step(env.texts.index(info["answer"]))
    assert info["error"] == 0.0


def test_ones_own_numbers(thermometer):
    env = to_sb3(f"{thermometer}:thermometer", hottest=9)
    assert isinstance(env, NumberView)
    assert [env.text([action]) for action in (-1, 0, 1)] == ["1", "5", "9"]
    sys.modules.pop(thermometer)


# -- what does not fit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("gsm8k", {}, "GSM8K shows no picture"),
        ("clock", {"view": "dail"}, "Unknown view 'dail': use one of dial, number, choice"),
        ("clock", {"view": ["dial"]}, "Unknown view ['dial']: use one of dial, number, choice"),
        ("clock", {"view": 3}, "Unknown view 3"),
        ("clock", {"bins": 2.5}, "bins must be a whole number, got 2.5"),
        ("clock", {"view": "choice"}, "different answers or more, too many to choose from: give bins"),
        ("clock", {"view": "dial", "bins": 4}, "bins=4 is for the view 'choice', got 'dial'"),
        ("clock", {"bins": 1}, "bins must be 2 or more, got 1"),
        ("clock", {"sise": 48}, "no field 'sise'. Did you mean 'size'"),
        ("scatter", {"view": "dial"}, "Scatter lie on no dial"),
        ("scatter", {"low": 0.5, "high": 0.5}, "low must be below high, both finite, got 0.5 and 0.5"),
        ("way", {"view": "number"}, "Way are no numbers: take the view 'choice'"),
        ("way", {"bins": 4}, "Way are no numbers"),
        ("radians", {}, "override from_number along with number"),
        ("CartPole-v1", {}, "no Task"),
    ],
)
def test_what_does_not_fit_is_told(own, name, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        to_sb3(name, **arguments)


def test_an_environment_without_a_task_is_told():
    with pytest.raises(ValueError, match="not made from a Task"):
        DialView(gym.make("CartPole-v1"))


def test_questions_that_are_not_shown_are_warned_of(own):
    with pytest.warns(UserWarning, match="Way asks different questions"):
        to_sb3("way", asking=True)


# -- the library ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("name", "view"), [("clock", "dial"), ("scatter", "number"), ("way", "choice")])
def test_stable_baselines_finds_no_fault(own, name, view):
    from stable_baselines3.common.env_checker import check_env

    check_env(to_sb3(name, view, size=56))


def test_ppo_learns_to_read_the_clock():
    env = to_sb3("clock", size=36)
    model = sb3.PPO("CnnPolicy", env, n_steps=512, n_epochs=4, learning_rate=1e-3, seed=0)
    before = held_out_errors("clock", model, 64, size=36).mean()
    model.learn(3 * 512)
    after = held_out_errors("clock", model, 64, size=36).mean()
    assert before > 120  # chance is 180
    assert after < 60  # 32 when this was written


@pytest.mark.parametrize("name", ["way", "scatter"])
def test_other_views_train(own, name):
    model = sb3.PPO("CnnPolicy", to_sb3(name, size=56), n_steps=16, batch_size=8, n_epochs=1, seed=0)
    before = [value.clone() for value in model.policy.parameters()]
    model.learn(32)
    assert model.num_timesteps == 32
    assert any((old != new).any() for old, new in zip(before, model.policy.parameters(), strict=True))


def test_the_guide(monkeypatch, capsys):
    """The page's lines as they stand, but for the number of steps."""
    monkeypatch.setattr(sb3, "PPO", functools.partial(sb3.PPO, n_steps=16, batch_size=8, n_epochs=1))
    code = "\n".join(snippets("Stable-Baselines3"))
    assert code.count("20_000") == 1
    told = {}
    exec(code.replace("20_000", "32"), told)
    assert re.fullmatch(r"<answer>\d\d:\d\d:\d\d</answer> \d\d:\d\d:\d\d \d+\.\d+\n", capsys.readouterr().out)
    assert told["model"].num_timesteps == 32
    assert (told["hours"].action_space.n, told["minutes"].action_space.n) == (12, 720)
    assert told["rising"].text([1.0]) == "+1.00"
