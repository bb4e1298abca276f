"""A line on a terminal that says how far a run is."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
BETWEEN = 0.1  # seconds from one refresh to the next


COMPILING = "deciding; on the first run on a machine the inner loops are compiled, which takes about a minute …"


@contextmanager
def told_if_slow(words: str, after: float = 2.0) -> Iterator[None]:
    """What runs inside is announced on a terminal's stderr once it has taken `after` seconds."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(after, lambda: print(words, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """The items one by one, with a count and the time left on stderr where that is a terminal."""
    return progress_of(items, len(items), what)


def progress_of(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """As progress(), for items of which only the number is known."""
    if not sys.stderr.isatty():
        yield from items
        return
    start = shown = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - shown >= BETWEEN:
            rate = done / (now - start)
            words = f"{done:,} of {total:,} {what}, {rate:,.1f} a second, {(total - done) / rate:.0f} s left "
            print(f"\r{words}\033[K", end="", file=sys.stderr, flush=True)
            shown = now
        yield item
    print("\r\033[K", end="", file=sys.stderr, flush=True)
