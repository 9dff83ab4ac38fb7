"""The pages in docs/, held to the code: quoted lines, messages, flags, columns, links, figures."""

import ast
import dataclasses
import math
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from agents.__main__ import Ask, Export
from agents.grpo import group_advantages, k3_kl
from agents.loading import load_policy
from agents.packing import packed_mask
from plots.__main__ import Options
from tests.readme import README, ROOT
from train.cli import parse
from train.config import TrainConfig, flag
from train.evaluation.config import EvaluateConfig
from train.loss_options import DEFAULTS, LOSSES

DOCS = ROOT / "docs"
PAGES = {
    name: (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("ALGORITHMS", "CHECKPOINTS", "DISTRIBUTED", "EVALUATION", "REWARDS", "TROUBLESHOOTING")
}
RESULTS = (DOCS / "RESULTS.md").read_text(encoding="utf-8")
QUOTE = re.compile(r"`([\w/]+\.py)`, `([\w.]+)`:\n\n```python\n(.*?)```", re.S)
QUOTES = [quote for name in ("ALGORITHMS", "REWARDS") for quote in QUOTE.findall(PAGES[name])]
SOURCES = [path for room in ("agents", "envs", "plots", "rendering", "train") for path in (ROOT / room).rglob("*.py")]


def function_source(file, name):
    """The lines of `function` or `Class.method`, without indentation."""
    text = (ROOT / file).read_text(encoding="utf-8")
    node = ast.parse(text)
    for part in name.split("."):
        node = next(child for child in node.body if getattr(child, "name", None) == part)
    return [line.strip() for line in ast.get_source_segment(text, node).splitlines()]


def message_patterns():
    """Every string and f-string of the source as (pattern, its fixed text)."""
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts = [node.value]
            else:
                continue
            pattern = "".join(".*" if part is None else re.escape(part) for part in parts)
            found.append((re.compile(pattern, re.S), "".join(part or "" for part in parts)))
    return found


PATTERNS = message_patterns()


def is_printed(message):
    """Whether some string of the source can read so, with at least 15 characters of it fixed."""
    wordings = (message, re.sub(r"^(error: |note: |stopped; )", "", message))
    wordings += tuple(f"{wording.removesuffix('…')}." for wording in wordings)  # a list that is not quoted whole
    return any(len(fixed) >= 15 and pattern.fullmatch(w) for pattern, fixed in PATTERNS for w in wordings)


def anchors(text):
    """GitHub's anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def figures():
    return runpy.run_path(str(DOCS / "figures.py"))


# -- what the pages quote ------------------------------------------------------------------------------------------


def test_every_code_block_names_its_place():
    assert len(QUOTE.findall(PAGES["ALGORITHMS"])) == PAGES["ALGORITHMS"].count("```python") >= 15


@pytest.mark.parametrize(("file", "function", "code"), QUOTES)
def test_quoted_code_stands_in_its_function_line_after_line(file, function, code):
    lines = [line.strip() for line in code.strip().splitlines()]
    source = function_source(file, function)
    assert any(source[i : i + len(lines)] == lines for i in range(len(source))), "\n".join(lines)


def test_every_section_on_algorithms_ends_with_code():
    sections = re.split(r"^## (?=\d)", PAGES["ALGORITHMS"], flags=re.M)[1:]
    assert [int(section.partition(".")[0]) for section in sections] == list(range(1, 13))
    for section in sections:
        assert section.rstrip().endswith("```"), section.splitlines()[0]


def printed_messages():
    blocks = re.findall(r"```text\n(.*?)```", PAGES["TROUBLESHOOTING"], flags=re.S)
    return [line for block in blocks for line in block.strip().splitlines()]


@pytest.mark.parametrize("message", printed_messages())
def test_quoted_messages_are_what_the_program_prints(message):
    assert is_printed(message)


def test_messages_that_nobody_prints_are_found_out():
    assert not is_printed("error: --run runs/clock is there already; go on with it by --resume runs/clock")
    assert not is_printed("error: Clock has no such field 'sise'.")


def test_broken_rules_are_quoted_as_they_stand():
    fixed = "\n".join(text for _, text in PATTERNS).replace("', '", "…")
    section = PAGES["TROUBLESHOOTING"].partition("finds a broken rule")[2]
    rows = [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| `")]
    fragments = [fragment for row in rows for fragment in re.findall(r"`([^`]+)`", row)]
    assert len(fragments) >= 10
    for fragment in fragments:
        # one example value, the seed, is the program's own; the tags are filled in too
        words = re.split(r"31|<answer>…</answer>", fragment)
        assert all(word in fixed for word in words), fragment


def test_columns_exist():
    table = PAGES["TROUBLESHOOTING"].partition("| column | file |")[2].partition("\n\n")[0]
    rows = [row.split(" | ") for row in table.splitlines() if ".csv" in row]
    assert len(rows) >= 10
    makers = ("loop.py", "answer_metrics.py", "watch.py", "supervised_loop.py")
    loop = "".join((ROOT / "train" / name).read_text() for name in makers)
    evaluation = (ROOT / "train" / "evaluation" / "asking.py").read_text()
    for names, file, *_ in rows:
        for name in re.findall(r"`([\w/]+)`", names):
            if name.startswith("reward/"):
                assert f'"{name.removeprefix("reward/")}"' in (ROOT / "envs" / "task.py").read_text()
            else:
                assert f'"{name}"' in (loop if "metrics" in file else evaluation), name


def test_flags_exist():
    known = {flag(field.name) for kind in (TrainConfig, EvaluateConfig, Options) for field in dataclasses.fields(kind)}
    known |= {"--help", "--reward", "--force-reinstall", "--nproc-per-node"}
    known |= {flag(field.name) for kind in (Ask, Export) for field in dataclasses.fields(kind)}
    known |= {"--mmproj", "--outfile", "--outtype"}  # llama.cpp's
    known |= {"--only", "--rehearse"}  # tests.gpu.run's
    known |= {"--port"}  # transformers serve's
    used = {f for page in PAGES.values() for f in re.findall(r"(?<![\w-])--[a-z][a-z-]*(?![\w.])", page)}
    assert len(used) > 20
    assert used <= known, used - known


def test_training_commands_are_understood():
    text = "\n".join(PAGES.values())
    commands = set(re.findall(r"(?:python -m|eyechart) train (--env clock[^`\n]*?)[`\n]", text))
    assert commands
    for command in commands:
        if "mymodule" not in command:  # tests/test_rewards_page.py has it
            assert parse(shlex.split(command))[0].env == "clock"


def test_losses_are_what_their_names_stand_for():
    table = PAGES["ALGORITHMS"].partition("| `--loss` |")[2].partition("\n\n")[0]
    rows = {row.split(" | ")[0].strip("| `"): row.split(" | ")[1] for row in table.splitlines()[2:]}
    told = {name: dict(re.findall(r"`--([a-z-]+) ([^`]+)`", text)) for name, text in rows.items()}
    meant = {
        name: {key.replace("_", "-"): value for key, value in changes.items()}
        for name, changes in {"(none)": DEFAULTS, **LOSSES}.items()
    }
    assert told.keys() == meant.keys()
    for name, changes in meant.items():
        assert told[name].keys() == changes.keys(), name
        for key, value in changes.items():
            assert told[name][key] == value if isinstance(value, str) else float(told[name][key]) == value, (name, key)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    targets = re.findall(r"\]\(([^)]+)\)", PAGES[name])
    assert targets
    for target in targets:
        if target.startswith(("https://", "http://joschu.net/")):
            continue
        file, _, anchor = target.partition("#")
        path = DOCS / file if file else DOCS / f"{name}.md"
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), target


def test_every_page_is_linked():
    for name in PAGES:
        assert f"(docs/{name}.md)" in README or f"({name}.md)" in PAGES["ALGORITHMS"]


@pytest.mark.parametrize("number", ["0.054", "0.024", "0.005", "0.003", "0.45", "0.17", "7.9", "1.3", "3.1"])
def test_measured_numbers_are_those_of_the_results(number):
    assert number in PAGES["ALGORITHMS"]
    assert number in RESULTS


def test_nothing_is_left_to_be_filled_in():
    assert not re.findall(r"@@\w+|TODO|FIXME", "".join((RESULTS, README, *PAGES.values())))


def test_inline_mathematics_survives_markdown():
    """GitHub reads a backslash before punctuation as Markdown's escape, also between dollar signs, and < as a tag."""
    prose = re.sub(r"```.*?```", "", PAGES["ALGORITHMS"], flags=re.S)
    inline = re.findall(r"\$[^$\n]+\$", prose)
    assert len(inline) > 40
    assert not [formula for formula in inline if re.search(r"\\[^A-Za-z]|<", formula)]
    assert all(paragraph.count("$") % 2 == 0 for paragraph in prose.split("\n\n"))


# -- the figures, and the claims that they carry -------------------------------------------------------------------


def test_the_script_draws_every_figure_shown(figures, tmp_path):
    shown = {Path(link).name for link in re.findall(r"\]\((figures/[^)]+)\)", PAGES["ALGORITHMS"])}
    stored = {path.name for path in (DOCS / "figures").iterdir()}
    written = {path.name: path for path in figures["write_figures"](tmp_path)}
    assert shown == stored == set(written)
    for name, path in written.items():
        before, now = (np.asarray(Image.open(p).convert("RGB"), dtype=float) for p in (DOCS / "figures" / name, path))
        assert (DOCS / "figures" / name).stat().st_size < 60_000
        assert before.shape == now.shape
        assert np.abs(before - now).mean() < 4, f"{name} is not what docs/figures.py draws today"


@pytest.mark.parametrize("mean", [0.1, 0.6, 1.0])
def test_kl_estimators_against_closed_forms(figures, mean):
    """ln r is N(−m²/2, m²), so mean and variance of k1, k2 and k3 can be written down."""
    m2, exact = mean**2, mean**2 / 2
    estimates = figures["kl_estimates"](mean)
    assert estimates["k1"].mean() == pytest.approx(exact, abs=4 * mean / math.sqrt(400_000))
    assert estimates["k2"].mean() == pytest.approx(exact * (1 + m2 / 4), rel=0.02)
    assert estimates["k3"].mean() == pytest.approx(exact, rel=0.02)
    assert estimates["k1"].std() == pytest.approx(mean, rel=0.01)
    assert estimates["k3"].std() == pytest.approx(math.sqrt(math.expm1(m2) - m2), rel=0.03)
    assert estimates["k3"].min() >= 0 > estimates["k1"].min()


def test_what_is_said_of_the_kl_estimators():
    def noise(kl):  # standard deviations of k1 and k3, the means being 2 kl apart
        return math.sqrt(2 * kl), math.sqrt(math.expm1(2 * kl) - 2 * kl)

    assert noise(0.005)[0] / 0.005 == pytest.approx(20)
    assert noise(0.005)[1] / 0.005 == pytest.approx(1.4, abs=0.02)
    assert noise(0.62)[1] < noise(0.62)[0]
    assert noise(0.64)[1] > noise(0.64)[0]


def test_the_gradient_of_k3_is_that_of_the_other_divergence():
    generator = torch.Generator().manual_seed(0)
    logits, reference = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    logits.requires_grad_()
    logp, reference_logp = logits.log_softmax(-1), reference.log_softmax(-1)
    (k3,) = torch.autograd.grad((logp.detach().exp() * k3_kl(logp, reference_logp)).sum(), logits, retain_graph=True)
    (other,) = torch.autograd.grad((reference_logp.exp() * (reference_logp - logp)).sum(), logits)
    torch.testing.assert_close(k3, other)


def test_what_is_said_of_the_advantages(figures):
    rewards_PG = torch.tensor(list(figures["REWARDS"].values()))
    hopeless, mixed, solved, equal = group_advantages(rewards_PG, "group")
    assert float(hopeless.max()) == pytest.approx(7 / math.sqrt(8), abs=0.02)
    assert f"{hopeless.max():.2f}" == "2.46"
    assert hopeless.max() > mixed.max()
    assert float(mixed.max()) == pytest.approx(float(solved.max()), abs=0.05)
    assert not equal.any()
    assert float(rewards_PG[1].max() - rewards_PG[1].mean()) == pytest.approx(0.49, abs=0.005)
    others = (rewards_PG[1].sum() - rewards_PG[1]) / 7
    torch.testing.assert_close(group_advantages(rewards_PG, "none")[1], 7 / 8 * (rewards_PG[1] - others))


def test_the_mask_shown_is_the_rule_stated(figures):
    sees, names = figures["mask_example"]()
    owner = [name[0] for name in names]
    for q, j in np.ndindex(14, 14):
        stated = j <= q and (owner[j] in "px" or owner[j] == owner[q]) and owner[j] != "p"
        assert bool(sees[q, j]) == (stated or q == j)
    assert torch.equal(sees, packed_mask(torch.arange(5)[None] > 0, 3, 3)[0, 0])


def test_the_cost_stated_is_the_tiny_models(figures):
    clock, places = figures["CLOCK"], figures["learner_places"]
    policy = load_policy("tiny", 0)
    prompts = policy.prepare(["What time is it? Reply <answer>HH:MM:SS</answer>"], [np.zeros((112, 112, 3), np.uint8)])
    assert prompts.input_ids_PS.shape[1] == clock["prompt"]
    assert len(prompts.pixel_values) == clock["patches"]
    assert policy.encode(["<answer>07:25:30</answer>"])[0].shape[1] == clock["answer"]
    assert places(**clock, group=16, k=1) == 16 * (64 + 44 + 10) == 1888
    assert places(**clock, group=16, k=16) == 64 + 44 + 16 * 10 == 268


def test_what_is_said_of_muon(figures):
    spectra = figures["update_spectra"]()
    assert 0.5 < np.median(spectra["muon"]) < 1.3
    spread = {name: values[0] / np.median(values) for name, values in spectra.items()}
    assert spread["muon"] < 2 < spread["adamw"] < spread["gradient"]
