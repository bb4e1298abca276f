"""Whether the limits leave room for what is to be invested, and by how little they must move where they do not.

Room is asked of weights w alone, whatever they are worth:

    w_i <= max_weight, or what of a name can only stay;  sum of a sector <= max_sector, or what of it can only stay
    w_i = 0, or at least a board lot of it (what is held may stay);  sum w = all but the cash floor and what is outside

and today also w_i <= what is held + max_participation of the name's median turnover. The least change of the limits under which
such w exist is a linear programme in w and the changes, with yes-or-no variables for "a lot or nothing" and for "can only stay".
Beyond the first lot shares count as fractions: less than one share of a name is lost to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..bounds import bounds
from ..problem import Limits, Problem

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

CAPS = ("max_weight", "max_sector", "max_participation")
LIMITS = (*CAPS, "cash_floor")
ROUNDING = 1e-7  # of wealth: less is not uninvested
SECONDS = 1.0  # for one search over whole lots


@dataclass(frozen=True)
class Places:
    """What each name can hold, whatever the caps say. (N,) weights but for member.

    stays: cannot be sold; keep: may stay above max_weight (stays, and odd lots); most: but for max_weight
    of_sector: (S,) the most in each sector but for max_sector; lot: the least a name holds if anything
    now, turnover: of today's holdings, and the day's median as a share of wealth
    member: index of the sector, -1 where it is unknown; needed: share of wealth that is to be in all of them, before the floor
    """

    stays: Vector
    keep: Vector
    most: Vector
    of_sector: Vector
    lot: Vector
    now: Vector
    turnover: Vector
    member: Ints
    needed: float


def places(problem: Problem, today: bool) -> Places:
    day, held = problem.day, problem.held
    now = held * problem.unit
    still = np.where(day.can_buy | day.can_sell, 0.0, now)
    locked = np.array([problem.limits.locked.get(symbol, 0) for symbol in day.symbols.tolist()])
    still = np.maximum(still, np.minimum(locked, held) * problem.unit)
    own = Limits(1.0, 1.0, weight_caps=problem.limits.weight_caps, sector_caps=problem.limits.sector_caps)
    stays = bounds(problem, problem.wealth).lower * problem.unit if today else still
    sectors = day.sectors
    keep = np.where(held < day.lot, now, stays)
    return Places(
        stays=stays,
        keep=keep,
        most=np.where(day.can_buy, np.maximum(own.name_caps(day.symbols.tolist()), keep), now),
        of_sector=np.maximum(own.caps_of_sectors(sectors.names), stays @ sectors.inside.T),
        lot=np.where(held > 0, np.minimum(held, day.lot), day.lot) * problem.unit,
        now=now,
        turnover=np.where(day.can_buy, day.turnover / problem.wealth, 0.0),
        member=sectors.member,
        needed=1 - problem.outside_value / problem.wealth,
    )


class RoomProgram:
    """The mixed-integer programme: columns are weights, yes-or-no variables, and one change a limit."""

    def __init__(self, at: Places, limits: Limits, whole_lots: bool, today: bool) -> None:
        self.lower: list[float] = [*at.stays]
        self.upper: list[float] = [*np.maximum(at.most, at.stays)]
        self.integer: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []
        self.change = {name: self._column(1 - getattr(limits, name)) for name in LIMITS}
        weights = range(len(at.now))
        for i in weights:
            self._cap({i: 1.0}, float(at.keep[i]), limits.max_weight, "max_weight")
            if today:
                bought = {i: 1.0, self.change["max_participation"]: -float(at.turnover[i])}
                self._row(bought, -np.inf, float(at.now[i] + limits.max_participation * at.turnover[i]))
            if whole_lots:
                some = self._column(1, integer=True)
                lot, free = float(at.lot[i]), max(float(at.keep[i]), limits.max_weight)
                self._row({i: 1.0, some: -1.0}, -np.inf, 0.0)
                self._row({i: 1.0, some: -lot}, 0.0, np.inf)
                self._row(
                    {some: lot - free, self.change["max_weight"]: -1.0}, -np.inf, 0.0
                )  # implied; makes the search short
        for k in range(at.member.max(initial=-1) + 1):
            inside = np.flatnonzero(at.member == k)
            stays = float(at.stays[inside].sum())
            self._cap(dict.fromkeys(inside.tolist(), 1.0), stays, limits.max_sector, "max_sector")
            if at.of_sector[k] < 1:
                self._row(dict.fromkeys(inside.tolist(), 1.0), -np.inf, float(at.of_sector[k]))
        needed = max(at.needed - limits.cash_floor, float(at.stays.sum()))
        every = dict.fromkeys(weights, 1.0)
        self._row({**every, self.change["cash_floor"]: 1.0}, needed, np.inf)
        self._row(every, -np.inf, needed)

    def least(self, movable: Sequence[str]) -> dict[str, float] | None:
        """The changes of least total, of the movable limits; None if there are none. Raises TakesTooLong."""
        from highspy import _core as highs  # only where limits conflict; its own Highs greets

        lp = highs.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.lower), len(self.rows)
        free = [self.change[name] for name in movable]
        fixed = [column for column in self.change.values() if column not in free]
        upper = np.array(self.upper)
        upper[fixed] = 0.0
        cost = np.zeros(len(upper))
        cost[free] = 1.0
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.array(self.lower), upper
        lp.row_lower_, lp.row_upper_ = (np.array([row[side] for row in self.rows]) for side in (1, 2))
        lp.a_matrix_.format_ = highs.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(row[0]) for row in self.rows)])
        lp.a_matrix_.index_ = np.concatenate([[*row[0]] for row in self.rows])
        lp.a_matrix_.value_ = np.concatenate([[*row[0].values()] for row in self.rows])
        kinds, whole = highs.HighsVarType, set(self.integer)
        lp.integrality_ = [kinds.kInteger if k in whole else kinds.kContinuous for k in range(len(upper))]
        solver = highs._Highs()
        for option, value in OPTIONS.items():
            solver.setOptionValue(option, value)
        solver.passModel(lp)
        solver.run()
        status = solver.getModelStatus()
        if status == highs.HighsModelStatus.kTimeLimit:
            raise TakesTooLong
        if status != highs.HighsModelStatus.kOptimal:
            return None
        x = solver.getSolution().col_value
        return {name: float(x[self.change[name]]) for name in movable}

    def _column(self, upper: float, integer: bool = False) -> int:
        self.lower.append(0.0)
        self.upper.append(upper)
        if integer:
            self.integer.append(len(self.lower) - 1)
        return len(self.lower) - 1

    def _row(self, terms: dict[int, float], low: float, high: float) -> None:
        self.rows.append((terms, low, high))

    def _cap(self, terms: dict[int, float], keep: float, cap: float, limit: str) -> None:
        """terms <= max(keep, cap + its change): where keep is the larger now, a yes-or-no variable says which holds."""
        change = self.change[limit]
        if keep <= cap:
            self._row({**terms, change: -1.0}, -np.inf, cap)
            return
        above = self._column(1, integer=True)
        self._row({**terms, above: -1.0}, -np.inf, keep)
        self._row({**terms, change: -1.0, above: keep - cap}, -np.inf, keep)


class TakesTooLong(Exception):
    """The search over whole lots has not ended within SECONDS: fractions can still be asked for."""


OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "time_limit": SECONDS,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 1e-10,
    "mip_feasibility_tolerance": 1e-10,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


def room(problem: Problem) -> float:
    """Largest share of wealth that fits under the caps, in fractions of shares and however deep the market is."""
    at, limits = places(problem, False), problem.limits
    most = np.minimum(at.most, np.maximum(at.keep, limits.max_weight))
    inside = at.member >= 0
    sectors = len(at.of_sector)
    total, stays = (np.bincount(at.member[inside], weights[inside], minlength=sectors) for weights in (most, at.stays))
    caps = np.minimum(np.maximum(stays, limits.max_sector), at.of_sector)
    return float(most[~inside].sum() + np.minimum(total, caps).sum())
