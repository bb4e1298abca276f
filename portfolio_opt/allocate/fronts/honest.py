"""What fronts claim and what they deliver: the same decision a year ago, and what prices made of it since, gross of costs."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ...forecast.beliefs import Beliefs
from ...forecast.estimate import FEWEST_SESSIONS, MEAN_SESSIONS, estimate
from ...forecast.returns import total_returns
from ...ingest.panel import Panel
from ...ingest.universe import universe
from ...market.calendar import Calendar
from ...optim.convex.critical_line import FactorCovariance, FrontProgram, critical_line
from ..problem import Problem

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

MONTHS = (1, 2, 3, 6, 9, 12)
MONTH = 30.44  # days
POINTS = 25
EARLIEST = 2 * FEWEST_SESSIONS  # sessions of prices before the earlier day
LEAST = 20  # sessions after it, for there to be anything to see
SAME = 1e-6  # of wealth
LONGEST = 365  # days looked back


@dataclass(frozen=True)
class Honest:
    """Three fronts of one decision, (volatility, return) a year each, (R, 2), from least risk to most return.

    claimed: with every name's own average return; shrunk: with the beliefs that are used, one point where these tell no name's
        return from another's; delivered: what the portfolios of one of the two returned since, held without rebalancing
    delivered_of: which: the shrunk ones, but the claimed ones where those are one point
    decay: (months, yearly return since of the least risk, of the middle, and of the most return)
    """

    decided_on: date
    claimed: Matrix
    shrunk: Matrix
    delivered: Matrix
    delivered_of: str
    decay: tuple[tuple[int, float, float, float], ...]


def honest_fronts(panel: Panel, problem: Problem, as_of: date) -> Honest | None:
    """The fronts under the same caps, decided a year before `as_of`, or as long before as prices allow, on that day's universe.

    None where prices do not go back far enough.
    """
    seen = panel.until(as_of)
    sessions = seen.sessions()
    earlier = max(sum((as_of - day).days > LONGEST for day in sessions), EARLIEST)
    if len(sessions) - earlier < LEAST:
        return None
    then = seen.until(sessions[earlier])
    names = universe(then).members
    if len(names) < 2:
        return None
    beliefs = estimate(then, names)
    sectors = [str(then.sector[then.column(name)]) for name in beliefs.symbols.tolist()]
    claimed = _front(replace(beliefs, mean=_averages(then, beliefs)), problem, sectors)
    shrunk = _front(beliefs, problem, sectors)
    if claimed is None or shrunk is None:
        return None
    growth = _growth(seen, then, beliefs)
    after, first = seen.sessions()[len(then.sessions()) :], then.last_date
    of = "shrunk" if np.ptp(shrunk, axis=0).max() > SAME else "claimed"
    held = shrunk if of == "shrunk" else claimed
    wealth = held @ growth + (1 - held.sum(1))[:, None]  # (R, T) of a rupee, cash staying what it is
    per_year = len(after) / max((after[-1] - first).days / 365.25, 1e-9)
    steps = np.diff(np.log(np.column_stack([np.ones(len(wealth)), wealth])), axis=1)
    years = (after[-1] - first).days / 365.25
    delivered = np.column_stack([steps.std(1) * np.sqrt(per_year), wealth[:, -1] ** (1 / years) - 1])
    decay: list[tuple[int, float, float, float]] = []
    for months in MONTHS:
        upto = [t for t, day in enumerate(after) if (day - first).days <= months * MONTH]
        if upto and (after[-1] - first).days >= months * MONTH - 5:
            rows = wealth[[0, len(wealth) // 2, -1], upto[-1]] ** (12 / months) - 1
            decay.append((months, float(rows[0]), float(rows[1]), float(rows[2])))
    own = _claims(replace(beliefs, mean=_averages(then, beliefs)), claimed)
    return Honest(first, own, _claims(beliefs, shrunk), delivered, of, tuple(decay))


def _averages(panel: Panel, beliefs: Beliefs) -> Vector:
    """(N,) each name's own average return a year, as a naive optimiser takes it."""
    columns = [panel.column(symbol) for symbol in beliefs.symbols.tolist()]
    returns = total_returns(panel)[-MEAN_SESSIONS:, np.array(columns, dtype=int)]
    per_year = Calendar(panel.sessions()).sessions_per_year()
    average = np.nanmean(np.where(np.isnan(returns).all(0), 0.0, returns), axis=0) * per_year
    return np.asarray(average + beliefs.volatility**2 / 2)


def _front(beliefs: Beliefs, problem: Problem, sectors: list[str]) -> Matrix | None:
    """(R, N) weights along the exact front under the caps on names and sectors, from least risk to most return."""
    limits, n = problem.limits, len(beliefs.mean)
    different = sorted(set(sectors) - {""})
    inside = np.array([[each == sector for each in sectors] for sector in different], dtype=float).reshape(-1, n)
    caps = limits.name_caps(beliefs.symbols.tolist())
    upper = np.append(1 - limits.cash_floor, limits.caps_of_sectors(different))
    most = min(1 - limits.cash_floor, float(caps.sum()))
    program = FrontProgram(
        mean=beliefs.mean,
        covariance=FactorCovariance(beliefs.loadings, beliefs.specific),
        lower=np.zeros(n),
        upper=caps,
        rows=np.vstack([np.ones(n), inside]),
        row_lower=np.append(most, np.full(len(different), -np.inf)),
        row_upper=upper,
    )
    front = critical_line(program)
    if not len(front.weights):
        return None
    means = np.linspace(front.mean.min(), front.mean.max(), POINTS)
    order = np.argsort(front.mean, kind="stable")
    return np.column_stack([np.interp(means, front.mean[order], front.weights[order, i]) for i in range(n)])


def _claims(beliefs: Beliefs, weights: Matrix) -> Matrix:
    return np.column_stack([np.sqrt([beliefs.variance(w) for w in weights]), weights @ beliefs.mean])


def _growth(seen: Panel, then: Panel, beliefs: Beliefs) -> Matrix:
    """(N, T) what a rupee in each name became in the sessions since, adjusted; a name without trades stays where it was."""
    columns = np.array([seen.column(symbol) for symbol in beliefs.symbols.tolist()], dtype=int)
    returns = total_returns(seen)[len(then.dates) :, columns]
    return np.asarray(np.exp(np.cumsum(np.nan_to_num(returns), axis=0)).T)
