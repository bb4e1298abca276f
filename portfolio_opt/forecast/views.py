"""Beliefs in which the user's own expected returns take the place of the estimated ones."""

from collections.abc import Mapping
from dataclasses import replace

from ..ingest.views import View
from .beliefs import Beliefs

NAMED = 5


def with_views(beliefs: Beliefs, views: Mapping[str, View]) -> Beliefs:
    """The beliefs with the views' means, and their standard errors where they have one; all else stays as it is.

    Views on other symbols change nothing: `view_findings` names them.
    """
    mean, error = beliefs.mean.copy(), beliefs.standard_error.copy()
    used = []
    for k, symbol in enumerate(beliefs.symbols.tolist()):
        if (view := views.get(symbol)) is not None:
            mean[k] = view.expected_return
            error[k] = error[k] if view.standard_error is None else view.standard_error
            used.append(symbol)
    if not used:
        return beliefs
    named = ", ".join(used[:NAMED]) + (f" and {len(used) - NAMED} others" if len(used) > NAMED else "")
    return replace(
        beliefs,
        mean=mean,
        standard_error=error,
        origin=f"{beliefs.origin} The user's own views take the place of the expected return of {named}.",
    )
