import torch

from agents.batch import draw
from agents.qwen_vl import NEVER
from tests.agents.conftest import QUESTIONS


def test_select_takes_each_prompt_with_its_picture(policy, pictures):
    prompts = policy.prepare(QUESTIONS, pictures)
    chosen = prompts.select(torch.tensor([2, 1, 1]))
    assert chosen.image_grid_thw.tolist() == [[1, 4, 4], [1, 6, 6], [1, 6, 6]]
    assert torch.equal(chosen.pixel_values[16:52], prompts.pixel_values[16:52])
    assert torch.equal(chosen.pixel_values[:16], prompts.pixel_values[52:])
    assert torch.equal(chosen.input_ids_PS[0], prompts.input_ids_PS[2])


def test_draw_inverts_the_cumulative_distribution():
    logp = torch.tensor([[0.25, 0.5, 0.25]]).log().expand(6, -1)
    uniform = torch.tensor([0.0, 0.24, 0.26, 0.74, 0.76, 0.9999], dtype=torch.float64)
    assert draw(logp, uniform).tolist() == [0, 0, 1, 1, 2, 2]


def test_draw_never_takes_an_impossible_token():
    logits = torch.tensor([[NEVER, 0.0, NEVER, 0.0, NEVER]]).log_softmax(-1).expand(3, -1)
    uniform = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert draw(logits, uniform).tolist() == [1, 3, 3]
