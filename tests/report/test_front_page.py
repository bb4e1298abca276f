"""The page of a front: what it must show, what the script may change, and what must hold on every screen and on paper."""

import copy
import json
import re
import shutil
import subprocess
from itertools import pairwise

import front_documents
import pytest
from front_documents import HOSTILE
from read_page import Page

from portfolio_opt.report.formats import money
from portfolio_opt.report.front_charts import WIDTHS, Mark, Measure, _box, _meet, axis, frame, picture, thinned
from portfolio_opt.report.front_page import charges_and_tax, front_page, measure
from portfolio_opt.report.front_terminal import front_in_words

MONEY = re.compile(r"−?\d{1,3}(?:,\d{3})*\.\d\d(?![\d%])")
DOCUMENTS = {
    "two objectives": front_documents.front,
    "three objectives": lambda: front_documents.front(3),
    "five objectives": lambda: front_documents.front(5),
    "bare": front_documents.bare,
    "bare, three objectives": lambda: front_documents.bare(3),
    "one point": front_documents.single,
    "200 points": lambda: front_documents.front(2, 200),
    "left alone": front_documents.left_alone,
    "hostile": front_documents.hostile,
    "large": front_documents.large,
}


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


@pytest.fixture(scope="module")
def text(document):
    return front_page(document)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def data_of(page):
    """What the script is given; None where there is nothing to walk along."""
    found = [text for attributes, text in page.all("script") if attributes.get("id") == "front-data"]
    return json.loads(found[0]) if found else None


def chosen_of(document):
    return document["points"][document["chosen"]["point"]]


# ---- what it says


def test_five_tiles_describe_the_chosen_point_and_stand_in_table_cells_spelt_the_same(page, document):
    point, cells = chosen_of(document), page.texts("td")
    figures = [money(charges_and_tax(point)), money(point["cash"])]
    assert len(page.tiles()) == 5
    assert [MONEY.findall(tile) for tile in page.tiles()[2:]] == [[figures[0]], [], [figures[1]]]
    assert set(figures) <= set(cells)
    for k, tile in enumerate(page.tiles()[:2]):
        value = measure(document, k).spell(point["values"][k])
        assert tile.endswith(value)
        assert value in cells


def test_the_sections_stand_in_their_order(page, document):
    assert page.texts("h2") == [
        "Read first",
        "The chosen point in five figures",
        "The front",
        "Point by point",
        "Alternatives",
        "How sure",
        *(["What was claimed, and what held up"] if "honest" in document else []),
        "How the front was found",
        "Limits that every point keeps",
        "Data quality",
        "How it was made",
    ]


def test_without_script_the_chosen_point_is_there_in_full(page, document):
    cells, rows = page.texts("td"), page.texts("th")
    point = chosen_of(document)
    for order in point["orders"]:
        assert f"{order['side']} {order['symbol']}" in rows
        for key in ("limit_price", "est_amount", "charges", "est_cgt", "est_net_cash"):
            assert money(order[key]) in cells
    assert set(point["weights"]) <= set(rows)
    assert set(point["binding"]) <= set(page.texts("li"))
    hidden = [attributes for _, attributes, _ in page.elements if "hidden" in attributes]
    scripted = [attributes for attributes in hidden if "data-script" in attributes]
    expected = {"orders-table" if not point["orders"] else "no-orders", *(["no-binding"] if point["binding"] else [])}
    assert {attributes["id"] for attributes in hidden if "data-script" not in attributes} == expected
    assert bool(scripted) == (data_of(page) is not None)


def test_a_table_of_points_keeps_the_ends_and_every_named_point(page, document):
    numbers = [re.match(r"\d+", row) for row in page.texts("th")]
    found = {int(number[0]) for number in numbers if number}
    chosen = document["chosen"]
    named = {chosen["point"], *(row["point"] for row in chosen["alternatives"])}
    assert {k + 1 for k in (0, len(document["points"]) - 1, *named)} <= found


def test_the_heading_and_facts_name_day_and_run():
    page = Page(front_page(front_documents.front()))
    assert page.texts("h1") == ["Pareto front for Sunday 23 August 2026 Bhadau 7, 2083 BS"]
    facts = " ".join(text for attributes, text in page.all("dl") if attributes.get("class") == "facts")
    for fact in ("Friday 21 August 2026 Bhadau 5, 2083 BS", "Tuesday 25 August 2026", "0123456789ab", "09:00 +05:45"):
        assert fact in facts


def test_alternatives_say_what_they_give_up_and_rules_that_agree_are_named():
    document = front_documents.front()
    document["chosen"]["alternatives"].append({"rule": "least regret of all", "point": 19, "words": "nothing"})
    document["chosen"]["point"] = 19
    body = Page(front_page(document)).texts("main")[0]
    assert "The same point is chosen by: least regret of all" in body
    assert body.count("1.9% less return a year for 2.4% less volatility") == 3


def test_what_was_claimed_stands_beside_what_was_delivered_and_is_said_to_be_gross():
    page = Page(front_page(front_documents.front()))
    section = page.texts("section")[6]
    assert "before commission, fees and tax" in section
    for words in ("claimed by the estimates", "claimed after shrinking them", "delivered afterwards", "−1.2%"):
        assert words in section
    kinds = [attributes["class"] for attributes, _ in page.all("polyline")]
    assert kinds == ["line-exact", "line-claimed", "line-shrunk", "line-delivered"]


def test_values_that_lie_close_together_get_one_more_decimal():
    document = front_documents.front()
    assert measure(document, 0).spell(0.1234) == "12.3%"
    for k, point in enumerate(document["points"]):
        point["values"][0] = 0.12 + k / 1e4
    assert measure(document, 0).spell(0.1234) == "12.34%"
    assert Measure("", "sessions", 1).spell(3.21) == "3.2 sessions"
    assert Measure("", "plain", 2).spell(-0.8) == "−0.80"


def test_words_become_sentences():
    document = front_documents.front()
    document["chosen"] |= {"words": "the knee of the front", "cloud_words": "no draws were made"}
    body = Page(front_page(document)).texts("main")[0]
    assert "The knee of the front." in body
    assert "No draws were made." in body
    assert "98.7% of the hypervolume of the exact front in fractions of shares.\n" in body


def test_the_terminal_says_the_same(document):
    words = front_in_words(document)
    point = chosen_of(document)
    assert f"NPR {charges_and_tax(point):,.2f}" in words
    assert document["chosen"]["words"] in words
    assert sum(bool(re.match(r" +\d+ ", line)) for line in words.splitlines()) <= 13
    for row in document["chosen"]["alternatives"]:
        assert row["rule"] in words


# ---- what the script is given, and may change


def test_the_walk_keeps_the_ends_the_chosen_point_and_its_alternatives(page, document):
    data = data_of(page)
    if len(document["points"]) == 1:
        assert data is None
        return
    numbers = [int(re.match(r"Point (\d+) of", point["name"])[1]) for point in data]
    assert numbers == sorted(numbers)
    assert len(numbers) <= 40
    named = {document["chosen"]["point"], *(row["point"] for row in document["chosen"]["alternatives"])}
    assert {k + 1 for k in (0, len(document["points"]) - 1, *named)} <= set(numbers)
    (slider,) = [attributes for attributes, _ in page.all("input")]
    assert (slider["type"], slider["min"], slider["max"]) == ("range", "0", str(len(numbers) - 1))
    assert numbers[int(slider["value"])] == document["chosen"]["point"] + 1
    assert slider["aria-valuetext"] == f"{data[int(slider['value'])]['name']}: {data[int(slider['value'])]['said']}"


def test_the_script_is_given_every_number_as_the_page_spells_it(page, document):
    for shown in data_of(page) or []:
        point = document["points"][int(re.match(r"Point (\d+) of", shown["name"])[1]) - 1]
        assert money(charges_and_tax(point)) in shown["figures"]
        assert money(point["cash"]) in shown["figures"]
        assert [row[1] for row in shown["orders"]] == [order["symbol"] for order in point["orders"]]
        assert [row[5] for row in shown["orders"]] == [money(order["charges"]) for order in point["orders"]]
        assert {row[0] for row in shown["weights"]} == {*point["weights"], "Cash"}
        assert len(shown["at"]) == len(document["objectives"]) - 1
        assert all(0 <= float(row[2].rstrip("%")) <= 100 for row in shown["weights"])


def test_the_script_evaluates_nothing_and_fetches_nothing(page):
    for attributes, script in page.all("script"):
        assert set(attributes) <= {"type", "id"}
        if "id" not in attributes:
            assert not re.search(
                r"eval|Function|innerHTML|outerHTML|insertAdjacent|document\.write|fetch|import|https?:", script
            )
            assert len(script) < 5_000


def test_a_slider_is_labelled_and_told_of_once_it_rests(page):
    if data_of(page) is None:
        assert not page.all("input", "output", "script", "template")
        return
    assert [attributes["for"] for attributes, _ in page.all("label")] == ["slider"]
    assert [attributes["for"] for attributes, _ in page.all("output")] == ["slider"]
    live = [attributes["id"] for _, attributes, _ in page.elements if attributes.get("aria-live") == "polite"]
    assert live == ["told"]
    assert all(attributes["type"] == "button" for attributes, _ in page.all("button"))


WALKED = """
<script>
addEventListener("error", (event) => { document.title = "ERROR " + event.message; });
addEventListener("load", () => {
  const slider = document.getElementById("slider");
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input"));
});
</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("name", ["five objectives", "hostile"])
def test_a_browser_shows_the_last_point_when_the_slider_is_moved_there(name, tmp_path):
    document = DOCUMENTS[name]()
    text = front_page(document)
    file = tmp_path / "front.html"
    file.write_text(text.replace("</body>", WALKED))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--virtual-time-budget=2000"]
    command = ["chromium", *flags, "--dump-dom", file.as_uri()]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    shown = Page(seen[seen.index("<html") :])
    last = data_of(Page(text))[-1]
    assert not shown.texts("title")[0].startswith("ERROR")
    assert [text for attributes, text in shown.all("td") if "now" in attributes.get("class", "").split()] == last[
        "figures"
    ]
    cells, rows = shown.texts("td"), shown.texts("th")
    for order in last["orders"]:
        assert f"{order[0]} {order[1]}" in rows
        assert set(order[2:]) <= set(cells)
    (slider,) = [attributes for attributes, _ in shown.all("input")]
    assert slider["aria-valuetext"] == f"{last['name']}: {last['said']}"
    told = [text for _, attributes, text in shown.elements if attributes.get("id") == "told"]
    assert told == [last["more"]]
    circles = [a for a, _ in shown.all("circle") if a["class"] == "here" and "cx" in a]
    assert [[float(a["cx"].rstrip("%")), float(a["cy"])] for a in circles] == last["at"]


# ---- what must hold whatever it says


def test_the_same_document_gives_the_same_bytes(text, document):
    assert front_page(copy.deepcopy(document)) == text


def test_a_page_stays_below_200_kilobytes(text):
    assert len(text.encode()) <= 200_000


def test_150_orders_at_every_point_still_fit_without_a_walk():
    document = front_documents.front(2, 12, tuple(f"SYMBOL{k}" for k in range(260)))
    assert len(chosen_of(document)["orders"]) >= 150
    text = front_page(document)
    assert len(text.encode()) <= 200_000
    page = Page(text)
    assert data_of(page) is None
    rows = page.texts("th")
    assert all(f"{order['side']} {order['symbol']}" in rows for order in chosen_of(document)["orders"])


@pytest.mark.parametrize("objectives", [2, 3, 5])
def test_text_from_outside_is_shown_and_never_obeyed(objectives):
    document = front_documents.hostile(max(objectives, 3))
    text = front_page(document)
    page = Page(text)
    assert len(page.all("script")) == 2
    assert text.count("</script>") == 2
    assert "<!--" not in text
    assert "alert(1)</script>" not in text
    assert not page.all("img", "link", "iframe", "object")
    assert not [name for _, attributes, _ in page.elements for name in attributes if name.startswith("on")]
    for order in chosen_of(document)["orders"]:
        assert f"{order['side']} {order['symbol']}" in page.texts("th")
    symbols = {row[0] for point in data_of(page) for row in point["weights"]}
    assert set(HOSTILE) <= symbols, "the script's data holds them as they are"


def test_nothing_is_fetched(page):
    assert not [a for _, attributes, _ in page.elements for a in attributes if a in ("src", "href", "srcset", "action")]
    (style,) = page.texts("style")
    assert "@import" not in style
    assert "url(" not in style


def test_a_screen_reader_finds_its_way(page):
    assert [attributes["lang"] for attributes, _ in page.all("html")] == ["en"]
    assert "width=device-width" in next(a["content"] for a, _ in page.all("meta") if a.get("name") == "viewport")
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    named = {a[key] for _, a, _ in page.elements for key in ("aria-labelledby", "aria-describedby", "for") if key in a}
    assert named <= set(ids)
    assert all("aria-labelledby" in attributes for attributes, _ in page.all("section"))
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert len(page.all("table")) == len(page.all("caption"))
    assert all("scope" in attributes for attributes, _ in page.all("th"))
    pictures = [attributes for attributes, _ in page.all("svg") if attributes.get("role") == "img"]
    assert len(page.all("title")) == 1 + len(pictures)


def test_chart_text_is_not_scaled(page):
    assert not [text for attributes, text in page.all("svg") if "viewbox" in attributes and text.strip()]


@pytest.fixture(scope="module")
def style():
    (css,) = Page(front_page(front_documents.front())).texts("style")
    return css


def test_text_takes_its_colour_only_from_the_names_whose_contrast_is_tested(style):
    used = set(re.findall(r"[\s;{]color: ([^;}]+)", style)) - {"#545f6d"}
    assert used <= {f"var(--{name})" for name in ("ink", "muted", "buy", "sell", "alert")}
    assert not re.search(r"svg text[^{]*\{[^}]*fill: var\(--(?:accent|earlier)", style)


def test_no_text_is_smaller_than_11_pixels(style):
    sizes = re.findall(r"font-size: ([^;}]+)", style)
    assert all(size.endswith("px") and float(size[:-2]) >= 11 for size in sizes)
    assert not re.search(r"zoom:|scale\(", style)


def test_on_paper_there_is_no_slider(style):
    assert re.search(r"@media print \{\s*\.walk, \.here \{ display: none; \}", style)


# ---- pictures


def test_an_axis_shows_every_value_between_round_ticks():
    shares = axis([0.05, 0.18], Measure("", "share", 1), 5)
    assert [text for _, text in shares.ticks] == ["5%", "10%", "15%"]
    assert 0 < shares.share(0.05) < shares.share(0.18) < 1
    assert [text for _, text in axis([0.1012, 0.1019], Measure("", "share", 2), 4).ticks][:2] == ["10.12%", "10.14%"]
    assert [text for _, text in axis([2.0, 13.0], Measure("", "sessions", 1), 4).ticks] == ["5", "10"]
    one = axis([0.3], Measure("", "plain", 2), 5)
    assert one.share(0.3) == pytest.approx(0.5)
    assert one.ticks
    assert axis([0.0, 0.0], Measure("", "plain", 2), 5).ticks


def test_most_draws_are_inside_the_picture_and_the_rest_do_not_stretch_it():
    both = Measure("", "share", 1), Measure("", "share", 1)
    cloud = [(0.2, 0.1 + k / 1000) for k in range(98)] + [(0.2, 9.0), (0.2, -9.0)]
    shape = frame(*both, 100, [(0.1, 0.1), (0.3, 0.2)], cloud)
    assert shape.up.high < 1
    shown = picture(shape, ("", ""), cloud=cloud)
    assert len(shown.cloud) == 98
    assert shape.at(0.2, 9.0)[1] == 0


def test_names_hide_no_other_name_on_any_width():
    both = Measure("", "share", 1), Measure("", "share", 1)
    pairs = [(0.1 + 0.002 * k, 0.1 + 0.001 * (k % 3)) for k in range(8)] + [(0.3, 0.3)]
    marks = [Mark("reference", f"portfolio {k}", pair) for k, pair in enumerate(pairs)]
    shown = picture(frame(*both, 380, pairs), ("", ""), marks=marks).marks
    named = [mark for mark in shown if mark.label]
    assert len(named) >= 6
    for width in WIDTHS:
        boxes = [_box(mark, width) for mark in named]
        assert not [1 for k, box in enumerate(boxes) for other in boxes[:k] if _meet(box, other)]


def test_thinning_is_even_and_keeps_what_it_must():
    assert thinned(5, 10) == [0, 1, 2, 3, 4]
    assert thinned(101, 5) == [0, 25, 50, 75, 100]
    kept = thinned(200, 40, [7, 8, 199])
    assert {0, 7, 8, 199} <= set(kept)
    assert len(kept) <= 40
    assert thinned(200, 1, [7]) == [0, 7, 199]
