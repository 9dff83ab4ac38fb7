import pytest
import torch

from agents.batch import concatenate
from agents.fitting import answer, out_of_memory
from agents.rollout import sampling_noise
from tests.agents.conftest import QUESTIONS


def limited(policy, prompts_at_most, monkeypatch, message="CUDA out of memory. Tried to allocate 20.00 MiB."):
    """Lets at most so many prompts be answered at once; returns how many were tried each time."""
    plain, tried = policy.generate, []

    def generate(prompts, *args):
        tried.append(len(prompts))
        if len(prompts) > prompts_at_most:
            raise torch.OutOfMemoryError(message)
        return plain(prompts, *args)

    monkeypatch.setattr(policy, "generate", generate)
    return tried


@pytest.mark.parametrize(("room", "tries"), [(3, [3]), (2, [3, 2, 1]), (1, [3, 2, 1, 1, 1])])
def test_answers_in_parts_are_the_same(policy, pictures, monkeypatch, capsys, room, tries):
    prompts = policy.prepare(QUESTIONS, pictures)
    noise = sampling_noise(0, 0, [1, 2, 3], 4, policy.max_new_tokens)
    whole = policy.generate(prompts, 4, 1.0, noise)
    tried = limited(policy, room, monkeypatch)
    parts = answer(policy, prompts, 4, 1.0, noise)
    assert tried == tries
    assert torch.equal(parts.ids_BT[parts.mask_BT], whole.ids_BT[whole.mask_BT])
    torch.testing.assert_close(parts.logp_BT, whole.logp_BT, atol=1e-5, rtol=0)
    assert capsys.readouterr().err.count("out of memory; from here on") == 3 - room
    tried.clear()
    answer(policy, prompts, 4, 1.0, noise)  # what does not fit is not tried again
    assert max(tried) == room


def test_answers_of_different_length(policy):
    texts = [policy.encode([text]) for text in ("7", "07:25:30")]
    answers = [type("A", (), {"ids_BT": ids, "mask_BT": mask, "logp_BT": -mask.float()}) for ids, mask in texts]
    both = concatenate(answers, policy.pad_id)
    assert both.mask_BT.sum(1).tolist() == [texts[0][1].sum(), texts[1][1].sum()]
    assert (both.ids_BT[0, 2:] == policy.pad_id).all()
    assert policy.decode(both) == ["7", "07:25:30"]


def test_one_prompt_that_does_not_fit(policy, pictures, monkeypatch):
    limited(policy, 0, monkeypatch)
    with pytest.raises(MemoryError, match="out of memory with the 4 answers to one prompt; try a smaller --group-size"):
        answer(policy, policy.prepare(QUESTIONS, pictures), 4)


def test_other_errors_are_not_taken_for_memory(policy, pictures, monkeypatch):
    def broken(*args):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(policy, "generate", broken)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        answer(policy, policy.prepare(QUESTIONS, pictures))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
