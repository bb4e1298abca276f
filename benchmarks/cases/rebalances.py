"""The cost-aware rebalance that the separable cases solve, and how the peers are told of it, in factor form."""

from dataclasses import dataclass

import clarabel
import numpy as np
import piqp
import scipy.sparse as sp

from portfolio_opt.optim.convex.separable import SeparableProgram

SECTORS = 12
NO_LIMIT = 1e30


def rebalance(n, k, seed):
    """Arrays of a SeparableProgram: budget, 12 sector caps, a cap for each name, turnover cost with its kink at what is held.

    The risk aversion is the package's default, 2.
    """
    rng = np.random.default_rng(seed)
    held = rng.random(n) * (rng.random(n) < 0.4)
    held /= held.sum()
    loadings = rng.normal(size=(n, k)) * 0.05
    loadings[:, 0] = 0.2 + 0.1 * rng.random(n)
    cost = rng.uniform(0.002, 0.01, n)
    rows = np.vstack([np.ones(n), np.arange(SECTORS)[:, None] == rng.integers(0, SECTORS, n)]).astype(float)
    return {
        "loadings": loadings * np.sqrt(2.0),
        "diagonal": 2.0 * rng.uniform(0.05, 0.3, n) ** 2,
        "linear": 0.1 + 0.08 * rng.normal(size=n),
        "kinks": held[:, None].copy(),
        "slopes": np.column_stack([-cost, cost]),
        "origin": held,
        "lower": np.zeros(n),
        "upper": np.maximum(held, np.clip(rng.uniform(5, 25, n) / n, 0, 1)),
        "rows": rows,
        "row_lower": np.array([1.0] + [-np.inf] * SECTORS),
        "row_upper": np.array([1.0, *np.maximum(0.12, 0.9 * rows[1:] @ held)]),
    }


@dataclass(frozen=True)
class FactorForm:
    """min x'Px/2 + c'x, A x = b, G x <= h, low <= x <= high  over x = (weights, bought, factors); bought >= weights - held.

    Of the ways to write the kink that were tried, the one both interior-point solvers are fastest with.
    """

    P: sp.csc_matrix
    c: np.ndarray
    A: sp.csc_matrix
    b: np.ndarray
    G: sp.csc_matrix
    h: np.ndarray
    low: np.ndarray
    high: np.ndarray


def factor_form(p):
    n, k = p["loadings"].shape
    q = SECTORS
    budget = np.hstack([p["rows"][:1], np.zeros((1, n + k))])
    factors = np.hstack([p["loadings"].T, np.zeros((k, n)), -np.eye(k)])
    sectors = sp.hstack([sp.csc_matrix(p["rows"][1:]), sp.csc_matrix((q, n + k))])
    bought = sp.hstack([sp.eye(n), -sp.eye(n), sp.csc_matrix((n, k))])
    sell, buy = p["slopes"].T
    return FactorForm(
        P=sp.block_diag([sp.diags(p["diagonal"]), sp.csc_matrix((n, n)), sp.eye(k)], format="csc"),
        c=np.concatenate([sell - p["linear"], buy - sell, np.zeros(k)]),
        A=sp.csc_matrix(np.vstack([factors, budget])),
        b=np.concatenate([np.zeros(k), [1.0]]),
        G=sp.vstack([sectors, bought], format="csc"),
        h=np.concatenate([p["row_upper"][1:], p["origin"]]),
        low=np.concatenate([p["lower"], np.zeros(n), np.full(k, -NO_LIMIT)]),
        high=np.concatenate([p["upper"], np.full(n + k, NO_LIMIT)]),
    )


def by_piqp(form, n):
    """Weights by PIQP, set up and solved."""
    solver = piqp.SparseSolver()
    solver.setup(form.P, form.c, form.A, form.b, form.G, np.full(len(form.h), -NO_LIMIT), form.h, form.low, form.high)
    solver.solve()
    return np.array(solver.result.x[:n])


def for_clarabel(form):
    """Its arguments: (P, c, A, b, cones)."""
    every = sp.eye(len(form.c), format="csr")
    above, below = form.high < NO_LIMIT, form.low > -NO_LIMIT
    A = sp.vstack([form.A, form.G, every[above], -every[below]], format="csc")
    b = np.concatenate([form.b, form.h, form.high[above], -form.low[below]])
    cones = [clarabel.ZeroConeT(len(form.b)), clarabel.NonnegativeConeT(len(b) - len(form.b))]
    return sp.triu(form.P, format="csc"), form.c, A, b, cones


def by_clarabel(arguments, n):
    """Weights by Clarabel, set up and solved."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    return np.array(clarabel.DefaultSolver(*arguments, settings).solve().x[:n])


def excess(p, ours, peers_w):
    """In words: how far our objective is above the peer's, and by how much each breaks a limit."""
    program = SeparableProgram(**p)
    w = np.clip(peers_w, program.lower, program.upper)
    above = ours.objective - program.objective(w)
    residuals = f"residual {ours.residual:.0e} (peer {program.residual(w):.0e})"
    return f"objective {above:+.1e} to the peer's, gap {ours.gap:.0e}, {residuals}"
