"""The smallest change of the limits that makes room for a portfolio, where they leave none."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidInput, NoSolution
from ..problem import Situation
from .term import Limit, Statement, Vector

STEP = 1e-6  # by which a limit is relaxed to see what gives way, in its own unit
FAR = 1e6  # the same, to see how far it can give way
NOTHING = 1e-7  # of wealth: less is the rounding of a solver
MET = 1e-6  # a point that breaks a side by more is none
SAFE = 1e-8  # of wealth, beyond what the solver finds, so that the relaxed limits do hold
NO_DEARER = 1e-3  # relative: what fewer limits can do for so much more, they do alone
SAID = 1e-4  # a change is said rounded up to this


def least_violation(statement: Statement) -> tuple[tuple[Limit, float], ...]:
    """The limits that must give way for there to be a portfolio, each with by how much, in its own unit.

    Each gives way evenly, as its `relaxed` says; what the sides of a limit that move give way on average, in weights for a box
    and rows, is least in sum over the limits. Limits that cannot be relaxed are kept; limits that are not convex ask for what
    their constraints imply. Nothing where a portfolio meets all limits. Raises NoSolution where no change makes room.
    """
    limits = statement.limits
    least = _least(statement, range(len(limits)))
    if least is None:
        kept = [limit.in_words() for limit in limits if limit.relaxed(STEP) is None]
        raise NoSolution(f"no portfolio meets these limits, however far others are relaxed: {'; '.join(kept)}")
    needed = np.flatnonzero(least.weights > NOTHING)
    for k in needed[np.argsort(least.weights[needed], kind="stable")]:
        fewer = _least(statement, needed[needed != k])
        if fewer is not None and fewer.weights.sum() <= (1 + NO_DEARER) * least.weights.sum():
            least, needed = fewer, needed[needed != k]
    return tuple((limits[k], float(least.amounts[k])) for k in needed)


def smallest_change(statement: Statement) -> str:
    """What `least_violation` finds as limits in words; nothing where there is no such change."""
    try:
        least = least_violation(statement)
    except (NoSolution, InvalidInput):  # the second of a limit of one's own that takes no such figure
        return ""
    rounded = ((limit, np.ceil((amount - NOTHING) / SAID) * SAID) for limit, amount in least)
    changes = ((limit, limit.relaxed(float(amount))) for limit, amount in rounded)
    return " and ".join(
        f"{looser.in_words()} instead of {limit.in_words()}" for limit, looser in changes if looser is not None
    )


@dataclass(frozen=True)
class _Change:
    """By how much every limit gives way, (L,): on average over what moves, in weights, and in its own unit."""

    weights: Vector
    amounts: Vector


@dataclass(frozen=True)
class _Side:
    """beyond <= 0 of a limit, a convex cvxpy term of m parts.

    rate: (m,) by how much it gives way for each unit by which the limit is relaxed; reach: (m,) how far that goes
    """

    beyond: Any
    rate: Vector
    reach: Vector


def _least(statement: Statement, may: Collection[int]) -> _Change | None:
    """The smallest change of the limits at the places that may change; None if there is none."""
    import cvxpy as cp  # takes half a second to import: only where it is used

    situation = statement.situation
    w = cp.Variable(len(situation.unit))
    sides = [_sides(limit, situation, w) for limit in statement.limits]
    moves = np.array([_average(own) for own in sides])
    given = cp.Variable(len(sides), nonneg=True)
    constraints = [w >= 0, w <= 1, *(given[k] == 0 for k in range(len(sides)) if k not in may)]
    for own, move, weight in zip(sides, moves, given, strict=True):
        for side in own:
            constraints += [side.beyond <= side.reach, side.beyond <= side.rate / move * weight]
    problem = cp.Problem(cp.Minimize(cp.sum(given)), constraints)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "solution may be inaccurate": the sides decide that
            problem.solve(solver=cp.CLARABEL)
    except cp.SolverError:
        return None
    if given.value is None or any(np.max(each.violation(), initial=0.0) > MET for each in constraints):
        return None
    weights = np.clip(given.value, 0, None)
    return _Change(weights, (weights + SAFE) / moves)


def _average(sides: Collection[_Side]) -> float:
    """What the sides that move give way on average for each unit by which their limit is relaxed; 1 where none moves."""
    rates = np.concatenate([np.zeros(0), *(side.rate for side in sides)])
    return float(rates[rates > 0].mean()) if (rates > 0).any() else 1.0


def _sides(limit: Limit, situation: Situation, w: Any) -> list[_Side]:
    near, far = limit.relaxed(STEP) or limit, limit.relaxed(FAR) or limit
    rows, nearer, farther = (each.rows(situation) for each in (limit, near, far))
    if rows is None or nearer is None or farther is None:
        return _sides_of_constraints(limit, near, far, situation, w)
    inside = rows.rows @ w
    ends = (("lower", w, -1), ("upper", w, 1), ("row_lower", inside, -1), ("row_upper", inside, 1))
    found = []
    for end, value, sign in ends:
        before, after, at_last = (getattr(each, end) for each in (rows, nearer, farther))
        there = np.flatnonzero(np.isfinite(before))
        if len(there):
            rate, reach = (sign * (each[there] - before[there]) for each in (after, at_last))
            beyond = sign * (value[there] - before[there])
            found.append(_Side(beyond, rate / STEP, np.minimum(reach, FAR)))
    return found


def _sides_of_constraints(limit: Limit, near: Limit, far: Limit, situation: Situation, w: Any) -> list[_Side]:
    read = [each.constraints(situation, w) for each in (limit, near, far)]
    w.value = situation.held * situation.unit
    found = []
    for constraint, step, most in zip(*(each[0] if each is not None else [] for each in read), strict=True):
        beyond, nearer, farther = (_beyond(each) for each in (constraint, step, most))
        at = np.atleast_1d(beyond.value)
        rate, reach = (at - np.atleast_1d(nearer.value)) / STEP, at - np.atleast_1d(farther.value)
        found.append(_Side(beyond, rate, np.minimum(reach, FAR)))
    return found


def _beyond(constraint: Any) -> Any:
    import cvxpy as cp

    return constraint.expr if isinstance(constraint, cp.constraints.Inequality) else cp.abs(constraint.expr)
