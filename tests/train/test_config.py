import dataclasses
import inspect

import pytest

from train.config import TrainConfig, flag, plain, resolved


def settings(**fields):
    return resolved(TrainConfig(env="clock", **fields), small=fields.get("model", "tiny") == "tiny", answer_tokens=11)


def test_the_tiny_model_gets_what_training_from_scratch_needs():
    tiny = settings()
    assert (tiny.optimizer, tiny.learning_rate, tiny.cold_start) == ("muon", 0.005, "format")
    assert (tiny.max_new_tokens, settings(model="some/model").max_new_tokens) == (11, 256)
    checkpoint = settings(model="some/model")
    assert (checkpoint.optimizer, checkpoint.learning_rate) == ("adamw", 1e-6)
    assert (checkpoint.cold_start, checkpoint.entropy_bonus) == ("none", 0.0)
    assert settings(optimizer="adamw").learning_rate == 3e-4
    assert (tiny.cold_start_steps, settings(cold_start="answers").cold_start_steps) == (60, 300)
    assert settings(cold_start="answers", cold_start_steps=9).cold_start_steps == 9


def test_the_entropy_is_steered_where_there_is_a_bonus():
    assert (settings().entropy_target, settings(entropy_bonus=0.0).entropy_target) == (0.4, 0.0)
    assert settings(model="some/model").entropy_target == 0.0
    assert settings(entropy_target=0.0).entropy_target == 0.0
    assert (settings(cold_start="answers").entropy_bonus, settings(cold_start="answers").entropy_target) == (0.0, 0.0)


def test_the_lesson_is_replayed_where_the_form_was_taught():
    assert (settings().replay_weight, settings(cold_start="none").replay_weight) == (0.05, 0.0)
    assert settings(cold_start="answers").replay_weight == settings(model="some/model").replay_weight == 0.0
    assert settings(replay_weight=0.0).replay_weight == 0.0


def test_what_is_given_stays():
    given = settings(learning_rate=0.5, cold_start="none", steps=7, entropy_bonus=0.0)
    assert (given.learning_rate, given.cold_start, given.entropy_bonus) == (0.5, "none", 0.0)
    assert (given.steps, given.minutes) == (7, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("group_size", 1),
        ("steps", 0),
        ("steps", -3),
        ("minutes", 0.0),
        ("epochs", 0.0),
        ("epochs", float("inf")),
        ("learning_rate", -1e-3),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("eval_size", 0),
        ("replay_weight", float("inf")),
        ("entropy_bonus", float("nan")),
        ("temperature", 0.0),
        ("lr_final", 1.5),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_name_their_flag(name, value):
    with pytest.raises(ValueError, match=f"{flag(name)} .*got {value}"):
        TrainConfig(env="clock", **{name: value})


def test_bounds():
    assert (settings().steps, settings().minutes) == (600, 10.0)
    assert (settings(steps=7).steps, settings(steps=7).minutes) == (7, None)
    assert (settings(minutes=3.0).steps, settings(minutes=3.0).minutes) == (None, 3.0)
    assert (settings(epochs=3.0).steps, settings(epochs=3.0).minutes) == (None, None)


def test_a_target_has_a_bonus_to_steer():
    large = settings(model="some/model", entropy_target=0.4)
    assert (large.entropy_bonus, large.entropy_target) == (0.05, 0.4)
    answers = settings(cold_start="answers", entropy_target=0.3, entropy_bonus=0.01)
    assert (answers.entropy_bonus, answers.entropy_target) == (0.01, 0.3)
    assert settings(model="some/model", entropy_target=0.0).entropy_bonus == 0.0
    with pytest.raises(ValueError, match=r"--entropy-target 0.5 steers the entropy bonus, and --entropy-bonus 0 is"):
        settings(entropy_target=0.5, entropy_bonus=0.0)


def test_a_rate_that_no_optimizer_takes_is_refused():
    for fields in ({"optimizer": "adamw"}, {"model": "some/model"}, {"lora": True}):
        with pytest.raises(ValueError, match=r"--adamw-learning-rate 0.001 is for what --optimizer muon leaves"):
            settings(adamw_learning_rate=1e-3, **fields)
        assert settings(adamw_learning_rate=3e-4, **fields).optimizer == "adamw"  # as settings of another run hold it
    assert settings(adamw_learning_rate=1e-3).adamw_learning_rate == 1e-3
    assert settings(adamw_learning_rate=1e-3, optimizer="muon", model="some/model").optimizer == "muon"


def test_every_field_is_documented():
    mixins = [kind for kind in TrainConfig.__mro__ if dataclasses.is_dataclass(kind)]
    source = "".join(map(inspect.getsource, mixins))
    for field in dataclasses.fields(TrainConfig):
        after = source.split(f"\n    {field.name}: ", 1)[1].splitlines()[1]
        assert after.strip().startswith('"""'), field.name


def test_plain_settings_are_json():
    import json
    from pathlib import Path

    assert json.loads(json.dumps(plain(settings(run=Path("a/b")))))["run"] == "a/b"
