"""Paths that returns may take over a horizon, from the past itself: each stretch as it was, or stretches joined at random.

Whole sessions are drawn, all names at once, so that what fell together falls together. What a name's short history does not
show is drawn once, by `complete_history`, and counted; nothing later than `as_of` is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...ingest.panel import Panel
from ..beliefs import Beliefs
from .history import SESSIONS, History, complete_history

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 12
BLOCK = 20  # sessions: about as long as a calm or a storm lasts
MOST_FIGURES = 2**28  # of an array of scenarios: 2 GiB


@dataclass(frozen=True)
class Scenarios:
    """Equally likely paths.

    returns: (S, L, N) total return of every symbol in each of L steps, which together span the horizon
    drawn: (N,) share of the sessions used in which a symbol had no return and was given one; sessions: how many were used
    how: what the paths are, in one sentence
    """

    symbols: NDArray[np.str_]
    horizon: int
    returns: NDArray[np.float64]
    drawn: Vector
    sessions: int
    how: str

    def given_to(self, beliefs: Beliefs) -> Beliefs:
        """The beliefs with these paths. Raises InvalidInput where they are about other symbols or another horizon."""
        if self.symbols.tolist() != beliefs.symbols.tolist() or self.horizon != beliefs.horizon:
            raise InvalidInput(
                f"scenarios of {len(self.symbols)} symbols over {self.horizon} sessions do not fit beliefs of "
                f"{len(beliefs.symbols)} over {beliefs.horizon}; make them for the beliefs' symbols and horizon"
            )
        return replace(beliefs, scenarios=self.returns, origin=f"{beliefs.origin} {self.in_words()}")

    def in_words(self) -> str:
        """What the paths are and how much of them is drawn rather than seen."""
        some = int((self.drawn > 0).sum())
        if not some:
            return self.how
        most = int(np.argmax(self.drawn))
        return (
            f"{self.how} {some} of {len(self.symbols)} names lack some of these sessions, {self.symbols[most]} most, with "
            f"{self.drawn[most]:.0%}: there their returns are drawn from the factor model, given what the other names did."
        )


def historical(
    panel: Panel,
    symbols: Sequence[str],
    horizon: int,
    rng: np.random.Generator,
    *,
    mean: Vector | None = None,
    steps: int = STEPS,
    sessions: int = SESSIONS,
    as_of: date | None = None,
) -> Scenarios:
    """Every stretch of `horizon` sessions within the last `sessions`, a path each; neighbours overlap, so few are independent.

    rng: of what is drawn for absent returns; mean: (N,) expected return a year that the paths shall have on average,
        None leaves the past's own; steps: of each path, as even as whole sessions allow; as_of: default the panel's last day
    Raises InvalidInput where the past is shorter than the horizon, for fewer than 60 sessions, and for an unknown symbol.
    """
    _require_horizon(horizon)
    history = complete_history(panel, symbols, rng, sessions, as_of)
    count = len(history.returns) - horizon + 1
    if count < 1:
        raise InvalidInput(
            f"{len(history.returns)} sessions of prices hold no stretch of {horizon}; choose a shorter horizon, or bootstrap"
        )
    starts = np.arange(count)
    how = (
        f"Scenarios: {count:,} overlapping stretches of {horizon} sessions, out of {len(history.returns):,} "
        f"({len(history.returns) / horizon:.1f} that do not overlap)."
    )
    return _scenarios(history, starts[:, None] + np.arange(horizon), steps, mean, how)


def bootstrap(
    panel: Panel,
    symbols: Sequence[str],
    horizon: int,
    count: int,
    rng: np.random.Generator,
    *,
    block: float = BLOCK,
    mean: Vector | None = None,
    steps: int = STEPS,
    sessions: int = SESSIONS,
    as_of: date | None = None,
) -> Scenarios:
    """`count` paths of past sessions in blocks of random length (the stationary bootstrap, Politis and Romano 1994).

    block: mean length of a block in sessions; a block starts anywhere with equal chance and runs over the end to the beginning
    The rest is as in `historical`.
    """
    _require_horizon(horizon)
    if count < 1:
        raise InvalidInput(f"{count} scenarios; choose at least 1")
    _require_room(count, max(steps * len(symbols), horizon))
    history = complete_history(panel, symbols, rng, sessions, as_of)
    picked = stationary_blocks(len(history.returns), horizon, count, block, rng)
    how = (
        f"Scenarios: {count:,} paths of {horizon} sessions, drawn in blocks of {block:g} on average from "
        f"{len(history.returns):,} (stationary bootstrap)."
    )
    return _scenarios(history, picked, steps, mean, how)


def stationary_blocks(sessions: int, horizon: int, count: int, block: float, rng: np.random.Generator) -> Ints:
    """(count, horizon) which of the sessions each path takes: the next one, or with probability 1 / block any.

    Raises InvalidInput for a mean length below 1.
    """
    if not 1 <= block < np.inf:
        raise InvalidInput(f"the mean block length is {block:g} sessions; choose at least 1")
    fresh = rng.random((count, horizon)) < 1 / block
    fresh[:, 0] = True
    place = np.arange(horizon)
    began = np.maximum.accumulate(np.where(fresh, place, 0), axis=1)
    start = np.take_along_axis(rng.integers(sessions, size=(count, horizon)), began, axis=1)
    return np.asarray((start + place - began) % sessions)


def _scenarios(history: History, picked: Ints, steps: int, mean: Vector | None, how: str) -> Scenarios:
    """Paths of the picked (S, H) sessions."""
    horizon = picked.shape[1]
    if not 1 <= steps <= horizon:
        raise InvalidInput(f"{steps} steps of a path of {horizon} sessions; choose from 1 to {horizon}")
    _require_room(len(picked), steps * len(history.symbols))
    edges = np.arange(steps + 1) * horizon // steps
    lengths: Ints = edges[1:] - edges[:-1]
    growth = _sums(history.returns, picked, lengths)
    if mean is not None:
        growth += lengths[:, None] * _shift(growth, horizon, mean, history.per_year)
        how += " They are shifted to the expected returns on average."
    return Scenarios(
        symbols=history.symbols,
        horizon=horizon,
        returns=np.expm1(growth, out=growth),
        drawn=history.drawn.mean(0),
        sessions=len(history.returns),
        how=how,
    )


def _sums(returns: Matrix, picked: Ints, lengths: Ints) -> NDArray[np.float64]:
    """(S, L, N) sums of the picked sessions' log returns over steps of these lengths.

    A product with the sparse matrix of how often a step takes a session: the paths session by session would not fit in memory.
    """
    from scipy.sparse import csr_array

    rows = len(picked) * len(lengths)
    ends = np.concatenate([[0], np.tile(lengths, len(picked)).cumsum()])
    takes = csr_array((np.ones(picked.size), picked.ravel(), ends), shape=(rows, len(returns)))
    return np.asarray(takes @ returns).reshape(len(picked), len(lengths), -1)


def _shift(growth: NDArray[np.float64], horizon: int, mean: Vector, per_year: float) -> Vector:
    """(N,) log return a session that makes the paths' average growth (1 + mean) to the power of the horizon in years."""
    if mean.shape != growth.shape[2:] or not (np.isfinite(mean) & (mean > -1)).all():
        raise InvalidInput(
            f"the mean of the scenarios needs {growth.shape[2]} figures above -1, one a symbol; correct it"
        )
    wanted = horizon / per_year * np.log1p(mean)
    return np.asarray((wanted - np.log(np.exp(growth.sum(1)).mean(0))) / horizon)


def _require_horizon(horizon: int) -> None:
    if horizon < 1:
        raise InvalidInput(f"a horizon of {horizon} sessions; choose at least 1")


def _require_room(paths: int, figures: int) -> None:
    """Raises InvalidInput where so many paths of so many figures each would not fit in memory."""
    if paths * figures > MOST_FIGURES:
        raise InvalidInput(
            f"{paths:,} scenarios of {figures:,} figures each take more than 2 GiB; choose fewer paths or steps"
        )
