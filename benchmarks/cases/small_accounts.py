"""Random small accounts on the sample market, and what their whole-share decision is judged by."""

from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from portfolio_opt import Account, Lot, estimate, read_prices
from portfolio_opt.allocate.problem import Limits, Problem
from portfolio_opt.allocate.trading_day import TradingDay, trading_day
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.rules import rulebook

MARKET = Path(__file__).parent.parent.parent / "data" / "sample_market"
AS_OF = date(2026, 8, 21)
KINDS = ("individual", "individual", "individual", "entity", "fund")


class Market:
    """One day of the sample market, and what is believed of every name of it."""

    def __init__(self) -> None:
        panel = read_prices(MARKET).until(AS_OF)
        calendar = Calendar(panel.sessions(), None)
        self.rules = rulebook().on(calendar.next_session(panel.last_date))
        self.day = trading_day(panel, panel.symbols.tolist(), self.rules, calendar, 10_000)
        self.beliefs = estimate(panel, self.day.symbols.tolist())

    def names(self, count: int, rng: np.random.Generator) -> TradingDay:
        """The day of `count` names that can be bought."""
        some = np.sort(rng.choice(np.flatnonzero(self.day.can_buy), count, replace=False))
        arrays = {f.name: getattr(self.day, f.name) for f in fields(self.day)}
        chosen = {name: column[some] for name, column in arrays.items() if isinstance(column, np.ndarray)}
        return replace(self.day, **chosen, why_not=tuple(self.day.why_not[k] for k in some))

    def account(self, seed: int, names: int = 12, rupees: tuple[float, float] = (5e4, 2e6)) -> Problem:
        """An account worth between two sums, some short of cash: lots of all ages, bought above and below today's price.

        The sample market's expected returns are nearly one; they are spread by 4 points, so that there is something to choose.
        """
        rng = np.random.default_rng(seed)
        day = self.names(names, rng)
        wealth = np.exp(rng.uniform(*np.log(rupees))) * 100
        invested = 1.0 if rng.random() < 0.2 else float(rng.choice([0.3, 0.7, 0.98]))
        owned = rng.permutation(names)[: int(rng.integers(1, names + 1))]
        lots, left = [], wealth
        for i, weight in zip(owned, rng.dirichlet(np.ones(len(owned))) * invested, strict=True):
            units = int(weight * wealth / day.close[i])
            left -= units * day.close[i]
            for part in (units // 2, units - units // 2):
                age = timedelta(days=int(rng.integers(5, 800)))
                cost = int(part * day.close[i] * rng.uniform(0.5, 1.3))
                if part:
                    lots.append(Lot(str(day.symbols[i]), part, cost, AS_OF - age))
        if invested == 1.0:
            left = min(left, 500_00)
        beliefs = self.beliefs.of(day.symbols)
        return Problem(
            replace(beliefs, mean=beliefs.mean + rng.normal(0, 0.04, names)),
            Account(tuple(lots), int(left), investor=str(rng.choice(KINDS))),
            day,
            self.rules,
            limits=Limits(max_weight=float(rng.choice([0.10, 0.15, 0.25])), cash_floor=float(rng.choice([0, 0, 0.05]))),
            risk_aversion=float(rng.choice([2.0, 5.0])),
        )
