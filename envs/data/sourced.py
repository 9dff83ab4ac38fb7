"""Tasks whose problems are the rows of a data set or, without one, made up."""

import functools
import zlib
from abc import abstractmethod

import numpy as np

from envs.data.dataset import Choice, DataSet, load, shuffled
from envs.data.files import look_for
from envs.data.formats import Item
from envs.problems import Problem, problem_rng
from envs.task import Answer, Task

HELD_OUT = 4
"""One made-up problem in so many belongs to the eval split, for good."""


def is_held_out(asked: str) -> bool:
    """Whether a made-up problem belongs to the eval split, by a checksum of what it asks."""
    return zlib.crc32(asked.encode()) % HELD_OUT == 0


class SourcedTask(Task[Answer]):
    """A task with a field `source`, and maybe problems that are made up where there is none.

    Nothing that is trained on is ever held out: rows whose question is held out are left out of the training rows, and
    a made-up problem belongs to one split, whatever seed it comes from. A subclass calls `read_source` at the end of
    its `__post_init__`. A path is kept as it is found from every folder.
    """

    source: str | None

    unsliced = ("row",)

    @abstractmethod
    def choice(self) -> Choice:
        """How the rows of the source are read."""

    @abstractmethod
    def row_problem(self, item: Item) -> Problem:
        """The problem of a row."""

    def make_up(self, rng: np.random.Generator) -> Problem:
        """Make up a problem, of either split; `rng` is the only source of chance."""
        raise NotImplementedError

    def asked(self, posed: Problem) -> str:
        """What a made-up problem asks: the same text for problems that are the same."""
        return posed.prompt

    def read_source(self) -> None:
        """Read the rows, if there is a source: a bad file is told before any work starts.

        Raises:
            ValueError: If the source cannot be used.
        """
        if self.source is not None:
            path, _, exists = look_for(self.source)
            if exists:
                object.__setattr__(self, "source", str(path.absolute()))
            self._rows  # noqa: B018

    @functools.cached_property
    def _rows(self) -> DataSet:
        assert self.source is not None
        return shuffled(load(self.source, self.choice()))

    def pose(self, seed: int, split: str) -> Problem:
        """Row `seed` of the split, counted round and round; or the first problem made up that belongs to the split."""
        if self.source is not None:
            return self.row_problem(self._rows.item(seed, split))
        rng = problem_rng(seed, split)
        while True:
            posed = self.make_up(rng)
            if is_held_out(self.asked(posed)) == (split == "eval"):
                return posed

    def num_problems(self, split: str) -> int | None:
        """The rows of a split; None for made-up problems."""
        return None if self.source is None else self._rows.count(split)

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a training row; without a source, make up a problem, of either split."""
        return self.make_up(rng) if self.source is None else self.row_problem(self._rows.draw(rng))
