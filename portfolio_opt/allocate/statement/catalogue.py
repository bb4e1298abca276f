"""Every measure and limit there is: one row each, with what its readings are. A new one is a class and a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..problem import Situation
from .as_far_as_today import AsFarAsToday
from .cash_limits import CashFloor, FullyInvested
from .count_limits import BoardLot, MaxNames, MinNames, MinPosition
from .fraction import percent
from .gains_tax import CapitalGainsTax
from .holdings import Concentration, DaysToExit, Turnover
from .path_risk import CVaR, MaxDrawdown, SemiVariance
from .returns import EstimationError, ExpectedReturn
from .soft import Soft
from .term import Limit, Measure
from .trade_limits import Forbidden, Locked, MaxParticipation, MaxTurnover, NoYoungGain, Tradable
from .trading_cost import TradingCost
from .variance import MaxTrackingError, TrackingError, Variance
from .weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit

Reading = Literal["exact", "bound", "none"]


@dataclass(frozen=True)
class MeasureRow:
    """example: one for a situation; expression, separable: what these readings are, `bound` from below

    scenarios: whether the beliefs need them
    """

    example: Callable[[Situation], Measure]
    unit: str
    expression: Reading
    separable: Reading
    scenarios: bool = False


@dataclass(frozen=True)
class LimitRow:
    """example: one for a situation; unit: of its violation; constraints: `bound` where they are only implied

    rows: whether it is box and rows; text: how a limit of this kind is written, "" where it cannot be
    """

    example: Callable[[Situation], Limit]
    unit: str
    constraints: Reading
    rows: bool
    text: str = ""


def amount_in_words(limit: Limit, amount: float) -> str:
    """An amount in the limit's own unit; a bare number for a limit that is not in the table."""
    row = LIMITS.get(type(limit).__name__)
    if row is None:
        return f"{amount:.4g}"
    if row.unit == "of wealth":
        return f"{percent(amount)} of wealth"
    return f"{amount:.4g} {row.unit.removesuffix('s') if amount == 1 else row.unit}"


def evenly(situation: Situation) -> dict[str, float]:
    """The same weight for every symbol: a benchmark where there is no other."""
    symbols = situation.day.symbols.tolist()
    return dict.fromkeys(symbols, 1 / len(symbols))


MEASURES = {
    "ExpectedReturn": MeasureRow(lambda _: ExpectedReturn(), "a year", "exact", "exact"),
    "EstimationError": MeasureRow(lambda _: EstimationError(0.9), "a year", "exact", "none"),
    "EstimationError, box": MeasureRow(lambda _: EstimationError(0.9, "box"), "a year", "exact", "exact"),
    "Variance": MeasureRow(lambda _: Variance(), "a year", "exact", "exact"),
    "TrackingError": MeasureRow(lambda s: TrackingError(evenly(s)), "squared, a year", "exact", "exact"),
    "CVaR": MeasureRow(lambda _: CVaR(0.875), "of wealth, over the horizon", "exact", "none", scenarios=True),
    "SemiVariance": MeasureRow(
        lambda _: SemiVariance(0.02), "squared, over the horizon", "exact", "none", scenarios=True
    ),
    "MaxDrawdown": MeasureRow(
        lambda _: MaxDrawdown(0.5), "of wealth, over the horizon", "exact", "none", scenarios=True
    ),
    "TradingCost": MeasureRow(lambda _: TradingCost(), "of wealth, a year", "bound", "bound"),
    "CapitalGainsTax": MeasureRow(lambda _: CapitalGainsTax(), "of wealth, a year", "bound", "bound"),
    "Turnover": MeasureRow(lambda _: Turnover(), "of wealth", "exact", "exact"),
    "Concentration": MeasureRow(lambda _: Concentration(), "squared weights", "exact", "exact"),
    "DaysToExit": MeasureRow(lambda _: DaysToExit(0.1), "sessions", "exact", "none"),
    "Soft": MeasureRow(lambda _: Soft(MaxWeight(0.1), 2.0), "utility, a year", "exact", "exact"),
    "Soft, orders": MeasureRow(lambda _: Soft(MaxParticipation(0.01), 0.01), "utility, a year", "exact", "exact"),
    "Soft, a group": MeasureRow(lambda _: Soft(MaxSector(0.1), 2.0), "utility, a year", "exact", "none"),
    "Soft, not convex": MeasureRow(lambda _: Soft(MaxNames(1), 0.1), "utility, a year", "bound", "none"),
}

LIMITS = {
    "MaxWeight": LimitRow(lambda _: MaxWeight(0.1), "of wealth", "exact", True, "weight <= 0.1"),
    "MaxWeight, by symbol": LimitRow(
        lambda s: MaxWeight({str(s.day.symbols[0]): 0.05}), "of wealth", "exact", True, "NABIL <= 0.05"
    ),
    "SectorLimit": LimitRow(
        lambda s: SectorLimit(str(s.day.sector[0]), 0.25, 0.1), "of wealth", "exact", True, "0.1 <= Hydro Power <= 0.25"
    ),
    "MaxSector": LimitRow(lambda _: MaxSector(0.3), "of wealth", "exact", True, "sector <= 0.3"),
    "GroupLimit": LimitRow(
        lambda s: GroupLimit(((1.0, str(s.day.sector[0])), (-2.0, str(s.day.symbols[-1]))), -0.1, 0.2),
        "of wealth",
        "exact",
        True,
        "-0.1 <= Hydro Power - 2 * NABIL <= 0.2",
    ),
    "CashFloor": LimitRow(lambda _: CashFloor(0.1), "of wealth", "exact", True, "cash >= 0.1"),
    "FullyInvested": LimitRow(lambda _: FullyInvested(0.05), "of wealth", "exact", True, "cash <= 0.05"),
    "MaxTurnover": LimitRow(lambda _: MaxTurnover(0.2), "of wealth", "exact", False, "turnover <= 0.2"),
    "MaxParticipation": LimitRow(
        lambda _: MaxParticipation(0.1), "of a session's turnover", "exact", True, "participation <= 0.1"
    ),
    "MaxTrackingError": LimitRow(lambda s: MaxTrackingError(evenly(s), 0.05), "a year", "exact", False),
    "AsFarAsToday": LimitRow(
        lambda s: AsFarAsToday(MaxWeight(0.1), tuple((s.held * s.unit / 2).tolist()), (1.0,) * len(s.unit)),
        "of wealth",
        "exact",
        True,
    ),
    "Tradable": LimitRow(lambda _: Tradable(), "of wealth", "exact", True),
    "Forbidden": LimitRow(lambda s: Forbidden((str(s.day.symbols[0]),)), "of wealth", "exact", True),
    "Locked": LimitRow(
        lambda s: Locked({str(n): int(u) // 2 for n, u in zip(s.day.symbols, s.held, strict=True)}),
        "of wealth",
        "exact",
        True,
    ),
    "NoYoungGain": LimitRow(lambda _: NoYoungGain(), "of wealth", "exact", True),
    "MaxNames": LimitRow(lambda _: MaxNames(3), "names", "bound", False, "names <= 15"),
    "MinNames": LimitRow(lambda _: MinNames(3), "names", "bound", False, "names >= 3"),
    "MinPosition": LimitRow(lambda _: MinPosition(0.03), "of wealth", "bound", False, "position >= 0.03"),
    "BoardLot": LimitRow(lambda _: BoardLot(), "orders", "bound", False),
}
