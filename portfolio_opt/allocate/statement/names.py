"""Symbols and sectors as vectors over the names of the day."""

import difflib
from collections.abc import Iterable, Mapping

import numpy as np

from ...errors import InvalidInput
from ..problem import Situation
from .term import Vector


def indicator(situation: Situation, name: str) -> Vector:
    """(N,) 1 at the symbol of that name, or at every name of the sector called so; zeros where nothing there is called so."""
    symbol = situation.day.symbols == name
    return np.asarray(symbol if symbol.any() else situation.day.sector == name, dtype=float)


def is_one_of(situation: Situation, symbols: Iterable[str]) -> Vector:
    """(N,) 1 at each of the symbols."""
    return np.isin(situation.day.symbols, list(symbols)).astype(float)


def by_symbol(situation: Situation, figures: Mapping[str, float], elsewhere: float) -> Vector:
    """(N,) the figure of each symbol, `elsewhere` where it has none."""
    return np.array([figures.get(symbol, elsewhere) for symbol in situation.day.symbols.tolist()], dtype=float)


def benchmark_weights(situation: Situation, benchmark: Mapping[str, float]) -> Vector:
    """(N,) weights of a benchmark. Raises InvalidInput where it holds a name about which nothing is believed."""
    known = set(situation.day.symbols.tolist())
    absent = sorted(symbol for symbol, weight in benchmark.items() if weight and symbol not in known)
    if absent:
        raise InvalidInput(
            f"the benchmark holds {', '.join(absent[:5])}{' and others' if len(absent) > 5 else ''}, but nothing is known of "
            "their risk today; leave them out and scale the rest up"
        )
    return by_symbol(situation, benchmark, 0.0)


def nearest(word: str, valid: Iterable[str]) -> str:
    """The valid word most like `word`."""
    by_lower = {each.lower(): each for each in valid}
    return by_lower[difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.0)[0]]
