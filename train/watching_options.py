"""Settings of a training run that say how it is watched."""

from dataclasses import dataclass

AT_LEAST = {"show_samples": 0}


@dataclass(frozen=True)
class WatchingOptions:
    """What the terminal shows, and who else is told."""

    show_samples: int = 0
    """Steps between tables of sample answers in the terminal: those to one problem, with rewards and advantages. They
    are kept in samples.jsonl too, unless --samples 0 keeps none. 0 shows none."""

    callback: tuple[str, ...] = ()
    """A user's own code, `module:function`, one or several: called with an event (step, evaluation, checkpoint, end)
    and a dict of what there is to tell. A class is called without arguments first, and what it makes is called then."""
