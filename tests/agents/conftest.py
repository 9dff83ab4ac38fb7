import numpy as np
import pytest

from agents.qwen_vl import QwenVL
from agents.tiny import build_model, build_processor

QUESTIONS = [
    "What time is it?",
    "How many points rise from left to right? Reply <answer>NUMBER</answer>",
    "Red?",
]


@pytest.fixture
def policy():
    """The tiny model, new for each test."""
    processor = build_processor()
    return QwenVL(build_model(0, processor.tokenizer), processor, max_new_tokens=6)


@pytest.fixture
def pictures():
    """Three noise pictures of two sizes: prompts of different lengths."""
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (56, 84, 56)]
