"""Decisions with objectives and limits of the user's own: plain ones are the plain decision, others hold what they say."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from every_plan import a_problem, every_plan
from sample_plans import AS_OF, audit, market, random_account

from portfolio_opt import Account, Lot, read_prices, rebalance
from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.by_statement import decide_statement
from portfolio_opt.allocate.lots.statement_search import StatementSearch
from portfolio_opt.allocate.plain import plain, statement_of, tidied
from portfolio_opt.allocate.problem import Limits
from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.count_limits import MaxNames, MinNames, MinPosition
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.holdings import Concentration
from portfolio_opt.allocate.statement.path_risk import CVaR
from portfolio_opt.allocate.statement.returns import ExpectedReturn
from portfolio_opt.allocate.statement.term import Limit, Measure, Statement
from portfolio_opt.allocate.statement.trade_limits import Forbidden, Locked, MaxParticipation, MaxTurnover, NoYoungGain
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import Variance
from portfolio_opt.allocate.statement.weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.ingest.views import View

UTILITY = ExpectedReturn() - Variance() - TradingCost() - CapitalGainsTax()


def plan_of(account, **stated):
    panel, beliefs, _ = market()
    return rebalance(panel, account, as_of=AS_OF, beliefs=beliefs, **stated)


def units_of(plan):
    return {row.symbol: row.units for row in plan.after.holdings}


def weights_after(plan):
    """By symbol, of the wealth after all orders."""
    return {row.symbol: row.value / plan.after.wealth for row in plan.after.holdings}


@pytest.mark.parametrize("seed", range(4))
def test_a_plain_decision_stated_freely_is_the_same_plan(seed):
    account = random_account(seed)
    panel, _, _ = market()
    sector = str(panel.sector[0])
    limits = Limits(0.15, 0.4, 0.05, 0.2, sector_caps={sector: 0.2})
    as_limits = (
        MaxWeight(0.15),
        MaxSector(0.4),
        SectorLimit(sector, 0.2),
        CashFloor(0.05),
        FullyInvested(0.05),
        MaxParticipation(0.2),
    )
    loose = Limits(1.0, 1.0, 0.0, 1.0)
    try:
        asked = plan_of(account, limits=limits)
    except NoSolution:
        with pytest.raises(NoSolution):
            plan_of(account, limits=loose, further=as_limits, objective=2 * UTILITY)
        return
    stated = plan_of(account, limits=loose, further=as_limits, objective=2 * UTILITY)
    assert stated.orders == asked.orders
    assert stated.certificate == asked.certificate


def test_what_is_not_plain_is_named():
    problem = a_problem(0)
    reasons = {
        "Concentration": UTILITY - Concentration(),
        "TradingCost and CapitalGainsTax": UTILITY - TradingCost(),
        "ExpectedReturn against Variance": 1.0 * ExpectedReturn() - TradingCost() - CapitalGainsTax(),
    }
    for words, objective in reasons.items():
        assert words in plain(statement_of(replace(problem, objective=objective)))
    assert "at most 3 names" in plain(statement_of(replace(problem, further=(MaxNames(3),))))
    in_cash = replace(problem, account=Account((), problem.wealth), further=(MaxTurnover(0.1),))
    assert "little room" in plain(statement_of(in_cash))
    statement = statement_of(problem)
    open_ended = tuple(each for each in statement.limits if not isinstance(each, FullyInvested))
    assert plain(replace(statement, limits=open_ended)) == "cash may be kept"


def test_the_scale_of_an_objective_does_not_matter_and_its_costs_say_how_long_a_trade_stays():
    problem = a_problem(3)
    patient = 3 * ExpectedReturn() - 6 * Variance() - 1.5 * TradingCost() - 1.5 * CapitalGainsTax()
    found = plain(statement_of(replace(problem, objective=patient)))
    assert found.risk_aversion == pytest.approx(4)
    assert found.holding_period == pytest.approx(2 * problem.holding_period)


def test_plain_limits_among_the_further_ones_are_the_stricter_of_each():
    problem = a_problem(1, max_weight=0.5, max_sector=1.0)
    names = problem.day.symbols.tolist()
    further = (
        MaxWeight(0.4),
        MaxWeight({names[0]: 0.2}),
        SectorLimit("Finance", 0.7),
        Forbidden((names[1],)),
        Locked({names[2]: 7}),
        MaxTurnover(0.3),
        MaxNames(3),
    )
    found = tidied(replace(problem, further=further))
    assert found.further == (MaxNames(3),)
    assert found.limits.max_turnover == 0.3
    assert found.limits.max_weight == 0.4
    assert found.limits.name_caps(names)[0] == 0.2
    assert found.limits.caps_of_sectors(["Finance"]).tolist() == [0.7]
    assert not found.day.can_buy[1]
    assert found.limits.locked == {names[2]: 7}


def test_locked_units_and_young_gains_are_not_sold():
    for seed in range(40):
        problem = a_problem(seed)
        statement = statement_of(replace(problem, further=(NoYoungGain(),)))
        found = plain(statement)
        limits = bounds(found, found.wealth)
        gain = problem.held * problem.day.sell_limit > problem.total_cost
        young = np.where(gain, problem.held - problem.held_long, 0)
        assert (limits.lower >= np.minimum(young, problem.held)).all()


def test_a_cap_of_one_name_or_sector_holds_after_costs():
    panel, _, _ = market()
    account = Account((), 300_000_000)
    free = plan_of(account)
    largest = max(weights_after(free), key=weights_after(free).get)
    sector = str(panel.sector[panel.column(largest)])
    capped = plan_of(account, limits=Limits(weight_caps={largest: 0.03}, sector_caps={sector: 0.12}))
    weights = weights_after(capped)
    assert weights_after(free)[largest] > 0.03
    assert weights.get(largest, 0.0) <= 0.03
    inside = sum(w for symbol, w in weights.items() if panel.sector[panel.column(symbol)] == sector)
    assert inside <= 0.12


LIMITS = {
    "turnover": MaxTurnover(0.6),
    "names": MaxNames(12),
    "position": MinPosition(0.06),
    "group": GroupLimit(((1.0, "Hydro Power"), (1.0, "Commercial Banks")), 0.1, 0.25),
    "cash": FullyInvested(0.3),
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("seed", [1, 7])
def test_a_plan_of_a_statement_is_legal_paid_for_within_its_limits_and_below_its_bound(limit, seed):
    account = random_account(seed)
    plan = plan_of(account, further=(limit,))
    audit(account, plan, 0.0)
    certificate = plan.certificate
    assert certificate.bound is None or certificate.utility <= certificate.bound + 1e-9
    missed = [note for note in plan.notes if note.startswith(limit.in_words())]
    weights = np.array([row.value for row in plan.after.holdings]) / plan.after.wealth
    sectors = plan.after.by_sector()
    traded = sum(order.quantity * price_of(order) for order in plan.orders) / 2 / plan.before.wealth
    kept = {
        "MaxTurnover": lambda: traded <= 0.6,
        "MaxNames": lambda: len(weights) <= 12,
        "MinPosition": lambda: weights.min() >= 0.06 * 0.999,
        "GroupLimit": lambda: 0.0999 <= sectors.get("Hydro Power", 0) + sectors.get("Commercial Banks", 0) <= 0.25,
        "FullyInvested": lambda: plan.after.cash <= 0.301 * plan.after.wealth,
    }[type(limit).__name__]()
    assert kept or missed


def price_of(order):
    panel, _, closes = market()
    return round(float(closes[panel.column(order.symbol)]) * 100)


@dataclass(frozen=True)
class Seldom(Measure):
    """A measure with no reading but its value: the number of names held, a tenth of a percent each."""

    def value(self, situation, weights):
        return 0.001 * (weights >= 0.5 * situation.unit).sum(-1)

    def in_words(self):
        return "a tenth of a percent for each name"


@dataclass(frozen=True)
class NoneTwice(Limit):
    """A limit with no reading but its violation: no name weighs more than twice another that is held."""

    def violation(self, situation, weights):
        held = np.where(weights >= 0.5 * situation.unit, weights, np.nan)
        ratio = np.nanmax(held, axis=-1, initial=0.0) / np.nanmin(held, axis=-1, initial=np.inf)
        return np.nan_to_num(np.clip(ratio - 2, 0, None))

    def in_words(self):
        return "no name more than twice another"


def test_an_objective_and_a_limit_of_ones_own_need_only_a_value():
    account = Account((), 100_000_000)
    few = plan_of(account, objective=UTILITY - 3 * Seldom())
    many = plan_of(account)
    assert len(few.after.holdings) < len(many.after.holdings)
    assert few.certificate.bound is None
    assert any("a tenth of a percent" in note and "left to the search" in note for note in few.notes)
    even = plan_of(account, further=(NoneTwice(),))
    weights = np.array([row.value for row in even.after.holdings])
    assert weights.max() <= 2 * weights.min() * (1 + 1e-9)


def test_scenarios_for_a_risk_over_paths_are_made_from_the_panel():
    plan = plan_of(Account((), 100_000_000), objective=ExpectedReturn() - 0.5 * CVaR(0.9) - TradingCost())
    assert plan.after.cash <= 0.02 * plan.after.wealth
    assert "Scenarios: 1,000" in plan.origin
    assert plan.certificate.utility <= plan.certificate.bound + 1e-9


def test_a_risk_over_paths_is_lower_where_it_counts_more():
    problem = a_problem(6)
    paths = np.random.default_rng(0).normal(0.01, [0.02, 0.2, 0.3], (200, 1, 3))
    problem = replace(problem, beliefs=replace(problem.beliefs, scenarios=paths), limits=Limits(1.0, 1.0, 0.0, 1.0))
    costs = TradingCost() + CapitalGainsTax()
    risks = []
    for aversion in (0.0, 1.0, 100.0):
        stated = decide_statement(replace(problem, objective=ExpectedReturn() - aversion * CVaR(0.9) - costs), "a test")
        risks.append(float(CVaR(0.9).value(problem, (stated.units * problem.unit)[None])[0]))
    assert risks[0] >= risks[1] - 1e-3
    assert risks[1] >= risks[2] - 1e-3
    assert risks[0] > risks[2] + 0.01


def test_limits_in_conflict_are_named_with_the_smallest_change():
    account = Account((), 100_000_000)
    with pytest.raises(NoSolution, match=r"at most 10% in each name; everything invested; at most 3 names"):
        plan_of(account, further=(MaxNames(3),))
    with pytest.raises(
        NoSolution, match=r"enough alone is at most 33.34% .*; or at most 70% left in cash .*; or at most 10 names"
    ):
        plan_of(account, further=(MaxNames(3),), limits=Limits(0.10, 1.0))
    with pytest.raises(NoSolution, match=r"smallest change: one-way turnover of at most 50% instead of .* at most 20%"):
        plan_of(account, further=(MaxTurnover(0.2),))


def test_what_the_day_keeps_from_being_met_is_reported_and_not_refused():
    panel, _, closes = market()
    name = next(str(s) for s in panel.symbols[panel.traded[-1]] if str(s) in set(market()[1].symbols.tolist()))
    units = int(2e9 / closes[panel.column(name)])  # more than the market takes in a day
    account = Account((Lot(name, units, units * 100_00, date(2024, 1, 1)),), 1_000_000_00)
    plan = plan_of(account, further=(GroupLimit(((1.0, name),), None, 0.2), MaxTurnover(0.9)))
    audit(account, plan, 0.0)
    assert any("missed by" in note and "one session" in note for note in plan.notes)
    assert any(order.symbol == name and order.side == "SELL" for order in plan.orders)


def test_a_number_of_names_that_one_session_cannot_reach_is_reported_and_not_refused():
    panel, beliefs, closes = market()
    names = beliefs.symbols.tolist()[:30]
    units = [int(3e7 / closes[panel.column(name)]) for name in names]
    lots = tuple(Lot(name, each, each * 100_00, date(2024, 1, 1)) for name, each in zip(names, units, strict=True))
    plan = plan_of(Account(lots, 1_000_000_00), further=(MaxNames(12),))
    assert len(plan.after.holdings) > 12
    assert any("at most 12 names: missed by" in note and "one session" in note for note in plan.notes)


def test_a_slip_in_a_limit_s_name_is_refused():
    account = Account((), 100_000_000)
    for limit in (
        MaxWeight({"NOBODY": 0.1}),
        Forbidden(("NOBODY",)),
        Locked({"NOBODY": 1}),
        SectorLimit("Nothing", 0.1),
    ):
        with pytest.raises(InvalidInput, match=r"is no symbol or sector of these prices; did you mean"):
            plan_of(account, further=(limit,))
    with pytest.raises(InvalidInput, match="a limit of further is a int"):
        plan_of(account, further=(5,))


def test_the_search_is_near_the_best_of_all_plans_and_never_above_it():
    losses = []
    for seed in range(30):
        problem = a_problem(seed)
        limit = [MaxTurnover(0.25), MaxNames(2), MinPosition(0.2)][seed % 3]
        problem = replace(problem, further=(limit,))
        statement = statement_of(problem)
        search = StatementSearch(problem, statement, [0.0] * len(statement.limits), 0.05)
        plans = every_plan(problem, bounds(problem, problem.wealth))
        scores = search.scores(search.measured(plans.units)) if len(plans.units) else np.array([-np.inf])
        found = search.best_near(problem.held * problem.unit, np.full(len(problem.held), 1 / len(problem.held)))
        if scores.max() < -1:
            continue  # nothing legal
        assert found.score <= max(scores.max(), search.found(problem.held).score) + 1e-9
        losses.append((scores.max() - found.score) * 1e4)
    losses = np.array(losses)
    assert len(losses) >= 15
    assert np.mean(losses <= 5) >= 0.85


def test_a_statement_is_what_was_said():
    problem = a_problem(2)
    statement = statement_of(problem)
    assert isinstance(statement, Statement)
    weights = np.random.default_rng(0).dirichlet(np.ones(len(problem.held)), 5)
    cost = TradingCost().value(problem, weights) + CapitalGainsTax().value(problem, weights)
    utility = weights @ problem.beliefs.mean - cost
    utility -= problem.risk_aversion / 2 * Variance().value(problem, weights)
    assert statement.objective.value(problem, weights) == pytest.approx(utility, abs=1e-12)


def test_the_shipped_template_of_a_mandate_gives_a_plan():
    from portfolio_opt.ingest.mandate_file import read_mandate

    root = Path(__file__).parent.parent.parent
    mandate = read_mandate(root / "docs" / "mandate.toml")
    panel = read_prices(root / "data" / "sample_market")
    account = Account((), 5_000_000_000)
    plan = rebalance(panel, account, as_of=AS_OF, mandate=mandate)
    names = len(plan.after.holdings)
    assert 10 <= names <= 40
    weights = weights_after(plan)
    assert max(weights.values()) <= 0.10
    assert min(weights.values()) >= 0.005 * 0.99
    assert any(state.limit == "MaxWeight" and "reached by" in state.words for state in plan.limits)
    assert 0.02 <= plan.after.cash / plan.after.wealth <= 0.105


def test_a_limit_that_holdings_break_is_named_and_met():
    panel, _, closes = market()
    turnover = np.nanmedian(panel.turnover[-60:], axis=0)
    name = max(market()[1].symbols.tolist(), key=lambda symbol: turnover[panel.column(symbol)])
    units = int(100_000 / closes[panel.column(name)])
    account = Account((Lot(name, units, units * 100_00, date(2024, 1, 1)),), 90_000_000)
    group = GroupLimit(((1.0, name),), None, 0.05)
    plan = plan_of(account, further=(group,))
    assert any(f"today’s holdings: {group.in_words()}: broken by " in note for note in plan.notes)
    assert weights_after(plan).get(name, 0.0) <= 0.05


@pytest.mark.parametrize("limit", [MinPosition(0.2), MaxNames(5), MinNames(10_000)], ids=["position", "few", "many"])
def test_limits_that_no_plan_can_meet_are_refused_beside_limits_that_another_solver_takes(limit):
    with pytest.raises(NoSolution):
        plan_of(random_account(7), further=(MaxTurnover(0.9), limit))


def test_a_measure_that_does_not_count_changes_nothing():
    account = random_account(7)
    assert (
        plan_of(account, objective=UTILITY + 0.0 * Concentration()).orders == plan_of(account, objective=UTILITY).orders
    )


@dataclass(frozen=True)
class NotANumber(Seldom):
    shape: tuple = ()

    def value(self, _, weights):
        return np.full((len(weights), *self.shape), np.nan if not self.shape else 1.0)


@pytest.mark.parametrize(("shape", "words"), [((), "not finite"), ((2,), "of shape")])
def test_values_that_are_no_number_each_are_refused_by_the_name_of_their_class(shape, words):
    with pytest.raises(InvalidInput, match=f"NotANumber gives values.*{words}"):
        plan_of(Account((), 100_000_000), objective=UTILITY - NotANumber(shape))


@pytest.mark.parametrize("seed", range(8))
def test_a_turnover_limit_is_kept(seed):
    account = random_account(seed)
    free = plan_of(account)
    turned = float(sum(order.amount for order in free.orders)) / 2 / free.before.wealth
    problem_limit = 0.8 * turned
    if problem_limit <= 0.02:
        pytest.skip("hardly anything is traded")
    try:
        held_back = plan_of(account, further=(MaxTurnover(problem_limit),))
    except NoSolution:
        pytest.skip("so little turnover does not invest everything within the caps")
    closes = {
        row.symbol: row.price for plan in (free, held_back) for row in (*plan.before.holdings, *plan.after.holdings)
    }
    traded = sum(order.quantity * closes[order.symbol] for order in held_back.orders) / 2 / held_back.before.wealth
    assert traded <= problem_limit + 1e-9
    audit(account, held_back, 0.0)
    assert held_back.certificate.loss_bp >= -1e-6


def test_a_holding_that_cannot_be_sold_lets_no_other_above_the_cap():
    panel, _, closes = market()
    funds = panel.symbols[(panel.instrument == "mutual_fund") & ~np.isnan(closes)].tolist()
    units = int(200_000 / closes[panel.column(funds[0])])
    account = Account((Lot(funds[0], units, units * 10_00, date(2024, 1, 1)),), 80_000_000)
    plan = plan_of(account, further=(GroupLimit(((1.0, "Hydro Power"),), 0.05),))
    audit(account, plan, 0.0)
    weights = weights_after(plan)
    assert weights.pop(funds[0]) > 0.10
    assert max(weights.values()) <= 0.10 + 1e-9
    assert any("at most 10% in each name: missed by" in note and "one session" in note for note in plan.notes)


def test_what_one_more_point_is_worth_is_not_more_than_that_point_gains():
    account = Account((), 100_000_000)
    least = ["Hydro Power + Finance <= 0", "Commercial Banks <= 0.05", "Microfinance <= 0.05"]
    tight, looser = (plan_of(account, further=[*least, f"Others <= {cap}"]) for cap in (0, 0.01))
    said = next(state.worth_bp for state in tight.limits if "Others" in state.words)
    assert said <= (looser.certificate.bound - tight.certificate.bound) * 1e4 + 1


def test_a_cash_floor_above_what_may_stay_in_cash_is_refused_with_what_would_do():
    with pytest.raises(NoSolution, match=r"enough alone is at least 10% in cash; or at most 20% left in cash"):
        plan_of(Account((), 100_000_000), further=["cash >= 0.2", "cash <= 0.1"])


def test_slips_in_the_library_are_refused_as_on_the_command_line():
    account = Account((), 100_000_000)
    name = market()[1].symbols.tolist()[0]
    for stated, words in (
        ({"forbidden": name}, "is a list of symbols"),
        ({"forbidden": ["NOBODY"]}, "is no symbol of these prices"),
        ({"views": {"NOBODY": View(0.2)}}, "is no symbol of these prices"),
        ({"views": {name: 0.2}}, "is a float"),
        ({"views": {name: View(20.0)}}, "write a fraction"),
        ({"limit_margin": -1.0}, "limit_margin"),
        ({"holding_period": 0.0003}, "less than a trade takes"),
        ({"further": ["1e308 * Finance <= 0.1"]}, "neither 0 nor infinite"),
    ):
        with pytest.raises(InvalidInput, match=words):
            plan_of(account, **stated)
    for slip in ({"weight_caps": {name: 5.0}}, {"sector_caps": {"Finance": np.nan}}, {"locked": {name: 1.5}}):
        with pytest.raises(InvalidInput):
            Limits(**slip)
