"""A line on a terminal that says how far a run is."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
BETWEEN = 0.1  # seconds from one refresh to the next


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """The items one by one, with a count and the time left on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    start = shown = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - shown >= BETWEEN:
            left = (now - start) / max(done, 1) * (len(items) - done)
            print(f"\r{done:,} of {len(items):,} {what}, {left:.0f} s left \033[K", end="", file=sys.stderr, flush=True)
            shown = now
        yield item
    print("\r\033[K", end="", file=sys.stderr, flush=True)
