"""The TRL adapter, with the real trainer on tiny models."""

import json
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("trl")

import torch
from PIL import Image
from trl import GRPOConfig, GRPOTrainer

import envs
import envs.adapters.trl as adapter
from agents.loading import load_policy
from agents.qwen_vl import QwenVL
from envs.adapters.trl import to_trl
from envs.question import draw
from envs.tasks.clock import Clock
from envs.tasks.gsm8k import GSM8K
from plots.curves import write_curves
from plots.runs import read_run
from tests.envs.adapters.guide import snippets
from tests.envs.test_task import Sum

SMALL = {
    "num_generations": 4,
    "per_device_train_batch_size": 8,
    "max_completion_length": 8,
    "learning_rate": 1e-3,
    "max_steps": 2,
    "logging_steps": 1,
    "use_cpu": True,
    "bf16": False,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
}
EVALUATED = {
    "eval_strategy": "steps",
    "eval_steps": 1,
    "eval_on_start": True,
    "num_generations_eval": 1,
    "per_device_eval_batch_size": 8,
}


@dataclass(frozen=True)
class AnyClock(Clock):
    """Takes any text for a time: what a random model writes is paid differently, so there is something to learn."""

    def parse(self, text):
        return 97 * sum(text.encode("utf-8", "replace")) % (12 * 3600)


@dataclass(frozen=True)
class AnyNumber(GSM8K):
    """The same of a word problem."""

    def parse(self, text):
        return float(sum(text.encode("utf-8", "replace")) % 97)


@pytest.fixture
def any_text(clean_registry):
    """Registers both, and a text task that is quick to measure."""
    envs.register("Sum-v0", Sum)
    envs.register("AnyClock-v0", AnyClock, size=56)
    envs.register("AnyNumber-v0", AnyNumber)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Saves a tiny model of a family, once; returns its folder."""
    root = tmp_path_factory.mktemp("models")

    def saved(kind):
        if not (root / kind).exists():
            load_policy(kind, 0).save(root / kind)
        return str(root / kind)

    return saved


def watched(trainer):
    """The batches that the trainer gets answers to, each with its rows, texts, rewards and model inputs."""
    batches = []
    generate, score = trainer._generate_and_score_completions, trainer._calculate_rewards

    def kept_generate(inputs):
        batches.append({"rows": inputs})
        output = generate(inputs)
        batches[-1]["inputs"] = output
        return output

    def kept_score(inputs, prompts, completions, ids):
        rewards = score(inputs, prompts, completions, ids)
        texts = [completion[0]["content"] for completion in completions]
        batches[-1] |= {"texts": texts, "rewards": rewards[:, 0].tolist()}
        return rewards

    trainer._generate_and_score_completions, trainer._calculate_rewards = kept_generate, kept_score
    return batches


def weights(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()]).clone()


@pytest.mark.parametrize("kind", ["tiny", "tiny-qwen3-vl"])
def test_a_tiny_qwen_vl_is_trained_and_its_groups_see_one_picture(kind, models, tmp_path, any_text):
    task = envs.make_task("AnyClock")
    trainer = GRPOTrainer(model=models(kind), args=GRPOConfig(str(tmp_path), **SMALL), **to_trl("AnyClock", 16))
    batches, before = watched(trainer), weights(trainer)
    trainer.train()
    assert not torch.equal(weights(trainer), before)
    assert len(batches) == 2
    for batch in batches:
        seeds = [row["seed"] for row in batch["rows"]]
        assert [seeds[0]] * 4 + [seeds[4]] * 4 == seeds
        assert seeds[0] != seeds[4]
        posed = [envs.problem(task, seed) for seed in seeds]
        for row, one in zip(batch["rows"], posed, strict=True):
            assert np.array_equal(np.asarray(row["images"][0]), draw(task, one))
        pixels = batch["inputs"]["pixel_values"]  # of what the learner sees: patches of one picture after the other
        per_picture = pixels.view(8, -1)
        assert all(torch.equal(per_picture[i], per_picture[4 * (i // 4)]) for i in range(8))
        assert not torch.equal(per_picture[0], per_picture[4])
        scored = [task.score(text, one.answer).reward for text, one in zip(batch["texts"], posed, strict=True)]
        assert batch["rewards"] == pytest.approx(scored, abs=1e-6)
        assert len(set(scored)) > 1


def test_a_tiny_text_model_is_trained(models, tmp_path, any_text):
    task = envs.make_task("AnyNumber")
    given = to_trl("AnyNumber", 16, seed=3)
    assert given["train_dataset"][0].keys() == {"prompt", "answer", "seed"}
    trainer = GRPOTrainer(model=models("tiny-qwen2"), args=GRPOConfig(str(tmp_path), **SMALL), **given)
    batches, before = watched(trainer), weights(trainer)
    trainer.train()
    assert not torch.equal(weights(trainer), before)
    for batch in batches:
        assert all(3 <= row["seed"] < 19 for row in batch["rows"])
        truths = [envs.problem(task, row["seed"]).answer for row in batch["rows"]]
        scored = [task.score(text, truth).reward for text, truth in zip(batch["texts"], truths, strict=True)]
        assert batch["rewards"] == pytest.approx(scored, abs=1e-6)


def test_a_row_is_a_problem():
    given = to_trl("clock", 3, seed=5, split="eval", eval_size=2, size=56)
    task = envs.make_task("clock", size=56)
    rows = given["train_dataset"]
    assert len(rows) == 3
    for i, row in enumerate(rows):
        posed = envs.problem(task, 5 + i, "eval")
        assert row["prompt"] == [{"role": "user", "content": posed.prompt}]
        assert (row["answer"], row["seed"]) == (posed.answer, 5 + i)
        assert [np.array_equal(np.asarray(image), draw(task, posed)) for image in row["images"]] == [True]
    assert [row["answer"] for row in given["eval_dataset"]] == [envs.problem(task, i, "eval").answer for i in (0, 1)]


def test_a_group_is_drawn_once(monkeypatch):
    drawn = []
    monkeypatch.setattr(adapter, "draw", lambda task, posed: drawn.append(posed) or draw(task, posed))
    rows = to_trl("clock", 10**6, size=56)["train_dataset"]  # a million, of which none is drawn yet
    assert not drawn
    batch = rows.__getitems__([7, 7, 7, 999_999, 999_999, 999_999])
    assert len(drawn) == 2
    assert batch[0]["images"][0] is batch[2]["images"][0]
    assert [row["seed"] for row in batch] == [7] * 3 + [999_999] * 3


def test_workers_of_a_data_loader_get_the_rows():
    rows = to_trl("clock", 4, size=56)["train_dataset"]
    sent = pickle.loads(pickle.dumps(rows))[2]  # as to processes that are spawned
    assert sent["answer"] == rows[2]["answer"]
    assert np.array_equal(np.asarray(sent["images"][0]), np.asarray(rows[2]["images"][0]))


def test_the_reward_is_the_tasks_and_the_errors_are_logged():
    reward = to_trl("clock", 1)["reward_funcs"]
    texts = ["<answer>07:25:30</answer>", "7:55:30", "<answer>07:25:30</answer><answer>1:00</answer>", "\ud800"]
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    metrics, columns = {}, {}
    rewards = reward(completions, ["07:25:30"] * 4, metrics.__setitem__, columns.__setitem__, seed=[0] * 4, prompts=[])
    # half an hour off, without tags: 0.9 (1 - ln(1 + 2 * 30) / ln(1 + 2 * 360))
    assert rewards == pytest.approx([1.0, 0.9 * (1 - np.log(61) / np.log(721)), 0.0, 0.0])
    assert metrics == {"mae": (0 + 30 + 360 + 360) / 4, "parsed": 0.5}
    assert columns == {"error": [0.0, 30.0, 360.0, 360.0]}
    assert reward(completions, ["07:25:30"] * 4) == rewards


def test_the_guide_trains_and_its_curve_is_plotted(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = snippets("TRL")
    for long, short in {
        "Qwen/Qwen2.5-VL-3B-Instruct": models("tiny"),
        "max_steps=1000": "max_steps=4, use_cpu=True, bf16=False, report_to='none'",
        "eval_steps=50": "eval_steps=2",
        "logging_steps=10": "logging_steps=1",
        "eval_size=64": "eval_size=16",
    }.items():
        assert long in code
        code = code.replace(long, short)
    told = {}
    exec(code, told)
    run = read_run("runs/trl")
    assert run.env == "eyechart/Clock-v0"
    assert run.unit == "min"
    assert run.yardsticks["chance"] == pytest.approx(180, abs=5)
    assert run.phases == ("start", "train", "end")
    assert run.evals["step"].tolist() == [0, 2, 4]
    assert run.metrics["step"].tolist() == [1, 2, 3, 4]
    logged = told["trainer"].state.log_history
    assert run.evals["mae"].tolist() == [row["eval_mae"] for row in logged if "eval_mae" in row]
    assert run.metrics["reward"].tolist() == [row["reward"] for row in logged if "reward" in row]
    assert (np.diff(run.evals["seconds_total"]) > 0).all()
    assert run.evals["skill"] == pytest.approx(1 - run.evals["mae"] / run.yardsticks["chance"])
    assert (run.settings["problems_per_step"], run.settings["group_size"]) == (1, 8)
    assert isinstance(load_policy("trl-clock/checkpoint-4", 0), QwenVL)
    assert Image.open(write_curves(["runs/trl"], "curves.png")).size[0] > 100


def test_a_resumed_training_goes_on_with_its_run(models, tmp_path, any_text):
    def trainer(steps):
        settings = SMALL | EVALUATED | {"max_steps": steps, "save_strategy": "steps", "save_steps": 1}
        given = to_trl("Sum", 16, eval_size=8, run=tmp_path / "run")
        return GRPOTrainer(model=models("tiny-qwen2"), args=GRPOConfig(str(tmp_path / "out"), **settings), **given)

    trainer(1).train()
    first = read_run(tmp_path / "run")
    trainer(2).train(resume_from_checkpoint=True)
    both = read_run(tmp_path / "run")
    assert both.metrics["step"].tolist() == [1, 2]
    assert both.evals["step"].tolist()[-1] == 2
    assert both.metrics["seconds_total"][1] > first.metrics["seconds_total"][0]
    with pytest.raises(ValueError, match=r"run exists: name another folder"):
        trainer(1).train()


def test_a_run_needs_evaluations(models, tmp_path, any_text):
    with pytest.raises(ValueError, match="give to_trl an eval_size"):
        to_trl("clock", 4, run="runs/trl")
    given = to_trl("Sum", 4, eval_size=4, run=tmp_path / "run")
    trainer = GRPOTrainer(model=models("tiny-qwen2"), args=GRPOConfig(str(tmp_path / "out"), **SMALL), **given)
    with pytest.raises(ValueError, match="eval_strategy='steps'"):
        trainer.train()
    assert not (tmp_path / "run").exists()


def test_the_settings_of_a_run_are_plain(models, tmp_path, any_text):
    given = to_trl("Sum", 8, eval_size=8, run=tmp_path / "run")
    args = GRPOConfig(str(tmp_path / "out"), **SMALL | EVALUATED | {"max_steps": 1, "temperature": 0.9, "seed": 7})
    GRPOTrainer(model=models("tiny-qwen2"), args=args, **given).train()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    settings = config["settings"]
    assert (settings["temperature"], settings["seed"], settings["steps"]) == (0.9, 7, 1)
    assert settings["problems_per_step"] == 2
    assert config["task"]["unit"] == envs.make_task("Sum").unit


@pytest.mark.parametrize(
    ("arguments", "fields", "message"),
    [
        (("clock", 0), {}, "n must be 1 or more, got 0"),
        (("clock", 1.5), {}, r"n must be a whole number, got 1\.5"),
        (("clock", 1), {"seed": -1}, "seed must be 0 or more, got -1"),
        (("clock", 1), {"eval_size": -1}, "eval_size must be 0 or more, got -1"),
        (("clock", 1), {"split": "test"}, "Unknown split 'test'"),
        (("clokc", 1), {}, "Did you mean eyechart/Clock-v0"),
        (("clock", 1), {"siez": 3}, "no field 'siez'. Did you mean 'size'"),
    ],
)
def test_bad_arguments_are_told(arguments, fields, message):
    with pytest.raises(ValueError, match=message):
        to_trl(*arguments, **fields)


def test_a_removed_column_is_told(models, tmp_path):
    given = to_trl("gsm8k", 16)
    args = GRPOConfig(str(tmp_path), remove_unused_columns=True, **SMALL)
    with pytest.raises(ValueError, match="remove_unused_columns=False"):
        GRPOTrainer(model=models("tiny-qwen2"), args=args, **given).train()
