"""Curves of training runs, and reports on runs and evaluations, made from their files alone."""

from plots.confusion import draw_confusion, write_confusion
from plots.curves import draw_curves, write_curves
from plots.evaluations import EvaluationFile, read_evaluation
from plots.points import draw_points
from plots.report import write_report
from plots.runs import Run, RunError, read_run

__all__ = [
    "EvaluationFile",
    "Run",
    "RunError",
    "draw_confusion",
    "draw_curves",
    "draw_points",
    "read_evaluation",
    "read_run",
    "write_confusion",
    "write_curves",
    "write_report",
]
