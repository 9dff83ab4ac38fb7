import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from plots import RunError, write_report
from tests.plots.conftest import MakeRun
from tests.plots.evaluation_files import clock_evaluation, clock_row, picture, write_evaluation

HOSTILE = "<script>alert(1)</script></script>{{7*7}}{% raw %}<img src=x onerror=alert(2)>\x00\ud800\u202eevil\"'>--><b>"


class Page(HTMLParser):
    """What is in a page: its elements, their attributes, its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.handle_endtag(tag)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        self.pieces.append("" if tag in ("bdi", "em") else " ")

    def handle_data(self, data):
        self.pieces.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def with_class(self, name: str) -> int:
        return sum(name in attributes.get("class", "").split() for _, attributes in self.elements)

    @property
    def words(self) -> str:
        return " ".join("".join(self.pieces).split())

    @property
    def facts(self) -> list[dict[str, Any]]:
        return json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', self.text, re.S)[1])


def page_of(tmp_path: Path, *sources: dict[str, Any] | Path) -> Page:
    paths = []
    for index, source in enumerate(sources):
        path = source if isinstance(source, Path) else write_evaluation(tmp_path / f"{'ab'[index]}.json", source)
        paths.append(path)
    return Page(write_report(paths, tmp_path / "report.html").read_text(encoding="utf-8"))


def test_different_problems_side_by_side_are_told(tmp_path: Path):
    few, many = clock_evaluation("few", problems=4), clock_evaluation("many", problems=12)
    assert "Not all are about the same problems (4, 12 of them)" in page_of(tmp_path, few, many).words
    assert "Not all are about the same problems" not in page_of(tmp_path, many, many | {"name": "other"}).words


def test_one_evaluation(tmp_path: Path):
    page = page_of(tmp_path, clock_evaluation("gpt", problems=12))
    assert page.text.startswith("<!doctype html>")
    assert "12 held-out problems, one answer to each, greedy, seed 0" in page.words
    assert "To compare with: chance 180 min, best constant 179 min, floor 0 min." in page.words
    assert "median error (min) 3.5 2 to 6 –" in page.words
    assert "skill against chance 0.7 0.6 to 0.8 –" in page.words
    assert "right within 1 min 40% 30% to 50%" in page.words
    assert "hour hand (h) 0.5 0.3 to 0.8" in page.words
    assert "blank A policy that looks gets much worse on blank pictures; one that" in page.words
    assert "+120 +100 to +140" in page.words
    assert "asked: 12 problems; blank: 8 of 12 problems; roman: 8 of 12 problems." in page.words
    assert page.with_class("card") == len(page.facts) == 28
    assert page.with_class("cut") == 1
    assert sum("the picture shown" in image.get("alt", "") for image in page.all("img")) == 28
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


def test_a_card_has_all_that_is_known(tmp_path: Path):
    images: dict[str, str] = {}
    answer = clock_row(3, 3600, images, text="It is <answer>01:00:00</answer>!", error=12.5, reward=0.25,
                       lenient_error=7.5, lenient_read="01:05:00", tokens=17, parts={"accuracy": 0.75},
                       error_parts={"hour hand (h)": 2.0}, answer="01:12:30",
                       info={"hour": 1, "hands_angle": 38.75})  # fmt: skip
    page = page_of(tmp_path, clock_evaluation(problems=1, rows=[answer], images=images, slices=[]))
    card = page.words[page.words.index("problem 3") : page.words.index("No problem matches.")]
    assert (
        card.split()
        == (
            "problem 3 asked worst shown answered 01:00:00 What time is it? Reply <answer>HH:MM:SS</answer> "
            "truth 01:12:30 hour 1 hands_angle 38.75 clock 12.5 min off It is <answer>01:00:00</answer>! "
            "strict 01:00:00 error 12.5 min lenient 01:05:00, error 7.5 reward 0.25 accuracy 0.75 "
            "hour hand (h) 2 tokens 17"
        ).split()
    )
    shown = [image["src"] for image in page.all("img") if image["src"].startswith("data:image/png")]
    assert shown == [images["true-3"], images["read-3600"]]
    assert page.facts == [
        {"condition": "asked", "kind": "worst", "seed": 3, "step": 0, "errors": {"0": 12.5}, "rewards": {"0": 0.25},
         "parsed": {"0": ["True"]}, "difference": None, "slices": []}]  # fmt: skip


def test_a_group_shows_every_sample_with_its_advantage(tmp_path: Path):
    rows = [clock_row(3, 60 * i, {}, sample=i, reward=i / 4, advantage=i - 1.5, images=[]) for i in range(4)]
    page = page_of(tmp_path, clock_evaluation(problems=1, rows=rows))
    assert "All 4 answers, with their advantages" in page.words
    for reward, advantage in (("0", "−1.5"), ("0.25", "−0.5"), ("0.5", "+0.5"), ("0.75", "+1.5")):
        assert f"reward {reward} {advantage}" in page.words


def test_two_evaluations_are_side_by_side(tmp_path: Path):
    page = page_of(tmp_path, clock_evaluation("gpt"), clock_evaluation("qwen", skill=0.2))
    assert page.with_class("column") == 2 * page.with_class("card")
    assert [label["data-label"] for label in page.all("td")[:4]] == [
        "gpt, strict", "gpt, lenient", "qwen, strict", "qwen, lenient"]  # fmt: skip
    assert "difference of error" in page.words
    errors = [fact["errors"] for fact in page.facts]
    assert all(set(of_card) == {"0", "1"} for of_card in errors)
    assert [fact["difference"] for fact in page.facts] == [abs(of_card["0"] - of_card["1"]) for of_card in errors]


def test_a_run_alone(make_run: MakeRun, tmp_path: Path):
    folder = make_run("clock", problems_per_step=64, group_size=16)
    (folder / "images").mkdir()
    content = base64.b64decode(picture(3600).partition(",")[2])
    (folder / "images/a.png").write_bytes(content)
    rows = [
        {"phase": "start", "step": 0, "seed": 1, "text": "untrained"},
        {"phase": "end", "step": 20, "seed": 1, "text": "trained", "images": ["images/a.png"], "parsed": True},
        {"phase": "rollout", "step": 10, "seed": 99, "sample": 0, "text": "one", "reward": 0, "advantage": -0.5},
        {"phase": "rollout", "step": 10, "seed": 99, "sample": 1, "text": "two", "reward": 1, "advantage": 0.5},
    ]  # fmt: skip
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = page_of(tmp_path, folder)
    assert "20 steps of 64 problems, 16 answers to each, 80 s, seed 0" in page.words
    assert "end: 1 problem; rollout: 1 problem." in page.words
    assert "untrained" not in page.words
    assert "All 2 answers, with their advantages" in page.words
    assert [image["src"] for image in page.all("img") if "svg" not in image["src"]] == [picture(3600)]
    assert "Figures" not in page.words
    assert (len(page.all("picture")), len(page.all("source"))) == (1, 3)


def test_a_run_without_samples(make_run: MakeRun, tmp_path: Path):
    page = page_of(tmp_path, make_run())
    assert page.facts == []
    assert "Answers" not in page.words


def test_a_run_beside_evaluations(make_run: MakeRun, tmp_path: Path):
    page = page_of(tmp_path, make_run(), clock_evaluation("gpt"))
    assert page.words.index("clock run") < page.words.index("gpt evaluation")
    assert "m1" in page.text[page.text.index('class="bar"') :][:200]  # its colour in the curves: the second


def test_an_env_without_errors(tmp_path: Path):
    row = {"condition": "asked", "seed": 4, "text": "hello", "reward": 2.5}
    figures = {"reward": {"value": 2.5, "low": 2, "high": 3}}
    asked = {"name": "asked", "kind": "asked", "problems": 1, "answers": 1, "figures": figures}
    page = page_of(tmp_path, {"format": "eyechart evaluation", "version": 1, "env": "Own-v0", "task": None,
                              "model": "m", "name": "m", "conditions": [asked], "rows": [row]})  # fmt: skip
    assert "mean reward 2.5 2 to 3" in page.words
    assert "off" not in page.words.split()


def hostile_evaluation() -> dict[str, Any]:
    images = {"<": 'data:image/png;base64,AAAA" onerror="alert(3)', "web": "https://example.org/x.png"}
    row = clock_row(0, 3600, {}, text=HOSTILE, prompt=HOSTILE, answer=HOSTILE, read=HOSTILE, lenient_read=HOSTILE,
                    info={HOSTILE: HOSTILE, "hour": HOSTILE}, parts={HOSTILE: 1.0}, error_parts={HOSTILE: 1.0},
                    images=["<", "web", "../../etc/passwd"], depicted="web")  # fmt: skip
    document = clock_evaluation(HOSTILE, problems=1, env=HOSTILE, rows=[row], images=images)
    document["model"] = HOSTILE
    document["task"]["unit"] = HOSTILE
    document["settings"] |= {HOSTILE: HOSTILE, "seed": HOSTILE}
    document["policy"] = document["versions"] = {HOSTILE: [HOSTILE]}
    document["conditions"][1]["name"] = HOSTILE
    document["conditions"][0]["figures"][HOSTILE] = document["conditions"][0]["figures"]["mae"]
    document["slices"] = [{"by": HOSTILE, "slices": [{"label": HOSTILE, "problems": 1, "mae": {"value": 1}}]}]
    return document


def test_nothing_from_a_file_becomes_part_of_the_page(tmp_path: Path):
    clean, page = page_of(tmp_path, clock_evaluation(problems=1)), page_of(tmp_path, hostile_evaluation())
    assert "<script>alert" not in page.text
    assert [set(script) for script in page.all("script")] == [{"type", "id"}, set()]
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in clean.elements}
    assert not [attributes for _, attributes in page.elements if any(name.startswith("on") for name in attributes)]
    for image in page.all("img"):
        assert image["src"].startswith("data:image/svg+xml;base64,")
    assert "3 pictures cannot be shown." in page.words
    assert not set(page.text) & {"\x00", "\ud800", "\u202e"}
    shown = (
        "<script>alert(1)</script></script>{{7*7}}{% raw %}<img src=x onerror=alert(2)>␀\\ud800\\u202eevil\"'>--><b>"
    )
    assert html.escape(shown, quote=False).replace('"', "&#34;").replace("'", "&#39;") in page.text
    assert page.facts[0]["condition"] == "asked"


def test_the_policy_lets_only_our_own_style_and_script_run(tmp_path: Path):
    page = page_of(tmp_path, hostile_evaluation())
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]

    def hashed(tag: str) -> str:
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page.text, re.S)
        return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"

    assert policy == (
        f"default-src 'none'; img-src data:; style-src {hashed('style')}; script-src {hashed('script')}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not [attributes for _, attributes in page.elements if "style" in attributes]
    assert not re.findall(r"(?:src|href|srcset)=\"(?!data:image/|#)", page.text)
    assert "http://" not in re.sub(r"base64,[\w+/=]*", "", page.text)


def test_the_same_files_give_the_same_bytes(make_run: MakeRun, tmp_path: Path):
    sources = [make_run(), write_evaluation(tmp_path / "a.json"), write_evaluation(tmp_path / "b.json")]
    first, second = (write_report(sources, tmp_path / name).read_bytes() for name in ("1.html", "2.html"))
    assert first == second


def test_it_tells_nothing_of_the_disk_it_was_made_on(make_run: MakeRun, tmp_path: Path):
    run = make_run(model=str(tmp_path / "models" / "mine"))
    page = page_of(tmp_path, run, clock_evaluation())
    drawn = "".join(base64.b64decode(uri).decode() for uri in re.findall(r"svg\+xml;base64,([\w+/=]+)", page.text))
    assert str(tmp_path) not in page.text + drawn
    assert "…/mine" in page.words


def test_it_stays_usable_when_there_is_a_great_deal(tmp_path: Path):
    images: dict[str, str] = {}
    rows = [clock_row(seed, 3600, images, images=["true-0"], depicted=None) for seed in range(5000)]
    rows[0]["text"] = "word " * 200_000
    page = page_of(tmp_path, clock_evaluation(problems=3, rows=rows, images=images))
    assert "asked: 72 of 5000 problems" in page.words
    assert "the first 2000 of 5000 drawn" not in page.words  # that is inside the picture
    assert len(page.text) < 2_500_000
    long = page_of(tmp_path, clock_evaluation(problems=1, rows=rows[:1], images=images))
    assert "… 996,000 more characters are in the file." in long.words
    assert len(long.text) < 500_000


MISTAKES = {
    "nothing": ([], "report.html", "Nothing was given to report on"),
    "no such run": (["runs/none"], "report.html", "none does not exist"),
    "no such file": (["none.json"], "report.html", "none.json does not exist"),
    "suffix": (["a.json"], "report.pdf", "report.pdf must end in one of .html"),
    "folder": (["a.json"], "folder.html", "is a folder: give the name of a file"),
    "another env": (["a.json", "other.json"], "report.html", "different environments"),
    "twice": (["a.json", "a.json"], "report.html", "was given twice"),
}


@pytest.mark.parametrize(("paths", "out", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_bad_input(tmp_path: Path, paths: list[str], out: str, message: str):
    write_evaluation(tmp_path / "a.json")
    write_evaluation(tmp_path / "other.json", clock_evaluation(env="eyechart/Other-v0"))
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(RunError, match=re.escape(message)):
        write_report([tmp_path / path for path in paths], tmp_path / out)
    assert not (tmp_path / "report.html").exists()
