"""Target weights to whole shares, against PyPortfolioOpt's discrete allocation, greedy and lp.

Both are judged by the distance that its lp minimises: Σ |value - target| + what is not invested, as a share of the money. Once in
its own game, without charges and lots. Once as NEPSE is: its answers are counted as they come, and then it is asked with less
money until the charges fit too, in tens of shares where single ones make an order below a lot. It lives in an environment of its
own in the cache folder, made on the first run.
"""

import json
import os
import subprocess
import venv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from timing import seconds

from portfolio_opt import Account
from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.problem import Limits, Problem
from portfolio_opt.allocate.solvers.nearest_shares import nearest_shares
from portfolio_opt.market.orders import purchase
from portfolio_opt.market.rules import Slabs

from .small_accounts import Market

PINS = ("pyportfolioopt==1.6.0", "packaging==25.0")  # it needs packaging and does not say so
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "portfolio-opt" / "allocation-peer"
NAME = "PyPortfolioOpt "
NEAR = 1e-6  # of the money: what our answer is proved to


def say(case: str, ours: Sequence[float], peer: str, theirs: Sequence[float], accuracy: str) -> None:
    """One line, as timing.compare prints them, from the seconds of every instance."""
    ours_s, peer_s = median(ours), median(theirs)
    line = {"case": case, "ours_s": float(f"{ours_s:.4g}"), "peer": peer, "peer_s": float(f"{peer_s:.4g}")}
    print(json.dumps({**line, "ratio": float(f"{peer_s / ours_s:.3g}"), "accuracy": accuracy}), flush=True)


class Peer:
    """PyPortfolioOpt in its own environment."""

    def __init__(self) -> None:
        python = CACHE / "bin" / "python"
        ready = CACHE / "ready"
        if not ready.exists() or ready.read_text() != " ".join(PINS):
            venv.create(CACHE, clear=True, with_pip=True)
            made = subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], capture_output=True, text=True)
            if made.returncode:
                raise RuntimeError(f"PyPortfolioOpt could not be installed: {made.stderr[-500:]}")
            ready.write_text(" ".join(PINS))
        script = Path(__file__).parent / "allocation_peer.py"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([python, script], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

    def units(
        self, problem: Problem, target: np.ndarray, method: str, money: int, step: int
    ) -> tuple[np.ndarray, float]:
        """(units, seconds) for `money` paisa, bought in steps of so many shares."""
        symbols = problem.day.symbols.tolist()
        prices = (problem.day.close * step / 100).tolist()
        given = {"method": method, "value": money / 100, "weights": dict(zip(symbols, target.tolist(), strict=True))}
        print(
            json.dumps({**given, "prices": dict(zip(symbols, prices, strict=True))}),
            file=self.process.stdin,
            flush=True,
        )
        reply = json.loads(self.process.stdout.readline() or '{"failed": "its process ended"}')
        if "failed" in reply:
            raise RuntimeError(f"PyPortfolioOpt: {reply['failed']}")
        return np.array([reply["units"].get(symbol, 0) * step for symbol in symbols]), reply["seconds"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def distance(problem: Problem, target: np.ndarray, units: np.ndarray) -> float:
    w = units * problem.unit
    return float(np.abs(w - target).sum() + 1 - w.sum())


def left(problem: Problem, units: np.ndarray) -> int:
    """Paisa left once purchases and their charges are paid."""
    amount, paid = purchase(problem.rules, "equity", units, problem.day.buy_limit)
    return problem.cash - int((amount + paid.total).sum())


def target_cases(market: Market, count: int) -> list[tuple[Problem, np.ndarray]]:
    """Accounts of cash alone with target weights for 5 to 20 names, bought at the last close."""
    cases = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        day = market.names(int(rng.integers(5, 21)), rng)
        day = replace(day, buy_limit=day.close, turnover=np.full(len(day.close), 10**13))
        cash = int(np.exp(rng.uniform(*np.log([5e4, 2e6]))) * 100)
        everything = Limits(max_weight=1.0, max_sector=1.0, max_participation=1.0)
        problem = Problem(
            market.beliefs.of(day.symbols), Account(settled_cash=cash), day, market.rules, limits=everything
        )
        cases.append((problem, rng.dirichlet(np.ones(len(day.close)))))
    return cases


def without_charges(problem: Problem) -> Problem:
    """The same account where trading is free and one share is a lot: the world PyPortfolioOpt allocates in."""
    free = Slabs(up_to=(10**17,), rates=(0,))
    rules = replace(
        problem.rules,
        commission=dict.fromkeys(problem.rules.commission, free),
        sebon_fee=dict.fromkeys(problem.rules.sebon_fee, 0),
        commission_minimum=0,
        dp_charge=0,
    )
    return replace(problem, rules=rules, day=replace(problem.day, lot=np.ones_like(problem.day.lot)))


def affordable(peer: Peer, problem: Problem, target: np.ndarray, method: str) -> tuple[np.ndarray, float]:
    """The nearest legal answer the peer can be brought to, and its seconds: asked again with less money until its charges fit
    too, in single shares where no order is then below a lot, and in board lots.
    """
    answers, took = [], 0.0
    for step in (1, 10):
        money = problem.cash
        units, once = peer.units(problem, target, method, money, step)
        took += once
        while (short := left(problem, units)) < 0:
            money += short
            units, once = peer.units(problem, target, method, money, step)
            took += once
        if step == 10 or not below_a_lot(units):
            answers.append(units)
    return min(answers, key=lambda units: distance(problem, target, units)), took


def below_a_lot(units: np.ndarray) -> bool:
    return bool(((units > 0) & (units < 10)).any())


@dataclass(frozen=True)
class Case:
    """Targets of one account, and our answer: units and seconds."""

    problem: Problem
    target: np.ndarray
    units: np.ndarray
    seconds: float


def discrete_allocation(market: Market, quick: bool) -> None:
    given = target_cases(market, 30 if quick else 100)
    peer = Peer()
    try:
        peer.units(*given[0], "lp", given[0][0].cash, 1)  # imports
        free = [answered(without_charges(problem), target) for problem, target in given]
        true = [answered(problem, target) for problem, target in given]
        for method in ("greedy", "lp"):
            without_friction(peer, free, method)
            as_nepse_is(peer, true, method)
    finally:
        peer.close()


def answered(problem: Problem, target: np.ndarray) -> Case:
    answers = []
    took = seconds(lambda: answers.append(nearest_shares(problem, bounds(problem, problem.wealth), target, NEAR)))
    return Case(problem, target, answers[0].units, took)


def without_friction(peer: Peer, cases: list[Case], method: str) -> None:
    """The peer's own game: no charges, any number of shares."""
    theirs = [peer.units(case.problem, case.target, method, case.problem.cash, 1) for case in cases]
    accuracy = f"{verdict(cases, [units for units, _ in theirs])}; without charges and lots"
    say(
        f"discrete-allocation, {method}, free",
        [c.seconds for c in cases],
        NAME + method,
        [s for _, s in theirs],
        accuracy,
    )


def as_nepse_is(peer: Peer, cases: list[Case], method: str) -> None:
    """Charges, and orders of at least ten shares."""
    raw = [peer.units(case.problem, case.target, method, case.problem.cash, 1)[0] for case in cases]
    theirs = [affordable(peer, case.problem, case.target, method) for case in cases]
    short = sum(left(case.problem, units) < 0 for case, units in zip(cases, raw, strict=True))
    small = sum(below_a_lot(units) for units in raw)
    paid = [
        charged(case.problem, case.units) - charged(case.problem, units)
        for case, (units, _) in zip(cases, theirs, strict=True)
    ]
    accuracy = (
        f"the peer asked with less money until charges fit, in tens of shares where need be: "
        f"{verdict(cases, [units for units, _ in theirs])} and pays {np.mean(paid) / 100:+.0f} rupees of charges on average; "
        f"as it comes, the peer overspends in {short} and orders less than a lot in {small} of {len(cases)}"
    )
    case = f"discrete-allocation, {method}, with charges and lots"
    say(case, [c.seconds for c in cases], NAME + method, [s for _, s in theirs], accuracy)


def verdict(cases: list[Case], theirs: list[np.ndarray]) -> str:
    """How our distance to the target compares, over all cases; within NEAR of one another is the same."""
    gap = np.array(
        [
            distance(case.problem, case.target, case.units) - distance(case.problem, case.target, units)
            for case, units in zip(cases, theirs, strict=True)
        ]
    )
    over = sum(left(case.problem, case.units) < 0 for case in cases)
    return (
        f"ours is at least as near in {np.sum(gap <= NEAR)} of {len(gap)} cases and nearer in {np.sum(gap < -NEAR)}, by "
        f"{-gap.mean() * 1e4:.1f} bp of the money on average, at worst {max(gap.max(), 0.0) * 1e4:.3f} bp farther; ours "
        f"overspends in {over}"
    )


def charged(problem: Problem, units: np.ndarray) -> int:
    """Paisa of charges."""
    return int(purchase(problem.rules, "equity", units, problem.day.buy_limit)[1].total.sum())
