"""The summary of many accounts as one HTML page that needs no network, no script and no other file."""

from collections.abc import Mapping
from typing import Any

from .page import environment

SHOWN = 100  # accounts that could not be decided, and symbols


def accounts_page(document: Mapping[str, Any]) -> str:
    """The page of one run of the `accounts` command; document: the content of summary.json. All its text is escaped."""
    traded = document["most_traded"]
    largest = max([1e-9, *(max(row["bought"], row["sold"]) for row in traded)])
    return (
        environment()
        .get_template("accounts.html")
        .render(run=document, traded=traded, largest=largest, refused=document["refused"][:SHOWN])
    )
