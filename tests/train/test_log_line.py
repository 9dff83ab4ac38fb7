from train.log_line import training_line


def test_a_step_in_one_line():
    row = {"step": 25, "loss": -0.01234, "learning_rate": 0.005, "kl": 0.0, "entropy": None, "grad_norm": 0.456}
    row |= {"formatted": 0.98, "answer_tokens": 10.9, "truncated": 0.5, "seconds_draw": 0.021, "mae": 3.0}
    assert training_line(row) == (
        "in step 25: loss -0.0123, rate 0.005, gradient 0.46, in form 98%, 11 tokens, cut off 50%, draw 0.021 s"
    )


def test_each_part_of_the_reward_with_its_spread():
    row = {"step": 3, "reward": 0.5, "mae": 2.0, "reward/accuracy": 0.25, "reward/mine:f": 1.0, "loss": 0.5}
    row |= {"reward/cost": None, "reward_std": 0.125, "reward_min": 0.25, "reward_max": 1.0, "answer_tokens": 4.0}
    row |= {"reward/accuracy_std": 0.4321, "reward/accuracy_min": -0.5, "reward/accuracy_max": 0.98765}
    row |= {"reward/mine:f_std": 0.0, "reward/mine:f_min": 1.0, "reward/mine:f_max": 1.0}
    row |= {"reward/cost_std": None, "reward/cost_min": None, "reward/cost_max": None}
    assert training_line(row) == (
        "in step 3: loss 0.5, reward 0.5±0.12 [0.25, 1], accuracy 0.25±0.43 [-0.5, 0.988], mine:f 1, 4 tokens"
    )


def test_what_is_imitated():
    row = {"step": 2, "loss": 1.25, "token_accuracy": 0.5, "teacher_agreement": None, "answer_tokens": 12.0}
    assert training_line(row) == "in step 2: loss 1.25, right 50%, 12 tokens"
