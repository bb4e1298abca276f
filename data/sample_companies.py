"""Who is listed on the sample market, and what each company gives its holders. All of it is invented.

Every symbol begins with X, which no Nepali company name does, and every name ends in "(synthetic)".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

FIRST_DAY, LAST_DAY = date(2020, 8, 2), date(2026, 8, 21)

LISTED_MIDWAY, LISTING_DAY = "XEGRET", date(2024, 4, 21)
HALTED, LAST_TRADE_BEFORE_HALT = "XTIN", date(2026, 5, 21)
MERGED, LAST_DAY_BEFORE_MERGER = "XWILLOW", date(2023, 6, 15)
BONUS_NOT_ANNOUNCED = ("XSLATE", date(2023, 1, 9), 0.25)  # in the prices, absent from corporate_actions.csv
BONUS_WITH_RIGHT = ("XDIPPER", date(2024, 1, 3), 0.10, 0.50)

TRADED_SHARE_OF_DAYS = {  # thin names; all others trade every session
    "XFERN": 0.85, "XPRIMROSE": 0.45, "XNEWT": 0.75, "XOAT": 0.30, "XZINC": 0.60, "XCOBALT": 0.20, "XBELLOWS": 0.40,
    "XCUCKOO": 0.90, "XCARAVAN": 0.35, "XBAZAAR": 0.15, "XLANTERN": 0.70, "XMINNOW": 0.95,
    "XCEDARP": 0.45, "XBARLEYP": 0.20, "XLOTUSP": 0.30, "XVEGAP": 0.35, "XHERONP": 0.60,
    "XMAPLE86": 0.25, "XPINE85/86": 0.12, "XAUTUMN": 0.80, "XWINTER": 0.50,
}  # fmt: skip
PROMOTERS_OF = ("XCEDAR", "XBARLEY", "XLOTUS", "XVEGA", "XHERON")
PROMOTER_DISCOUNT = 0.55


@dataclass(frozen=True)
class Company:
    """One listed security.

    start: NPR on its first day; beta: to the market; swing: annual volatility of its own part
    turnover: NPR on a median traded day; traded: share of sessions with a trade; follows: the share a promoter share follows
    """

    symbol: str
    name: str
    sector: str
    instrument: str
    start: float
    beta: float
    swing: float
    turnover: float
    traded: float = 1.0
    follows: str = ""
    first: date = FIRST_DAY
    last: date = LAST_DAY


@dataclass(frozen=True)
class Sector:
    """A sector by NEPSE's name, the range of its first prices, its beta and its companies."""

    name: str
    kind: str
    start: tuple[float, float]
    beta: float
    companies: str


SECTORS = (
    Sector("Commercial Banks", "Bank", (220, 420), 0.80, "Cedar Birch Maple Willow Pine Larch Alder Juniper"),
    Sector("Development Banks", "Development Bank", (230, 400), 0.95, "Barley Millet Rye Oat Maize"),
    Sector("Finance", "Finance", (220, 400), 1.10, "Copper Tin Zinc Silver Cobalt"),
    Sector(
        "Microfinance",
        "Microfinance",
        (550, 1100),
        1.00,
        "Lotus Marigold Daisy Aster Iris Lily Violet Clover Fern Jasmine Orchid Primrose",
    ),
    Sector("Life Insurance", "Life Insurance", (400, 800), 1.05, "Sirius Vega Altair Rigel"),
    Sector("Non Life Insurance", "Insurance", (400, 700), 1.05, "Basalt Granite Marble Slate"),
    Sector(
        "Hydro Power",
        "Hydropower",
        (220, 380),
        1.15,
        "Heron Crane Otter Egret Curlew Dipper Plover Teal Grebe Coot Beaver Salmon Trout Pike Perch Newt Minnow Mallard",
    ),
    Sector("Manufacturing And Processing", "Industries", (400, 1200), 0.85, "Anvil Loom Lathe Bellows"),
    Sector("Hotels And Tourism", "Hotels", (250, 500), 0.90, "Swift Cuckoo"),
    Sector("Tradings", "Trading", (700, 1300), 0.80, "Caravan Bazaar"),
    Sector("Investment", "Investment", (200, 600), 1.00, "Compass Sextant"),
    Sector("Others", "Holdings", (300, 700), 0.90, "Lantern Kite"),
)


def companies(rng: np.random.Generator) -> list[Company]:
    """Every listed security, sorted by symbol."""
    shares = {share.symbol: share for sector in SECTORS for share in _shares(sector, rng)}
    promoters = [_promoter_share(shares[symbol]) for symbol in PROMOTERS_OF]
    others = [*promoters, *_debentures(), *_funds()]
    listed = [
        replace(company, traded=share, turnover=min(company.turnover, 2e6 * share**2)) if share < 1 else company
        for company in (*shares.values(), *others)
        for share in [TRADED_SHARE_OF_DAYS.get(company.symbol, 1.0)]
    ]
    return sorted(listed, key=lambda company: company.symbol)


def _shares(sector: Sector, rng: np.random.Generator) -> Iterator[Company]:
    for word in sector.companies.split():
        symbol = f"X{word.upper()}"
        yield Company(
            symbol=symbol,
            name=f"{word} Sample {sector.kind} (synthetic)",
            sector=sector.name,
            instrument="equity",
            start=float(rng.uniform(*sector.start)),
            beta=sector.beta * float(rng.uniform(0.85, 1.15)),
            swing=float(rng.uniform(0.18, 0.30)),
            turnover=6e6 * float(np.exp(1.1 * min(rng.standard_normal(), 2.2))),
            first=LISTING_DAY if symbol == LISTED_MIDWAY else FIRST_DAY,
            last={HALTED: LAST_TRADE_BEFORE_HALT, MERGED: LAST_DAY_BEFORE_MERGER}.get(symbol, LAST_DAY),
        )


def _promoter_share(share: Company) -> Company:
    return replace(
        share,
        symbol=f"{share.symbol}P",
        name=f"{share.name} Promoter Share",
        instrument="promoter_share",
        start=PROMOTER_DISCOUNT * share.start,
        swing=0.08,
        turnover=3e6,
        follows=share.symbol,
    )


def _debentures() -> Iterator[Company]:
    for symbol, name in (
        ("XMAPLE86", "8.5% Maple Sample Bank Debenture 2086 (synthetic)"),
        ("XPINE85/86", "10% Pine Sample Bank Debenture 2085/86 (synthetic)"),
    ):
        yield Company(symbol, name, "Commercial Banks", "debenture", 1000.0, beta=0.0, swing=0.04, turnover=8e5)


def _funds() -> Iterator[Company]:
    for word in ("Spring", "Summer", "Autumn", "Winter"):
        name = f"{word} Sample Mutual Fund (synthetic)"
        yield Company(f"X{word.upper()}", name, "Mutual Fund", "mutual_fund", 10.0, beta=0.35, swing=0.10, turnover=4e5)


@dataclass(frozen=True)
class Action:
    """One corporate action of one security.

    kind: bonus (amount new units per unit), right (amount new units per unit at NPR 100) or cash (amount NPR per unit)
    published: whether corporate_actions.csv tells of it
    """

    symbol: str
    kind: str
    amount: float
    book_close: date
    announced: date
    published: bool = True


ISSUE_PRICE = 100
BONUS_RATIOS = (0.05, 0.075, 0.10, 0.12, 0.15, 0.20, 0.25, 0.30)
CASH_OF_PAR = (4, 5, 7.5, 10, 12, 15, 20)
RIGHTS = {
    "XHERON": 1.0, "XTROUT": 0.5, "XPIKE": 1.0, "XSILVER": 0.6, "XALTAIR": 0.3, "XMARBLE": 0.35, "XCOMPASS": 0.25,
    "XSALMON": 0.5,
}  # fmt: skip
_SET_WINTERS = {(symbol, day.year - 1) for symbol, day, *_ in (BONUS_NOT_ANNOUNCED, BONUS_WITH_RIGHT)}


def actions(listed: list[Company], rng: np.random.Generator) -> list[Action]:
    """Six years of bonus shares, rights and cash dividends; a promoter share gets what its share gets."""
    shares = [company for company in listed if company.instrument == "equity"]
    made = [action for share in shares for action in _of_share(share, rng)]
    made += [action for fund in listed if fund.instrument == "mutual_fund" for action in _of_fund(fund, rng)]
    made += [
        replace(action, symbol=company.symbol)
        for company in listed
        if company.follows
        for action in made
        if action.symbol == company.follows
    ]
    return made


def _of_share(share: Company, rng: np.random.Generator) -> Iterator[Action]:
    """Dividends of each year's profit in the winter after it, rights in spring and summer."""
    for year in range(2020, 2026):
        book_close = date(year, 11, 10) + timedelta(int(rng.integers(120)))
        announced = book_close - timedelta(int(rng.integers(10, 60)))
        draw, ratio, cash = rng.random(), float(rng.choice(BONUS_RATIOS)), float(rng.choice(CASH_OF_PAR))
        if not share.first + timedelta(180) < book_close < share.last:
            continue
        if (share.symbol, year) in _SET_WINTERS:  # its action of that winter is stated above
            continue
        if draw < 0.40:
            yield Action(share.symbol, "bonus", ratio, book_close, announced)
            yield Action(
                share.symbol, "cash", round(100 * ratio / 19, 4), book_close, announced
            )  # the tax on the bonus
        elif draw < 0.70:
            yield Action(share.symbol, "cash", cash, book_close, announced)
    if share.symbol in RIGHTS:
        day = date(int(rng.integers(2021, 2026)), 4, 15) + timedelta(int(rng.integers(150)))
        yield Action(share.symbol, "right", RIGHTS[share.symbol], day, day)
    if share.symbol == BONUS_NOT_ANNOUNCED[0]:
        _, day, ratio = BONUS_NOT_ANNOUNCED
        yield Action(share.symbol, "bonus", ratio, day, day, published=False)
    if share.symbol == BONUS_WITH_RIGHT[0]:
        _, day, bonus, right = BONUS_WITH_RIGHT
        yield Action(share.symbol, "bonus", bonus, day, day - timedelta(40))
        yield Action(share.symbol, "right", right, day, day)


def _of_fund(fund: Company, rng: np.random.Generator) -> Iterator[Action]:
    for year in range(2022, 2026):
        book_close = date(year, 8, 10) + timedelta(int(rng.integers(40)))
        pays, of_par = rng.random() < 0.5, float(rng.choice((4, 5, 6.5, 8)))
        if pays:
            yield Action(fund.symbol, "cash", of_par / 10, book_close, book_close - timedelta(12))
