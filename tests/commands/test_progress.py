"""A terminal is told how far a run is, and nothing else ever is."""

import io
import sys
import time

from portfolio_opt.commands.progress import progress_of, told_if_slow


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_what_takes_long_is_announced_and_what_is_quick_is_not(monkeypatch):
    said = terminal(monkeypatch)
    with told_if_slow("working", after=0.02):
        time.sleep(0.2)
    assert said.getvalue() == "working\n"
    with told_if_slow("again", after=0.5):
        pass
    time.sleep(0.6)
    assert "again" not in said.getvalue()


def test_progress_says_how_many_how_fast_and_how_long(monkeypatch):
    said = terminal(monkeypatch)
    from portfolio_opt.commands import progress as module

    clock = iter(range(100))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    assert list(progress_of(iter("abcd"), 4, "chunks")) == list("abcd")
    assert "1 of 4 chunks, 0.5 a second, 6 s left" in said.getvalue()


def test_a_file_is_told_nothing(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with told_if_slow("working", after=0.0):
        time.sleep(0.05)
    assert list(progress_of([1, 2], 2, "things")) == [1, 2]
    assert stream.getvalue() == ""
