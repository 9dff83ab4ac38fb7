from train.log_line import training_line


def test_a_step_in_one_line():
    row = {"step": 25, "loss": -0.01234, "learning_rate": 0.005, "kl": 0.0, "entropy": None, "grad_norm": 0.456}
    row |= {"formatted": 0.98, "answer_tokens": 10.9, "truncated": 0.5, "seconds_draw": 0.021, "mae": 3.0}
    assert training_line(row) == (
        "in step 25: loss -0.0123, rate 0.005, gradient 0.46, in form 98%, 11 tokens, cut off 50%, draw 0.021 s"
    )
