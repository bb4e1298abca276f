"""Any convex statement through cvxpy, one solver after another, with a bound that is computed here.

cvxpy turns the statement into a cone programme of the weights and helping variables. From the point and the multipliers that a
solver returns, `cone_program` computes what no feasible point is below, whatever the solver's status says.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..statement.term import Limit, Measure, Objective, Statement
from .answer import FEASIBLE, GAP, Found, LimitPrice, size, violation
from .cone_program import ConeProgram, into_dual_cone
from .conflict import irreducible, no_solution
from .limit_rows import STEP, WORTHLESS, stacked
from .refusal import first_refused

Vector = NDArray[np.float64]

TIGHT = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13, "accept_unknown": True}
SOLVERS: dict[str, dict[str, Any]] = {"CLARABEL": TIGHT, "SCS": {"eps_abs": 1e-9, "eps_rel": 1e-9}}


def why_not(statement: Statement) -> str | None:
    """What of the statement has no convex form, naming it; None if all has."""
    import cvxpy as cp

    w = cp.Variable(len(statement.situation.unit))

    def measure(weight: float, each: Measure) -> str | None:
        reading = each.expression(statement.situation, w)
        if reading is None:
            return "has no cvxpy term"
        if weight > 0 and not (reading.exact and reading.term.is_affine()):
            return "is added, but its cvxpy term is not linear"
        return None if reading.term.is_convex() else "has a cvxpy term that is not convex"

    def limit(each: Limit) -> str | None:
        found = each.constraints(statement.situation, w)
        if found is None:
            return "has no cvxpy constraints"
        return None if found[1] else "is not convex"

    return first_refused(statement, measure, limit)


def run(statement: Statement) -> Found:
    """The best portfolio of a convex statement. Raises NoSolution where our own certificate says there is none.

    The first solver wins whose point is feasible and within reach of its bound; else the best feasible point there is.
    """
    stacked(statement)  # limits that leave one name no room are named at once
    best: Found | None = None
    trail: list[str] = []
    for solver in SOLVERS:
        model = _Model(statement)
        solved = model.solve(solver)
        if isinstance(solved, str):
            trail.append(f"{solver}: {solved}")
            continue
        if solved.infeasible:
            raise no_solution(irreducible(statement.limits, lambda some: _conflicting(statement, some)))
        found = model.found(solved)
        gap, broken = found.bound - model.reached(), violation(statement, found.weights)
        trail.append(f"{solver}: residual {broken:.1e}, gap {gap:.1e}")
        if not broken <= FEASIBLE:  # NaN is no point either
            continue
        if best is None or found.bound < best.bound:
            best = found
        if gap <= GAP * size(statement, found.weights):
            break
    if best is None:
        nothing = np.full(len(statement.situation.unit), np.nan)
        return Found(nothing, np.inf, tuple(np.nan for _ in statement.objective.terms), tuple(trail))
    return replace(best, trail=tuple(trail))


def _conflicting(statement: Statement, limits: Sequence[Limit]) -> bool:
    solved = _Model(replace(statement, objective=Objective(()), limits=tuple(limits))).solve("CLARABEL")
    return not isinstance(solved, str) and solved.infeasible


@dataclass(frozen=True)
class _Solved:
    """weights: (N,); below: what the negative objective is nowhere below; infeasible: whether no point is proved to exist."""

    weights: Vector
    below: float
    infeasible: bool


class _Model:
    """The statement as a cvxpy problem of its own."""

    def __init__(self, statement: Statement) -> None:
        import cvxpy as cp  # takes half a second to import: only where it is used

        self.statement, situation = statement, statement.situation
        self.w = cp.Variable(len(situation.unit))
        readings = [each.expression(situation, self.w) for _, each in statement.objective.terms]
        self.readings = [reading for reading in readings if reading is not None]
        costs = [-weight for weight, _ in statement.objective.terms]
        terms = [cost * reading.term for cost, reading in zip(costs, self.readings, strict=True)]
        found = [each.constraints(situation, self.w) for each in statement.limits]
        self.limits = [constraints for constraints, _ in (each for each in found if each is not None)]
        helping = [constraint for reading in self.readings for constraint in reading.constraints]
        self.cost = sum(terms, cp.Constant(0))
        every = [self.w >= 0, self.w <= 1, *helping, *(each for limit in self.limits for each in limit)]
        self.problem = cp.Problem(cp.Minimize(self.cost), every)

    def solve(self, solver: str) -> _Solved | str:
        """What the solver found, judged by the cone programme it was given, or why it found nothing."""
        import cvxpy as cp

        options = SOLVERS[solver]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "solution may be inaccurate": our bound decides that
                data, chain, inverse = self.problem.get_problem_data(solver, solver_opts=options)
                raw = chain.solve_via_data(self.problem, data, solver_opts=options)
                x, y = (raw["x"], raw["y"]) if isinstance(raw, dict) else (raw.x, raw.z)
                self.problem.unpack_results(raw, chain, inverse)
        except (cp.SolverError, ArithmeticError, ValueError) as error:
            return type(error).__name__
        x, y = np.asarray(x, dtype=float), into_dual_cone(np.asarray(y, dtype=float), data["dims"])
        if not np.isfinite(y).all():
            return "no multipliers"
        cone = ConeProgram(data.get("P"), data["c"], data["A"], data["b"], float(inverse[-1]["offset"]))
        if cone.proves_infeasible(y):
            return _Solved(np.full(self.w.size, np.nan), np.inf, True)
        if self.w.value is None or not np.isfinite(x).all():
            return f"no point ({self.problem.status})"
        return _Solved(np.asarray(self.w.value, dtype=float), cone.lower_bound(x, y), False)

    def found(self, solved: _Solved) -> Found:
        box = stacked(self.statement).rows
        w = np.clip(solved.weights, box.lower, box.upper)
        prices = self.prices()
        self.w.value = w
        taken = tuple(float(reading.term.value) for reading in self.readings)
        return Found(w, -solved.below, taken, (), prices)

    def reached(self) -> float:
        """The objective at the point, as the readings have it."""
        return -float(self.cost.value)

    def prices(self) -> tuple[LimitPrice, ...]:
        """What each limit costs: its multipliers, times how much its constraints give way when it is relaxed."""
        found = []
        for limit, constraints in zip(self.statement.limits, self.limits, strict=True):
            looser = limit.relaxed(STEP)
            after = None if looser is None else looser.constraints(self.statement.situation, self.w)
            price = 0.0
            for k, constraint in enumerate(constraints):
                price += _worth(constraint, after[0][k] if after is not None else None)
            if price > WORTHLESS:
                found.append(LimitPrice(limit, price, np.zeros(self.w.size)))
        return tuple(found)


def _worth(constraint: Any, after: Any | None) -> float:
    """The multiplier times the room gained, per unit of relaxing; times one unit where nothing can be relaxed."""
    multiplier = (
        np.abs(np.asarray(constraint.dual_value, dtype=float)).ravel() if constraint.dual_value is not None else 0.0
    )
    if after is None:
        return float(np.sum(multiplier))
    room = (np.asarray(constraint.expr.value) - np.asarray(after.expr.value)).ravel() / STEP
    return float(np.sum(multiplier * room))
