import torch

from agents.batch import Answers, concatenate, draw
from agents.language_model import NEVER
from tests.agents.conftest import QUESTIONS, noise_pictures


def test_select_takes_each_prompt_with_its_picture(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    chosen = prompts.select(torch.tensor([2, 1, 1]))
    assert chosen.image_grid_thw.tolist() == [[1, 4, 4], [1, 6, 6], [1, 6, 6]]
    assert torch.equal(chosen.pixel_values[16:52], prompts.pixel_values[16:52])
    assert torch.equal(chosen.pixel_values[:16], prompts.pixel_values[52:])
    assert torch.equal(chosen.input_ids_PS[0], prompts.input_ids_PS[2])


def test_select_takes_each_prompt_with_all_its_pictures(policy):
    small, large, wide = (noise_pictures(side)[0] for side in (56, 84, 112))
    prompts = policy.prepare(QUESTIONS, [[small, large], [], [wide]])
    chosen = prompts.select(torch.tensor([2, 1, 0, 2]))
    again = policy.prepare([QUESTIONS[i] for i in (2, 1, 0, 2)], [[wide], [], [small, large], [wide]])
    assert chosen.pictures_P.tolist() == [1, 0, 2, 1]
    for one, other in zip(vars(chosen).values(), vars(again).values(), strict=True):
        assert torch.equal(one, other)
    bare = prompts.select(torch.tensor([1, 1]))
    assert bare.picture_inputs == {}
    assert len(bare) == 2


def test_draw_inverts_the_cumulative_distribution():
    logp = torch.tensor([[0.25, 0.5, 0.25]]).log().expand(6, -1)
    uniform = torch.tensor([0.0, 0.24, 0.26, 0.74, 0.76, 0.9999], dtype=torch.float64)
    assert draw(logp, uniform).tolist() == [0, 0, 1, 1, 2, 2]


def test_draw_never_takes_an_impossible_token():
    logits = torch.tensor([[NEVER, 0.0, NEVER, 0.0, NEVER]]).log_softmax(-1).expand(3, -1)
    uniform = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert draw(logits, uniform).tolist() == [1, 3, 3]


def test_answers_of_different_lengths_lie_below_each_other():
    ids = [torch.tensor([[7, 8, 9]]), torch.tensor([[5], [6]])]
    parts = [Answers(one, torch.ones_like(one, dtype=torch.bool), -one.float()) for one in ids]
    every = concatenate(parts, pad_id=2)
    assert every.ids_BT.tolist() == [[7, 8, 9], [5, 2, 2], [6, 2, 2]]
    assert every.mask_BT.tolist() == [[True, True, True], [True, False, False], [True, False, False]]
    assert every.logp_BT.tolist() == [[-7, -8, -9], [-5, 0, 0], [-6, 0, 0]]


def test_which_answers_were_cut():
    ids = torch.tensor([[5, 9, 0], [5, 6, 7], [9, 5, 0], [8, 0, 0], [9, 9, 9]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]]).bool()
    # ended by 9, cut, an end in the middle is none, ended by 8, nothing at all
    assert Answers(ids, mask, torch.zeros(5, 3)).truncated([8, 9]).tolist() == [False, True, True, False, True]
