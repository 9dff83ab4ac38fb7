"""Which problems are posed: drawn where they never run out, else each once an epoch."""

import json

import pytest

import envs
from tests.train.conftest import SMALL
from train.cli import parse
from train.config import TrainConfig, resolved
from train.schedule import fraction_done, learning_rate_factor
from train.seeds import problem_seeds


def test_drawn_seeds_never_meet():
    seeds = [seed for step in range(-20, 20) for seed in problem_seeds(0, step, 64)]
    assert len(set(seeds)) > len(seeds) - 2  # of 2^32, two may meet by chance
    assert problem_seeds(0, 3, 4) == problem_seeds(0, 3, 4)
    assert problem_seeds(1, 3, 4) != problem_seeds(0, 3, 4)


def epochs(run_seed, problems, rows, count, sign=1):
    """The rows of so many epochs, from whole steps one after the other."""
    steps = range(-(-count * rows // problems))
    seeds = [s for i in steps for s in problem_seeds(run_seed, i if sign > 0 else -1 - i, problems, rows)]
    assert len(set(seeds)) == len(seeds)  # a row's seed is another one in each epoch
    return [[seed % rows for seed in seeds[e * rows : (e + 1) * rows]] for e in range(count)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("problems", "rows"), [(4, 10), (5, 10), (7, 7), (1, 3), (64, 10)])
def test_an_epoch_has_each_row_once_and_an_order_of_its_own(problems, rows, sign):
    orders = epochs(0, problems, rows, 5, sign)
    assert all(sorted(order) == list(range(rows)) for order in orders)
    assert len(set(map(tuple, orders))) >= (2 if rows == 3 else 5)
    assert orders != epochs(1, problems, rows, 5, sign)
    assert orders != epochs(0, problems, rows, 5, -sign)


def test_the_order_does_not_hang_on_how_it_is_cut_into_steps():
    assert epochs(3, 4, 30, 3) == epochs(3, 7, 30, 3) == epochs(3, 30, 30, 3)


@pytest.mark.parametrize(
    ("rows", "problems", "bounds", "last"),
    [
        (30, 4, {"epochs": 1.0}, 8),  # 7 steps of 4 are 28 rows; the 8th has the last 2, and 2 of the next epoch
        (30, 4, {"epochs": 2.0}, 15),
        (30, 4, {"epochs": 0.5}, 4),
        (30, 100, {"epochs": 1.0}, 1),
        (30, 4, {"epochs": 2.0, "steps": 10}, 10),
        (30, 4, {"epochs": 2.0, "steps": 100}, 15),
        (30, 4, {"epochs": 2.0, "minutes": 5.0}, 15),
        (30, 4, {"steps": 10}, 10),
        (30, 4, {"minutes": 5.0}, None),
        (7473, 64, {"epochs": 3.0}, 351),
    ],
)
def test_epochs_are_steps(rows, problems, bounds, last):
    config = resolved(TrainConfig(env="gsm8k", problems_per_step=problems, **bounds), True, 9, num_problems=rows)
    assert config.last_step == last
    assert config.minutes == bounds.get("minutes")


def test_the_learning_rate_follows_epochs():
    config = TrainConfig(env="gsm8k", problems_per_step=10, epochs=4.0, lr_decay_start=0.5, lr_final=0.0)
    config = resolved(config, True, 9, num_problems=100)
    assert [fraction_done(config, step, 1e9) for step in (0, 10, 40, 50)] == [0.0, 0.25, 1.0, 1.0]
    assert [learning_rate_factor(config, 30, fraction_done(config, step, 0.0)) for step in (20, 30, 40)] == [1, 0.5, 0]


# -- a real run ------------------------------------------------------------------------------------------------------

ROWS = 10
DATA = [*SMALL, "--model", "tiny-qwen2", "--env", "gsm8k", "--cold-start", "answers", "--updates-per-batch", "1"]


@pytest.fixture
def source(tmp_path):
    """A folder of ten rows to train on and five held out, which have other answers."""
    for name, numbers in (("train", range(1, ROWS + 1)), ("test", range(101, 106))):
        rows = [{"question": f"What is {i} + {i}?", "answer": f"#### {2 * i}"} for i in numbers]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["--task.source", str(tmp_path)]


@pytest.fixture
def posed(monkeypatch):
    """The rows that every reset of a training environment posed, group by group, as long as the test goes on."""
    resets = []
    reset = envs.vector.QuestionVectorEnv.reset

    def listening(self, **options):
        observations, infos = reset(self, **options)
        if self.split == "train":
            resets.append([int(row) for row in infos["row"]])
            assert all(int(answer) == 2 * row for answer, row in zip(infos["answer"], infos["row"], strict=True))
        return observations, infos

    monkeypatch.setattr(envs.vector.QuestionVectorEnv, "reset", listening)
    return resets


def steps_of(posed):
    """One row for each group of four, of the GRPO steps: the cold start poses no groups, the trial before it one."""
    grouped = [resets for resets in posed if resets == [row for row in resets[::4] for _ in range(4)]]
    return [resets[::4] for resets in grouped if len(set(resets)) > 1]


def test_epochs_train_on_every_row_once_each(train, tmp_path, source, posed, capsys):
    assert train(*DATA, *source, "--epochs", "1", "--run", "run") == 0
    steps = steps_of(posed)
    assert [len(step) for step in steps] == [4, 4, 4]
    rows = [row for step in steps for row in step]
    assert sorted(rows[:ROWS]) == list(range(1, ROWS + 1))
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert settings["task"]["num_problems"] == ROWS
    assert (settings["settings"]["epochs"], settings["settings"]["steps"]) == (1.0, None)
    # a second epoch goes on where the first ended, as in a run that was never stopped
    assert train("--resume", "run") == 2
    assert "is at its bound, after 3 steps" in capsys.readouterr().err
    assert train("--resume", "run", "--epochs", "2") == 0
    rows = [row for step in steps_of(posed) for row in step]
    assert len(rows) == 2 * ROWS
    assert sorted(rows[ROWS:]) == list(range(1, ROWS + 1))
    assert rows[ROWS:] != rows[:ROWS]
    posed.clear()
    assert train(*DATA, *source, "--epochs", "2", "--run", "whole") == 0
    assert [row for step in steps_of(posed) for row in step] == rows


def test_data_that_run_out_are_gone_through_without_epochs_too(train, source, posed):
    assert train(*DATA, *source, "--steps", "5") == 0
    rows = [row for step in steps_of(posed) for row in step]
    assert sorted(rows[:ROWS]) == sorted(rows[ROWS:]) == list(range(1, ROWS + 1))


def test_data_that_changed_are_not_gone_on_with(train, tmp_path, source, capsys):
    assert train(*DATA, *source, "--steps", "1", "--run", "run") == 0
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write(json.dumps({"question": "What is 9 + 8?", "answer": "#### 17"}) + "\n")
    assert train("--resume", "run", "--steps", "2") == 2
    assert "the number of its problems was 10 and is 11" in capsys.readouterr().err


@pytest.mark.parametrize("env", ["clock", "gsm8k", "tests.train.words:words"])
def test_epochs_of_what_never_ends_are_refused(train, tmp_path, env, capsys):
    assert train("--env", env, "--epochs", "2") == 2
    said = f"--epochs counts passes over data that run out, and {env} does not; give --steps or --minutes"
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_epochs_come_from_a_file_too(tmp_path, source):
    (tmp_path / "settings.yaml").write_text("env: gsm8k\nepochs: 1.5\n")
    config, _, fields = parse(["--config", str(tmp_path / "settings.yaml"), *source])
    assert config.epochs == 1.5
    assert envs.make_task("gsm8k", **fields).num_problems("train") == ROWS
