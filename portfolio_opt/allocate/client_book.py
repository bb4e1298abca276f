"""The clients of a broker as long arrays of lots, and any run of them as a book."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ingest.account_table import NO_DAY
from ..market.rules import INVESTORS
from .book import Book, Terms

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Clients:
    """A clients with R lots, lots ordered by client. Units, paisa, days since 1970.

    cash, investor, risk_aversion: (A,) as in Book; owner, column: (R,) client and place in day.symbols of each lot
    units, cost: (R,); acquired: (R,), the least integer where it is unknown, and then the lot counts as young
    """

    cash: Ints
    investor: Ints
    risk_aversion: NDArray[np.float64]
    owner: Ints
    column: Ints
    units: Ints
    cost: Ints
    acquired: Ints


def book_of_clients(clients: Clients, first: int, last: int, terms: Terms) -> Book:
    """Clients first to last - 1 as a book."""
    rows = slice(*np.searchsorted(clients.owner, [first, last]).tolist())
    owner, column, units = clients.owner[rows] - first, clients.column[rows], clients.units[rows]
    day = terms.day
    after = np.array([terms.rules.capital_gains_tax[kind].long_after_days for kind in INVESTORS])
    investor, acquired = clients.investor[first:last], clients.acquired[rows]
    today = np.datetime64(day.trade_date, "D").astype(np.int64)
    old = (acquired != NO_DAY) & (today - np.maximum(acquired, -(10**6)) > after[investor[owner]])
    held, held_long, cost = (np.zeros((last - first, len(day.symbols)), dtype=np.int64) for _ in range(3))
    np.add.at(held, (owner, column), units)
    np.add.at(held_long, (owner, column), np.where(old, units, 0))
    np.add.at(cost, (owner, column), clients.cost[rows])
    return Book(
        held=held,
        held_long=held_long,
        total_cost=cost,
        cash=clients.cash[first:last],
        outside=np.zeros(last - first, dtype=np.int64),
        investor=investor,
        risk_aversion=clients.risk_aversion[first:last],
        close=day.close,
    )
