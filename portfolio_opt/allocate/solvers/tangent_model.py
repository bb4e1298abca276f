"""The whole-share decision as a mixed-integer programme: one piece a name, and squares held up by tangents.

HiGHS knows no quadratic integer programme. The variance is a sum of squares, of the exposure to each factor and of each name's
weight; a square lies above all its tangents, so the programme with tangents bounds the decision, the closer the more of them.
"""

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..bounds import Bounds
from ..problem import Problem
from .quantity_pieces import HALF_A_PAISA, Pieces

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

BP = 1e4  # the programme counts wealth, returns and squares in basis points
FIRST_TANGENTS = 6  # of each name
SAME_VALUE = 1e-4  # bp of wealth
TOLERANCES = 1e-3 / BP  # utility a year: more than what HiGHS's own tolerances can hide


@dataclass(frozen=True)
class Rows:
    """lower <= matrix @ x <= upper."""

    matrix: Matrix
    lower: Vector
    upper: Vector


class Model:
    """The decision as HiGHS is told of it: minimise cost'x + constant. Everything in bp of wealth.

    Columns of x: for each piece, whether it is chosen and the units beyond its low end; for each name, its units and its square;
    for each factor, its exposure and its square.
    """

    def __init__(self, problem: Problem, limits: Bounds, idle_price: float, chosen_from: Pieces) -> None:
        self.problem, self.limits, self.idle_price, self.pieces = problem, limits, idle_price, chosen_from
        turn, sizes, _ = np.linalg.svd(problem.beliefs.loadings, full_matrices=False)
        self.loadings = (turn * sizes)[:, sizes > sizes.max(initial=0.0) * 1e-12]
        p, n, k = len(self.pieces.low), len(problem.held), self.loadings.shape[1]
        ends = np.cumsum([0, p, p, n, n, k, k])
        columns = [np.arange(a, b) for a, b in pairwise(ends)]
        self.chosen, self.more, self.units, self.square, self.exposure, self.exposure_square = columns
        self.columns = int(ends[-1])

    def cost(self) -> tuple[Vector, float]:
        """Coefficients of minus the utility, and its constant."""
        p, problem, bp = self.pieces, self.problem, BP / self.problem.wealth
        net = 1 / problem.holding_period - self.idle_price  # what a rupee of cost takes, as it is then not idle
        cost = np.zeros(self.columns)
        cost[self.chosen] = bp * (net * p.cost - abs(net) * p.error + self.idle_price * p.cash)
        cost[self.more] = bp * (net * p.slope - self.idle_price * p.price)
        cost[self.units] = -BP * problem.beliefs.mean * problem.unit
        cost[self.square] = problem.risk_aversion / 2 * problem.beliefs.specific
        cost[self.exposure_square] = problem.risk_aversion / 2
        return cost, bp * self.idle_price * (problem.cash - problem.floor)

    def box(self) -> tuple[Vector, Vector]:
        low, high = np.zeros(self.columns), np.full(self.columns, np.inf)
        low[self.exposure] = -np.inf
        high[self.chosen], high[self.more] = 1, self.pieces.high - self.pieces.low
        return low, high

    def rows(self) -> Rows:
        """One piece a name, units from pieces, exposures from units, cash, sectors."""
        p, problem, bp = self.pieces, self.problem, BP / self.problem.wealth
        n, m, k, q = len(problem.held), len(p.low), self.loadings.shape[1], len(self.limits.sectors)
        one, units, inside, exposure, cash, sector = (np.zeros((rows, self.columns)) for rows in (n, n, m, k, 1, q))
        one[p.name, self.chosen] = 1
        units[p.name, self.chosen], units[p.name, self.more], units[np.arange(n), self.units] = p.low, 1, -1
        inside[np.arange(m), self.chosen], inside[np.arange(m), self.more] = p.high - p.low, -1
        exposure[:, self.units] = self.loadings.T * problem.unit * BP
        exposure[np.arange(k), self.exposure] = -1
        cash[0, self.chosen] = bp * (p.cash - p.cost + p.error - p.odd)
        cash[0, self.more] = -bp * (p.price + p.slope)
        known = np.flatnonzero(self.limits.member >= 0)
        sector[self.limits.member[known], self.units[known]] = bp * problem.day.close[known]
        return stacked(
            Rows(one, np.ones(n), np.ones(n)),
            Rows(units, np.zeros(n), np.zeros(n)),
            Rows(inside, np.zeros(m), np.full(m, np.inf)),
            Rows(exposure, np.zeros(k), np.zeros(k)),
            Rows(cash, np.array([bp * (problem.floor - problem.cash)]), np.array([np.inf])),
            Rows(sector, np.full(q, -np.inf), bp * (self.limits.sector_cap + HALF_A_PAISA)),
        )

    def name_tangents(self, names: Ints, units: Vector) -> Rows:
        """Rows that hold the squares of names (T,) up at holdings (T,) of them.

        The square is held at the touched weight in the piece around it, and at the nearest end of every other piece: as only one
        piece is chosen, each has a tangent of its own.
        """
        p = self.pieces
        row, piece = np.nonzero(names[:, None] == p.name)
        unit = self.problem.unit[p.name[piece]] * BP
        at, low = np.clip(units[row], p.low[piece], p.high[piece]) * unit, p.low[piece] * unit
        tangents = np.zeros((len(names), self.columns))
        tangents[row, self.chosen[piece]] = -(2 * at * low - at**2) / BP
        tangents[row, self.more[piece]] = -2 * at * unit / BP
        tangents[np.arange(len(names)), self.square[names]] = 1
        return Rows(tangents, np.zeros(len(names)), np.full(len(names), np.inf))

    def factor_tangents(self, factors: Ints, exposures: Vector) -> Rows:
        """Rows that hold the squares of factors (T,) up at exposures (T,), in bp."""
        every = np.arange(len(factors))
        tangents = np.zeros((len(factors), self.columns))
        tangents[every, self.exposure[factors]] = -2 * exposures / BP
        tangents[every, self.exposure_square[factors]] = 1
        return Rows(tangents, -(exposures**2) / BP, np.full(len(factors), np.inf))

    def point(self, units: Ints) -> Vector:
        """(columns,) of a plan."""
        p, x = self.pieces, np.zeros(self.columns)
        here = units[p.name]
        around = np.flatnonzero((here >= p.low) & (here <= p.high))
        x[self.chosen[around]] = 1
        x[self.more[around]] = (here - p.low)[around]
        w = units * self.problem.unit * BP
        x[self.units], x[self.square] = units, w**2 / BP
        x[self.exposure] = w @ self.loadings
        x[self.exposure_square] = x[self.exposure] ** 2 / BP
        return x


class Tangents:
    """Where squares are held up: (name, units) and (factor, exposure in bp) pairs, each once.

    low_enough: a square that lies lower than this below the truth, as a fraction of wealth, gets a tangent
    first: tangents of each name to begin with
    """

    def __init__(self, model: Model, low_enough: float, first: int = FIRST_TANGENTS) -> None:
        self.low_enough = low_enough * BP
        levels = np.linspace(model.limits.lower, model.limits.upper, first)
        self.names = {(i, float(u)) for level in levels for i, u in enumerate(level)}
        self.factors: set[tuple[int, float]] = set()

    def touch(self, model: Model, x: Vector) -> bool:
        """Hold up every square that lies too low at x; whether there was one that was not yet held there."""
        size = self.size
        units, exposure = x[model.units], x[model.exposure]
        weights = units * model.problem.unit * BP
        low = model.problem.beliefs.specific * (weights**2 / BP - x[model.square])
        self.names |= {(int(i), float(units[i])) for i in np.flatnonzero(low > self.low_enough)}
        low = exposure**2 / BP - x[model.exposure_square]
        self.factors |= {(int(j), float(exposure[j])) for j in np.flatnonzero(low > self.low_enough)}
        return self.size > size

    @property
    def size(self) -> int:
        return len(self.names) + len(self.factors)

    def rows(self, model: Model) -> Rows:
        names, factors = (np.array(sorted(pairs), dtype=float).reshape(-1, 2).T for pairs in (self.names, self.factors))
        return stacked(
            model.name_tangents(names[0].astype(np.int64), names[1]),
            model.factor_tangents(factors[0].astype(np.int64), factors[1]),
        )


@dataclass(frozen=True)
class Found:
    """points: improving ones, the best last; bound: on the utility, as a fraction of wealth, -inf where no point exists."""

    points: list[Vector]
    bound: float


def minimise(model: Model, rows: Rows, whole: bool, gap: float, deadline: float, start: Vector | None) -> Found:
    """Solve the programme, in whole units and single pieces or without either, within `gap` of the utility.

    deadline: on the clock of time.perf_counter; start: (columns,) a point to begin from
    """
    from highspy import _core as highs  # heavy, and its own Highs greets

    solver = highs._Highs()
    options: dict[str, bool | int | float | str] = {
        "output_flag": False,
        "threads": 1,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": gap * BP,
        "mip_improving_solution_save": True,
        "time_limit": max(deadline - time.perf_counter(), 0.01),
    }
    for option, value in options.items():
        solver.setOptionValue(option, value)
    solver.passModel(_stated(model, rows, whole, highs))
    if start is not None:
        begin = highs.HighsSolution()
        begin.col_value = start.tolist()
        solver.setSolution(begin)
    solver.run()
    if start is not None and _kept_what_was_given(model, solver):
        solver.clearSolver()
        solver.run()
    return _read(solver, highs, whole)


def _kept_what_was_given(model: Model, solver: Any) -> bool:
    """Whether HiGHS found a better point than it was given and still returns the given one, as 1.16 may."""
    cost, constant = model.cost()
    point = np.asarray(solver.getSolution().col_value)
    value = solver.getInfo().objective_function_value
    return len(point) == len(cost) and abs(float(cost @ point) + constant - value) > SAME_VALUE


def _stated(model: Model, rows: Rows, whole: bool, highs: Any) -> Any:
    matrix = sp.csr_matrix(rows.matrix)
    lp = highs.HighsLp()
    lp.num_col_, lp.num_row_ = model.columns, matrix.shape[0]
    lp.col_cost_, lp.offset_ = model.cost()
    lp.col_lower_, lp.col_upper_ = model.box()
    lp.row_lower_, lp.row_upper_ = rows.lower, rows.upper
    lp.a_matrix_.format_ = highs.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    if whole:
        kinds = [highs.HighsVarType.kContinuous] * model.columns
        for column in (*model.chosen, *model.units):
            kinds[column] = highs.HighsVarType.kInteger
        lp.integrality_ = kinds
    return lp


def _read(solver: Any, highs: Any, whole: bool) -> Found:
    status, info = solver.getModelStatus(), solver.getInfo()
    if status in (highs.HighsModelStatus.kInfeasible, highs.HighsModelStatus.kUnboundedOrInfeasible):
        return Found([], -np.inf)  # units are bounded, and what is not costs: nothing is unbounded
    known = info.primal_solution_status == highs.SolutionStatus.kSolutionStatusFeasible
    points = [np.asarray(solver.getSolution().col_value)] if known else []
    if whole:
        saved = [np.asarray(each.col_value) for each in solver.getSavedMipSolutions()]
        return Found([*saved, *points], -info.mip_dual_bound / BP + TOLERANCES)
    solved = status == highs.HighsModelStatus.kOptimal
    return Found(points, -info.objective_function_value / BP + TOLERANCES if solved else np.inf)


def stacked(*blocks: Rows) -> Rows:
    return Rows(*(np.concatenate([getattr(block, side) for block in blocks]) for side in ("matrix", "lower", "upper")))
