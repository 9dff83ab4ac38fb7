"""The verl adapter: its rows by verl's published rules, and by verl itself where that is installed."""

import importlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("datasets")

import datasets
import pyarrow.parquet

import envs
import envs.adapters.verl as adapter
from envs.adapters.verl import compute_score, rows, write_parquet
from envs.question import draw
from envs.tasks.clock import Clock
from tests.envs.adapters.guide import snippets

COLUMNS = ["data_source", "prompt", "images", "ability", "reward_model", "extra_info"]


@dataclass(frozen=True)
class Tagged(Clock):
    def generate(self, rng):
        posed = super().generate(rng)
        return envs.Problem("What is in <video> here?", posed.answer, posed.scene)


@pytest.fixture(scope="module")
def clocks(tmp_path_factory):
    """A Parquet file of clocks, more than are written at once."""
    return write_parquet(tmp_path_factory.mktemp("verl") / "new" / "train.parquet", "clock", 70, seed=5, size=56)


def loaded(path):
    """As verl reads a file."""
    return datasets.load_dataset("parquet", data_files=str(path), cache_dir=str(path.parent / "cache"))["train"]


def test_the_columns_are_those_that_verl_documents(clocks):
    found = loaded(clocks)
    assert found.column_names == COLUMNS
    assert len(found) == 70
    task = envs.make_task("clock", size=56)
    for i in (0, 1, 63, 64, 69):
        row, posed = found[i], envs.problem(task, 5 + i)
        assert row["data_source"] == "eyechart/Clock-v0"
        assert row["prompt"] == [{"role": "user", "content": "<image>" + posed.prompt}]
        assert row["ability"] == "vision"
        assert row["reward_model"] == {"style": "rule", "ground_truth": posed.answer}
        assert row["extra_info"] == {"index": i, "split": "train", "seed": 5 + i, "fields": '{"size": 56}'}
        assert np.array_equal(np.asarray(row["images"][0]), draw(task, posed))


def test_every_picture_has_its_placeholder(clocks):
    for row in loaded(clocks):
        contents = [message["content"] for message in row["prompt"]]
        parts = [part for content in contents for part in re.split("(<image>|<video>|<audio>)", content)]
        assert parts.count("<image>") == len(row["images"]) == 1
        assert not {"<video>", "<audio>"} & set(parts)


def test_text_tasks_have_no_pictures(tmp_path):
    found = loaded(write_parquet(tmp_path / "eval.parquet", "gsm8k", 2, split="eval"))
    assert found.column_names == [name for name in COLUMNS if name != "images"]
    posed = envs.problem(envs.make_task("gsm8k"), 1, "eval")
    assert found[1]["prompt"] == [{"role": "user", "content": posed.prompt}]
    assert found[1]["ability"] == "text"


def test_the_same_rows_are_the_same_bytes(clocks, tmp_path):
    again = write_parquet(tmp_path / "train.parquet", "clock", 70, seed=5, size=56)
    assert again.read_bytes() == clocks.read_bytes()
    assert pyarrow.parquet.ParquetFile(again).num_row_groups == 2  # 64 and 6
    assert list(tmp_path.iterdir()) == [again]


def test_a_placeholder_of_a_prompts_own_is_refused(clean_registry):
    envs.register("Tagged-v0", Tagged)
    with pytest.raises(ValueError, match="problem 3 holds <video>"):
        next(rows("Tagged", 1, seed=3))


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "train.parquet", "gsm8k", 2)
    before, real = path.read_bytes(), adapter._row

    def broken(task, source, told):
        if told["index"] == 70:
            raise ValueError("no such problem")
        return real(task, source, told)

    monkeypatch.setattr(adapter, "_row", broken)
    with pytest.raises(ValueError, match="no such problem"):
        write_parquet(path, "gsm8k", 100)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_score_is_the_tasks():
    row = next(rows("clock", 1, reward_shape="linear"))
    given = {"data_source": row["data_source"], "ground_truth": "07:25:30"}
    told = row["extra_info"] | {"num_turns": 2, "rollout_reward_scores": {}}  # as verl does
    half = compute_score(**given, solution_str="<answer>7:55:30</answer>", extra_info=told)
    # half an hour of six off: 0.9 * (1 - 30 / 360) + 0.1
    expected = {"score": pytest.approx(0.925), "acc": 0.0, "error": 30.0, "lenient_error": 30.0, "parsed": 1.0}
    assert half == expected
    assert {type(value) for value in half.values()} == {float}
    assert compute_score(**given, solution_str="07:25:30")["acc"] == 1.0


def test_every_text_of_every_task_has_the_same_keys():
    found = set()
    for name in ("clock", "scatter", "gsm8k", "countdown"):
        row = next(rows(name, 1))
        for text in ("", "\ud800<answer>", "<answer>1</answer>", "nan " * 1000):
            score = compute_score(row["data_source"], text, row["reward_model"]["ground_truth"], row["extra_info"])
            found.add(tuple(score))
            assert all(np.isfinite(value) for value in score.values())
    assert len(found) == 1


def test_threads_score_alike():
    row = next(rows("clock", 1))
    texts = [f"<answer>{hour:02d}:00:00</answer>" for hour in range(1, 13)] * 20
    answer = row["reward_model"]["ground_truth"]

    def scored(text):
        return compute_score("eyechart/Clock-v0", text, answer, None)["score"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(scored, texts)) == [scored(text) for text in texts]


def test_a_users_own_task_is_imported_where_it_is_scored(thermometer, run_python, tmp_path):
    row = next(rows(f"{thermometer}:thermometer", 1))
    assert row["data_source"] == "my_thermometer:Thermometer-v0"
    truth = row["reward_model"]["ground_truth"]
    code = f"from envs.adapters.verl import compute_score as f; print(f({row['data_source']!r}, {truth!r}, {truth!r}))"
    assert "import its module yourself" in run_python("-c", code, cwd=tmp_path).stderr
    elsewhere = run_python("-c", code, cwd=tmp_path, EYECHART_TRUST_ROWS="1")
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert elsewhere.stdout.startswith("{'score': 0.9, 'acc': 1.0")


@pytest.mark.parametrize(
    ("arguments", "fields", "message"),
    [
        (("clock", 0), {}, "n must be 1 or more, got 0"),
        (("clock", 1), {"split": "test"}, "Unknown split 'test'"),
        (("clock", 1), {"seed": -1}, "0 or more, got -1"),
        (("clock", 1), {"siez": 3}, "Did you mean 'size'"),
    ],
)
def test_bad_arguments_are_told_and_leave_no_file(arguments, fields, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_parquet(tmp_path / "train.parquet", *arguments, **fields)
    assert not list(tmp_path.iterdir())


def test_the_guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = snippets("verl")
    assert "4096" in code
    exec(code.replace("4096", "3").replace("256", "2"))
    assert [len(loaded(tmp_path / "data" / name)) for name in ("train.parquet", "eval.parquet")] == [3, 2]
    (flags,) = snippets("verl", "")
    path, name = (re.search(rf"custom_reward_function\.{key}=(\S+)", flags)[1] for key in ("path", "name"))
    module = importlib.import_module(path.removeprefix("pkg://"))
    assert getattr(module, name) is compute_score


def test_verls_own_data_set_reads_them(clocks, tmp_path):
    verl = pytest.importorskip("verl.utils.dataset.rl_dataset")
    config = pytest.importorskip("omegaconf").OmegaConf.create(
        {"cache_dir": str(tmp_path), "filter_overlong_prompts": False}
    )
    task = envs.make_task("clock", size=56)
    read = verl.RLHFDataset(str(clocks), tokenizer=None, config=config, processor=object())
    assert len(read) == 70
    for i in (0, 69):
        posed, row = envs.problem(task, 5 + i), read[i]
        (message,) = row["raw_prompt"]
        shown, asked = message["content"]
        assert np.array_equal(np.asarray(shown["image"]), draw(task, posed))
        assert asked == {"type": "text", "text": posed.prompt}
        assert row["index"] == i


def test_verls_own_reward_manager_scores_them(clocks):
    reward = pytest.importorskip("verl.trainer.ppo.reward")
    naive = pytest.importorskip("verl.experimental.reward_loop.reward_manager.naive")
    import asyncio

    import torch
    from omegaconf import OmegaConf
    from verl import DataProto

    function = {"path": "pkg://envs.adapters.verl", "name": "compute_score"}
    config = OmegaConf.create({"reward": {"custom_reward_function": function}})

    class Tokenizer:
        def decode(self, ids, skip_special_tokens):
            return bytes(ids.tolist()).decode()

    row = loaded(clocks)[3]
    text = f"<answer>{row['reward_model']['ground_truth']}</answer>".encode()
    tensors = {"responses": torch.tensor([list(text)]), "attention_mask": torch.ones(1, len(text), dtype=torch.long)}
    others = {name: np.array([row[name]], dtype=object) for name in ("data_source", "reward_model", "extra_info")}

    async def scored():
        manager = naive.NaiveRewardManager(config, Tokenizer(), reward.get_custom_reward_fn(config))
        return await manager.run_single(DataProto.from_dict(tensors, others))

    result = asyncio.run(scored())
    assert result["reward_score"] == 1.0
    assert json.dumps(result["reward_extra_info"], sort_keys=True) == (
        '{"acc": 1.0, "error": 0.0, "lenient_error": 0.0, "parsed": 1.0, "score": 1.0}'
    )
