"""A tiny file of every shape that the importer knows, in the forms real ones have, and the rows each of them states."""

import io
import json
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from small_files import COMPANY_HEADER, NUMBERS

from portfolio_opt.ingest.quotes import day_of

A, B, C = "2025-08-18", "2025-08-19", "2025-08-20"  # a Monday to a Wednesday


@dataclass(frozen=True)
class Sample:
    """A file, and what it must be read to: price rows, or rows of tables; what neither holds serves nothing here."""

    shape: str
    file: str
    content: bytes
    rows: list = field(default_factory=list)
    tables: dict = field(default_factory=dict)

    def write(self, folder, name=None):
        path = folder / (name or self.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path

    @property
    def text(self):
        return self.content.decode("latin-1" if b"\xa0" in self.content else "utf-8-sig")


def row(symbol, day, close, high=None, low=None, open=None, volume=None, turnover=None, per_change=None):
    """A price row as plain values, None for what a file does not state."""
    return dict(
        symbol=symbol, date=day, open=open, high=high, low=low, close=close, volume=volume, turnover=turnover,
        per_change=None if per_change is None else round(per_change, 9),
    )  # fmt: skip


def rows_of(quotes):
    """Quotes as such rows, by symbol and day."""
    found = []
    for k in range(len(quotes)):
        numbers = {name: float(getattr(quotes, name)[k]) for name in NUMBERS}
        plain = {name: None if np.isnan(value) else value for name, value in numbers.items()}
        found.append(row(quotes.names[quotes.symbol[k]], day_of(quotes.day[k]), **plain))
    return sorted(found, key=lambda each: (each["symbol"], each["date"]))


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _json(document):
    return json.dumps(document, indent=2).encode()


COMPANY_CSV = Sample(
    "company CSV",
    "NABIL.csv",
    f"{COMPANY_HEADER}\n"
    f"{B},500.0,512.5,499.0,510.0,2.0,1200.0,606000.0,0\n"  # out of order
    f"{A},nan,501.0,495.0,500.0,nan,800.0,398400.0,-1\n".encode(),
    [
        row("NABIL", A, 500, 501, 495, volume=800, turnover=398_400),
        row("NABIL", B, 510, 512.5, 499, 500, 1200, 606_000, 2),
    ],
)
NEPALSTOCK = Sample(
    "nepalstock history",
    "KBL_2000-01-01_2021-12-31.csv",
    b"S.N.,Date,Total Transactions,Total Traded Shares,Total Traded Amount,Max. Price,Min. Price,Close Price\n"
    b"1,2021-12-29,260,49102.00,11855371.50,245.00,239.00,240.00\n"
    b"2,2021-12-28,205,42094.00,10111728.50,244.00,238.00,241.00\n",
    [
        row("KBL", "2021-12-28", 241, 244, 238, volume=42_094, turnover=10_111_728.5),
        row("KBL", "2021-12-29", 240, 245, 239, volume=49_102, turnover=11_855_371.5),
    ],
)
LTP = Sample(
    "LTP history",
    "HBL/prices.csv",
    b"date,open,high,low,ltp,percent_change,qty,turnover\n"  # newest first, then later days appended
    + f"{B},217.0,217.8,212.1,214.23,-0.56,30520,6537559.4\n"
    f"{A},216.8,217.5,213.5,215.44,1.08,46548,10040679.7\n"
    f'{C},214.0,"1,214.5",213.0,213.02,-,"1,059,211",12585448.5\n'.encode(),
    [
        row("HBL", A, 215.44, 217.5, 213.5, 216.8, 46_548, 10_040_679.7, 1.08),
        row("HBL", B, 214.23, 217.8, 212.1, 217, 30_520, 6_537_559.4, -0.56),
        row("HBL", C, 213.02, 1214.5, 213, 214, 1_059_211, 12_585_448.5),
    ],
)
_TODAY = "Open,High,Low,Close,{}VWAP,Vol,Prev. Close,Turnover,Trans.,Diff,Range,Diff %,Range %,VWAP %,120 Days,180 Days"
TODAY_21 = Sample(
    "today's price page",
    "2024_03_04.csv",
    ("S.No,Symbol,Conf.," + _TODAY.format("") + ",52 Weeks High,52 Weeks Low\n").encode()
    + b'1,ADBL,47.59,228.00,237.40,228.00,237.40,228.65,530.00,224.00,"121,182.00",5,13.40,9.40,5.98,4.12,3.69,'
    b"247.55,245.16,307.70,223.00\n"
    b'2,NICAD85/86,-,-,"1,100.00","1,100.00","1,100.00","1,100.00",25.00,-,"27,500.00",1,0.00,0.00,0.00,0.00,0.00,'
    b'"1,050.00",-,"1,150.00",990.00\n',
    [
        row("ADBL", "2024-03-04", 237.4, 237.4, 228, 228, 530, 121_182, (237.4 / 224 - 1) * 100),
        row("NICAD85/86", "2024-03-04", 1100, 1100, 1100, volume=25, turnover=27_500),
    ],
)
TODAY_24 = Sample(
    "today's price page",
    "today 2025-08-20.csv",
    ("S.No,Symbol,Conf.," + _TODAY.format("LTP,Close - LTP,Close - LTP %,") + ",52 Weeks High,52 Weeks Low\n").encode()
    + b'1,ACLBSL,-,"1,088.33","1,088.33","1,081.00","1,081.57","1,081.00",0.57,0.00,"1,083.28",681.00,"1,088.33",'
    b'"737,713.20",21,-6.76,7.33,-0.62,0.68,-0.16,"1,087.65","1,088.53","1,284.90",965.00\n',
    [row("ACLBSL", C, 1081.57, 1088.33, 1081, 1088.33, 681, 737_713.2, (1081.57 / 1088.33 - 1) * 100)],
)
OLD_TODAY = Sample(
    "old today's price page",
    "NEPSE_2022-11-02.csv",
    b"S.N.,Traded Companies,No. Of Transaction,Max Price,Min Price,Closing Price,Traded Shares,Amount,Previous Closing,"
    b"Difference Rs.\r\r\n"
    b"1,10.5 %  NEPAL INVESTMENT DEBENTURE 2082,3,915.00,912.10,912.10,1030.00,940916.00,910.00,2.10\xa0\r\r\n"
    b'2,Best Finance Company Ltd.,94,317.00,300.00,317.00,"13,193.00",4068528.20,0.00,13.10\xa0\r\r\n'
    b'Total Amount Rs.,"1,290,619,342"\r\r\nTotal Quantity,"3,970,544"\r\r\nTotal No of Transactions,"27,923"\r\r\n',
    [
        row("10.5 % NEPAL INVESTMENT DEBENTURE 2082", "2022-11-02", 912.1, 915, 912.1, volume=1030, turnover=940_916,
            per_change=(912.1 / 910 - 1) * 100),
        row("Best Finance Company Ltd.", "2022-11-02", 317, 317, 300, volume=13_193, turnover=4_068_528.2),
    ],
)  # fmt: skip
FLOOR_CSV = Sample(  # newest contract first, and a date column that is the day of the scrape
    "floor sheet",
    "floorsheet_2025-08-21.csv",
    b"date,sn,contract_no,stock_symbol,buyer,seller,quantity,rate,amount\n"
    b'2025-08-21,1,2025082005029369,BEDC,55,41,10,538.50,"5,385.00"\n'
    b'2025-08-21,2,2025082005029368,BEDC,55,55,"1,000",540.00,"540,000.00"\n'
    b'2025-08-21,3,2025082005029367,BEDC,55,58,5,600.00,"3,000.00"\n'  # an odd lot moves no price
    b'2025-08-21,4,2025082005029366,BEDC,55,58,20,535.00,"10,700.00"\n'
    b'2025-08-21,5,2025082005029365,ODD,55,58,3,99.00,"297.00"\n'  # a day of odd lots has nothing else
    b'2025-08-21,5,2025082005029365,ODD,55,58,3,99.00,"297.00"\n'  # a contract on two pages of the sheet
    b'2025-08-21,6,2025081905029365,BEDC,55,58,10,530.00,"5,300.00"\n',
    [
        row("BEDC", B, 530, 530, 530, 530, 10, 5300),
        row("BEDC", C, 538.5, 540, 535, 535, 1035, 559_085),
        row("ODD", C, 99, 99, 99, 99, 3, 297),
    ],
)
FLOOR_JSON = Sample(
    "floor sheet",
    "floorsheet-2015-4.txt",
    b'{"no": "1001", "transaction_id": "201504012534928", "symbol": "CBL", "buyer": "44", "seller": "22", "rate": "24",'
    b' "quantity": "290.00", "amount": "6,960.00", "date": "2015-04-01"}\n'
    b'{"no": "1002", "transaction_id": "201504012534927", "symbol": "CBL", "buyer": "44", "seller": "22", "rate": "25",'
    b' "quantity": "10.00", "amount": "250.00", "date": "2015-04-01"}\n',
    [row("CBL", "2015-04-01", 24, 25, 24, 25, 300, 7210)],
)
DIVIDENDS = Sample(
    "dividend list",
    "CZBIL/dividend.csv",
    b"fiscal_year,bonus_share,cash_dividend,total_dividend,book_closure_date\n"
    b"2080/2081,4.00,0.21,4.21,2024-10-15 [Closed]\n2079/2080,,5.79,5.79,2023-10-02 [Closed]\n2078/2079,0.00,0,0,\n",
    tables={
        "corporate_actions": [
            {"symbol": "CZBIL", "type": "bonus", "ratio": "0.04", "book_close": "2024-10-15", "fiscal_year": "2080/2081"},
            {"symbol": "CZBIL", "type": "cash", "pct_of_par": "0.21", "book_close": "2024-10-15", "fiscal_year": "2080/2081"},
            {"symbol": "CZBIL", "type": "cash", "pct_of_par": "5.79", "book_close": "2023-10-02", "fiscal_year": "2079/2080"},
        ]
    },
)  # fmt: skip
RIGHTS = Sample(
    "right-share list",
    "CZBIL/right-share.csv",
    b"ratio,total_units,issue_price,opening_date,closing_date,status,issue_manager\n"
    b"10:2.5,13843379.00,100.00,2017-04-05,2017-05-10,,Sanima Capital Ltd.\n1: 1,16858786.00,,,,,\n",
    tables={
        "corporate_actions": [
            {"symbol": "CZBIL", "type": "right", "ratio": "0.25", "issue_price": "100", "subscription_open": "2017-04-05",
             "subscription_close": "2017-05-10"},
            {"symbol": "CZBIL", "type": "right", "ratio": "1"},
        ]
    },
)  # fmt: skip
PROPOSED = Sample(
    "proposed dividends",
    "proposed.json",
    _json(
        [
            {"id": 1, "symbol": "NFCF", "bonus_share": "", "cash_dividend": "9.00", "total_dividend": "9.00",
             "announcement_date": "2025-08-08", "bookclose_date": "2025-08-09 [Closed]", "fiscal_year": "2081/2082", "ltp": None},
            {"id": 2, "symbol": "NABIL", "bonus_share": 10, "cash_dividend": "0.5263", "announcement_date": "",
             "bookclose_date": "", "fiscal_year": "2081/2082"},
        ]
    ),
    tables={
        "corporate_actions": [
            {"symbol": "NFCF", "type": "cash", "pct_of_par": "9", "book_close": "2025-08-09", "fiscal_year": "2081/2082",
             "announcement_date": "2025-08-08"},
            {"symbol": "NABIL", "type": "bonus", "ratio": "0.1", "fiscal_year": "2081/2082"},
            {"symbol": "NABIL", "type": "cash", "pct_of_par": "0.5263", "fiscal_year": "2081/2082"},
        ]
    },
)  # fmt: skip
SECURITIES = Sample(
    "securities list",
    "securities.json",
    _json(
        [
            {"id": 131, "symbol": "BFC", "securityName": "Best Finance  Company Limited", "status": "A", "sectorName": "Finance",
             "instrumentType": "Equity", "dpsCodes": ["1"]},
            {"id": 9, "symbol": "D2082", "securityName": "10.5% Nepal Investment Debenture 2082", "status": "D",
             "sectorName": "Commercial Bank", "instrumentType": "Non-Convertible Debentures"},
        ]
    ),
    tables={
        "sectors": [
            {"symbol": "BFC", "name": "Best Finance Company Limited", "sector": "Finance", "instrument_type": "equity"},
            {"symbol": "D2082", "name": "10.5% Nepal Investment Debenture 2082", "sector": "Commercial Banks",
             "instrument_type": "debenture"},
        ]
    },
)  # fmt: skip
SECTOR_CODES = Sample(
    "sector codes",
    "codes.json",
    _json(
        {
            "Hydropower": [{"symbol": "AHPC", "name": "Arun Valley"}],
            "Mutual Fund": [{"symbol": "NICSF", "name": "NIC Fund"}],
            "Promotor Share": [{"symbol": "KBLPO", "name": "Kumari Promoter"}],
        }
    ),
    tables={
        "sectors": [
            {"symbol": "AHPC", "name": "Arun Valley", "sector": "Hydro Power", "instrument_type": "equity"},
            {"symbol": "NICSF", "name": "NIC Fund", "sector": "Mutual Fund", "instrument_type": "mutual_fund"},
            {"symbol": "KBLPO", "name": "Kumari Promoter", "instrument_type": "promoter_share"},
        ]
    },
)
INDICES = Sample(
    "list of indices",
    "indices.json",
    _json([{"id": 51, "indexCode": "BANKSUBIND", "indexName": "Banking SubIndex", "sectorMaster": {"id": 37}}]),
)
TODAY_LIST = Sample(
    "today's price list",
    "today.json",
    _json(
        [
            {"symbol": "ADBL", "ltp": 313.0, "previous_close": 312, "high": 313.4, "low": 306.2, "volume": 17185,
             "turnover": "5,338,674.6", "last_updated": f"{C}T14:59:58.704713"},
            {"symbol": "IDLE", "ltp": 10.0, "previous_close": 10.0, "high": 0, "low": 0, "volume": 0, "turnover": 0,
             "last_updated": f"{A}T14:59:58"},
        ]
    ),
    [row("ADBL", C, 313, 313.4, 306.2, volume=17_185, turnover=5_338_674.6, per_change=(313 / 312 - 1) * 100)],
)  # fmt: skip
OFFICIAL_TODAY = Sample(
    "official price list",
    "official.json",
    _json(
        [
            {"id": 7, "businessDate": C, "securityId": 131, "symbol": "NABIL", "openPrice": 524.9, "highPrice": 524.9,
             "lowPrice": 517.3, "closePrice": 518.14, "totalTradedQuantity": 38427, "totalTradedValue": 19925528.2,
             "previousDayClosePrice": None}
        ]
    ),
    [row("NABIL", C, 518.14, 524.9, 517.3, 524.9, 38_427, 19_925_528.2)],
)  # fmt: skip
PRICE_TABLE = Sample(
    "price table",
    "prices.parquet",
    parquet(
        symbol=["NABIL", "adbl"],
        date=pa.array([date(2025, 8, 18), date(2025, 8, 19)]),
        open=pa.array([None, 300.0]),
        high=[501.0, 301.0],
        low=[495.0, 299.0],
        close=[500.0, 300.0],
        volume=pa.array([800, 10]),
        turnover=[398_400.0, 3000.0],
        per_change=pa.array([None, 1.5]),
        source=pa.array(["aabishkar2", "sarojrana"]).dictionary_encode(),
    ),
    [
        row("ADBL", B, 300, 301, 299, 300, 10, 3000, 1.5),
        row("NABIL", A, 500, 501, 495, volume=800, turnover=398_400),
    ],
)
SET_ASIDE = Sample(
    "rows set aside",
    "quarantine.parquet",
    parquet(symbol=["NABIL"], date=pa.array([date(2025, 8, 18)]), close=[0.0], reason=["non-positive price"]),
)
INDEX_TABLE = Sample(
    "index table",
    "index.parquet",
    parquet(
        index=["NEPSE"], date=pa.array([date(2025, 8, 18)]), open=[2600.0], high=[2610.0], low=[2590.0], close=[2605.5],
        turnover=[1e9], source=["someone"],
    ),
    tables={"index": [{"index": "NEPSE", "date": "2025-08-18", "close": "2605.5", "turnover": "1000000000.0"}]},
)  # fmt: skip
SECTORS = Sample(
    "sectors table",
    "sectors.csv",
    b"symbol,name,sector,instrument_type,status_2026_04,source,n_rows_shared,first_date,last_date_shared\n"
    b'NABIL,"Nabil Bank, Limited",Commercial Banks,equity,active,list,10,2011-01-01,2025-08-21\n',
    tables={
        "sectors": [
            {"symbol": "NABIL", "name": "Nabil Bank, Limited", "sector": "Commercial Banks", "instrument_type": "equity",
             "source": "list"}
        ]
    },
)  # fmt: skip
ACTIONS = Sample(
    "corporate actions table",
    "corporate_actions.csv",
    b"symbol,type,ratio,pct_of_par,amount_npr,issue_price,book_close,ex_date,verified,source\n"
    b"NABIL,bonus,0.1,10,,,2025-08-18,2025-08-19,yes,list\n",
    tables={
        "corporate_actions": [
            {"symbol": "NABIL", "type": "bonus", "ratio": "0.1", "pct_of_par": "10", "book_close": "2025-08-18",
             "ex_date": "2025-08-19", "verified": "yes", "source": "list"}
        ]
    },
)  # fmt: skip
OFFICIAL = Sample(
    "official adjustments table",
    "official_adjustments.csv",
    b"symbol,last_cum_date,kind,pct,prev_close,adjusted_price,factor,reason\n"
    b"NABIL,2025-08-18,bonus,10,550,500,0.909091,10% bonus\n",
    tables={
        "official_adjustments": [
            {"symbol": "NABIL", "last_cum_date": "2025-08-18", "kind": "bonus", "pct": "10", "prev_close": "550",
             "adjusted_price": "500", "reason": "10% bonus"}
        ]
    },
)  # fmt: skip
IMPLIED = Sample(
    "implied adjustments",
    "implied_adjustments.csv",
    b"symbol,date,prev_close,close,per_change,implied_factor\nNABIL,2025-08-19,550,505,1,0.909\n",
)
MERGERS = Sample(
    "mergers table",
    "mergers.csv",
    b"symbol,successor,ratio,last_day,first_day,note\nNIB,NIMB,1,2023-01-10,2023-02-23,\n",
    tables={"mergers": [{"symbol": "NIB", "successor": "NIMB", "ratio": "1", "last_day": "2023-01-10"}]},
)

SAMPLES = {
    name: value for name, value in sorted(globals().items()) if isinstance(value, Sample)
}  # every one above, by its name
PRICED = {name: sample for name, sample in SAMPLES.items() if sample.rows}
TEXTS = {
    name: sample for name, sample in SAMPLES.items() if sample.content[:1].isalpha() and sample.content[:4] != b"PAR1"
}
