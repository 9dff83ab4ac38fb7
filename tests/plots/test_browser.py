"""The report in a real browser: clicked through, narrow, in the dark, and under attack."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plots import write_report
from tests.plots.conftest import MakeRun
from tests.plots.evaluation_files import clock_evaluation, clock_row, picture, write_evaluation
from tests.plots.test_report import HOSTILE, hostile_evaluation

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium with its chromedriver")

PHONE, DESK = 360, 1200


class Browser:
    """One page in headless chromium; `check` says that it neither complained nor asked anybody for anything."""

    def __init__(self, driver) -> None:
        self.driver = driver

    def open(self, page: Path, width: int = DESK, dark: bool = False) -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        self.driver.get(page.as_uri())

    def run(self, script: str, *arguments):
        return self.driver.execute_script(f"return ({script})", *arguments)

    def select(self, name: str, value: str) -> None:
        Select(self.driver.find_element("id", name)).select_by_value(value)

    def shown(self) -> list[int]:
        """The numbers of the cards that are seen, in their order on the page."""
        cards = self.driver.find_elements("css selector", ".card")
        return [int(card.get_attribute("id").removeprefix("card-")) for card in cards if card.is_displayed()]

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """Everything asked for over a network or from the disk, but for what the page's own policy stopped."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
        failed = [event["params"] for event in events if event["method"] == "Network.loadingFailed"]
        stopped = {event["requestId"] for event in failed if event.get("blockedReason") == "csp"}
        urls = {event["request"]["url"] for event in sent if event["requestId"] not in stopped}
        return {url for url in urls if not url.startswith("data:image/")}

    def check(self, page: Path) -> None:
        assert self.complaints() == []
        assert self.requests() == {page.as_uri()}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # as root, chromium starts without its sandbox or not at all
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.complaints()
    chromium.requests()
    return chromium


Report = Callable[..., Path]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on two evaluations of 12 problems, the second with groups of samples."""
    folder = tmp_path_factory.mktemp("two")
    second = clock_evaluation("qwen", skill=0.2)
    images = second["images"]
    second["rows"] += [
        clock_row(seed, 60 * sample, images, sample=sample, reward=sample / 4, advantage=sample - 1.5, depicted=None)
        for seed in range(3)
        for sample in range(1, 4)
    ]
    paths = [
        write_evaluation(folder / "a.json", clock_evaluation("gpt")),
        write_evaluation(folder / "b.json", second),
    ]
    return write_report(paths, folder / "report.html")


def facts(browser: Browser) -> list[dict]:
    return browser.run("JSON.parse(document.getElementById('facts').textContent)")


def test_filters(browser: Browser, two: Path):
    browser.open(two)
    cards = facts(browser)
    assert browser.shown() == list(range(28))
    assert browser.run("document.getElementById('count').textContent") == "28 of 28 problems"
    for name, value in (("condition", "blank"), ("kind", "median"), ("slice", cards[0]["slices"][0])):
        browser.select(name, value)
        keep = {"slice": lambda card, value=value: value in card["slices"]}
        wanted = [i for i, card in enumerate(cards) if keep.get(name, lambda card, n=name, v=value: card[n] == v)(card)]
        assert browser.shown() == wanted != []
        browser.driver.find_element("id", "reset").click()
    assert len(browser.shown()) == 28
    browser.driver.find_element("id", "search").send_keys("  ANSWER>" + "12")
    texts = browser.run("[...document.querySelectorAll('.card')].map(card => card.textContent.toLowerCase())")
    wanted = [i for i, text in enumerate(texts) if "answer>12" in text]
    assert browser.shown() == wanted
    assert 0 < len(wanted) < 28
    browser.driver.find_element("id", "search").send_keys("no such answer")
    assert browser.shown() == []
    assert browser.driver.find_element("id", "none").is_displayed()
    browser.check(two)


def test_models_side_by_side(browser: Browser, two: Path):
    browser.open(two)

    def columns():
        found = browser.driver.find_elements("css selector", "#card-0 .column")
        return [(column.get_attribute("data-model"), column.rect) for column in found if column.is_displayed()]

    (first, left), (second, right) = columns()
    assert (first, second) == ("0", "1")
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    browser.select("model", "1")
    assert [model for model, _ in columns()] == ["1"]
    browser.select("parsed", "False")
    assert browser.shown() == [i for i, card in enumerate(facts(browser)) if "False" in card["parsed"]["1"]]
    browser.open(two, width=PHONE)
    (_, upper), (_, lower) = columns()
    assert (upper["x"], upper["y"] < lower["y"]) == (lower["x"], True)
    browser.check(two)


def test_sorting(browser: Browser, two: Path):
    browser.open(two)
    cards = facts(browser)

    def mean(values):
        known = [value for value in values.values() if value is not None]
        return sum(known) / len(known)

    keys = {
        "error-down": lambda i: -mean(cards[i]["errors"]),
        "error-up": lambda i: mean(cards[i]["errors"]),
        "reward-down": lambda i: -mean(cards[i]["rewards"]),
        "seed-up": lambda i: cards[i]["seed"],
        "difference-down": lambda i: -cards[i]["difference"],
    }
    orders = set()
    for name, key in keys.items():
        browser.select("sort", name)
        assert browser.shown() == sorted(range(28), key=lambda i, key=key: (round(key(i), 9), i))
        orders.add(tuple(browser.shown()))
    assert len(orders) == 5
    browser.select("model", "0")
    browser.select("sort", "error-up")
    assert browser.shown() == sorted(range(28), key=lambda i: (cards[i]["errors"]["0"], i))
    browser.check(two)


OVERFLOW = """[...document.querySelectorAll('body *')]
  .filter(node => node.getBoundingClientRect().right > innerWidth + 0.5 && !node.closest('pre'))
  .map(node => node.tagName + '.' + node.className)"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_fold_opens_and_nothing_sticks_out(browser: Browser, two: Path, width: int, dark: bool):
    browser.open(two, width, dark)
    folds = browser.driver.find_elements("css selector", "summary")
    assert len(folds) == 5  # three groups, and the settings of two models
    for number, fold in enumerate(folds, start=1):
        browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", fold)
        fold.click()
        opened = f"return document.querySelectorAll('details[open]').length == {number}"
        WebDriverWait(browser.driver, 10).until(lambda driver, opened=opened: driver.execute_script(opened))
    assert browser.run("document.querySelectorAll('details[open]').length") == 5
    assert browser.driver.find_element("css selector", ".samples li:last-child pre").is_displayed()
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run(OVERFLOW) == []
    drawn = browser.run("[...document.images].map(image => image.complete && image.naturalWidth > 0)")
    assert all(drawn)
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(22, 24, 28)" if dark else "rgb(255, 255, 255)")
    narrow, of_dark = browser.run(
        "(sources => [sources[0].srcset === arguments[0], sources[2].srcset === arguments[0]])"
        "(document.querySelectorAll('picture')[0].children)",
        browser.run("document.querySelector('.drawn').currentSrc"),
    )
    assert (narrow, of_dark) == (width == PHONE and dark, width == DESK and dark)
    browser.check(two)


def test_a_run_alone(browser: Browser, make_run: MakeRun, tmp_path: Path):
    rows = [{"phase": "rollout", "step": step, "seed": step, "sample": i, "text": f"{i}", "advantage": i - 0.5}
            for step in range(3) for i in range(2)]  # fmt: skip
    folder = make_run()
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = write_report([folder], tmp_path / "report.html")
    browser.open(page, PHONE)
    assert browser.shown() == [0, 1, 2]
    browser.select("sort", "step-down")
    assert browser.shown() == [0, 1, 2]
    browser.select("sort", "seed-up")
    assert browser.shown() == [2, 1, 0]
    browser.check(page)


def test_hostile_files_do_nothing(browser: Browser, tmp_path: Path):
    page = write_report([write_evaluation(tmp_path / "a.json", hostile_evaluation())], tmp_path / "report.html")
    browser.open(page, PHONE)
    assert browser.shown() == [0]
    assert HOSTILE.partition("\x00")[0] in browser.driver.find_element("css selector", ".said pre").text
    assert browser.run("document.documentElement.scrollWidth") == PHONE
    browser.check(page)


def test_what_gets_into_the_page_all_the_same_cannot_run(browser: Browser, two: Path, tmp_path: Path):
    injected = (
        "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'><img src='https://example.org/x.png'>"
        f"<img id=fine src='{picture(60)}'><style>body {{ background: red }}</style><p style='color: red' id=p>p</p>"
        "<iframe srcdoc='<script>parent.ran = 3</script>'></iframe><form action='https://example.org'></form>"
    )
    page = tmp_path / "injected.html"
    page.write_text(two.read_text(encoding="utf-8").replace("<main>", "<main>" + injected), encoding="utf-8")
    browser.open(page)
    assert browser.run("window.ran === undefined")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.getElementById('p')).color") == "rgb(51, 51, 51)"
    assert browser.run("document.getElementById('fine').naturalWidth") == 56
    assert len(browser.shown()) == 28  # ours runs
    assert all("Content Security Policy" in complaint for complaint in browser.complaints())
    assert not [url for url in browser.requests() if url.startswith("http")]
