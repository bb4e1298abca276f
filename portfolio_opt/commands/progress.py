"""A line on a terminal that says how far a run is."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
BETWEEN = 0.1  # seconds from one refresh to the next


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
