"""Results as the lines a terminal shows."""

from collections.abc import Mapping
from typing import Any

from .bikram_sambat import bikram_sambat

CONFLICTS_SHOWN = 5  # of each kind


def orders_in_words(document: Mapping[str, Any]) -> str:
    """A plan: its orders, what they cost, and how near to the best they are."""
    totals, before, after = document["totals"], document["before"], document["after"]
    lines = [_heading(document)]
    lines += [f"  ! {warning}" for warning in (*document["warnings"], *document["notes"])]
    lines += [
        f"  {o['side']:<4} {o['symbol']:<12} {o['quantity']:>8,} at {o['limit_price']:>10,.2f}  = {o['est_amount']:>14,.2f}"
        f"  on {o['place_on']}{'  ODD' if o['board'] == 'ODD' else ''}"
        for o in document["orders"]
    ]
    if not document["orders"]:
        lines.append("  none: of what can be traded, nothing is worth its charges and tax")
    lines += [
        f"Charges and tax NPR {totals['charges_and_tax']:,.2f} "
        f"(charges {totals['charges']:,.2f}, capital gains tax {totals['tax']:,.2f}); cash afterwards NPR {after['cash']:,.2f}",
        f"Wealth NPR {before['wealth']:,.2f}; volatility {before['volatility']:.1%} to {after['volatility']:.1%} a year; "
        f"expected return {after['expected_return']:.1%} ± {after['standard_error']:.1%}",
        _how_good(document["certificate"]),
    ]
    if "stability" in document:
        lines.append(f"How sure: {document['stability']['words']}")
    return "\n".join(lines)


def _how_good(certificate: Mapping[str, Any]) -> str:
    if "loss_bp" not in certificate:
        return "How much better another plan could be is not known: no solver proves a bound for this objective and these limits"
    loss = f"{certificate['loss_bp']:.1f} bp of wealth a year"
    return f"No plan of whole lots that invests as much can be better by more than {loss}"


def _heading(document: Mapping[str, Any]) -> str:
    nepali = bikram_sambat(document["trade_date"])
    trade_date = f"{document['trade_date']} ({nepali} BS)" if nepali else document["trade_date"]
    return f"Orders for {trade_date}, from the close of {document['as_of']} (run {document['run_id']})"


def accounts_in_words(document: Mapping[str, Any]) -> str:
    """A run over many accounts: how many, what they trade, and how near to the best."""
    figures, loss = document["figures"], document["loss_bp"]
    lines = [
        _heading(document),
        *(f"  ! {warning}" for warning in document["warnings"]),
        f"{figures['decided']:,} of {figures['accounts']:,} accounts decided, {figures['with_orders']:,} with orders: "
        f"{figures['orders']:,} orders",
        f"Bought NPR {figures['bought']:,.2f}, sold {figures['sold']:,.2f}; charges {figures['charges']:,.2f}, "
        f"capital gains tax {figures['est_cgt']:,.2f}",
    ]
    if loss["median"] is not None:
        within = ", ".join(f"{share:.1%} within {edge:g} bp" for edge, share in loss["within"])
        lines.append(
            f"Proved distance from the best plan of each: median {loss['median']:.2f} bp of wealth a year; {within}"
        )
    shown = document["refused"][:CONFLICTS_SHOWN]
    lines += [f"  refused: {row['account']}: {row['why']}" for row in shown]
    if figures["refused"] > len(shown):
        lines.append(f"  … and {figures['refused'] - len(shown):,} more: accounts.parquet lists all")
    return "\n".join(lines)


def store_in_words(found: Mapping[str, Any]) -> str:
    """A store after an ingest: what it holds, what was set aside, and what sources disagree on, both sides."""
    span = f", {found['first']} to {found['last']}" if found["rows"] else ""
    lines = [
        f"{found['rows']:,} price rows{span}; {found['rows_new_or_changed']:,} of them new or changed "
        f"by {found['files_new']:,} new of {found['files_given']:,} files (run {found['run_id']})",
        "  " + ", ".join(f"{name.replace('_', ' ')} {rows:,}" for name, rows in found["tables"].items()),
    ]
    lines += [f"  read so far: {', '.join(f'{shape} {files:,}' for shape, files in found['sources'].items())}"]
    lines += [_finding_in_words(finding) for finding in found["findings"]]
    lines += [_price_conflict(conflict) for conflict in found["conflicts"][:CONFLICTS_SHOWN]]
    lines += [_table_conflict(conflict) for conflict in found["table_conflicts"][:CONFLICTS_SHOWN]]
    hidden = sum(max(len(found[kind]) - CONFLICTS_SHOWN, 0) for kind in ("conflicts", "table_conflicts"))
    return "\n".join([*lines, f"  … and {hidden:,} more conflicts: --json lists all"] if hidden else lines)


def _price_conflict(conflict: Mapping[str, Any]) -> str:
    kept, left = conflict["kept"], conflict["left"]
    apart = [name for name in kept if name != "source" and kept[name] != left.get(name)]

    def stated(side: Mapping[str, Any]) -> str:
        figures = (f"{name} {side[name]:,.2f}" if name in side else f"no {name}" for name in apart)
        return f"{', '.join(figures)} ({side['source']})"

    return f"  conflict {conflict['symbol']} on {conflict['date']}: {stated(kept)} kept, not {stated(left)}"


def _table_conflict(conflict: Mapping[str, Any]) -> str:
    kept, left = conflict["kept"], conflict["left"]
    apart = sorted(key for key in kept.keys() & left.keys() if kept[key] != left[key] and key != "source")
    words = (", ".join(f"{key} {side[key]}" for key in apart) for side in (kept, left))
    return f"  conflict {conflict['table'].replace('_', ' ')}, {conflict['about']}: {' kept, not '.join(words)}"


def _finding_in_words(finding: Mapping[str, Any]) -> str:
    some = f" ({', '.join(finding['examples'])})" if finding["examples"] else ""
    return f"  {finding['severity']:<7} {finding['rule']}: {finding['rows']:,}{some}; {finding['effect']}"


def findings_in_words(found: Mapping[str, Any]) -> str:
    """What validation found, warnings first."""
    lines = [
        f"{found['symbols']:,} symbols over {found['sessions']:,} sessions, {found['first']} to {found['last']}; "
        f"{found['holdings']} holdings"
    ]
    counted = ", ".join(f"{year} {count}" for year, count in found["sessions_by_year"].items())
    lines += [f"  sessions of each whole year: {counted}"] if counted else []
    lines += [_finding_in_words(finding) for finding in found["findings"]]
    return "\n".join(lines if found["findings"] else [*lines, "  nothing to report"])
