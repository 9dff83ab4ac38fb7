import json
from pathlib import Path

import pytest

import envs
from agents.baselines import Chance
from agents.policy import Reply
from train import evaluate as command
from train.evaluate import main
from train.evaluation.results import read_results
from train.storage import WriteError

CLOCKS = "--env clock --task.size 56 --eval-size 8".split()
MANY = "--env clock --task.size 56 --samples 4 --eval-size 6 --batch-size 8".split()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluated(*arguments):
    """The document that a command writes."""
    before = set(Path("evaluations").glob("*.json"))
    assert main([*arguments]) == 0
    (new,) = set(Path("evaluations").glob("*.json")) - before
    return read_results(new)


def value(document, name, condition="asked"):
    (found,) = [one for one in document["conditions"] if one["name"] == condition]
    return found["figures"][name]["value"]


def test_the_oracle_is_right_whatever_it_is_shown(capsys):
    document = evaluated(*CLOCKS, "--model", "oracle")
    for condition in ("asked", "blank", "shuffled"):
        assert [value(document, name, condition) for name in ("mae", "exact", "parsed", "reward")] == [0, 1, 1, 1]
    assert value(document, "skill") == 1
    assert document["drops"]["blank"]["mae"] == {"value": 0, "low": 0, "high": 0}
    told = capsys.readouterr()
    assert "MAE" in told.out
    assert "evaluations/clock-size-56-oracle.json" in told.err
    assert Path("evaluations/clock-size-56-oracle.html").exists()
    assert not list(Path("evaluations").glob("*.jsonl"))


def test_a_row_by_hand():
    document = evaluated(*CLOCKS, "--model", "constant")
    task = envs.make_task("clock", size=56)
    row = document["rows"][5]
    problem = envs.problem(task, 5, "eval")
    said = task.read(document["yardsticks"]["best_constant_answer"])
    off = task.error(said, task.read(problem.answer))
    assert (row["condition"], row["seed"], row["sample"], row["answer"]) == ("asked", 5, 0, problem.answer)
    assert row["text"] == f"<answer>{task.write(said)}</answer>"
    assert (row["read"], row["lenient_read"]) == (task.write(said),) * 2
    assert row["error"] == row["lenient_error"] == pytest.approx(off)
    assert row["truth_number"] == pytest.approx(task.read(problem.answer) / 3600)
    assert row["parts"] == pytest.approx(dict(task.score(row["text"], problem.answer).parts))
    assert row["info"] == dict(problem.info)
    assert (row["tokens"], row["advantage"]) == (None, None)
    assert row["images"][0] in document["images"]
    assert row["depicted"] in document["images"]
    assert len(document["rows"]) == 3 * 8
    assert {slice_["by"] for slice_ in document["slices"]} >= {"hour", "hands_angle"}


@pytest.mark.parametrize(("model", "low"), [("constant", 120), ("chance", 120)])
def test_blind_baselines_are_at_chance(model, low):
    document = evaluated(*"--env clock --task.size 56 --eval-size 128 --pictures 0 --model".split(), model)
    for condition in ("asked", "blank", "shuffled"):
        assert low < value(document, "mae", condition) < 240
    assert document["images"] == {}


@pytest.mark.parametrize(("model", "worst"), [("oracle", 0.0), ("chance", 10.0), ("constant", 8.0)])
def test_baselines_write_answers_that_are_json_as_a_policy_would(model, worst):
    document = evaluated(*f"--env tests.train.pairs:pairs --model {model} --eval-size 64".split())
    assert value(document, "parsed") == 1
    assert value(document, "mae") <= worst


def test_the_same_command_writes_the_same():
    first, second = (evaluated(*MANY, "--model", "chance") for _ in range(2))
    assert [path.name for path in sorted(Path("evaluations").glob("*.json"))] == [
        "clock-size-56-chance-2.json",
        "clock-size-56-chance.json",
    ]
    del first["seconds"], second["seconds"]
    assert first == second


def test_figures_of_several_samples():
    document = evaluated(*MANY, "--model", "chance", "--k", "1", "3", "--tolerance", "90")
    asked, blank = document["conditions"][:2]
    assert (asked["answers"], blank["answers"]) == (24, 6)
    names = [name for name in asked["figures"] if "@" in name]
    assert sorted(names) == sorted(f"{name}@{k}" for name in ("pass", "majority", "median", "best") for k in (1, 3))
    assert document["settings"]["k"] == [1, 3]
    assert not any("@" in name for name in blank["figures"])
    rows = [row for row in document["rows"] if row["condition"] == "asked"]
    within = [row["error"] <= 90 for row in rows]
    assert value(document, "within") == value(document, "pass@1") == pytest.approx(sum(within) / 24)
    assert all(abs(sum(row["advantage"] for row in rows[i : i + 4])) < 1e-5 for i in range(0, 24, 4))


def test_every_shifted_style_beside_the_plain_one():
    document = evaluated(*CLOCKS, "--model", "oracle", "--shifted", "--controls")
    names = [condition["name"] for condition in document["conditions"]]
    assert names == ["asked", "roman", "mirrored", "no-ticks", "busy", "tilted", "inverted"]
    assert set(document["drops"]) == set(names[1:])


class Failing(Chance):
    """Answers at random; after so many answers, something else happens."""

    asked = 0

    def __init__(self, patience, error):
        super().__init__(["01:00:00", "07:30:00", "?"])
        self.patience, self.error = patience, error

    def respond(self, observations, infos, draws):
        for row, reply in super().respond(observations, infos, draws):
            if self.asked == self.patience:
                raise self.error
            self.asked += 1
            yield row, Reply(reply.text, 3)


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 130), (MemoryError("too much"), 1)])
@pytest.mark.parametrize("patience", [0, 5, 24, 30, 35])
def test_no_answer_is_asked_for_twice(monkeypatch, capsys, error, status, patience):
    policies = [Failing(patience, error), Failing(10**6, error), Failing(10**6, error)]
    waiting = iter(policies)
    monkeypatch.setattr("train.evaluation.setup.evaluation_policy", lambda *_: next(waiting))
    assert main([*MANY, "--model", "chance"]) == status
    kept = f"{patience} answers are kept in evaluations/clock-size-56-chance.answers.jsonl"
    assert (kept in capsys.readouterr().err) == (patience > 0)
    resumed = evaluated(*MANY, "--model", "chance")
    assert "answers are there already" in capsys.readouterr().err or not patience
    assert policies[0].asked + policies[1].asked == 24 + 2 * 6
    whole = evaluated(*MANY, "--model", "chance")
    del resumed["seconds"], whole["seconds"]
    assert resumed == whole


def test_answers_of_other_settings_are_not_mixed_in(monkeypatch, capsys):
    monkeypatch.setattr("train.evaluation.setup.evaluation_policy", lambda *_: Failing(5, KeyboardInterrupt()))
    assert main([*MANY, "--model", "chance", "--out", "x.json"]) == 130
    assert main([*MANY, "--model", "chance", "--out", "x.json", "--seed", "1"]) == 2
    assert "unfinished evaluation with another seed" in capsys.readouterr().err
    assert main([*MANY, "--model", "chance", "--out", "x.json", "--tolerance", "9"]) == 130  # it goes on


def test_a_disk_that_is_full_at_the_end_loses_no_answer(monkeypatch, capsys):
    with monkeypatch.context() as full:
        full.setattr(command, "write_results", lambda path, _: (_ for _ in ()).throw(WriteError(f"{path}: no space")))
        assert main([*MANY, "--model", "chance"]) == 1
    told = capsys.readouterr().err
    assert "36 answers are kept" in told
    assert "no space" in told
    monkeypatch.setattr("train.evaluation.setup.evaluation_policy", lambda *_: Failing(0, AssertionError("asked")))
    assert len(evaluated(*MANY, "--model", "chance")["rows"]) == 36


def test_results_again_as_markdown_and_json(capsys):
    document = evaluated(*CLOCKS, "--model", "constant")
    asked, blank, _ = document["conditions"]
    capsys.readouterr()
    again = "--compare evaluations/clock-size-56-constant.json --format".split()
    assert main([*again, "md"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (mae,) = [line for line in lines if line.startswith("| MAE")]
    assert [f"{asked['figures']['mae'][end]:.0f}" in mae for end in ("value", "low", "high")] == [True] * 3
    assert sum(line.startswith("| blank") for line in lines) == 1
    assert not any("By hour" in line for line in lines)
    assert main([*again, "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["conditions"] == [asked, blank, document["conditions"][2]]
    assert "rows" not in told


def test_answers_are_judged_anew_without_being_asked(capsys):
    document = evaluated(*MANY, "--model", "chance")
    rows = [row for row in document["rows"] if row["condition"] == "asked"]
    capsys.readouterr()
    again = "--compare evaluations/clock-size-56-chance.json --format json --tolerance 120 --k 3".split()
    assert main(again) == 0
    told = json.loads(capsys.readouterr().out)
    figures = told["conditions"][0]["figures"]
    assert figures["within"]["value"] == pytest.approx(sum(row["error"] <= 120 for row in rows) / len(rows))
    assert [name for name in figures if "@" in name] == ["pass@3", "majority@3", "median@3", "best@3"]
    assert (told["settings"]["tolerance"], told["task"]["tolerance"]) == (120, 120)
    assert figures["mae"] == document["conditions"][0]["figures"]["mae"]
    assert main([*again[:-1], "5"]) == 2
    assert "k = 5 of n = 4" in capsys.readouterr().err


def test_comparing(capsys):
    evaluated(*CLOCKS, "--model", "oracle")
    chance = evaluated(*CLOCKS, "--model", "chance")
    capsys.readouterr()
    names = [f"evaluations/clock-size-56-{model}.json" for model in ("oracle", "chance")]
    assert main(["--compare", *names, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["names"] == ["oracle", "chance"]
    assert told["differences"]["mae"][0]["value"] == pytest.approx(value(chance, "mae"))
    assert told["shares"] == [{"better": 0, "worse": 1, "ties": 0}]
    assert main(["--compare", names[1], names[1], "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["names"][0].startswith("chance (clock-size-56-chance)")
    evaluated(*CLOCKS[:4], "--eval-size", "5", "--model", "oracle")
    assert main(["--compare", names[1], "evaluations/clock-size-56-oracle-2.json"]) == 2
    assert "5 problems" in capsys.readouterr().err


def test_no_more_problems_than_there_are(capsys):
    rows = [
        {"question": f"{n} and 2?", "answer": f"So {n}+2=<<{n}+2={n + 2}>>{n + 2}\n#### {n + 2}"} for n in range(30)
    ]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    document = evaluated("--env", "gsm8k", "--task.source", "rows.jsonl", "--model", "oracle")
    assert "note: there are 3 held-out problems, so 3 are asked" in capsys.readouterr().err
    assert document["settings"]["eval_size"] == document["conditions"][0]["problems"] == 3


def test_a_model_that_answers_nothing(capsys):
    document = evaluated(*"--env clock --model tiny --task.size 56 --eval-size 4 --max-new-tokens 3".split())
    assert value(document, "parsed") == 0
    assert value(document, "mae") == 360
    assert value(document, "tokens") == 3
    assert value(document, "truncated") == 1
    told = capsys.readouterr().err
    assert "note: no answer could be read" in told
    assert "note: 4 of 4 answers are cut off; give them room by --max-new-tokens" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--env clock --model tinny", "did you mean 'tiny'"),
        ("--env clokc --model oracle", "Did you mean"),
        ("--env clock --model oracle --eval-size 0", "--eval-size must be at least 1"),
        ("--env clock --model oracle --task.colour red", "has no field 'colour'"),
        ("--env clock --model oracle --samples 2 --k 4", "--k 4 is not from 1 to --samples 2"),
        ("--env clock --model oracle --samples 2 --temperature 0", "the same answer again and again"),
        ("--env clock --model oracle --temperature -1", "--temperature must be at least 0.0 and finite"),
        ("--env clock --model oracle --tolerance nan", "--tolerance must be at least 0.0 and finite, got nan"),
        ("--env clock --model oracle --tolerance inf", "--tolerance must be at least 0.0 and finite, got inf"),
        ("--env clock --model oracle --tolerance 360", "--tolerance 360 is not below 360"),
        ("--env clock --model oracle --retries 2", "--retries is for a server"),
        ("--env clock --model http://localhost:1/v1 --device cpu", "--device is for weights that are computed here"),
        ("--env clock --model localhost:8000/v1", "begins with http://"),
        ("--env clock --model taken.json", "see an evaluation again by --compare taken.json"),
        ("--env clock --model http://localhost:1/v1 --timeout 0", "--timeout must be a number of seconds above 0"),
        ("--env clock --model http://localhost:1/v1 --extra-body []", "--extra-body must be a JSON object"),
        ("--env clock --model http://me:secret@localhost/v1", "must hold no user name"),
        ("--env clock --model oracle --out x.csv", "--out x.csv must end in .json"),
        ("--env clock --model oracle --out taken.json", "taken.json exists"),
        ("--env clock --model oracle --out taken.json/x.json", "is no folder that may be written"),
        ("--env clock --model oracle --served-model x", "--served-model is for a server"),
        ("--env gsm8k --model oracle --shifted", "GSM8K has no shifted styles"),
        ("--env clock", "--model is missing"),
        ("--model oracle", "--env is missing"),
        ("--compare taken.json", "is not an evaluation file"),
        ("--compare none.json", "none.json does not exist"),
        ("--compare taken.json --env clock --samples 2", "leave out --env, --samples"),
        ("--env clock --model oracle --controls blnk", "blnk"),
    ],
)
def test_bad_input_is_named(capsys, arguments, message):
    Path("taken.json").write_text("{}")
    try:
        status = main(arguments.split())
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in Path().iterdir()] == ["taken.json"]
