import math
from pathlib import Path
from typing import Any

from plots.answers import Answers, answers_of_run, slice_of
from plots.cards import Budget, make_cards
from plots.evaluations import Slice, Slices
from plots.rows import Row, row_of
from plots.runs import read_run
from tests.plots.conftest import MakeRun
from tests.plots.evaluation_files import picture


def row(seed: int, error: float | None = None, condition: str = "asked", **fields: Any) -> Row:
    document = {"condition": condition, "seed": seed, "text": f"t{seed}", "prompt": "p", "answer": "a", "error": error}
    return row_of({**document, **fields}, "row")


def answers(*rows: Row, name: str = "m", images: dict[str, str] | None = None, slices=()) -> Answers:
    return Answers(name, rows, "min", "asked", None, images or {}, slices)


def chosen(*models: Answers) -> list[tuple[str, int, str]]:
    return [(card.condition, card.row.seed, card.kind) for card in make_cards(models, Budget())[0]]


def test_few_problems_are_all_shown_worst_first():
    assert chosen(answers(row(0, 1.0), row(1, 9.0), row(2, 5.0))) == [
        ("asked", 1, "worst"), ("asked", 2, "median"), ("asked", 0, "best")]  # fmt: skip
    assert chosen(answers(row(7, 1.0))) == [("asked", 7, "worst")]


def test_of_many_the_ends_and_the_middle():
    model = answers(*(row(seed, float(seed)) for seed in range(200)))
    cards, counts = make_cards([model], Budget())
    seeds = {kind: [card.row.seed for card in cards if card.kind == kind] for kind in ("worst", "median", "best")}
    assert seeds["worst"] == list(range(199, 175, -1))
    assert seeds["median"] == list(range(111, 87, -1))
    assert seeds["best"] == list(range(23, -1, -1))
    assert counts == {"asked": (72, 200)}


def test_two_models_are_paired_by_seed_and_the_largest_differences_are_shown():
    first = answers(*(row(seed, 100.0 + seed) for seed in range(200)))
    second = answers(*(row(seed, 100.0 + seed if seed != 60 else 10.0) for seed in range(200)))
    cards, _ = make_cards([first, second], Budget())
    (different,) = [card for card in cards if card.kind == "difference"]
    assert different.row.seed == 60
    assert [(column.model, column.samples[0].row.error) for column in different.columns] == [(0, 160.0), (1, 10.0)]
    assert different.facts["difference"] == 150.0
    assert different.facts["errors"] == {0: 160.0, 1: 10.0}
    assert all(len(card.columns) == 2 for card in cards)


def test_problems_of_one_seed_that_differ_are_not_paired():
    assert len(make_cards([answers(row(1, 2.0)), answers(row(1, 2.0, answer="b"))], Budget())[0]) == 2
    images = {"a": picture(1), "b": picture(2)}
    models = [answers(row(1, 2.0, images=[name]), images=images) for name in "ab"]
    (card,) = make_cards(models, Budget())[0]  # the same truth in another style: each with its own picture
    assert card.images == (images["a"],)
    assert [column.images for column in card.columns] == [(), (images["b"],)]


def test_without_errors_rewards_decide():
    model = answers(*(row(seed, None, reward=reward) for seed, reward in enumerate((0.5, -1.0, 2.0))))
    assert chosen(model) == [("asked", 1, "worst"), ("asked", 0, "median"), ("asked", 2, "best")]


def test_other_conditions_show_some_of_the_same_problems():
    rows = [row(seed, float(seed), condition) for condition in ("asked", "blank") for seed in range(200)]
    cards, counts = make_cards([answers(*rows)], Budget())
    asked = {card.row.seed for card in cards if card.condition == "asked"}
    blank = {card.row.seed for card in cards if card.condition == "blank"}
    assert len(blank) == 8
    assert blank < asked
    assert counts == {"asked": (72, 200), "blank": (8, 200)}


def test_the_samples_of_a_problem_share_a_card():
    rows = [row(3, float(sample), sample=sample, parsed=sample > 0, reward=1.0) for sample in (2, 0, 1)]
    (card,) = make_cards([answers(*rows)], Budget())[0]
    (column,) = card.columns
    assert [answer.row.sample for answer in column.samples] == [0, 1, 2]
    assert card.facts["errors"] == {0: 1.0}
    assert card.facts["parsed"] == {0: ["False", "True"]}
    many = make_cards([answers(*(row(3, 0.0, sample=sample) for sample in range(100)))], Budget())[0][0].columns[0]
    assert (len(many.samples), many.more) == (32, 68)


def test_long_texts_are_cut_and_say_so():
    (card,) = make_cards([answers(row(0, 1.0, text="x" * 1_000_000, prompt="y" * 3000))], Budget())[0]
    answer = card.columns[0].samples[0]
    assert (len(answer.text), answer.cut, len(card.prompt), card.cut) == (4000, 996_000, 2000, 1000)


def test_pictures_stop_where_the_budget_does():
    image = picture(3600)
    rows = [row(seed, 1.0, images=["a"], depicted="a") for seed in range(3)]
    budget = Budget(left=4 * len(image))
    cards, _ = make_cards([answers(*rows, images={"a": image})], budget)
    assert [(card.images, card.missing, card.columns[0].samples[0].depicted) for card in cards] == [
        ((image,), 0, image), ((image,), 0, image), ((), 1, None)]  # fmt: skip
    assert budget.refused == 2


def test_sums_beyond_all_numbers_are_none():
    (card,) = make_cards([answers(row(0, 1.7e308, sample=0), row(0, 1.7e308, sample=1))], Budget())[0]
    assert card.facts["errors"] == {0: None}


def test_a_number_belongs_to_the_upper_of_two_neighbours():
    bins = Slices("steps", tuple(Slice(f"{low}", low, low + 5, 1, {}) for low in (0, 5)))
    found = {value: slice_of(bins, row(0, info={"steps": value})) for value in (0, 4.9, 5, 10, 11, None)}
    labels = {value: part and part.label for value, part in found.items()}
    assert labels == {0: "0", 4.9: "0", 5: "5", 10: "5", 11: None, None: None}


def test_words_and_truth_values_belong_to_their_label():
    kinds = Slices("numerals", (Slice("roman", None, None, 1, {}), Slice("yes", None, None, 1, {})))
    assert [
        part and part.label for part in (slice_of(kinds, row(0, info={"numerals": v})) for v in ("roman", True, "x"))
    ] == ["roman", "yes", None]


def test_a_run_shows_its_last_evaluation_and_its_newest_groups(make_run: MakeRun):
    rows = [row(seed, 1.0, phase, step=step) for phase, step in (("start", 0), ("train", 5)) for seed in range(2)]
    rows[2:2] = [row(step, 1.0, "rollout", step=step, sample=i) for step in range(30) for i in range(2)]
    model = answers_of_run(read_run(make_run()), rows, "clock")
    cards, counts = make_cards([model], Budget())
    assert counts == {"train": (2, 2), "rollout": (24, 30)}
    assert [card.row.step for card in cards if card.condition == "rollout"] == list(range(29, 5, -1))
    assert all(len(card.columns[0].samples) == 2 for card in cards if card.condition == "rollout")


def test_a_run_is_cut_by_the_values_of_its_infos(make_run: MakeRun):
    infos = [{"ticks": 60, "tilt": i / 7, "big": True, "same": 1} for i in range(30)]
    infos[0] |= {"ticks": 4, "big": False}
    rows = [row(i, 1.0, "end", info=info) for i, info in enumerate(infos)]
    slices = answers_of_run(read_run(make_run()), rows, "clock").slices
    assert {cut.by: [part.label for part in cut.slices] for cut in slices} == {
        "ticks": ["4", "60"],
        "big": ["no", "yes"],
    }


def test_a_run_without_samples_has_no_cards(make_run: MakeRun, tmp_path: Path):
    assert make_cards([answers_of_run(read_run(make_run()), (), "clock")], Budget()) == ([], {})
    assert math.isfinite(Budget().left)
