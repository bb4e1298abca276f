"""What a solver cannot take of a statement, naming the measure or limit."""

from collections.abc import Callable

from ..statement.term import Limit, Measure, Statement


def first_refused(
    statement: Statement,
    measure: Callable[[float, Measure], str | None],
    limit: Callable[[Limit], str | None],
) -> str | None:
    """Why the first measure or limit of the statement that cannot be taken cannot; None if all can.

    measure: of the weight in the objective and the measure, why it cannot be taken, or None; limit: the same of a limit
    """
    for weight, each in statement.objective.terms:
        why = not_convex(weight, each) or measure(weight, each)
        if why:
            return f"{type(each).__name__} ({each.in_words()}) {why}"
    for one in statement.limits:
        why = limit(one)
        if why:
            return f"{type(one).__name__} ({one.in_words()}) {why}"
    return None


def not_convex(weight: float, measure: Measure) -> str | None:
    """Why weight × measure is not concave, or has no concave bound from above."""
    if measure.linear:
        return None
    if not measure.convex:
        return "is not convex"
    return "is added, but only a linear measure may be; a convex one is subtracted" if weight > 0 else None
