"""The past as a full rectangle: a return for every name in every session, seen where there is one, else drawn and marked so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...ingest.panel import Panel
from ...market.calendar import Calendar
from ..returns import total_returns
from .sector_factors import sector_factors

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Seen = NDArray[np.bool_]

SESSIONS = 1150
FEWEST_SESSIONS = 60


@dataclass(frozen=True)
class History:
    """returns: (T, N) log total return of a session; drawn: (T, N) whether it was drawn rather than seen; per_year: sessions"""

    symbols: NDArray[np.str_]
    returns: Matrix
    drawn: Seen
    per_year: float


def complete_history(
    panel: Panel, symbols: Sequence[str], rng: np.random.Generator, sessions: int = SESSIONS, as_of: date | None = None
) -> History:
    """The last `sessions` up to `as_of` (default: the panel's last day) for these symbols, in the order asked for.

    Absent returns (before a listing, across a halt, see `total_returns`) are drawn from what the factor model says of them given
    the returns of that session that are there: see `_drawn`. Sessions in which no name has a return are left out.
    Raises InvalidInput for fewer than 60 sessions, and for a symbol that has no price by then.
    """
    panel = panel.until(as_of or panel.last_date)
    columns = _columns(panel, symbols)
    equities = np.flatnonzero((panel.instrument == "equity") & panel.traded[-20:].any(0))
    names = np.union1d(equities, columns)  # the market tells what a name without a return would have done
    returns = total_returns(panel)[-sessions:, names]
    returns = returns[~np.isnan(returns).all(1)]
    if len(returns) < FEWEST_SESSIONS:
        raise InvalidInput(
            f"{len(returns)} sessions of returns; scenarios need at least {FEWEST_SESSIONS}: give a longer history"
        )
    at = np.searchsorted(names, columns)
    absent = np.isnan(returns)
    if absent[:, at].any():
        returns = _drawn(returns, *sector_factors(returns, panel.sector[names].tolist()), rng)
    return History(
        symbols=panel.symbols[columns].copy(),
        returns=returns[:, at],
        drawn=absent[:, at],
        per_year=Calendar(panel.sessions()).sessions_per_year(),
    )


def _drawn(returns: Matrix, loadings: Matrix, specific: Vector, rng: np.random.Generator) -> Matrix:
    """The returns with every absent one drawn given those of its session that are there.

    With r - a = B f + e, where f has unit variance and e the variance D, the factors of a session are normal around their mean
    given what was seen, with precision I + B' D^-1 B over the names seen; all absent names share one draw of them. The specific
    part is drawn from the specific parts that were seen, of all names and scaled to each one's deviation, so that its tails
    stay as they are. That deviation is a name's own, pulled towards the model's where its history is short; so is a, its average
    return, towards everyone's.
    """
    seen = ~np.isnan(returns)
    average = _averages(returns, seen)
    known = np.where(seen, returns - average, 0.0)
    centre, precision = _factors(known, seen, loadings, specific)
    root = np.linalg.cholesky(precision)
    noise = rng.standard_normal((*centre.shape, 1))
    factors = centre + np.linalg.solve(np.swapaxes(root, 1, 2), noise)[:, :, 0]
    residual = np.where(seen, known - centre @ loadings.T, 0.0)
    deviation = np.sqrt(((residual**2).sum(0) + PEER_SPREAD * specific) / (seen.sum(0) + PEER_SPREAD))
    own = (residual / deviation)[seen]
    own = (own - own.mean()) / max(float(own.std()), STILL)
    rows, names = np.nonzero(~seen)
    filled = returns.copy()
    filled[rows, names] = (
        average[names] + (factors[rows] * loadings[names]).sum(1) + deviation[names] * rng.choice(own, len(rows))
    )
    return filled


STILL = 1e-12
PEER_SESSIONS = 480  # of its own that a name's average needs to weigh as much as everyone's
PEER_SPREAD = 100  # and its own specific deviation, to weigh as much as the model's


def _factors(known: Matrix, seen: Seen, loadings: Matrix, specific: Vector) -> tuple[Matrix, Matrix]:
    """Mean (T, k) and precision (T, k, k) of each session's factors, given the returns seen in it."""
    k = loadings.shape[1]
    scaled = loadings / specific[:, None]
    crossed = (loadings[:, :, None] * scaled[:, None, :]).reshape(len(specific), k * k)
    precision = np.eye(k) + (seen @ crossed).reshape(-1, k, k)
    return np.asarray(np.linalg.solve(precision, (known @ scaled)[:, :, None])[:, :, 0]), precision


def _averages(returns: Matrix, seen: Seen) -> Vector:
    """(N,) average return of each name, pulled towards that of all."""
    count = seen.sum(0)
    total = np.where(seen, returns, 0.0).sum(0)
    return np.asarray((total + PEER_SESSIONS * total.sum() / count.sum()) / (count + PEER_SESSIONS))


def _columns(panel: Panel, symbols: Sequence[str]) -> NDArray[np.int64]:
    columns = [panel.column(symbol) for symbol in symbols]
    absent = [s for s, c in zip(symbols, columns, strict=True) if c is None or not panel.traded[:, c].any()]
    if absent or not columns:
        raise InvalidInput(f"no prices for {', '.join(absent[:5]) or 'no symbol'}; give symbols that have traded")
    return np.array(columns, dtype=np.int64)
