"""Curves of training runs, drawn from the files in their folders alone."""

from plots.curves import draw_curves, write_curves
from plots.runs import Run, RunError, read_run

__all__ = ["Run", "RunError", "draw_curves", "read_run", "write_curves"]
