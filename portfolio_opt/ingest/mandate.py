"""A mandate: what a scheme's prospectus, or an investor, allows. Plain figures; `mandate_file` reads them."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ..errors import InvalidInput
from .fields import shown
from .panel import Panel

ROUNDING = 1e-9


@dataclass(frozen=True)
class Locked:
    """Units that may not be sold before a day. until: None where they stay for good."""

    units: int
    until: date | None = None


@dataclass(frozen=True)
class Mandate:
    """What may be held. Weights are fractions of the whole (net assets, for a fund); None and empty mean no limit.

    name: as it is printed; max_weight, max_sector: of one issuer, of one sector; min_position: smallest position that is held
    weight_caps, sector_caps: the same caps for single symbols and sectors, which count beside the general ones
    cash_floor, cash_ceiling: share kept in cash and bank deposits; min_listed: least share in listed securities
    min_names, max_names: how many are held; forbidden: symbols never bought; instruments, sectors: the only kinds allowed
    max_of_company: share of a company's listed units one may own; listed_units: how many there are, by symbol
    locked: units by symbol that cannot be sold yet; limits: further ones as text, like "Hydro Power + Investment <= 0.4"
    """

    name: str = "mandate"
    max_weight: float | None = None
    max_sector: float | None = None
    min_position: float | None = None
    cash_floor: float | None = None
    cash_ceiling: float | None = None
    min_listed: float | None = None
    max_of_company: float | None = None
    min_names: int | None = None
    max_names: int | None = None
    instruments: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    weight_caps: Mapping[str, float] = field(default_factory=dict)
    sector_caps: Mapping[str, float] = field(default_factory=dict)
    listed_units: Mapping[str, int] = field(default_factory=dict)
    locked: Mapping[str, Locked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_order(self)

    def excluded(self, panel: Panel) -> dict[str, str]:
        """Symbols of the panel that may not be bought, and why."""
        why: dict[str, str] = {}
        labels = zip(panel.symbols.tolist(), panel.sector.tolist(), panel.instrument.tolist(), strict=True)
        for symbol, sector, instrument in labels:
            if symbol in self.forbidden:
                why[symbol] = "forbidden by the mandate"
            elif self.instruments and instrument not in self.instruments:
                why[symbol] = f"the mandate allows no {instrument.replace('_', ' ')}"
            elif self.sectors and sector not in self.sectors:
                why[symbol] = f"the mandate does not allow the sector {sector or 'unknown'}"
        return why

    def units_locked(self, on: date) -> dict[str, int]:
        """Units by symbol that cannot be sold on a day."""
        return {symbol: each.units for symbol, each in self.locked.items() if each.until is None or on < each.until}

    def caps(self, max_weight: float, max_sector: float) -> tuple[float, float]:
        """The caps of a name and a sector where others are asked for beside the mandate's: the stricter of each."""
        weight = max_weight if self.max_weight is None else min(max_weight, self.max_weight)
        return weight, max_sector if self.max_sector is None else min(max_sector, self.max_sector)

    def in_words(self) -> tuple[str, ...]:
        """Every limit as a phrase, in the order of the fields."""
        plain = [words(getattr(self, name)) for name, words in WORDS.items() if getattr(self, name) not in (None, ())]
        caps = [f"at most {_percent(cap)} in {name}" for name, cap in {**self.weight_caps, **self.sector_caps}.items()]
        locked = [
            f"{each.units:,} {symbol} not sold" + (f" before {each.until}" if each.until else "")
            for symbol, each in self.locked.items()
        ]
        return (*plain, *caps, *locked, *self.limits)


def require_known(mandate: Mandate, panel: Panel) -> None:
    """Raises InvalidInput for a symbol or sector of the mandate that these prices do not know: a slip would lift a limit."""
    symbols = {*panel.symbols.tolist(), *panel.known_symbols}
    sectors = set(panel.sector.tolist()) - {""}
    for key, names, known in (
        ("forbidden", mandate.forbidden, symbols),
        ("weight_caps", mandate.weight_caps, symbols),
        ("listed_units", mandate.listed_units, symbols),
        ("locked", mandate.locked, symbols),
        ("sectors", mandate.sectors, sectors),
        ("sector_caps", mandate.sector_caps, sectors),
    ):
        kind = "sector" if known is sectors else "symbol"
        for name in names:
            if name not in known:
                guess = f"; did you mean {nearest(name, known)!r}?" if known else ";"
                raise InvalidInput(f"mandate, {key}: {shown(name)} is no {kind} of these prices{guess} correct it")


def _require_order(mandate: Mandate) -> None:
    """Raises InvalidInput for two figures that no portfolio can meet together."""
    floor, most = mandate.cash_floor or 0.0, mandate.max_weight
    pairs: Iterable[tuple[str, float | None, str, float | None]] = (
        ("cash_floor", mandate.cash_floor, "cash_ceiling", mandate.cash_ceiling),
        ("min_names", mandate.min_names, "max_names", mandate.max_names),
        ("min_position", mandate.min_position, "max_weight", most),
        ("min_listed", mandate.min_listed, "1 - cash_floor", 1 - floor),
    )
    for low_name, low, high_name, high in pairs:
        if low is not None and high is not None and low > high + ROUNDING:
            raise InvalidInput(f"{low_name} is {low:g}, more than {high_name}, {high:g}; correct one of them")
    if mandate.min_names and mandate.min_position and mandate.min_names * mandate.min_position > 1 - floor + ROUNDING:
        raise InvalidInput(
            f"min_names = {mandate.min_names} positions of at least min_position = {mandate.min_position:g} are more than "
            f"the {1 - floor:g} that cash_floor leaves; correct one of them"
        )


def nearest(word: str, valid: Collection[str]) -> str:
    """The valid word most like `word`."""
    by_lower = {each.lower(): each for each in sorted(valid)}
    return by_lower[difflib.get_close_matches(word.lower()[:100], by_lower, n=1, cutoff=0.0)[0]]


def _percent(value: float) -> str:
    return f"{100 * value:.4g}%"


WORDS: Mapping[str, Callable[[Any], str]] = {
    "max_weight": lambda x: f"at most {_percent(x)} in each name",
    "max_sector": lambda x: f"at most {_percent(x)} in each sector",
    "min_position": lambda x: f"positions of at least {_percent(x)}",
    "cash_floor": lambda x: f"at least {_percent(x)} in cash",
    "cash_ceiling": lambda x: f"at most {_percent(x)} in cash",
    "min_listed": lambda x: f"at least {_percent(x)} in listed securities",
    "max_of_company": lambda x: (
        f"at most {_percent(x)} of a company's units, where listed_units tells how many there are"
    ),
    "min_names": lambda x: f"at least {x} names",
    "max_names": lambda x: f"at most {x} names",
    "instruments": lambda x: f"only {', '.join(kind.replace('_', ' ') for kind in x)}",
    "sectors": lambda x: f"only the sectors {', '.join(x)}",
    "forbidden": lambda x: f"nothing bought of {', '.join(x)}",
}
