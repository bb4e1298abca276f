"""How much of an answer is left when the beliefs are drawn again: which names stay, and between which weights.

Beliefs are estimates. Each draw is one that the same market could have given:

    mean*      = mean + standard_error · z   z normal, correlated as the returns are: averages over the same days err together
    loadings*  = diag(1 + u) loadings R      R R' = W / n with a Wishart matrix W of n observations: the factors' covariance;
                                             u_i normal with variance specific_i / (n |loadings_i|²): a regression's slope
    specific*  = specific · chi²(n) / n

Every draw is solved at the charges per rupee of the answer itself, in fractional shares, and certified on its own.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from ...forecast.beliefs import Beliefs
from ...forecast.estimate import RISK_SESSIONS
from ...forecast.risk.sector_factors import SPAN
from ...optim.convex import batch
from ...optim.convex.batch import SeparableBatch
from ...optim.solution import Status
from ..book import book_of, reach, terms_of
from ..lots.relaxation import investable, programs, rate_at, relax
from ..problem import Problem
from ..statement.count_limits import HALF_A_SHARE

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

DRAWS = 300
MOST_DRAWS = 10_000
COVARIANCES = 20  # drawn covariances, each shared by as many drawn means: a shared quadratic is what makes it fast
OBSERVATIONS = RISK_SESSIONS // SPAN  # returns that do not overlap, on which the covariance rests
TAILS = (0.05, 0.95)
MOST_OFTEN = 0.8  # of the draws: a trade made this often is called firm


@dataclass(frozen=True)
class Stability:
    """What D draws of the beliefs would have held. N symbols; weights are fractions of wealth, shares of draws go from 0 to 1.

    now, answer: (N,) weights today and of the answer that the draws stand beside; low, high: (N,) 5% and 95% of the draws'
    held, bought, sold: (N,) share of the draws that hold, add to, or reduce a name, by half a share or more
    draws: how many were solved; unsolved: how many were not, and are left out
    """

    symbols: NDArray[np.str_]
    unit: Vector
    now: Vector
    answer: Vector
    low: Vector
    high: Vector
    held: Vector
    bought: Vector
    sold: Vector
    draws: int
    unsolved: int

    @classmethod
    def of(cls, symbols: NDArray[np.str_], unit: Vector, now: Vector, answer: Vector, drawn: Matrix, lost: int) -> Self:
        """The figures of the drawn (D, N) weights."""
        low, high = np.quantile(drawn, TAILS, axis=0)
        least = HALF_A_SHARE * unit
        return cls(
            symbols=symbols,
            unit=unit,
            now=now,
            answer=answer,
            low=low,
            high=high,
            held=(drawn >= least).mean(0),
            bought=(drawn - now >= least).mean(0),
            sold=(now - drawn >= least).mean(0),
            draws=len(drawn),
            unsolved=lost,
        )

    def beside(self, units: NDArray[np.int64]) -> Self:
        """The same draws beside another answer, in whole shares: (N,) units."""
        return replace(self, answer=units * self.unit)

    @property
    def agreement(self) -> Vector:
        """(N,) share of the draws that go the way of the answer: buy, sell, or leave alone."""
        trade, least = self.answer - self.now, HALF_A_SHARE * self.unit
        alone = np.clip(1 - self.bought - self.sold, 0, 1)
        return np.where(trade >= least, self.bought, np.where(trade <= -least, self.sold, alone))

    @property
    def noteworthy(self) -> list[int]:
        """Names held today, in the answer, or in half of the draws: the largest of the answer first."""
        least = HALF_A_SHARE * self.unit
        shown = np.flatnonzero((self.answer >= least) | (self.now >= least) | (self.held >= 0.5))
        return sorted(shown.tolist(), key=lambda i: (-self.answer[i], str(self.symbols[i])))

    @property
    def together(self) -> str:
        """How many of the answer's trades hold across the draws; without trades, how often each name is left alone."""
        trades = np.flatnonzero(np.abs(self.answer - self.now) >= HALF_A_SHARE * self.unit)
        firm = int((self.agreement[trades] >= MOST_OFTEN).sum())
        draws = f"{self.draws} draws of the estimated returns and risks within their errors"
        lost = f"; {self.unsolved} more had no certified answer" if self.unsolved else ""
        if not len(trades):
            least = self.agreement.min(initial=1.0)
            return f"no order is made, and every name is left alone in at least {least:.0%} of {draws}{lost}"
        orders, go = "order" if len(trades) == 1 else "orders", "goes" if firm == 1 else "go"
        return f"{firm} of {len(trades)} {orders} {go} the same way in at least {MOST_OFTEN:.0%} of {draws}{lost}"

    def in_words(self) -> tuple[str, ...]:
        """What holds across the draws: the trades together, then every noteworthy name."""
        return (self.together, *(self.name_in_words(i) for i in self.noteworthy))

    def name_in_words(self, i: int) -> str:
        """One name's weight and how far it can be relied on."""
        return (
            f"{self.symbols[i]}: {self.answer[i]:.1%} of wealth, {self.low[i]:.1%} to {self.high[i]:.1%} in nine of ten draws; "
            f"held in {self.held[i]:.0%}, bought in {self.bought[i]:.0%}, sold in {self.sold[i]:.0%}"
        )


def stability(
    problem: Problem,
    rng: np.random.Generator,
    draws: int = DRAWS,
    covariances: int = COVARIANCES,
    observations: int = OBSERVATIONS,
    cores: int | None = None,
) -> Stability:
    """How the answer moves over draws of the beliefs.

    draws: of the means, at most 10,000, spread over as many drawn covariances; covariances = 0 takes the covariance as known
    observations: independent returns that the covariance was estimated from; cores: threads, by default all
    Raises NoSolution where the beliefs themselves have no certified answer.
    """
    if not 1 <= draws <= MOST_DRAWS:
        raise InvalidInput(f"draws is {draws}; choose at least 1 and at most {MOST_DRAWS:,}")
    if covariances < 0 or observations < 1:
        raise InvalidInput(f"{covariances} covariances and {observations} observations; choose at least 0 and 1")
    answer, one = _answer(problem, cores)
    loadings, specific = problem.beliefs.loadings, problem.beliefs.specific
    weights: list[Matrix] = []
    solved: list[bool] = []
    for size in _shares(draws, max(covariances, 1)):
        if covariances:
            loadings, specific = drawn_covariance(problem.beliefs, observations, rng)
        many = replace(
            one,
            loadings=loadings,
            diagonal=specific,
            linear=drawn_means(problem.beliefs, size, rng),
            risk_aversion=np.full(size, problem.risk_aversion),
        )
        found = batch.solve(many, cores=cores)
        weights.append(found.x)
        solved += [status is Status.OPTIMAL for status in found.status]
    drawn = np.concatenate(weights)[np.array(solved)]
    if not len(drawn):
        raise NoSolution(f"none of {draws} draws of the beliefs has a certified answer; check the standard errors")
    now = problem.held * problem.unit
    return Stability.of(problem.day.symbols, problem.unit, now, answer, drawn, draws - len(drawn))


def drawn_means(beliefs: Beliefs, draws: int, rng: np.random.Generator) -> Matrix:
    """(draws, N) expected returns that the estimate could have been, in its own standard errors."""
    common = rng.standard_normal((draws, beliefs.loadings.shape[1])) @ beliefs.loadings.T
    own = rng.standard_normal((draws, len(beliefs.mean))) * np.sqrt(beliefs.specific)
    return np.asarray(beliefs.mean + beliefs.standard_error * (common + own) / beliefs.volatility)


def drawn_covariance(beliefs: Beliefs, observations: int, rng: np.random.Generator) -> tuple[Matrix, Vector]:
    """(loadings, specific) that the estimate could have been, had it rested on this many independent returns."""
    loadings, specific = beliefs.loadings, beliefs.specific
    k = loadings.shape[1]
    sample = rng.standard_normal((observations, k))
    values, vectors = np.linalg.eigh(sample.T @ sample / observations)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    size = (loadings**2).sum(1)
    error = np.sqrt(np.divide(specific, observations * size, out=np.zeros_like(size), where=size > 0))
    exposure = 1 + error * rng.standard_normal(len(size))
    return exposure[:, None] * loadings @ root, specific * rng.chisquare(observations, len(size)) / observations


def _answer(problem: Problem, cores: int | None) -> tuple[Vector, SeparableBatch]:
    """The convex answer at the beliefs themselves, and the programme it answers."""
    terms, book = terms_of(problem), book_of(problem)
    limits = reach(terms, book, book.wealth)
    near = relax(terms, book, limits)
    now = book.held * book.unit
    trades = np.where(np.isfinite(near.answer.x), near.answer.x - now, 0.0)
    rate = rate_at(terms, book, np.abs(trades) * book.wealth[:, None])
    share = investable(terms, book, limits, near.costs)
    one = programs(terms, book, limits, rate, share, share, float(near.turnover_price[0]))
    found = batch.solve(one, cores=cores)
    if found.status[0] is not Status.OPTIMAL:
        raise NoSolution(f"{found.status[0].value} (at the beliefs themselves)")
    return found.x[0], one


def _shares(total: int, parts: int) -> list[int]:
    """`total` split into at most `parts` whole numbers, as even as can be."""
    edges = np.linspace(0, total, min(parts, total) + 1).round().astype(int)
    return np.diff(edges).tolist()
