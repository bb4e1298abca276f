"""The report page: what it must show, whatever the plan, and what must hold on every screen and on paper."""

import copy
import re
from itertools import pairwise

import numpy as np
import plan_documents
import pytest
from plan_documents import HOSTILE, REASON, order
from read_page import Page

from portfolio_opt.allocate.plan import LotAge
from portfolio_opt.report.charts import LABEL_WIDTH, cash_steps, intervals, paired_bars
from portfolio_opt.report.formats import basis_points, day_in_words, moment, money, percent
from portfolio_opt.report.page import rebalance_page
from portfolio_opt.report.rebalance_rows import statement
from portfolio_opt.report.terminal import orders_in_words

MONEY = re.compile(r"−?\d{1,3}(?:,\d{3})*\.\d\d")
DOCUMENTS = {
    "ordinary": plan_documents.ordinary,
    "without orders": plan_documents.without_orders,
    "cash only": plan_documents.cash_only,
    "one holding": lambda: plan_documents.document([order("NABIL", "SELL", 8, board="ODD")], {"NABIL": 8}),
    "sure": plan_documents.sure,
    "hostile": plan_documents.hostile,
    "large": plan_documents.large,
}


@pytest.fixture(params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


@pytest.fixture
def text(document):
    return rebalance_page(document)


# ---- what it says


def test_every_tile_stands_in_a_table_cell_spelt_the_same(text, document):
    page = Page(text)
    figures = [MONEY.findall(tile) for tile in page.tiles()]
    totals = document["totals"]
    shown = [
        document["before"]["wealth"],
        totals["bought"],
        totals["sold"],
        totals["charges_and_tax"],
        document["after"]["cash"],
    ]
    assert figures == [[money(amount)] for amount in shown]
    assert {figure for (figure,) in figures} <= set(page.texts("td"))


def test_the_sections_stand_in_their_order(text, document):
    assert Page(text).texts("h2") == [
        "Read first",
        "In five figures, rupees",
        "Orders",
        "Money",
        "Before and after",
        "Risk before and after",
        *(["How sure"] if "stability" in document else []),
        *(["What would change this"] if document["break_evens"] else []),
        "Costs and tax",
        "Limits that bind",
        "Cash, day by day",
        "Data quality",
        "How it was made",
    ]


def test_the_heading_names_day_run_and_investor():
    page = Page(rebalance_page(plan_documents.ordinary()))
    assert page.texts("h1") == ["Orders for Sunday 23 August 2026 Bhadau 7, 2083 BS"]
    facts = " ".join(text for attributes, text in page.all("dl") if attributes.get("class") == "facts")
    for fact in (
        "Friday 21 August 2026 Bhadau 5, 2083 BS",
        "individual",
        plan_documents.ordinary()["run_id"],
        "2026-08-23 09:00 +05:45",
    ):
        assert fact in facts


def test_every_order_is_there_with_its_money_and_reason():
    document = plan_documents.ordinary()
    page = Page(rebalance_page(document))
    cells, rows = page.texts("td"), page.texts("th")
    for one in document["orders"]:
        assert f"{one['side']} {one['symbol']}" in rows
        for figure in (one["limit_price"], one["est_amount"], one["est_cgt"], one["est_net_cash"]):
            assert money(figure) in cells
        assert f"{money(one['band_low'])} – {money(one['band_high'])}" in cells
        assert one["place_on"] in cells
    assert cells.count(REASON) == 3
    assert "Sunday 23 August 2026 Bhadau 7, 2083: 1 sale and 1 purchase" in rows
    assert any(
        row.startswith("Tuesday 25 August 2026 Bhadau 9, 2083: 1 purchase") and "run again that day" in row
        for row in rows
    )


def test_the_cash_ladder_gives_each_day_its_bikram_sambat_date_once():
    cells = [
        text
        for attributes, text in Page(rebalance_page(plan_documents.ordinary())).all("td")
        if "data-label" in attributes
    ]
    days = [cell for cell in cells if cell.startswith("2026-08-") and cell != "2026-08-21"]
    assert days[-4:] == ["2026-08-23 Bhadau 7, 2083", "2026-08-23", "2026-08-23", "2026-08-25 Bhadau 9, 2083"]


def test_where_the_almanac_is_not_fixed_yet_the_gregorian_date_stands_alone():
    document = plan_documents.ordinary()
    text = rebalance_page(document | {"trade_date": "2031-08-22", "as_of": "2031-08-21"})
    assert Page(text).texts("h1") == ["Orders for Friday 22 August 2031"]
    assert "close of Thursday 21 August 2031</dd>" in text


def test_only_an_odd_lot_names_its_board():
    assert "ODD" not in Page(rebalance_page(plan_documents.ordinary())).texts("body")[0]
    assert "ODD lot board" in rebalance_page(DOCUMENTS["one holding"]())


def test_without_orders_it_says_why_nothing_is_worth_its_cost():
    document = plan_documents.without_orders()
    body = Page(rebalance_page(document)).texts("body")[0]
    assert "nothing is worth its cost" in body
    assert "425.0 bp" in body
    assert "426.0 bp" in body
    wealth = document["before"]["wealth"]
    assert f"at most 1.0 bp of wealth, NPR {money(wealth * 1e-4)} a year" in body


def test_warnings_come_first_and_their_absence_is_said():
    page = rebalance_page(plan_documents.ordinary(warnings=["Stale prices."], notes=("HDL stays above its cap.",)))
    first = page[: page.index("In five figures")]
    for warning in ("Stale prices.", "HDL stays above its cap.", "band: 1,170; left out"):
        assert warning.replace("'", "&#39;") in first
    assert "open of 0" not in first
    assert "No warnings" in rebalance_page(plan_documents.without_orders())


def test_a_document_of_before_warnings_and_break_evens_were_kept_still_renders():
    document = plan_documents.ordinary()
    del document["warnings"], document["break_evens"]
    assert "Orders for" in rebalance_page(document)


def row_of(page, table, name):
    """The cells of the row that this heading begins, in the table that this caption begins."""
    markup = next(part for part in page.split("<table") if table in part)
    row = next(part for part in markup.split("<tr") if f"> {name}" in part)
    return re.findall(r"<td[^>]*>(?:<svg.*?</svg>)?(.*?)</td>", row)


def test_it_says_how_sure_each_weight_and_order_is():
    page = rebalance_page(plan_documents.sure())
    section = Page(page).texts("section")[6]
    assert "1 of 3 orders goes the same way in at least 80% of 4 draws of the estimated returns and risks" in section
    assert "1 more had no certified answer" in section
    weight = percent(next(h["weight"] for h in plan_documents.sure()["after"]["holdings"] if h["symbol"] == "UPPER"))
    low, high = (percent(float(np.quantile([0.08, 0.07, 0.06, 0.0], tail))) for tail in (0.05, 0.95))
    assert row_of(page, "By name, share of wealth", "UPPER")[:4] == [weight, f"{low} – {high}", "75%", "75%"]
    assert row_of(page, "By name, share of wealth", "NABIL")[2:4] == ["100%", "100%"], "held and sold in all"
    assert row_of(page, "By name, share of wealth", "CIT")[2:4] == ["25%", "25%"]
    assert row_of(page, "By name, share of wealth", "HDL")[2:4] == ["100%", "100%"], "left alone in all"
    assert "no order</span> HDL" in page
    without = rebalance_page(plan_documents.ordinary())
    assert "How sure" not in without
    assert "What would change this" not in without


def test_the_bars_of_the_draws_share_one_scale():
    page = rebalance_page(plan_documents.sure())
    names = {row["symbol"]: row for row in plan_documents.sure()["stability"]["names"]}
    widest = max(max(row["high"], row["weight"]) for row in names.values())
    for symbol, row in names.items():
        markup = next(part for part in page.split("<tr") if f"> {symbol}" in part and "nine draws of ten" in part)
        bar = re.search(r'<rect class="later" x="([\d.]+)%" y="4" width="([\d.]+)%"', markup)
        mark = re.search(r'<line class="plan" x1="([\d.]+)%" x2="([\d.]+)%"', markup)
        x, width = float(bar[1]), float(bar[2])
        assert x == pytest.approx(100 * row["low"] / widest, abs=0.06)
        assert x + width == pytest.approx(100 * row["high"] / widest, abs=0.11)
        assert float(mark[1]) == float(mark[2]) == pytest.approx(100 * row["weight"] / widest, abs=0.06)


def test_it_says_which_return_would_change_an_order():
    page = rebalance_page(plan_documents.sure())
    cells = {symbol: row_of(page, "The return at which", symbol) for symbol in ("UPPER", "NABIL", "CIT")}
    assert cells["UPPER"] == ["9.7%", "more than 8.7%", "9,123.45", "2,937.12", "4.5 months"]
    assert cells["NABIL"] == ["9.7%", "less than 10.6%", "9,123.45", "4,421.26", "11.0 months"]
    assert cells["CIT"] == ["9.7%", "more than 10.6%", "−50.00", "2,937.12", "never"]
    assert page.count("does not pay by itself") == 1
    assert "does not pay by itself" in page[page.index("</span> CIT<small>") :]


def test_unknown_ages_are_said_to_be_short_term():
    unknown = LotAge("NABIL", 1_000, None, None, None, 5_00)
    known = LotAge("HDL", 120, plan_documents.TRADE_DATE, 0, 366, -5_00)
    page = rebalance_page(plan_documents.ordinary(lots=(unknown,)))
    assert page.count("every sale is treated as short-term") == 2, "in the warnings and beside the lots"
    assert "(NABIL): those units are treated as short-term" in rebalance_page(
        plan_documents.ordinary(lots=(known, unknown))
    )
    assert "short-term" not in Page(rebalance_page(plan_documents.ordinary(lots=(known,)))).texts("main")[0].replace(
        "the soonest to become long-term", ""
    )


def test_lots_are_listed_by_the_days_they_still_need():
    days = {"OLD": 0, "SOON": 3, "LATER": 200}
    lots = tuple(LotAge(symbol, 10, plan_documents.TRADE_DATE, 366 - left, left, 0) for symbol, left in days.items())
    page = rebalance_page(plan_documents.ordinary(lots=lots))
    table = page[page.index("Lots held today") :]
    assert table.index("SOON") < table.index("LATER") < table.index("OLD")
    assert "3 days" in table


def test_the_money_table_accounts_for_every_rupee():
    document = plan_documents.ordinary()
    lines = {line.words: round(line.rupees * 100) for line in statement(document)}
    spent = lines["Total of charges and tax"]
    assert spent == sum(lines[name] for name in ("Commission", "SEBON fee", "DP charge", "Capital gains tax"))
    assert lines["Cash before"] - lines["Bought"] + lines["Sold"] - spent == lines["Cash after"]
    assert lines["Wealth before"] - spent - lines["Limits beyond the last close"] == lines["Wealth after"]
    bought_above = sum(one["quantity"] * round(one["limit_price"] * 100 - 50_000) for one in document["orders"][1:])
    sold_below = document["orders"][0]["quantity"] * round(50_000 - document["orders"][0]["limit_price"] * 100)
    assert lines["Limits beyond the last close"] == bought_above + sold_below


def test_a_bad_year_and_the_error_of_the_expectation_are_shown():
    cells = Page(rebalance_page(plan_documents.ordinary())).texts("td")
    assert "10.4% ± 4.3%" in cells
    assert percent(0.104 - 1.645 * 0.215) in cells


# ---- what must hold whatever it says


def test_the_same_document_gives_the_same_bytes(document):
    assert rebalance_page(copy.deepcopy(document)) == rebalance_page(document)


def test_a_page_stays_below_200_kilobytes(text):
    assert len(text.encode()) <= 200_000


def test_150_orders_still_fit_and_what_is_left_out_is_said():
    document = plan_documents.large(orders=150, names=150)
    text = rebalance_page(document)
    assert len(text.encode()) <= 200_000
    assert Page(text).texts("td").count(REASON) == 150, "orders are never left out"
    assert "smaller names" in text
    assert "lots more: plan.json lists them all" in text


def test_text_from_outside_is_shown_and_never_obeyed():
    text = rebalance_page(plan_documents.hostile())
    page = Page(text)
    assert not page.all("script", "img", "link", "iframe", "object")
    assert not [name for _, attributes, _ in page.elements for name in attributes if name.startswith("on")]
    for symbol in HOSTILE:
        assert f"BUY {symbol}" in page.texts("th") or any(row.startswith(f"SELL {symbol}") for row in page.texts("th"))
    assert HOSTILE[0] in page.texts("text"), "sectors are escaped inside the chart, too"


def test_nothing_is_fetched(text):
    page = Page(text)
    assert not [a for _, attributes, _ in page.elements for a in attributes if a in ("src", "href", "srcset", "action")]
    (style,) = page.texts("style")
    assert "@import" not in style
    assert "url(" not in style
    assert not page.all("script", "link")


def test_a_screen_reader_finds_its_way(text):
    page = Page(text)
    assert [attributes["lang"] for attributes, _ in page.all("html")] == ["en"]
    assert "width=device-width" in next(a["content"] for a, _ in page.all("meta") if a.get("name") == "viewport")
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {attributes["aria-labelledby"] for attributes, _ in page.all("section")} == set(ids)
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert len(page.all("table")) == len(page.all("caption"))
    assert all("scope" in attributes for attributes, _ in page.all("th"))
    charts = page.all("svg")
    assert all(attributes["role"] == "img" for attributes, _ in charts)
    assert len(page.all("title")) == 1 + len(charts)


def test_chart_text_is_not_scaled(text):
    assert not [attributes for attributes, _ in Page(text).all("svg") if "viewbox" in attributes]


# ---- the style sheet, read from the page


@pytest.fixture(scope="module")
def style():
    (css,) = Page(rebalance_page(plan_documents.ordinary())).texts("style")
    return css


def schemes(style):
    """The colours of the light and of the dark scheme, by name."""
    light, dark = re.findall(r":root \{(.*?)\}", style, re.S)[:2]
    colours = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in (light, dark)]
    assert set(colours[0]) == set(colours[1])
    return dict(zip(("light", "dark"), colours, strict=True))


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_what_the_standard_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out_from_what_is_behind_them(style, scheme):
    colours = schemes(style)[scheme]
    papers = [colours["paper"], "#ffffff"] if scheme == "light" else [colours["paper"]]
    for paper in papers:
        for name in ("ink", "muted", "buy", "sell", "alert"):
            assert contrast(colours[name], paper) >= 4.5, name
        for name in ("accent", "earlier"):
            assert contrast(colours[name], paper) >= 3, name
    for name in ("ink", "alert"):
        assert contrast(colours[name], colours["alert-paper"]) >= 4.5, name


def test_text_takes_its_colour_only_from_the_tested_names(style):
    used = set(re.findall(r"[\s;{](?:color|fill): ([^;}]+)", style)) - {"#545f6d"}  # the page number, on white paper
    assert used == {f"var(--{name})" for name in ("ink", "muted", "buy", "sell", "alert", "accent", "earlier")}
    assert contrast("#545f6d", "#ffffff") >= 4.5
    for mark in ("earlier", "accent"):  # rectangles, never text
        assert not re.search(rf"[\s;{{]color: var\(--{mark}\)", style)


def test_no_text_is_smaller_than_11_pixels(style):
    sizes = re.findall(r"font-size: ([^;}]+)", style)
    assert all(size.endswith("px") and float(size[:-2]) >= 11 for size in sizes)
    assert not re.search(r"[\s;{]font: |zoom:|scale\(", style)


# ---- numbers, days and charts


def test_numbers_are_spelt_one_way():
    assert [money(amount) for amount in (1204332.1, -0.5, -0.0, 0)] == ["1,204,332.10", "−0.50", "0.00", "0.00"]
    assert [percent(share) for share in (0.0998, -0.158, -0.0001)] == ["10.0%", "−15.8%", "0.0%"]
    assert basis_points(0.000751) == "7.5 bp"
    assert day_in_words("2026-08-23") == "Sunday 23 August 2026"
    assert moment("2026-08-23T09:00:00+05:45") == "2026-08-23 09:00 +05:45"
    assert moment("2026-08-23T09:00:00") == "2026-08-23 09:00"


def test_bars_are_proportional_and_stay_on_the_chart():
    chart = paired_bars([("Hydro", 0.2, 0.4), ("Cash", 0.8, 0.6)], 0.5, uncapped="Cash")
    assert [(row.before, row.after) for row in chart.rows] == [(25, 50), (100, 75)]
    assert chart.cap == 62.5
    assert [row.capped for row in chart.rows] == [True, False]


def test_intervals_share_one_axis():
    chart = intervals({"Before": (0.1, 0.02, 0.2), "After": (0.1, 0.02, 0.1)}, 1.645)
    before, after = chart.rows
    assert before.mean == after.mean
    assert (
        before.low < after.low < chart.zero < after.mean_low < after.mean < after.mean_high < after.high < before.high
    )
    assert before.high - before.mean == pytest.approx(2 * (after.high - after.mean), abs=0.02)
    assert [words for _, words in chart.ticks] == ["−20%", "0%", "20%", "40%"]
    assert intervals({"Before": (0.0, 0.0, 0.0)}, 1.645) is None


def test_cash_columns_stand_on_zero_and_days_do_not_overlap():
    events = [("2026-08-23", 100.0), ("2026-08-24", 40.0), ("2026-08-25", -10.0), ("2026-08-25", 0.0)]
    chart = cash_steps([{"day": day, "settled": settled} for day, settled in events], height=110)
    assert [(step.y, step.height) for step in chart.columns] == [(0, 100), (60, 40), (100, 10), (100, 0)]
    assert chart.baseline == 100
    many = cash_steps([{"day": f"2026-08-{day:02d}", "settled": 1.0} for day in range(1, 31)])
    spans = sorted(
        (x - LABEL_WIDTH, x) if anchor == "end" else (x, x + LABEL_WIDTH) for x, words, anchor in many.days if words
    )
    assert [words for _, words, _ in chart.days] == ["23 Aug", "24 Aug", "25 Aug"]
    assert all(before[1] <= after[0] + 0.01 for before, after in pairwise(spans))


def test_a_plan_without_a_bound_says_that_none_is_proved():
    document = copy.deepcopy(plan_documents.ordinary())
    for key in ("bound", "loss_bp"):
        document["certificate"].pop(key)
    for orders in (document["orders"], []):
        page = rebalance_page({**document, "orders": orders})
        assert "no solver proves a bound" in page
        assert "can beat this one by" not in page
    assert "not known" in orders_in_words(document)
