import pytest
import torch

from agents import packing
from train.micro_batches import micro_batches


def shapes(parts):
    return [(part.prompts.tolist(), part.members.start, part.members.stop) for part in parts]


def test_whole_groups_where_one_fits():
    # a group: a prompt of 20 tokens, and 4 answers of which 5 tokens predict another: 40 tokens; 2 fit into 100
    assert shapes(micro_batches(5, 4, 20, 6, 100)) == [([0, 1], 0, 8), ([2, 3], 8, 16), ([4], 16, 20)]
    assert shapes(micro_batches(5, 4, 20, 6, 10_000)) == [([0, 1, 2, 3, 4], 0, 20)]
    assert shapes(micro_batches(3, 4, 20, 6, 40)) == [([0], 0, 4), ([1], 4, 8), ([2], 8, 12)]


def test_the_parts_are_of_nearly_equal_size():
    # 4 of 5 groups would fit at once; 3 and 2 need less memory than 4 and 1, in as many parts
    assert [part.members.stop - part.members.start for part in micro_batches(5, 4, 20, 6, 170)] == [12, 8]


def test_a_group_that_does_not_fit_is_split_into_rows(monkeypatch):
    monkeypatch.setattr(packing, "MAX_PACKED_TOKENS", 12)
    # two answers of 6 tokens behind each copy of the prompt: rows of 20 + 2 · 5 = 30 tokens, 60 for the group
    assert shapes(micro_batches(2, 4, 20, 6, 60)) == [([0], 0, 4), ([1], 4, 8)]
    assert shapes(micro_batches(2, 4, 20, 6, 59)) == [([0], 0, 2), ([0], 2, 4), ([1], 4, 6), ([1], 6, 8)]
    assert len(micro_batches(2, 4, 20, 6, 1)) == 4  # a row is never split


@pytest.mark.parametrize("budget", [1, 64, 100, 1000, 10**6])
@pytest.mark.parametrize("tokens", [1, 12, 300])
def test_every_answer_stands_behind_its_own_prompt(budget, tokens):
    P, G, S = 7, 8, 33
    parts = micro_batches(P, G, S, tokens, budget)
    assert [part.members.start for part in parts] == [0, *(part.members.stop for part in parts[:-1])]
    assert parts[-1].members.stop == P * G
    for part in parts:
        members = torch.arange(P * G)[part.members]
        behind = len(members) // len(part.prompts)
        assert part.prompts.repeat_interleave(behind).tolist() == (members // G).tolist()
