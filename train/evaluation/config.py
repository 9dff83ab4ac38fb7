"""Every setting of an evaluation: one frozen dataclass, from which the command line is made."""

import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from agents.choices import Attention, Dtype
from agents.endpoint_settings import EndpointSettings, is_address
from train.config import flag
from train.evaluation.conditions import CONTROLS, Control
from train.record import Record

Format = Literal["table", "md", "json"]
LEAST = {
    "eval_size": 1,
    "samples": 1,
    "max_new_tokens": 1,
    "batch_size": 1,
    "pictures": 0,
    "temperature": 0.0,
    "tolerance": 0.0,
    "seed": 0,
    "max_pixels": 1,
}


LOCAL = ("dtype", "attention", "max_pixels", "device")
SERVED = ("served_model", "api_key_env", "concurrency", "timeout", "retries", "extra_body")
HOST_AND_PORT = re.compile(r"[\w.-]+:\d+(/|$)")


@dataclass(frozen=True)
class EvaluateConfig:
    """Evaluate a policy on an environment's held-out problems, or compare evaluations.

    `--task.FIELD VALUE` sets a field of the task; `python -m envs list` shows which there are. `--reward NAME WEIGHT`,
    as often as need be, says what an answer is paid for, in place of the task's own weights; `python -m envs rewards`
    lists the names.

    Writes a JSON file with a row per answer, and a report beside it. Begun again after a failure, it asks for no answer
    a second time.
    """

    env: str = ""
    """Environment: a registered name (clock), or module:name."""

    model: str = ""
    """Policy: a run, a Hugging Face folder or hub id, a tiny model, a baseline (oracle, constant, chance), or the
    address of an OpenAI-compatible server (http://127.0.0.1:8000/v1; needs the extra `api`)."""

    compare: tuple[Path, ...] = ()
    """Instead of evaluating, read results: two or more files of the same problems, the first being what the others
    are held against; or one, to see it again. --tolerance and --k judge their answers anew."""

    eval_size: int = 256
    """Problems of the eval split."""

    samples: int = 1
    """Answers to each problem, for pass@k, majority vote, median@k and best@k."""

    k: tuple[int, ...] = ()
    """The k of pass@k and its kin, each at most --samples. Default: powers of two up to it, and itself."""

    temperature: float | None = None
    """Of sampling; 0 takes the most likely token. Default: 0 for one answer a problem, 1 for several."""

    tolerance: float | None = None
    """An error of at most this counts as correct, in the task's unit. Default: the task's own."""

    controls: tuple[Control, ...] = CONTROLS
    """What else is asked, to see what the answers hang on: blank (grey pictures), shuffled (another problem's
    pictures), no-question (the question left out, for tasks without pictures). Those that mean nothing for an
    environment are skipped; --controls alone leaves all of them out."""

    shifted: bool = False
    """Also evaluate on every style of the task that is for evaluation alone."""

    max_new_tokens: int | None = None
    """Longest answer, in tokens. Default: that of the run, else 256."""

    seed: int = 0
    """Of the sampling, and of a tiny model's weights. The problems are the same for each seed."""

    batch_size: int = 64
    """Answers that are asked for at once."""

    dtype: Dtype | None = None
    """Precision of the computation. Default: bfloat16 on a GPU, unless the model is small; else float32."""

    attention: Attention = "sdpa"
    """Attention kernel of the vision tower."""

    max_pixels: int | None = None
    """A larger picture is scaled down to this many pixels. Default: as the checkpoint's processor says."""

    device: str | None = None
    """cpu, cuda, or cuda:N. Default: a GPU if there is one."""

    served_model: str | None = None
    """Which of a server's models is asked. Default: the only one it has."""

    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds a server's key. The key is written nowhere."""

    concurrency: int = 8
    """Requests to a server that are under way at once."""

    timeout: float = 120.0
    """Seconds after which a request to a server has failed."""

    retries: int = 5
    """How often a failed request is tried again, with growing pauses."""

    extra_body: str = "{}"
    """Further fields of each request to a server, as a JSON object, such as '{"top_p": 0.9}'; null leaves one of ours
    out, as for a server that takes no seed."""

    pictures: int = 256
    """Problems that keep their pictures in the results, for the report."""

    out: Path | None = None
    """Results file, ending in .json. Default: evaluations/ENV-MODEL.json, numbered if taken."""

    format: Format = "table"
    """What is printed: a table for the terminal, md (Markdown), or json (the figures)."""

    def __post_init__(self) -> None:
        """Raise ValueError for a setting outside its range, or one that does not go with another."""
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise ValueError(f"{flag(name)} must be at least {least} and finite, got {value}")
        if self.compare:
            self._require_reading()
            return
        for k in self.k:
            if not 1 <= k <= self.samples:
                raise ValueError(f"--k {k} is not from 1 to --samples {self.samples}: k of n answers are drawn")
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("--samples above 1 with --temperature 0 asks for the same answer again and again")
        if self.out is not None and self.out.suffix != ".json":
            raise ValueError(f"--out {self.out} must end in .json; the report is written beside it")
        for name in ("env", "model"):
            if not getattr(self, name):
                raise ValueError(
                    f"--{name} is missing; for example --env clock --model runs/clock; results are read by --compare"
                )
        if HOST_AND_PORT.match(self.model):
            raise ValueError(f"--model {self.model}: a server's address begins with http:// or https://")
        if self.model.endswith(".json") and Path(self.model).is_file():
            raise ValueError(f"--model {self.model} is a file; see an evaluation again by --compare {self.model}")
        if self.at_server:
            self.endpoint()  # which checks the rest
        for name in LOCAL if self.at_server else SERVED:
            if getattr(self, name) != getattr(type(self), name):
                where = "weights that are computed here" if self.at_server else "a server, whose address --model is"
                raise ValueError(f"{flag(name)} is for {where}; leave it out")

    def _require_reading(self) -> None:
        """Raise ValueError for settings that mean nothing where results are only read."""
        given = [one.name for one in fields(self) if getattr(self, one.name) != one.default]
        if beside := [flag(name) for name in given if name not in ("compare", "tolerance", "k", "format")]:
            raise ValueError(f"--compare reads results, and asks nothing; leave out {', '.join(beside)}")
        if any(k < 1 for k in self.k):
            raise ValueError(f"--k must be at least 1, got {min(self.k)}")

    @property
    def at_server(self) -> bool:
        """Whether the model is asked over the network."""
        return is_address(self.model)

    def endpoint(self) -> EndpointSettings:
        """How the server is asked.

        Raises:
            ValueError: one of its settings is out of range.
        """
        return EndpointSettings(
            self.model,
            self.served_model,
            self.api_key_env,
            self.concurrency,
            self.timeout,
            self.retries,
            self.answer_tokens,
            self.extra_body,
        )

    @property
    def drawn_at(self) -> float:
        """`temperature`, or its default."""
        if self.temperature is not None:
            return self.temperature
        return 1.0 if self.samples > 1 else 0.0

    @property
    def answer_tokens(self) -> int:
        """`max_new_tokens`, or its default."""
        if self.max_new_tokens is not None:
            return self.max_new_tokens
        run = Path(self.model)
        if not (run / "config.json").exists() or not (run / "checkpoints").is_dir():
            return 256
        return Record(run).read_config()["settings"]["max_new_tokens"]

    @property
    def name(self) -> str:
        """What tables and legends call the model: the last two parts of its name."""
        told = self.served_model or self.model.split("://")[-1] if self.at_server else self.model
        parts = [part for part in Path(told).parts if part not in ("/", ".", "..", "checkpoints")]
        return "/".join(parts[-2:]) or told

    def asking(self) -> dict[str, Any]:
        """The settings that the answers hang on, as JSON has them."""
        return {
            "eval_size": self.eval_size,
            "samples": self.samples,
            "temperature": self.drawn_at,
            "seed": self.seed,
            "max_new_tokens": self.answer_tokens,
            "served_model": self.served_model,
            "extra_body": self.extra_body,
            "dtype": self.dtype,
            "attention": self.attention,
            "max_pixels": self.max_pixels,
        }
