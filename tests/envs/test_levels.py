"""Levels: easier versions of a task, posed by a reset's option."""

from collections import Counter
from dataclasses import dataclass, replace

import gymnasium as gym
import numpy as np
import pytest

from envs import check_task, make_task, problem
from envs.levels import level_name, levels_of, require_level
from envs.tasks import dial_styles
from envs.tasks.clock import Clock
from envs.tasks.countdown import Countdown
from envs.tasks.gsm8k import GSM8K
from envs.tasks.scatter import Scatter
from tests.train.letters import Letters

LADDERS = {
    "clock": (Clock(), ["every=3600", "every=900", "every=300", "every=60", "every=10"]),
    "two hands": (Clock(second_hand=False), ["every=3600", "every=900", "every=300"]),
    "five minutes": (Clock(every=300), ["every=3600", "every=900"]),
    "hours": (Clock(every=3600), []),
    "varied": (Clock(style="varied"), ["variety=0.0", "variety=0.25", "variety=0.5", "variety=0.75"]),
    "half mixed": (Clock(style="mixed", variety=0.5), ["variety=0.0", "variety=0.25"]),
    "roman": (Clock(style="roman", second_hand=False), ["every=3600", "every=900", "every=300"]),
    "scatter": (Scatter(), ["every=100", "every=50", "every=20", "every=10", "every=5"]),
    "narrow": (Scatter(low=0.13, high=0.31), ["every=10", "every=5"]),
    "one r": (Scatter(low=0.2, high=0.2), []),
    "words": (GSM8K(difficulty=3), ["difficulty=1", "difficulty=2"]),
    "one step": (GSM8K(), []),
    "countdown": (Countdown(), ["fewest=2, most=2", "most=3"]),
    "letters": (Letters(), []),
}


@pytest.mark.parametrize("name", LADDERS)
def test_the_ladder(name):
    task, names = LADDERS[name]
    levels = levels_of(task)
    assert [level_name(task, level) for level in levels] == [*names, "the whole task"]
    assert levels[-1] == task
    assert check_task(task, samples=4) == []


def test_rows_of_a_file_have_no_difficulty(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        "".join(f'{{"question": "What is {n} + 1?", "answer": "#### {n + 1}"}}\n' for n in range(20))
    )
    assert len(levels_of(GSM8K(difficulty=4, source=str(tmp_path / "rows.jsonl")))) == 1


@pytest.mark.parametrize("every", [3600, 900, 300, 60, 10])
def test_a_clock_tells_multiples_alone(every):
    times = [Clock().truth(problem(Clock(every=every), seed).answer) for seed in range(200)]
    assert all(time % every == 0 for time in times)
    assert len(set(times)) == min(12, 43_200 // every) if every == 3600 else len(set(times)) > 40
    two_hands = Clock(every=every, second_hand=False)
    assert all(two_hands.truth(problem(two_hands, seed).answer) % max(60, every) == 0 for seed in range(50))


def test_every_whole_hour_is_as_likely():
    hours = Counter(problem(Clock(every=3600), seed).answer for seed in range(2400))
    assert set(hours) == {f"{hour:02d}:00:00" for hour in range(1, 13)}
    assert min(hours.values()) > 150  # of 200 each; the standard deviation is 13.5


def test_a_scatter_plot_has_multiples_alone():
    task = Scatter(low=-0.5, high=1.0, every=50)
    found = Counter(problem(task, seed).answer for seed in range(400))
    assert set(found) == {"-0.50", "+0.00", "+0.50", "+1.00"}
    assert min(found.values()) > 60  # of 100 each


def test_without_variety_a_varied_clock_is_the_plain_one_but_for_nothing():
    looks = [Clock(style="varied", variety=0.0).look(seed) for seed in range(20)]
    plain = dial_styles.PLAIN
    for look in looks:
        assert (look.face, look.background, look.hour, look.minute, look.rim) == (
            plain.face,
            plain.background,
            plain.hour,
            plain.minute,
            plain.rim,
        )
        assert look.center == (0.5, 0.5)


def test_variety_is_how_often_a_part_is_varied():
    plain, looks = dial_styles.PLAIN, [Clock(style="varied", variety=0.25).look(seed) for seed in range(800)]
    for part in ("background", "hour", "ticks"):
        share = np.mean([getattr(look, part) != getattr(plain, part) for look in looks])
        assert share == pytest.approx(0.25, abs=0.05)  # three standard deviations
    far = max(abs(look.center[0] - 0.5) for look in looks)
    assert 0.0 < far <= 0.25 * 0.125 + 1e-9  # a quarter of what the smallest dial leaves on either side


def test_variety_1_is_what_it_always_was():
    assert [Clock(style="varied", variety=1.0).look(seed) for seed in range(5)] == [
        dial_styles.varied(np.random.Generator(np.random.PCG64(seed))) for seed in range(5)
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"every": 7}, "every must divide the 43200 seconds of the dial, as 60, 300 and 3600 do, got 7"),
        ({"every": 0}, "got 0"),
        ({"variety": 1.5, "style": "varied"}, "variety must be from 0, the plain clock, to 1, got 1.5"),
        ({"variety": 0.5}, "variety is for varied and mixed, and style is 'plain'"),
    ],
)
def test_bad_fields_of_the_clock(fields, said):
    with pytest.raises(ValueError, match=said):
        Clock(**fields)


@pytest.mark.parametrize(("every", "said"), [(0, "from 1 to 100"), (101, "got 101"), (30, "no multiple of 30 hund")])
def test_bad_fields_of_the_scatter_plot(every, said):
    with pytest.raises(ValueError, match=said):
        Scatter(low=0.31, high=0.59, every=every)


def test_one_env_poses_and_scores_at_a_level():
    env = gym.make("eyechart/Clock-v0")
    observation, info = env.reset(seed=5, options={"level": 0})
    easy = problem(Clock(every=3600), 5)
    assert info["answer"] == easy.answer != problem(Clock(), 5).answer
    again = gym.make("eyechart/Clock-v0", every=3600).reset(seed=5)[0]["image"]
    assert np.array_equal(observation["image"], again)
    assert env.step(f"<answer>{easy.answer}</answer>")[4]["error"] == 0.0
    assert env.reset(seed=5)[1]["answer"] == problem(Clock(), 5).answer  # a level is asked for each time anew
    assert env.reset(seed=5, options={"level": 5})[1]["answer"] == problem(Clock(), 5).answer


def test_many_envs_have_levels_of_their_own():
    vector = gym.make_vec("eyechart/GSM8K-v0", num_envs=5, difficulty=3)
    _, info = vector.reset(seed=[1, 1, 1, 2, 1], options={"level": [0, 0, 1, 1, 2]})
    tasks = [GSM8K(difficulty=steps) for steps in (1, 1, 2, 2, 3)]
    expected = [problem(task, seed).answer for task, seed in zip(tasks, [1, 1, 1, 2, 1], strict=True)]
    assert info["answer"].tolist() == expected
    assert info["steps"].tolist() == [1, 1, 2, 2, 3]
    *_, told = vector.step([f"<answer>{answer}</answer>" for answer in expected])
    assert told["error"].tolist() == [0.0] * 5
    mask = np.array([True, False, False, False, False])
    _, info = vector.reset(seed=9, options={"reset_mask": mask})  # the others keep problem and level
    _, told = vector.reset(seed=[1, 1, 1, 2, 1], options={"level": 1})
    assert told["steps"].tolist() == [2] * 5
    assert info["answer"][0] == problem(GSM8K(difficulty=3), 9).answer


def test_a_masked_reset_keeps_the_levels_of_the_others():
    vector = gym.make_vec("eyechart/Clock-v0", num_envs=3)
    first, _ = vector.reset(seed=[4, 4, 6], options={"level": [0, 5, 1]})
    mask = np.array([False, False, True])
    second, info = vector.reset(seed=[4, 4, 7], options={"reset_mask": mask, "level": 0})
    assert np.array_equal(first["image"][:2], second["image"][:2])
    assert info["answer"][2] == problem(Clock(every=3600), 7).answer
    texts = [f"<answer>{problem(Clock(every=n), s).answer}</answer>" for n, s in ((3600, 4), (1, 4), (3600, 7))]
    assert vector.step(texts)[4]["error"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("level", [6, -1, "1", 0.0, None, True])
def test_levels_that_there_are_not(level):
    if level is True:
        assert require_level(level, 6) == 1  # Python's own: True is the number 1
        return
    with pytest.raises(ValueError, match="A level must be a whole number from 0, the easiest, to 5"):
        require_level(level, 6)


def test_as_many_levels_as_envs():
    vector = gym.make_vec("eyechart/Clock-v0", num_envs=3)
    with pytest.raises(ValueError, match="Expected one level, or 3, one per env, got 2"):
        vector.reset(seed=0, options={"level": [0, 1]})


@dataclass(frozen=True)
class Broken(Letters):
    fault: str = ""

    def levels(self):
        return {
            "": (self,),
            "empty": (),
            "no end": (replace(self, fault=""),),
            "shape": (replace(self, size=84), self),
            "pay": (replace(self, format_weight=0.5), self),
            "class": (Letters(), self),
        }[self.fault]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("empty", "must end in the task itself, got none"),
        ("no end", "must end in the task itself"),
        ("shape", "pictures of one shape and pay the same, but size=84"),
        ("pay", "pay the same, but format_weight=0.5"),
        ("class", "must all be tasks of that class"),
    ],
)
def test_a_task_whose_levels_do_not_fit_is_told(fault, said):
    with pytest.raises(ValueError, match=said):
        levels_of(Broken(fault=fault))
    assert any(said in sentence for sentence in check_task(Broken(fault=fault)))


def test_show_tells_the_levels(tmp_path, monkeypatch, capsys):
    from envs.__main__ import main

    monkeypatch.chdir(tmp_path)
    assert main(["show", "gsm8k", "--task.difficulty", "2", "--count", "2"]) == 0
    assert "levels of a curriculum: difficulty=1; the whole task" in capsys.readouterr().out
    assert make_task("gsm8k", difficulty=1).levels() == (GSM8K(difficulty=1),)
