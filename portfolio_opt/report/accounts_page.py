"""The summary of many accounts as one HTML page that needs no network, no script and no other file."""

from collections.abc import Mapping
from typing import Any

from .page import environment

SHOWN = 100  # accounts that could not be decided


def accounts_page(document: Mapping[str, Any]) -> str:
    """The page of one run of the `accounts` command; document: the content of summary.json. All its text is escaped."""
    return (
        environment()
        .get_template("accounts.html")
        .render(run=document, traded=document["most_traded"], refused=document["refused"][:SHOWN])
    )
