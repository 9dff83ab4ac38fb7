import torch

from agents.packing import additive, answers_behind_cache, decode_mask, packed_answers, packed_mask


def test_packed_answers():
    assert packed_answers(16, 12) == 16
    assert packed_answers(16, 100) == 4
    assert packed_answers(6, 200) == 2
    assert packed_answers(16, 1000) == 1


def test_answers_behind_a_cache():
    assert answers_behind_cache(16, 11, 44) == 4  # 44 + 66, against 22 + 132 for 2 and 88 + 33 for 8
    assert answers_behind_cache(17, 11, 44) == 17  # 187 + 16, against 11 + 264 for 1
    assert answers_behind_cache(16, 95, 44) == 2  # 190 + 132, against 95 + 264 for 1
    assert answers_behind_cache(16, 500, 4000) == 1  # two would be more packed tokens than ever
    assert answers_behind_cache(16, 0, 44) == 16


def test_an_additive_mask():
    expected = torch.tensor([0.0, -torch.inf], dtype=torch.bfloat16)
    assert torch.equal(additive(torch.tensor([True, False]), torch.bfloat16), expected)


def test_masks_by_hand():
    padded = torch.tensor([[False, True, True]])
    expected = [
        [1, 0, 0, 0, 0, 0, 0],  # padding, which sees itself alone
        [0, 1, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0],  # answer 1
        [0, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 0, 0, 1, 0],  # answer 2 does not see answer 1
        [0, 1, 1, 0, 0, 1, 1],
    ]
    assert packed_mask(padded, 2, 2)[0, 0].int().tolist() == expected
    # while decoding, keys lie in order of time: answers 1 and 2, then 1 and 2 again
    assert decode_mask(padded, 2, 2)[0, 0].int().tolist() == [[0, 1, 1, 1, 0, 1, 0], [0, 1, 1, 0, 1, 0, 1]]
