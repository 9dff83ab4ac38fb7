import pytest

from train.evaluate import main


def test_command_line(capsys):
    assert main("--env clock --task.size 56 --model oracle --eval-size 8".split()) == 0
    said = capsys.readouterr().out.split()
    assert said[said.index("mae") + 1] == "0"
    assert said[said.index("reward") + 1] == "1"


@pytest.mark.parametrize(("model", "low"), [("constant", 120), ("chance", 120)])
def test_blind_baselines_are_at_chance(capsys, model, low):
    assert main(f"--env clock --task.size 56 --model {model} --eval-size 128".split()) == 0
    said = capsys.readouterr().out.split()
    assert low < float(said[said.index("mae") + 1]) < 240


@pytest.mark.parametrize(("model", "worst"), [("oracle", 0.0), ("chance", 10.0), ("constant", 8.0)])
def test_baselines_write_answers_that_are_json_as_a_policy_would(capsys, model, worst):
    assert main(f"--env tests.train.pairs:pairs --model {model} --eval-size 64".split()) == 0
    said = capsys.readouterr().out.split()
    assert said[said.index("parsed") + 1] == "1"
    assert float(said[said.index("mae") + 1]) <= worst


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--env clock --model tinny", "did you mean 'tiny'"),
        ("--env clokc --model oracle", "Did you mean"),
        ("--env clock --model oracle --eval-size 0", "--eval-size must be at least 1"),
        ("--env clock --model oracle --task.colour red", "has no field 'colour'"),
    ],
)
def test_bad_input_is_named(capsys, arguments, message):
    try:
        status = main(arguments.split())
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in " ".join(capsys.readouterr().err.split())
