"""Clients of a broker in one table, as the `accounts` command reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sample_prices import Market

OLDEST = 900  # days since a lot was bought, at most


@dataclass(frozen=True)
class Client:
    """One client: kind of investor, NPR of cash, number of holdings and about what they are worth, risk aversion."""

    investor: str
    cash: int
    names: int
    worth: int
    risk_aversion: int


CLIENTS = (
    Client("individual", 120_000, 5, 400_000, 2),
    Client("individual", 0, 7, 1_500_000, 4),
    Client("entity", 2_500_000, 9, 6_000_000, 2),
    Client("fund", 800_000, 12, 20_000_000, 3),
    Client("individual", 60_000, 0, 0, 2),
)


def write_clients(market: Market, folder: Path, rng: np.random.Generator) -> None:
    """The table of all clients, a row for each lot."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame([row for number, client in enumerate(CLIENTS, 1) for row in _rows(market, number, client, rng)])
    rows.to_csv(folder / "clients.csv", index=False, lineterminator="\n")


def _rows(market: Market, number: int, client: Client, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """The client's lots, bought at 0.7 to 1.2 times the last close; one row without a symbol where there is none."""
    own = {
        "cash": client.cash,
        "investor": client.investor,
        "risk_aversion": client.risk_aversion,
        "source": "synthetic",
    }
    lately = market.traded[-20:].any(0)
    shares = [j for j, company in enumerate(market.companies) if company.instrument == "equity" and lately[j]]
    for j in sorted(rng.choice(shares, client.names, replace=False).tolist()):
        price = int(market.close[market.traded[:, j], j][-1])
        units = int(client.worth * 100 / client.names / price * rng.uniform(0.5, 1.5))
        cost = units * price * rng.uniform(0.7, 1.2) / 100
        acquired = market.sessions[-1] - timedelta(days=int(rng.integers(1, OLDEST)))
        lot = {"symbol": market.companies[j].symbol, "units": units, "cost": f"{cost:.2f}", "acquired": acquired}
        yield {"account": f"SAMPLE-{number}", **lot, **own}
    if not client.names:
        yield {"account": f"SAMPLE-{number}", "symbol": "", "units": "", "cost": "", "acquired": "", **own}
