"""Limits that no portfolio can meet together, down to those of which none can be left out, in words."""

from collections.abc import Callable, Sequence

from ...errors import NoSolution
from ..statement.term import Limit


def no_solution(limits: Sequence[Limit], where: str = "") -> NoSolution:
    """The refusal that names limits no portfolio can meet together. where: of the weights, to be said after the limits"""
    words = [limit.in_words() for limit in limits]
    if not words:
        return NoSolution(f"no portfolio meets all limits{where}; loosen one of them")
    if len(words) == 1:
        return NoSolution(f"no portfolio meets the limit: {words[0]}{where}; loosen it")
    return NoSolution(f"no portfolio meets these limits together: {'; '.join(words)}{where}; loosen one of them")


def irreducible(limits: Sequence[Limit], conflicting: Callable[[Sequence[Limit]], bool]) -> list[Limit]:
    """Some of the limits that still conflict, but no longer would without any one of them.

    conflicting: whether limits are proved to leave no portfolio
    """
    kept = list(limits)
    for limit in limits:
        fewer = [each for each in kept if each is not limit]
        if conflicting(fewer):
            kept = fewer
    return kept
