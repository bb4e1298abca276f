"""The first honest Beliefs: what prices alone support, and no more."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from ..errors import InvalidInput
from ..ingest.panel import Panel
from ..market.calendar import Calendar
from .beliefs import Beliefs
from .returns import total_returns
from .risk.sector_factors import SPAN, sector_factors
from .shrunk_mean import PRIOR_MARKET, shrunk_mean

RISK_SESSIONS = 480
MEAN_SESSIONS = 1150
FEWEST_SESSIONS = 60
STILL = 1e-12  # variance of a market that does not move


def estimate(panel: Panel, symbols: Iterable[str] | None = None, as_of: date | None = None) -> Beliefs:
    """Beliefs about symbols, from prices up to and including `as_of`.

    symbols: which (default: every equity that traded in the last 20 sessions); as_of: default the panel's last session
    Raises InvalidInput with fewer than 60 sessions, for a symbol without prices, or where no equity traded lately.
    """
    panel = panel.until(as_of or panel.last_date)
    if len(panel.dates) < FEWEST_SESSIONS:
        raise InvalidInput(f"{len(panel.dates)} sessions of prices; a risk estimate needs at least {FEWEST_SESSIONS}")
    columns = _columns(panel, symbols)
    returns = total_returns(panel)
    per_year = Calendar(panel.sessions()).sessions_per_year()
    model = np.flatnonzero((panel.instrument == "equity") & panel.traded[-20:].any(0))
    names = np.union1d(model, columns)
    market_names = np.isin(names, model) if len(model) else np.ones(len(names), dtype=bool)  # whatever was asked for
    if not len(names):
        raise InvalidInput("no equity traded in the last 20 sessions: check that the prices are recent and hold shares")
    loadings, specific = sector_factors(returns[-RISK_SESSIONS:, names], panel.sector[names].tolist(), market_names)
    loadings, specific = loadings * np.sqrt(per_year), specific * per_year
    volatility = np.sqrt((loadings**2).sum(1) + specific)
    market = loadings[market_names].mean(0)
    market_variance = float(market @ market)
    market_beta = loadings @ market / max(market_variance, STILL)
    mean, error = shrunk_mean(
        returns[-MEAN_SESSIONS:, names], volatility, market_beta, market_variance, per_year, market_names
    )
    at = np.searchsorted(names, columns)
    return Beliefs(
        as_of=panel.known_until or panel.last_date,
        horizon=round(per_year),
        symbols=panel.symbols[columns].copy(),
        mean=mean[at],
        loadings=loadings[at],
        specific=specific[at],
        standard_error=error[at],
        origin=(
            f"Prices only, no predictor. Risk: market and sector factors with name-specific variance, from "
            f"{min(RISK_SESSIONS, len(panel.dates))} sessions of adjusted {SPAN}-session total returns, betas and variances "
            f"shrunk to their peers. Expected returns: averages of up to {min(MEAN_SESSIONS, len(panel.dates))} sessions, shrunk "
            f"towards the average name (empirical Bayes), and that towards {PRIOR_MARKET:.0%} a year. "
            f"{per_year:.0f} sessions a year, counted."
        ),
    )


def _columns(panel: Panel, symbols: Iterable[str] | None) -> np.ndarray:
    if symbols is None:
        return np.flatnonzero((panel.instrument == "equity") & panel.traded[-20:].any(0))
    columns = {symbol: panel.column(symbol) for symbol in symbols}
    absent = [symbol for symbol, column in columns.items() if column is None or not panel.traded[:, column].any()]
    if absent:
        raise InvalidInput(f"no prices for {', '.join(absent[:5])}: leave these symbols out")
    return np.array(sorted(column for column in columns.values() if column is not None), dtype=int)
