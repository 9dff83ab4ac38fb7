"""Our tasks as data sets of the real reasoning-gym."""

import numpy as np
import pytest

import envs
from envs.adapters.to_reasoning_gym import register_datasets, to_reasoning_gym
from envs.question import draw

library = pytest.importorskip("reasoning_gym")
factory = pytest.importorskip("reasoning_gym.factory")


@pytest.fixture(autouse=True)
def their_registry(clean_registry):
    before = dict(factory.DATASETS)
    yield
    factory.DATASETS.clear()
    factory.DATASETS.update(before)


def test_items_are_problems_with_pictures():
    task = envs.make_task("clock", size=28)
    made = to_reasoning_gym("clock", 4, seed=7, split="eval", size=28)
    assert len(made) == len(list(made)) == 4
    assert isinstance(made, library.dataset.ProceduralDataset)
    for index, entry in enumerate(made):
        posed = envs.problem(task, 7 + index, "eval")
        assert (entry["question"], entry["answer"]) == (posed.prompt, posed.answer)
        assert np.array_equal(entry["metadata"]["image"], draw(task, posed))
        assert entry["metadata"]["hour"] == posed.info["hour"]
    with pytest.raises(IndexError, match="There are 4 items"):
        made[4]


def test_scores():
    made = to_reasoning_gym("clock", 4, seed=7)
    entry = made[0]
    assert made.score_answer(entry["answer"], entry) == 1.0
    assert made.score_answer(None, entry) == made.score_answer("no idea", entry) == 0.0
    hour, *rest = entry["answer"].split(":")
    later = ":".join([f"{int(hour) % 12 + 1:02d}", *rest])
    # an hour is 60 minutes: 1 − ln(1 + 2·60) / ln(1 + 2·360), as the logarithmic shape has it
    assert made.score_answer(later, entry) == pytest.approx(1 - np.log(121) / np.log(721))
    completion = f"<think>7?</think><answer> {entry['answer']} </answer>"
    assert made.score_answer(library.utils.extract_answer(completion), entry) == 1.0


def test_the_truth_may_be_more_than_an_answer():
    made = to_reasoning_gym("countdown", 3, seed=0)
    for entry in made:
        assert made.score_answer(entry["answer"], entry) == 1.0
        assert "image" not in entry["metadata"]


def test_by_name_in_their_registry():
    names = register_datasets()
    assert {"eyechart_clock", "eyechart_scatter", "eyechart_gsm8k"} <= set(names)
    assert register_datasets() == names
    made = library.create_dataset("eyechart_scatter", seed=1, size=2, fields={"size": 56})
    assert made[1]["metadata"]["image"].shape == (56, 56, 3)
    assert made[1]["metadata"]["seed"] == 2


def test_among_theirs():
    register_datasets()
    specs = [
        library.composite.DatasetSpec(name="eyechart_clock", weight=1, config={"split": "eval"}),
        library.composite.DatasetSpec(name="leg_counting", weight=1, config={}),
    ]
    mixed = library.create_dataset("composite", seed=1, size=8, datasets=specs)
    sources = [entry["metadata"]["source_dataset"] for entry in mixed]
    assert set(sources) == {"eyechart_clock", "leg_counting"}
    assert all(mixed.score_answer(entry["answer"], entry) == 1.0 for entry in mixed)


def test_bad_arguments():
    with pytest.raises(ValueError, match="Unknown split 'test'"):
        to_reasoning_gym("clock", 3, split="test")
    with pytest.raises(ValueError, match="Did you mean 'size'"):
        to_reasoning_gym("clock", 3, sise=3)
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"number of items must be 1 or more, got {size}"):
            to_reasoning_gym("clock", size)
    with pytest.raises(ValueError, match=r"number of items must be a whole number, got 2\.5"):
        to_reasoning_gym("clock", 2.5)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        to_reasoning_gym("clock", 3, seed=-1)
