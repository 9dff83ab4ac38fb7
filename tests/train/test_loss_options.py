"""What `--loss` stands for, what wins against it, and what means nothing."""

import dataclasses

import pytest

from tests.train.conftest import SMALL
from train.cli import parse
from train.config import TrainConfig, plain, resolved
from train.loss_options import DEFAULTS, LOSSES, without_effect

TODAY = {
    "advantage_baseline": "group",
    "advantage_scale": "group",
    "surrogate": "clip",
    "ratio_level": "token",
    "old_policy": "rollout",
    "clip_low": 0.2,
    "clip_high": 0.2,
    "normalise": "token",
    "overlong": "counted",
    "resample": 0,
    "kl_weight": 0.0,
    "kl_estimator": "k3",
    "kl_in": "loss",
}


def settings(words):
    return resolved(parse(["--env", "clock", *words.split()])[0], small=True, answer_tokens=11)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("", {}),
        ("grpo", {"normalise": "sequence", "kl_weight": 0.04}),
        ("dr_grpo", {"normalise": "constant", "advantage_scale": "none"}),
        ("dapo", {"clip_high": 0.28, "overlong": "masked", "resample": 3}),
        (
            "gspo",
            {
                "normalise": "sequence",
                "ratio_level": "sequence",
                "old_policy": "learner",
                "clip_low": 0.0003,
                "clip_high": 0.0004,
            },
        ),
        ("cispo", {"surrogate": "cispo", "clip_low": 1.0, "clip_high": 4.0, "resample": 3}),
        ("reinforce++", {"advantage_scale": "batch", "kl_weight": 0.001, "kl_estimator": "k2"}),
    ],
)
def test_a_name_stands_for_settings_that_are_recorded(name, changed):
    recorded = plain(settings(f"--loss {name}" if name else ""))
    assert {key: recorded[key] for key in TODAY} == {**TODAY, **changed}
    assert recorded["loss"] == (name or None)


def test_a_flag_wins_against_the_name_also_at_its_default():
    found = settings("--loss dapo --clip-high 0.2 --resample 0 --entropy-bonus 0.01")
    assert (found.clip_high, found.resample, found.overlong, found.entropy_bonus) == (0.2, 0, "masked", 0.01)


def test_names_leave_alone_what_their_papers_do_not_speak_of():
    for name in LOSSES:
        named, bare = settings(f"--loss {name}"), settings("")
        assert named.entropy_bonus == bare.entropy_bonus == 0.05
        assert (named.optimizer, named.learning_rate, named.replay_weight) == ("muon", 0.005, 0.05)


def test_every_name_changes_something_that_it_may():
    for changes in LOSSES.values():
        assert changes.keys() <= DEFAULTS.keys()
        assert all(changes[name] != DEFAULTS[name] for name in changes)
        assert changes


def test_a_name_replaces_what_another_run_recorded(tmp_path):
    """Its config.json holds every setting, and would hide the name; a file that somebody wrote says what it means."""
    import json

    recorded = {**plain(settings("--loss grpo --kl-weight 0.5 --group-size 8")), "env": "clock", "config": None}
    run = tmp_path / "config.json"
    run.write_text(json.dumps({"settings": recorded, "versions": {}, "task": {"fields": {}}}))
    again = settings(f"--config {run}")
    assert (again.loss, again.kl_weight, again.normalise, again.group_size) == ("grpo", 0.5, "sequence", 8)
    other = settings(f"--config {run} --loss dapo")
    assert (other.loss, other.kl_weight, other.normalise, other.group_size) == ("dapo", 0.0, "token", 8)
    assert settings(f"--config {run} --loss dapo --kl-weight 0.2").kl_weight == 0.2
    written = tmp_path / "settings.yaml"
    written.write_text("loss: grpo\nkl-weight: 0.5\n")
    assert settings(f"--config {written}").kl_weight == 0.5
    assert settings(f"--config {written} --loss reinforce++").kl_weight == 0.5


def test_the_reference_is_fixed_unless_it_is_told_to_change():
    fixed = settings("--kl-weight 0.1")
    assert (fixed.reference, fixed.reference_every, fixed.reference_mix) == ("fixed", None, None)
    periodic = settings("--loss grpo --reference periodic --reference-every 7")
    assert (periodic.reference_every, periodic.reference_mix) == (7, None)
    mixed = settings("--kl-weight 0.1 --reference mixed")
    assert (mixed.reference_every, mixed.reference_mix) == (200, 0.1)
    assert TrainConfig(**{**plain(mixed), "run": None, "config": None, "resume": None}) is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--reference periodic", "that has no weight; give it one, such as --kl-weight 0.04"),
        ("--reference mixed --loss dapo", "that has no weight"),
        ("--reference mixed --loss grpo --kl-weight 0", "that has no weight"),
        ("--reference periodic --loss grpo --lora", "does not go with --lora"),
        ("--kl-weight 0.1 --reference-every 5", "--reference-every is for a reference that changes"),
        ("--kl-weight 0.1 --reference-mix 0.5", "--reference-mix is for --reference mixed, and it is fixed"),
        ("--kl-weight 0.1 --reference periodic --reference-mix 0.5", "and it is periodic"),
        ("--kl-weight 0.1 --reference mixed --reference-mix 1.5", "above 0 and at most 1, got 1.5"),
        ("--kl-weight 0.1 --reference mixed --reference-mix 0", "--reference-mix must be above 0 and finite, got 0"),
        ("--kl-weight 0.1 --reference mixed --reference-every 0", "--reference-every must be at least 1"),
        ("--clip-low -0.1", "--clip-low must be at least 0"),
        ("--clip-low 7", "--clip-low is a fraction, from 0 to 1, got 7"),
        ("--clip-low 7 --surrogate cispo --updates-per-batch 2", "--clip-low is a fraction, from 0 to 1, got 7"),
        ("--kl-estimator k2", "--kl-estimator k2 says how the KL divergence is estimated, and that has no weight"),
        ("--loss dapo --kl-estimator k2", "that has no weight; give it one, such as --kl-weight 0.04"),
        ("--loss reinforce++ --kl-estimator k3 --kl-weight 0", "--kl-estimator k3 says how"),
        ("--kl-in reward", "--kl-in reward says where the KL divergence stands, and that has no weight"),
        ("--loss gspo --kl-weight 0.1 --kl-in reward", "--ratio-level sequence takes one for all of them"),
        ("--kl-weight 0.1 --kl-in reward --kl-estimator k2", "--kl-estimator k2 is for a divergence in the loss"),
        ("--advantage-baseline batch --resample 2", "--resample 2 replaces groups whose answers all earned the same"),
        ("--advantage-baseline batch --loss dapo", "--resample 3 replaces groups"),
        ("--entropy-target 0.5 --entropy-bonus 0", "--entropy-target 0.5 steers the entropy bonus"),
        ("--kl-weight nan", "--kl-weight must be at least 0"),
    ],
)
def test_what_means_nothing_is_refused(words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        settings(words)
    assert stopped.value.code == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize(
    "words",
    [
        *(f"--loss {name}" for name in LOSSES),
        *(f"--loss {name} --updates-per-batch 4" for name in LOSSES),
        "--kl-estimator k3",
        "--loss reinforce++ --kl-in reward",
        "--loss reinforce++ --kl-in reward --advantage-baseline batch",
        "--loss reinforce++ --kl-weight 0",
        "--loss reinforce++ --kl-weight 0 --kl-estimator k2",
        "--advantage-baseline batch --loss dapo --resample 0",
        "--clip-low 1 --surrogate cispo --clip-high 4 --old-policy learner --updates-per-batch 2",
        "--clip-low 0.2 --clip-high 0.2 --old-policy rollout --surrogate clip --ratio-level token",
        "--loss gspo --old-policy learner --clip-high 0.0004",
    ],
)
def test_names_and_what_they_stand_for_pass_without_a_word(words):
    config = parse(["--env", "clock", *words.split()])[0]
    assert without_effect(config) is None
    assert without_effect(resolved(config, small=True, answer_tokens=11)) is None


@pytest.mark.parametrize(
    ("words", "idle"),
    [
        ("--clip-low 0.1", "--clip-low"),
        ("--clip-high 0.28", "--clip-high"),
        ("--loss gspo --clip-high 0.2", "--clip-high"),
        ("--old-policy learner", "--old-policy"),
        ("--surrogate cispo --ratio-level sequence", "--surrogate, --ratio-level"),
    ],
)
def test_what_one_update_gives_nothing_to_act_on_is_told(words, idle):
    config = parse(["--env", "clock", *words.split()])[0]
    assert f"1, but for rounding, and {idle} changes nothing else" in without_effect(config)
    assert without_effect(dataclasses.replace(config, updates_per_batch=2)) is None


def test_the_note_is_said_once(train, capsys):
    assert train(*SMALL, "--clip-high", "0.3", "--steps", "1") == 0
    assert capsys.readouterr().err.count("--clip-high changes nothing else") == 1


def test_an_unknown_name_is_told_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        settings("--loss drgrpo")
    said = capsys.readouterr().err
    for name in LOSSES:
        assert name in said
