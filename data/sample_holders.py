"""Three invented holders and what they did. None of them exists.

A purchase is stated in rupees to spend, an allotment or a sale in units.
"""

from dataclasses import dataclass

from sample_companies import MERGED

UNLISTED = "XNOVA"  # allotted, not yet listed: no prices anywhere but in the holder's own file


@dataclass(frozen=True)
class Plan:
    """What one holder did: (day, symbol, rupees) bought, (day, symbol, units) sold or allotted in an IPO.

    takes_rights: subscribes every right share offered; else renounces
    newest_bonus_pending: the holder has not yet confirmed the cost of the last bonus units
    """

    number: int
    bought: tuple[tuple[str, str, int], ...]
    sold: tuple[tuple[str, str, int], ...] = ()
    allotted: tuple[tuple[str, str, int], ...] = ()
    takes_rights: bool = False
    newest_bonus_pending: bool = False


ORDINARY = Plan(
    number=1,
    bought=(
        ("2023-02-07", "XHERON", 120_000),
        ("2023-05-16", "XCEDAR", 120_000),
        ("2023-11-21", "XCRANE", 150_000),
        ("2024-03-12", "XVEGA", 130_000),
        ("2024-07-23", "XCRANE", 100_000),
        ("2024-09-03", "XBIRCH", 80_000),
        ("2024-12-17", "XLOTUS", 140_000),
        ("2025-03-04", "XOTTER", 170_000),
        ("2025-06-24", "XSILVER", 60_000),
        ("2025-11-25", "XHERON", 80_000),
        ("2026-01-06", "XANVIL", 160_000),
        ("2026-03-10", "XCRANE", 60_000),
        ("2026-04-22", "XBASALT", 110_000),
        ("2026-06-09", "XSWIFT", 90_000),
        ("2026-07-14", "XTEAL", 130_000),
    ),
    sold=(("2025-08-19", "XBIRCH", 50),),
    allotted=(("2024-04-04", "XEGRET", 10),),
)
SMALL = Plan(
    number=2,
    bought=(
        ("2022-06-14", MERGED, 2_000),
        ("2024-02-20", "XSPRING", 30_000),
        ("2025-01-21", "XLILY", 50_000),
        ("2025-12-16", "XCURLEW", 55_000),
        ("2026-05-12", "XMAPLE", 50_000),
    ),
)
LARGE = Plan(
    number=3,
    bought=(
        ("2021-10-19", "XCEDAR", 500_000),
        ("2022-03-22", "XJUNIPER", 600_000),
        ("2022-08-16", "XBARLEYP", 150_000),
        ("2022-11-15", "XTIN", 250_000),
        ("2023-01-17", "XMAPLE86", 200_000),
        ("2023-04-18", "XIRIS", 700_000),
        ("2023-07-11", "XSALMON", 400_000),
        ("2023-09-12", "XALTAIR", 500_000),
        ("2023-12-19", "XLOOM", 800_000),
        ("2024-02-13", "XCOMPASS", 400_000),
        ("2024-05-14", "XPIKE", 350_000),
        ("2024-07-16", "XSUMMER", 300_000),
        ("2024-08-20", "XMARBLE", 500_000),
        ("2024-10-22", "XLARCH", 600_000),
        ("2025-01-14", "XRYE", 700_000),
        ("2025-02-25", "XTROUT", 450_000),
        ("2025-05-20", "XJASMINE", 600_000),
        ("2025-07-22", "XSIRIUS", 500_000),
        ("2025-10-14", "XKITE", 300_000),
        ("2025-12-09", "XPLOVER", 900_000),
        ("2026-01-20", "XJUNIPER", 400_000),
        ("2026-02-24", "XCOPPER", 400_000),
        ("2026-04-28", "XGRANITE", 450_000),
        ("2026-05-19", "XALDER", 600_000),
        ("2026-06-23", "XLATHE", 700_000),
    ),
    sold=(("2025-09-02", "XCEDAR", 300), ("2026-03-17", "XLOOM", 100)),
    allotted=(("2026-07-30", UNLISTED, 50),),
    takes_rights=True,
    newest_bonus_pending=True,
)

HOLDERS = (ORDINARY, SMALL, LARGE)
