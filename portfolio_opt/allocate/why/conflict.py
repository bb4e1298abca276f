"""When the limits leave no room for what is to be invested: what conflicts, and the least change that makes room, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import NoSolution
from ..problem import Limits, Problem
from .least_change import Change, least_changes
from .room import CAPS, ROUNDING, TakesTooLong, room


@dataclass(frozen=True)
class Conflict:
    """Limits that leave too little room, and what would make it.

    names: how many can be traded; uninvested: share of wealth beyond the cash floor that finds no place
    alone: the least change of each limit that suffices without another; together: the changes of least total that suffice, only
        where no cap alone does; in_fractions: `alone` if any fraction of a lot could be held
    whole_lots: whether board lots are counted in all but in_fractions; today: whether the day's turnover is
    """

    limits: Limits
    names: int
    uninvested: float
    alone: tuple[Change, ...]
    together: tuple[Change, ...]
    in_fractions: tuple[Change, ...]
    whole_lots: bool
    today: bool

    @property
    def words(self) -> str:
        """What conflicts, and the ways out, in the user's terms."""
        limits = self.limits
        depth = f" and orders of at most {limits.max_participation:.1%} of a day's turnover" if self.today else ""
        closer = " (less where a cap of its own says so)" if limits.weight_caps or limits.sector_caps else ""
        ways = [self._way(change) for change in self.alone if change.limit != "cash_floor"]
        ways += (
            [" and ".join(change.words for change in self.together).replace("and raise", "and")]
            if self.together
            else []
        )
        ways += [self._way(change) for change in self.alone if change.limit == "cash_floor"]
        said = (
            f"{self.names} names that can be traded, at most {limits.max_weight:.1%} in each and {limits.max_sector:.1%} in a "
            f"sector{closer}{depth}, leave {self.uninvested:.1%} uninvested; {', or '.join(ways) or 'allow more names'}"
        )
        return said if self.whole_lots else f"{said} (not counting whole board lots)"

    def _way(self, change: Change) -> str:
        fraction = next((each for each in self.in_fractions if each.limit == change.limit), change)
        if not self.whole_lots or fraction.to == change.to:
            return change.words
        return f"{change.words}, as board lots are whole ({fraction.to * 100:.{fraction.digits - 2}f}% were they not)"


def require_room(problem: Problem) -> None:
    """Raises NoSolution when the caps, whatever the market's depth, leave more uninvested than the cash floor asks for.

    The message names the limits in conflict, the smallest change of each alone that makes room, and where no cap alone does, the
    least change of both. Fractions decide whether there is a conflict; the changes make room for whole board lots.
    """
    day = problem.day
    if not (day.can_buy | day.can_sell).any() and problem.cash > problem.floor and not problem.held.any():
        raise NoSolution("no name can be bought today: check that the prices hold shares that trade")
    needed = 1 - problem.limits.cash_floor - problem.outside_value / problem.wealth
    if room(problem) < needed - ROUNDING and (found := find_conflict(problem)) is not None:
        raise NoSolution(f"no portfolio satisfies all limits: {found.words}")


def find_conflict(problem: Problem, today: bool = False) -> Conflict | None:
    """What the limits leave uninvested when whole board lots count, and the least changes that make room; None if nothing.

    today: whether to count what the day's turnover allows to buy and forbids to sell; else the market is as deep as it takes
    """
    try:
        return _conflict(problem, True, today)
    except TakesTooLong:
        return _conflict(problem, False, today)


def _conflict(problem: Problem, whole_lots: bool, today: bool) -> Conflict | None:
    floor = least_changes(problem, ("cash_floor",), whole_lots, today) or ()
    uninvested = sum(change.least - change.now for change in floor)
    if uninvested <= ROUNDING:
        return None
    caps = CAPS if today else CAPS[:2]
    alone = _alone(problem, caps, whole_lots, today)
    floor = _alone(problem, ("cash_floor",), whole_lots, today)
    together = () if alone else _together(problem, caps, whole_lots, today, bool(floor))
    if not (alone or together or floor):
        together = least_changes(problem, (*caps, "cash_floor"), whole_lots, today)
    return Conflict(
        limits=problem.limits,
        names=int((problem.day.can_buy | problem.day.can_sell).sum()),
        uninvested=uninvested,
        alone=(*alone, *floor),
        together=together or (),
        in_fractions=_alone(problem, (*caps, "cash_floor"), False, today) if whole_lots else (),
        whole_lots=whole_lots,
        today=today,
    )


def _together(
    problem: Problem, caps: Sequence[str], whole_lots: bool, today: bool, otherwise: bool
) -> tuple[Change, ...] | None:
    """The least joint change of the caps. Raises TakesTooLong only where there is no other way out."""
    try:
        return least_changes(problem, caps, whole_lots, today)
    except TakesTooLong:
        if otherwise:
            return None
        raise


def _alone(problem: Problem, limits: Sequence[str], whole_lots: bool, today: bool) -> tuple[Change, ...]:
    """The least change of each limit that makes room without another; none for a limit that cannot."""
    found = (least_changes(problem, (limit,), whole_lots, today) for limit in limits)
    return tuple(
        change for changes in found for change in changes or () if change.limit != "cash_floor" or change.to < 1
    )
