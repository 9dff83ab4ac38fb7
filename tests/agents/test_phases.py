import time

from agents.phases import Phases


def test_laps_add_up_by_name(monkeypatch):
    ticks = iter([0.0, 10.0, 11.0, 13.0, 100.0, 104.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    phases = Phases()
    phases.begin()  # at 10
    phases.end("draw")
    phases.end("score")
    phases.begin()  # at 100: what came before counts for nothing
    phases.end("draw")
    assert phases.seconds == {"draw": 5.0, "score": 2.0}
    assert [phases.taken("draw"), phases.taken("draw"), phases.taken("score")] == [5.0, 0.0, 2.0]
