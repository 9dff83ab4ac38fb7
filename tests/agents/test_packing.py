import torch

from agents.packing import decode_mask, packed_answers, packed_mask


def test_packed_answers():
    assert packed_answers(16, 12) == 16
    assert packed_answers(16, 100) == 4
    assert packed_answers(6, 200) == 2
    assert packed_answers(16, 1000) == 1


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
