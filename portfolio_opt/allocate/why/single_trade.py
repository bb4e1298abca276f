"""Why there is no trade: the best single one, what it would add, and what it would cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...ingest.universe import TRADED
from ...market.money import rupees
from ...market.orders import purchase
from ..bounds import Bounds, bounds
from ..problem import Problem
from .break_even import covariance_times, sales

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

BP = 1e4


@dataclass(frozen=True)
class SingleTrade:
    """One purchase, paid from cash or from one sale. sold: "" where there is none; gain: paisa a year before cost

    cost: charges and tax in paisa; net: utility a year after cost, as a fraction of wealth
    """

    sold: str
    units_sold: int
    bought: str
    units_bought: int
    gain: float
    cost: int
    net: float

    @property
    def words(self) -> str:
        bought = f"{self.units_bought:,} {self.bought}"
        trade = f"selling {self.units_sold:,} {self.sold} for {bought}" if self.sold else f"buying {bought} from cash"
        yearly = f"{'add' if self.gain >= 0 else 'lose'} NPR {rupees(round(abs(self.gain)))} a year"
        return (
            f"the best single trade, {trade}, would {yearly} and cost NPR {rupees(self.cost)}: {self.net * BP:+.1f} bp of "
            "wealth a year after cost"
        )


def why_no_trade(problem: Problem) -> str:
    """Why a plan has no orders: the best single trade, what it would add, and what it would cost."""
    best = best_single_trade(problem)
    return best.words if best else "no purchase of a board lot fits into the limits, the day's turnover and the cash"


def best_single_trade(problem: Problem) -> SingleTrade | None:
    """The purchase of highest utility after cost, alone or with the one sale that pays for it; None if none is legal.

    Sales and purchases in a few sizes find the most promising pairs of names, and many sizes of those are then compared, all with
    exact charges and tax. Caps hold relative to the wealth after costs.
    """
    limits = bounds(problem, problem.wealth)
    everyone = np.arange(len(problem.held))
    few = _trades(problem, limits, everyone, SHARES, everyone, PARTS)
    if not len(few.net):
        return None
    pairs = np.stack([few.seller, few.buyer])[:, np.argsort(-few.net, kind="stable")]
    _, first = np.unique(pairs, axis=1, return_index=True)
    sellers, buyers = pairs[:, np.sort(first)[:REFINED]]
    fine = np.unique(sellers[sellers >= 0]), FINE_SHARES, np.unique(buyers), FINE_PARTS
    many = _trades(problem, limits, *fine)
    best = max((few, many), key=lambda trades: trades.net.max())
    c, symbols = int(np.argmax(best.net)), problem.day.symbols
    return SingleTrade(
        sold=str(symbols[best.seller[c]]) if best.seller[c] >= 0 else "",
        units_sold=int(best.sold[c]),
        bought=str(symbols[best.buyer[c]]),
        units_bought=int(best.bought[c]),
        gain=float(best.gain[c]) * problem.wealth,
        cost=int(best.cost[c]),
        net=float(best.net[c]),
    )


SHARES = np.array([0.01, 0.02, 0.05, 0.1, 0.25, 0.5])  # of wealth sold
PARTS = np.array([1.0, 0.5, 0.25, 0.125])  # of the money there then is that is spent
A_LOT = 0.0  # a part that stands for a board lot
REFINED = 8  # pairs of names
FINE_SHARES = np.geomspace(0.001, 1.0, 80)
FINE_PARTS = np.linspace(0.04, 1.0, 25)


@dataclass(frozen=True)
class _Trades:
    """Legal trades, (C,) each. seller: index of the name sold, -1 for none; cost: paisa; gain, net: a year, of wealth."""

    seller: Ints
    sold: Ints
    buyer: Ints
    bought: Ints
    cost: Ints
    gain: Vector
    net: Vector


def _trades(problem: Problem, limits: Bounds, sellers: Ints, shares: Vector, buyers: Ints, parts: Vector) -> _Trades:
    """All trades of no seller or one, in these shares of wealth, and one buyer, in these parts of the money or of its caps."""
    names, units = _sizes_sold(problem, limits, sellers, shares)
    amount, paid, tax = sales(problem, names, units)
    budget = np.append(problem.cash - problem.floor + amount - paid - tax, problem.cash - problem.floor)
    k, buyer, bought = _sizes_bought(problem, limits, budget, buyers, parts)
    seller, sold, sale_cost = np.append(names, -1)[k], np.append(units, 0)[k], np.append(paid + tax, 0)[k]
    for _ in range(2):  # what the purchase itself costs shrinks the wealth that caps are shares of
        cost = sale_cost + purchase(problem.rules, TRADED, bought, problem.day.buy_limit[buyer])[1].total
        bought = np.minimum(bought, _most_within_caps(problem, seller, sold, buyer, bought, cost))
    cost = sale_cost + purchase(problem.rules, TRADED, bought, problem.day.buy_limit[buyer])[1].total
    gain = _pair_gain(problem, seller, -sold, buyer, bought)
    net = gain - cost / problem.wealth / problem.holding_period
    fits = bought <= _most_within_caps(problem, seller, sold, buyer, bought, cost)
    legal = (seller != buyer) & (bought >= problem.day.lot[buyer]) & fits
    return _Trades(*(column[legal] for column in (seller, sold, buyer, bought, cost, gain, net)))


def _most_within_caps(problem: Problem, i: Ints, sold: Ints, j: Ints, bought: Ints, cost: Ints) -> Ints:
    """Units of j that keep its caps relative to the wealth after this trade; a sector over its cap already may stay there."""
    day, limits, held = problem.day, problem.limits, problem.held
    slip = bought * (day.buy_limit - day.close)[j] + sold * (day.close - day.sell_limit)[i]
    after = problem.wealth - cost - slip
    value = held * day.close
    before = np.array([value[day.sector == sector].sum() for sector in day.sector.tolist()], dtype=np.int64)[j]
    caps, sector_caps = limits.name_caps(day.symbols.tolist())[j], limits.caps_of_sectors(day.sector.tolist())[j]
    in_name = caps * after - value[j]
    freed = np.where(day.sector[i] == day.sector[j], sold * day.close[i], 0)
    in_sector = np.where(day.sector[j] == "", np.inf, np.maximum(sector_caps * after, before) - before + freed)
    return np.floor(np.minimum(in_name, in_sector) / day.close[j]).astype(np.int64)


def _sizes_sold(problem: Problem, limits: Bounds, sellers: Ints, shares: Vector) -> tuple[Ints, Ints]:
    """Names and legal numbers of units to sell: a lot, the shares of wealth, the old units, and all that can be."""
    held, lot = problem.held[sellers], problem.day.lot[sellers]
    most = np.where(held >= lot, held - limits.lower[sellers], 0)
    of_wealth = [(share / problem.unit[sellers]).astype(np.int64) for share in shares]
    wanted = [lot, problem.held_long[sellers], most, *of_wealth]
    names, units = np.tile(sellers, len(wanted)), np.concatenate(wanted)
    held, lot, most = (np.tile(each, len(wanted)) for each in (held, lot, most))
    units = np.minimum(units, most)
    units = np.where((units < held) & (held - units < lot), held - lot, units)  # what stays is at least a lot
    pairs = np.unique(np.stack([names, units])[:, units >= lot], axis=1)
    return pairs[0], pairs[1]


def _sizes_bought(
    problem: Problem, limits: Bounds, budget: Ints, buyers: Ints, parts: Vector
) -> tuple[Ints, Ints, Ints]:
    """For every budget (B,) paisa, what its parts, or a lot's price, buy with charges: index of the budget, name, units."""
    day = problem.day
    most = np.where(day.can_buy, limits.upper - problem.held, 0)
    names = buyers[most[buyers] >= day.lot[buyers]]
    k, i, p = (grid.ravel() for grid in np.meshgrid(np.arange(len(budget)), names, [*parts, A_LOT], indexing="ij"))
    money = np.where(p > 0, (budget[k] * p).astype(np.int64), budget[k])
    units = np.where(p == A_LOT, day.lot[i], np.minimum(np.maximum(money, 0) // day.buy_limit[i], most[i]))
    for _ in range(3):  # the charges of what was just taken off are all that is left
        amount, paid = purchase(problem.rules, TRADED, units, day.buy_limit[i])
        units = np.maximum(units - np.maximum(-((money - amount - paid.total) // day.buy_limit[i]), 0), 0)
    amount, paid = purchase(problem.rules, TRADED, units, day.buy_limit[i])
    fits = (units >= day.lot[i]) & (amount + paid.total <= money)
    return k[fits], i[fits], units[fits]


def _pair_gain(problem: Problem, i: Ints, change_i: Ints, j: Ints, change_j: Ints) -> Vector:
    """Utility that changes of units in names i (-1: none) and j add before cost, from what is held."""
    beliefs, aversion = problem.beliefs, problem.risk_aversion
    own = (beliefs.loadings**2).sum(1) + beliefs.specific
    slope = beliefs.mean - aversion * covariance_times(problem, problem.held * problem.unit)
    a, b = change_i * problem.unit[i], change_j * problem.unit[j]
    single = sum(d * slope[n] - aversion * d**2 * own[n] / 2 for n, d in ((i, a), (j, b)))
    crossed = (beliefs.loadings[i] * beliefs.loadings[j]).sum(1)
    return np.asarray(single - aversion * a * b * crossed)
