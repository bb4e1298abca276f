"""CVaR or drawdown over many scenarios with a separable rest: a few dozen cuts instead of one constraint a scenario."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...optim.convex.scenario_risk import CVaR as ScenarioCVaR
from ...optim.convex.scenario_risk import Drawdown, ScenarioProgram, Scenarios
from ...optim.solution import Status
from ..problem import Situation
from ..statement.path_risk import CVaR, MaxDrawdown, final_gains, path_gains
from ..statement.term import Measure, Objective, Statement
from . import separable_sum
from .answer import Found
from .conflict import irreducible, no_solution
from .refusal import first_refused

Vector = NDArray[np.float64]

TOLERANCE = 1e-8
STEPS = 1000
OVER_SCENARIOS = (CVaR, MaxDrawdown)


def why_not(statement: Statement) -> str | None:
    """What of the statement is neither a risk over scenarios nor separable, naming it; None if there is nothing like that."""
    scenarios = [each for _, each in statement.objective.terms if isinstance(each, OVER_SCENARIOS)]
    if not scenarios:
        return "no measure of it is a risk over scenarios, CVaR or MaxDrawdown"

    def measure(_weight: float, each: Measure) -> str | None:
        second = isinstance(each, OVER_SCENARIOS) and each is not scenarios[0]
        return "is a second risk over scenarios" if second else None

    return first_refused(statement, measure, lambda _limit: None) or separable_sum.why_not(_rest(statement))


def run(statement: Statement) -> Found:
    """The best portfolio with its certificate. Raises NoSolution where the limits leave none."""
    from ...optim.convex.bundle import least_risk

    total = separable_sum.separable_sum(_rest(statement))
    place, weight, risk = next(
        (k, weight, each)
        for k, (weight, each) in enumerate(statement.objective.terms)
        if isinstance(each, OVER_SCENARIOS)
    )
    solution = least_risk(_scenarios(statement.situation, risk, -weight, total), TOLERANCE, STEPS)
    if solution.status is Status.INFEASIBLE:
        raise no_solution(irreducible(statement.limits, total.conflicting))
    taken = list(total.taken(solution.x))
    taken.insert(place, solution.risk / -weight)
    bound = -(solution.objective - solution.gap + total.constant)
    return Found(solution.x, bound, tuple(taken), solution.trail)


def _rest(statement: Statement) -> Statement:
    others = tuple(term for term in statement.objective.terms if not isinstance(term[1], OVER_SCENARIOS))
    return replace(statement, objective=Objective(others))


def _scenarios(
    situation: Situation, risk: CVaR | MaxDrawdown, cost: float, total: separable_sum.SeparableSum
) -> ScenarioProgram:
    """Both risks grow in proportion with what the scenarios earn: cost times the risk is the risk of cost times the earnings."""
    if isinstance(risk, CVaR):
        return ScenarioProgram(Scenarios([cost * final_gains(situation)]), ScenarioCVaR(risk.level), total.program)
    gains = path_gains(situation)
    steps = np.diff(gains, axis=1, prepend=0.0)  # a path of gains is the running sum of its steps
    rows = np.ascontiguousarray(cost * steps.reshape(-1, gains.shape[2]))
    return ScenarioProgram(Scenarios([rows]), Drawdown(gains.shape[1], risk.level), total.program)
