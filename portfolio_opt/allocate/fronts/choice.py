"""Which point of a front: a rule one can defend, what others would have chosen, and how firm the choice is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...optim.evolve.domination import non_dominated
from ..statement.holdings import Turnover
from ..statement.names import nearest
from ..statement.returns import ExpectedReturn
from ..why.robustness import drawn_means
from .aims import values_of
from .front import Front

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

HALF_THE_GAIN = 0.5
DRAWS = 200
HELD = 0.5  # of a share


@dataclass(frozen=True)
class Choice:
    """point: its place in the front; rule: as one writes it; words: why this one"""

    point: int
    rule: str
    words: str


@dataclass(frozen=True)
class Firmness:
    """The same rule over D draws of the expected returns. cloud: (D, K) figures of what it takes in each

    stays: (N,) share of the draws in which the choice holds a name; kept: share of the chosen plan's weight that is in the same
    names in what it takes, on average
    """

    cloud: Matrix
    stays: Vector
    kept: float

    @property
    def draws(self) -> int:
        return len(self.cloud)


@dataclass(frozen=True)
class View:
    """What a rule looks at. values: (P, K); today: (K,) of doing nothing; turnover: (P,)"""

    front: Front
    values: Matrix
    today: Vector
    turnover: Vector

    @property
    def shares(self) -> Matrix:
        """(P, K) from 0 for the worst of the front in an aim to 1 for its best."""
        width = np.ptp(self.values, axis=0)
        return np.asarray((self.values - self.values.min(0)) / np.where(width > 0, width, 1.0))


def view_of(front: Front) -> View:
    situation = front.problem
    now = (situation.held * situation.unit)[None]
    turnover = Turnover().value(situation, front.weights)
    return View(front, front.values, values_of(front.aims, situation, now)[0], turnover)


def choose(front: Front, rule: str = "knee") -> Choice:
    """The point that a rule takes, with the reason.

    rule: knee; same-risk; least-change, or least-change 0.8 for that share of the gain there is; reference 0.12, 0.18 for figures
    one would like in every aim; weights 0.7, 0.3 for what each aim matters. Raises InvalidInput for what is no rule.
    """
    view = view_of(front)
    point, words = rule_of(rule, len(front.aims))(view)
    return Choice(point, rule, words)


def alternatives(front: Front, chosen: Choice) -> list[Choice]:
    """What the other rules take that need no figures, and the best of each aim, without those that take the chosen point."""
    view = view_of(front)
    found = [choose(front, rule) for rule in ("knee", "same-risk", "least-change") if rule != chosen.rule]
    for k, aim in enumerate(front.aims):
        best = int(np.argmax(view.values[:, k]))
        found.append(Choice(best, f"best {aim.name}", f"the best {aim.words} of the front"))
    unlike: dict[int, Choice] = {}
    for each in found:
        if each.point != chosen.point:
            unlike.setdefault(each.point, each)
    return list(unlike.values())


def firmness(front: Front, rule: str, seed: int, draws: int = DRAWS) -> Firmness:
    """How often the rule takes which names when the expected returns are drawn again within their errors.

    Every draw judges the same plans anew: what is not the best any more leaves the front, then the rule chooses.
    """
    view, take = view_of(front), rule_of(rule, len(front.aims))
    rng = np.random.default_rng([seed, 3])
    means = drawn_means(front.problem.beliefs, draws, rng) - front.problem.beliefs.mean
    gained = front.weights @ means.T  # (P, D)
    per_return = np.array(
        [sum(w for w, m in aim.objective.terms if isinstance(m, ExpectedReturn)) for aim in front.aims]
    )
    weights_now = front.problem.held * front.problem.unit
    own, _ = take(view)
    cloud, held, kept_weight = [], np.zeros(front.units.shape[1]), 0.0
    for d in range(draws):
        values = view.values + gained[:, [d]] * per_return
        kept = np.flatnonzero(non_dominated(-values))
        today = view.today + (weights_now @ means[d]) * per_return
        point = int(kept[take(View(front, values[kept], today, view.turnover[kept]))[0]])
        cloud.append([float(aim.read(values[[point], k])[0]) for k, aim in enumerate(front.aims)])
        held += front.units[point] >= HELD
        kept_weight += float(np.minimum(front.weights[point], front.weights[own]).sum())
    whole = max(float(front.weights[own].sum()), 1e-12)
    return Firmness(np.array(cloud), held / draws, kept_weight / draws / whole)


Rule = Callable[[View], tuple[int, str]]


def rule_of(text: str, aims: int) -> Rule:
    """The rule of a text. Raises InvalidInput naming what is wrong with it."""
    name, _, rest = text.strip().partition(" ")
    figures = _figures(rest)
    if name not in RULES:
        raise InvalidInput(f"there is no choice {text[:60]!r}; did you mean {nearest(name, RULES)!r}?")
    if name in ("knee", "same-risk") and figures:
        raise InvalidInput(f"the choice {name} takes no figures; write it alone")
    if name == "least-change" and len(figures) > 1:
        raise InvalidInput(
            "the choice least-change takes one figure at most, the share of the gain; write it like least-change 0.5"
        )
    if name in ("reference", "weights") and len(figures) != aims:
        raise InvalidInput(f"the choice {name} needs {aims} figures, one for each objective, but has {len(figures)}")
    if name == "weights" and not (min(figures) >= 0 and sum(figures) > 0):
        raise InvalidInput("weights are at least 0, and one of them is above it")
    if name == "least-change" and figures and not 0 < figures[0] <= 1:
        raise InvalidInput(f"least-change {figures[0]:g}: the share of the gain lies above 0 and up to 1")
    return lambda view: RULES[name](view, figures)


def _figures(text: str) -> list[float]:
    try:
        figures = [float(each) for each in text.replace(",", " ").split()]
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} holds what is no figure; write it like 0.12, 0.18") from None
    if not np.isfinite(figures).all():
        raise InvalidInput("a figure of the choice is not finite")
    return figures


def _knee(view: View, _: list[float]) -> tuple[int, str]:
    together = view.shares.sum(1)
    return int(
        np.argmax(together)
    ), "the knee: farthest beyond the line between the best of each aim, every range counted alike"


def _same_risk(view: View, _: list[float]) -> tuple[int, str]:
    risks = [k for k, aim in enumerate(view.front.aims) if aim.smallest]
    k = risks[0] if risks else len(view.front.aims) - 1
    aim, today = view.front.aims[k], view.today[k]
    within = np.flatnonzero(view.values[:, k] >= today - 1e-12)
    if not len(within):
        point = int(np.argmax(view.values[:, k]))
        return point, f"none has today’s {aim.words}, {_shown(aim.read(np.array([today]))[0])}: the nearest to it"
    first = 0 if k else 1
    point = int(within[np.argmax(view.values[within, first])])
    return point, f"the best {view.front.aims[first].words} at no more than today’s {aim.words}"


def _least_change(view: View, figures: list[float]) -> tuple[int, str]:
    share = figures[0] if figures else HALF_THE_GAIN
    best = float(view.values[:, 0].max())
    wanted = view.today[0] + share * (best - view.today[0])
    enough = np.flatnonzero(view.values[:, 0] >= min(wanted, best) - 1e-12)
    point = int(enough[np.argmin(view.turnover[enough])])
    return point, f"the least turnover that reaches {share:.0%} of the gain there is in {view.front.aims[0].words}"


def _reference(view: View, figures: list[float]) -> tuple[int, str]:
    wanted = np.array(
        [float(aim.of(np.array([figure]))[0]) for aim, figure in zip(view.front.aims, figures, strict=True)]
    )
    width = np.ptp(view.values, axis=0)
    beyond = (view.values - wanted) / np.where(width > 0, width, 1.0)
    point = int(np.argmax(beyond.min(1) + 1e-6 * beyond.sum(1)))
    met = bool((beyond[point] >= 0).all())
    return point, f"nearest to the figures asked for, which {'it meets' if met else 'no plan meets all'}"


def _weights(view: View, figures: list[float]) -> tuple[int, str]:
    wanted = np.array(figures) / sum(figures)
    shares = view.shares
    own = shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)
    point = int(np.argmin(((own - wanted) ** 2).sum(1)))
    return point, "its pseudo-weights, how far it goes towards the best of each aim, are nearest to those asked for"


RULES: dict[str, Callable[[View, list[float]], tuple[int, str]]] = {
    "knee": _knee,
    "same-risk": _same_risk,
    "least-change": _least_change,
    "reference": _reference,
    "weights": _weights,
}


def _shown(figure: float) -> str:
    return f"{figure:.4g}"
