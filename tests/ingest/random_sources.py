"""Random small markets as several sources state them: gaps, noise, pages fetched late, Saturdays, names that change hands."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from small_files import COMPANY_HEADER, COMPANY_ORDER
from source_samples import OLD_TODAY, TODAY_21

from portfolio_opt.ingest.companies import BY_NAME, COMPANY_SOURCES
from portfolio_opt.ingest.merge import CURATED, DERIVED, RANKS, TWICE, merge
from portfolio_opt.ingest.quotes import EPOCH, NUMBERS, Quotes

SYMBOLS = ("AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH", "II", "JJ", "KK", "LL")
SOURCES = ("company CSV", "today's price page", "old today's price page", "floor sheet", "aabishkar2", "sarojrana")


def quotes_from(rows):
    """Quotes of rows given as dicts: symbol, day (days since 1970), source, and numbers; what is absent is NaN."""
    names = tuple(sorted({row["symbol"] for row in rows}))
    sources = tuple(sorted({row["source"] for row in rows}))
    return Quotes(
        names=names,
        symbol=np.array([names.index(row["symbol"]) for row in rows], dtype=np.int64),
        day=np.array([row["day"] for row in rows], dtype=np.int64),
        sources=sources,
        source=np.array([sources.index(row["source"]) for row in rows], dtype=np.int64),
        **{name: np.array([row.get(name, np.nan) for row in rows], dtype=float) for name in NUMBERS},
    )


def plain(quotes):
    """Quotes back to such rows, absent numbers left out."""
    return [
        {
            "symbol": quotes.names[quotes.symbol[k]],
            "day": int(quotes.day[k]),
            "source": quotes.sources[quotes.source[k]],
        }
        | {name: float(value) for name in NUMBERS if not np.isnan(value := getattr(quotes, name)[k])}
        for k in range(len(quotes))
    ]


def random_rows(rng, first=date(2025, 1, 5), steps=(1, 1, 1, 2, 3)):
    """Rows as such dicts, and for each why it must stay aside, mostly "". rng: random.Random"""
    symbols = SYMBOLS[: rng.choice((2, 5, 6, 7, 12))]
    day = (first - EPOCH).days
    noise = rng.choice((0, 0.02, 0.1, 0.5))
    sessions = []
    rows, reasons = [], []
    for _ in range(rng.randint(2, rng.choice((4, 8, 14)))):
        truth = {symbol: (rng.randint(90, 99), rng.randint(100, 103), rng.randint(80, 84)) for symbol in symbols}
        if sessions and rng.random() < 0.4:  # an earlier session once more
            truth = rng.choice(sessions[-rng.choice((1, 7)) :])
        sessions.append(truth)
        for source in rng.sample(SOURCES, rng.randint(1, 3)):
            for symbol in symbols:
                if rng.random() < 0.1:
                    continue
                close, high, low = truth[symbol] if rng.random() >= noise else (rng.randint(90, 99), 101, 82)
                row = {"symbol": symbol, "day": day, "source": source, "close": float(close)}
                row |= {"high": float(high), "low": float(low), "volume": 10.0 if rng.random() >= noise else 20.0}
                row |= {"turnover": float(rng.choice((5, 6)))} if rng.random() < 0.8 else {}
                row |= {"open": float(rng.choice((7, 8)))} if rng.random() < 0.5 else {}
                if rng.random() < noise:
                    del row[rng.choice(("high", "low", "volume"))]
                rows.append(row)
                reasons.append(rng.choice((TWICE, BY_NAME)) if rng.random() < 0.03 else "")
        day += rng.choice(steps)
    order = list(range(len(rows)))
    rng.shuffle(order)
    return [rows[k] for k in order], [reasons[k] for k in order]


def merged_plainly(rows, reasons):
    """merge, said again row by row: rows kept, and rows set aside with their reasons, both sorted; how many were alike."""

    def reading(row):
        return tuple(row.get(name) for name in ("close", "high", "low", "volume"))

    def better(row):  # the greatest comes first
        order = ("volume", "turnover", "close", "high", "low", "open", "per_change")
        figures = [row.get(name, -np.inf) for name in order]
        names = sorted({each["source"] for each in rows})
        return (RANKS.get(row["source"], CURATED), *figures, -names.index(row["source"]))

    alike = {}
    for row, reason in zip(rows, reasons, strict=True):
        alike.setdefault((row["symbol"], row["day"], reading(row)), []).append((row, reason))
    left = []
    for same in alike.values():  # a row named by its company may get another symbol later, so it takes no other's place
        passing = [row for row, reason in same if row["source"] in COMPANY_SOURCES and not reason]
        lasting = [(row, reason) for row, reason in same if row["source"] not in COMPANY_SOURCES or reason]
        least = min((reason for _, reason in lasting), default=None)  # no reason is the least
        if lasting:
            left.append((max((row for row, reason in lasting if reason == least), key=better), least))
        if passing and least != "":
            left.append((max(passing, key=better), ""))

    def saturday(day):
        return (EPOCH + timedelta(days=day)).weekday() == 5

    weekdays = sorted({row["day"] for row, _ in left if not saturday(row["day"])})
    said = {}
    for row, _ in left:
        said.setdefault((row["symbol"], row["day"]), set()).add(reading(row))

    def copied(source, day):
        page = [row for row, reason in left if row["source"] == source and row["day"] == day and not reason]
        for earlier in [each for each in weekdays if each < day][-5:]:
            stood = [row for row in page if (row["symbol"], earlier) in said]
            same = [row for row in stood if reading(row) in said[row["symbol"], earlier]]
            if len(same) >= 5 and 2 * len(same) >= len(stood):
                return True
        return False

    decided = []
    for row, reason in left:
        if not reason and saturday(row["day"]):
            reason = DERIVED[0]
        elif not reason and copied(row["source"], row["day"]):
            reason = DERIVED[1]
        decided.append((row, reason))
    winner = {}
    for row, reason in decided:
        place = (row["symbol"], row["day"])
        if not reason and (place not in winner or better(row) > better(winner[place])):
            winner[place] = row
    kept = list(winner.values())
    aside = [
        (row, reason or DERIVED[2]) for row, reason in decided if reason or winner[row["symbol"], row["day"]] is not row
    ]
    return in_order(kept), in_order(aside), len(rows) - len(left)


def in_order(rows):
    return sorted(rows, key=repr)


def merged_rows(rows, reasons):
    """What merge makes of such rows, in the same form as `merged_plainly`."""
    found = merge(quotes_from(rows), np.array(reasons, dtype=object))
    return in_order(plain(found.quotes)), in_order(zip(plain(found.aside), found.reason, strict=True)), found.alike


# ---- the same as files


def random_files(rng, folder):
    """Files of several shapes that state a random market, with labels, actions and pages of company names; unordered."""
    folder.mkdir()
    first = rng.choice((date(2023, 12, 25), date(2024, 12, 24), date(2025, 1, 5), date(2025, 3, 27)))
    rows, _ = random_rows(rng, first, steps=rng.choice(((1, 1, 2), (1, 2, 40), (1, 1, 20, 200), (9, 12, 33))))
    files = []
    by_source = {}
    for row in rows:
        by_source.setdefault(row["source"], []).append(row)
    writers = {"company CSV": _histories, "today's price page": _pages, "old today's price page": _old_pages}
    for source, stated in by_source.items():
        if source != "today's price page":
            stated = [*stated, *_spoilt(rng, stated)]
        files += writers.get(source, _tables)(folder, stated)
        if source in COMPANY_SOURCES and rng.random() < 0.5:
            some = rng.sample(stated, len(stated) // 2)
            files += _old_pages(folder, some, name="{} Co. Limited", saved="AGAIN")
    files += _small_tables(rng, folder)
    rng.shuffle(files)
    return files


def _spoilt(rng, rows):
    """Rows that stand twice with another figure, and closes of 0."""
    return [row | ({"close": 0.0} if rng.random() < 0.5 else {"volume": 11.0}) for row in rows if rng.random() < 0.03]


def _iso(day):
    return str(EPOCH + timedelta(days=day))


def _histories(folder, rows):
    for symbol in {row["symbol"] for row in rows}:
        lines = [COMPANY_HEADER]
        for row in rows:
            if row["symbol"] == symbol:
                lines.append(",".join([_iso(row["day"]), *(str(row.get(name, "nan")) for name in COMPANY_ORDER), "1"]))
        yield _written(folder / f"{symbol}.csv", lines)


def _pages(folder, rows):
    for day in {row["day"] for row in rows}:
        lines = [TODAY_21.text.split("\n")[0]]
        for row in rows:
            if row["day"] == day:
                figures = [str(row.get(name, "-")) for name in ("open", "high", "low", "close")]
                figures += ["-", str(row.get("volume", "-")), "-", str(row.get("turnover", "-"))]
                lines.append(",".join(["1", row["symbol"], "-", *figures, *["-"] * 10]))
        yield _written(folder / f"{_iso(day).replace('-', '_')}.csv", lines)


def _old_pages(folder, rows, name="{} Company Ltd.", saved="OLD"):
    for day in {row["day"] for row in rows}:
        lines = [OLD_TODAY.text.split("\r")[0]]
        for row in rows:
            if row["day"] == day:
                figures = [str(row.get(name, "-")) for name in ("high", "low", "close", "volume", "turnover")]
                lines.append(",".join(["1", name.format(row["symbol"]), "1", *figures, "-", "0"]))
        yield _written(folder / f"{saved}_{_iso(day)}.csv", [*lines, 'Total Amount Rs.,"1,290,619,342"'])


def _tables(folder, rows):
    columns = {
        "symbol": pa.array([row["symbol"] for row in rows]),
        "date": pa.array([row["day"] for row in rows], pa.int32()).cast(pa.date32()),
        "source": pa.array([row["source"] for row in rows]),
    } | {name: pa.array([row.get(name) for row in rows], pa.float64()) for name in NUMBERS}
    path = folder / f"{rows[0]['source']}.parquet"
    pq.write_table(pa.table(columns), path)
    yield path


def _small_tables(rng, folder):
    yield from _labels(rng, folder)
    header = "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date,fiscal_year,source"
    for k in range(2):
        ratio = rng.choice(("0.1", "0.2"))
        actions = [f"{symbol},bonus,{ratio},,,2025-01-06,2025-01-07,2081/2082,list" for symbol in SYMBOLS[k : k + 3]]
        yield _written(folder / f"actions{k}.csv", [header, *actions])


def _labels(rng, folder):
    """Lists of securities; some know promoter shares only, and some, better or worse ones, call a security otherwise."""
    header = "symbol,name,sector,instrument_type,source"
    for k, some in enumerate((SYMBOLS[:4], SYMBOLS[2:])):
        sector = rng.choice(("Hydro Power", "Finance"))
        labels = [f"{symbol},{symbol} Company Limited,{sector},equity,securities list" for symbol in some]
        yield _written(folder / f"sectors{k}.csv", [header, *labels])
    promoters = [f"{symbol}PO,{symbol} Company Ltd.,,promoter_share,sector codes" for symbol in rng.sample(SYMBOLS, 4)]
    yield _written(folder / "promoters.csv", [header, *promoters])
    for source in ("sector codes", "list"):
        symbol, other = rng.choice(SYMBOLS[1:]), rng.choice(SYMBOLS)
        renamed = f"{symbol},{other} Company Limited,Finance,equity,{source}"
        yield _written(folder / f"renamed by {source}.csv", [header, renamed])


def _written(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
