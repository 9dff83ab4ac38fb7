"""Everything about a GPU in one call: `python -m tests.gpu.run --out FOLDER`, under ten minutes.

Shared against plain computation in bfloat16; time, share of the matrix units' peak and memory of a GRPO step with the
architectures of Qwen2.5-VL-3B (all weights) and 7B (LoRA), random weights, beside the plain computation and TRL's
GRPOTrainer (`pip install -e '.[trl]'`) on the same model; the tiny model's learning curve. It prints tables and
writes FOLDER/results.json and FOLDER/table.md after every section.

Each section is a process of its own, so that none takes another down, and is stopped when its time is up; what it had
found by then stays. Without a GPU it says what it skipped. `--rehearse` goes the same way with toy sizes on a
processor.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `python tests/gpu/run.py` puts its own folder there
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from tests.gpu.report import Report, against_trl, table  # noqa: E402

# A section is not begun with less time than this left, in seconds.
LEAST = 30
# What a section needs to begin and to end, in seconds.
MARGIN = 20


@dataclass(frozen=True)
class Section:
    """One part of the whole."""

    kind: str
    seconds: float
    """The most it may take."""
    shape: str = ""
    problems: int = 0
    tokens: int = 0
    rounds: int = 3


SECTIONS = {
    "correctness": Section("correctness", 60, "mid"),
    "3b, 32 tokens": Section("speed", 120, "3b", problems=8, tokens=32),
    "7b with LoRA, 32 tokens": Section("speed", 110, "7b", problems=8, tokens=32, rounds=2),
    "3b, 256 tokens": Section("speed", 130, "3b", problems=4, tokens=256, rounds=1),
    "learning": Section("learning", 170),
    "7b with LoRA, 256 tokens": Section("speed", 130, "7b", problems=4, tokens=256, rounds=1),
}
REHEARSED = ["--steps", "2", "--problems-per-step", "2", "--group-size", "2", "--eval-size", "4", "--task.size", "56"]
REHEARSED += ["--cold-start-steps", "1", "--eval-every", "1", "--device", "cpu"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all sections, or, in a process of its own, one."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.run", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--minutes", type=float, default=9.0, help="the most that all sections take together")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS), help="these sections")
    parser.add_argument("--rehearse", action="store_true", help="toy sizes on a processor, to try the script itself")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--no-graphs", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    if given.section:
        run_section(given.section, given)
    else:
        run_all(given)


def run_all(given: argparse.Namespace) -> None:
    """Each section in turn, in what time is left."""
    begin = time.monotonic()
    results: dict[str, Any] = {"machine": machine(), "rehearsal": given.rehearse, "sections": {}}
    able = given.rehearse or torch.cuda.is_available()
    for name in given.only:
        left = 60 * given.minutes - (time.monotonic() - begin)
        if not able:
            found = empty(name, "skipped: torch sees no GPU here")
        elif left < LEAST:
            found = empty(name, f"skipped: {max(left, 0):.0f} s of the {given.minutes:g} minutes were left")
        else:
            print(f"\n{name}", flush=True)
            found = spawned(name, given, min(left, SECTIONS[name].seconds), no_graphs(results))
        results["sections"][name] = found
        print(f"{name}: {found['status']}", flush=True)
        write(given.out, results)
    results["seconds"] = time.monotonic() - begin
    write(given.out, results)
    print("\n" + text(results))


def spawned(name: str, given: argparse.Namespace, seconds: float, without_graphs: bool) -> dict[str, Any]:
    """What a section finds in a process of its own, in at most so many seconds."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "tests.gpu.run", "--out", scratch, "--section", name]
        command += ["--seconds", str(seconds)] + ["--rehearse"] * given.rehearse + ["--no-graphs"] * without_graphs
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if given.rehearse else {}
        variables = {**os.environ, "HF_HUB_OFFLINE": "1", **hidden}
        try:
            code: int | None = subprocess.run(command, cwd=ROOT, env=variables, timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            code = None
        status = {0: "done", None: f"failed: stopped after its {seconds:.0f} seconds"}.get(code, f"failed: exit {code}")
        found = empty(name, status)
        for file in Path(scratch).iterdir():
            if file.name == "section.json":
                found |= json.loads(file.read_text())
            elif file.suffix in (".csv", ".png"):
                (given.out / file.name).write_bytes(file.read_bytes())
    if code and "error" in found["facts"]:
        found["status"] = f"failed: {found['facts'].pop('error')}"
    if code == 0 and found["rows"] and all("failed" in row for row in found["rows"]):
        found["status"] = "failed: none of its measurements came to an end"
    return {**found, "seconds": time.monotonic() - begin}


def run_section(name: str, given: argparse.Namespace) -> None:
    """Measure one section here."""
    from tests.gpu.sections import correctness, learning, speed
    from tests.gpu.ways import Case

    section, rehearse = SECTIONS[name], given.rehearse
    device = "cpu" if rehearse else "cuda"
    report = Report(given.out / "section.json", section.kind)
    report.write()
    lora, P, T = section.shape == "7b", section.problems, section.tokens
    try:
        if section.kind == "correctness":
            correctness(report, device, "toy" if rehearse else section.shape)
        elif section.kind == "learning":
            learning(report, given.out, REHEARSED if rehearse else ["--minutes", "2"], given.seconds - MARGIN)
        elif rehearse:
            speed(report, Case("toy", lora, 2, 4, min(T // 8, 6), 56, 1, device), not given.no_graphs)
        else:
            case = Case(section.shape, lora, P, 16, T, 224, section.rounds, device)
            speed(report, case, not given.no_graphs)
    except Exception as error:
        report.fact(error=f"{type(error).__name__}: {error}")
        raise


def empty(name: str, status: str) -> dict[str, Any]:
    """A section that found nothing."""
    return {"kind": SECTIONS[name].kind, "facts": {}, "rows": [], "status": status}


def no_graphs(results: dict[str, Any]) -> bool:
    """Whether decoding in equal steps has failed before, which may leave a GPU's state broken."""
    rows = results["sections"].get("correctness", {}).get("rows", [])
    return any("failed" in row for row in rows)


def machine() -> dict[str, Any]:
    """What this runs on."""
    import accelerate
    import transformers

    gpu = None
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        gpu = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    return {"gpu": gpu, "python": platform.python_version(), **versions, "accelerate": accelerate.__version__}


def text(results: dict[str, Any]) -> str:
    """Everything in Markdown."""
    told = ", ".join(f"{name} {value}" for name, value in results["machine"].items() if value)
    parts = [told + (", a rehearsal with toy sizes on a processor" if results["rehearsal"] else "")]
    for name, found in results["sections"].items():
        parts.append(f"## {name}: {found['status']}")
        if found["rows"]:
            parts.append(table(found))
        if found["kind"] == "speed" and found["rows"]:
            parts.append("\n".join(f"- {line}" for line in against_trl(found["rows"], found["facts"]["tokens"])))
    return "\n\n".join(parts)


def write(out: Path, results: dict[str, Any]) -> None:
    """What there is so far."""
    for name, content in (("results.json", json.dumps(results, indent=2)), ("table.md", text(results) + "\n")):
        aside = out / f".{name}.partial"
        aside.write_text(content)
        aside.replace(out / name)


if __name__ == "__main__":
    main()
