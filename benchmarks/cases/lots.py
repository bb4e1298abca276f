"""Whole lots, flat charges and commission rates that fall by slabs, against the convex solve of the same problem.

1000 names, 100 factors, 12 sector caps, a budget and caps by name. The accuracy column is the gap to the exact separable dual
bound, in basis points of wealth a year.
"""

import numpy as np
from timing import compare

from portfolio_opt.optim.convex import newton_dual, stepped_admm, stepped_search
from portfolio_opt.optim.convex.separable import SeparableProgram
from portfolio_opt.optim.convex.stepped import SteppedProgram, envelope
from portfolio_opt.optim.convex.stepped_term import SteppedTerm

NAMES, FACTORS, SECTORS, HELD = 1000, 100, 12, 60
CASE = f"admm-lots-{NAMES}x{FACTORS}"
CAP, SECTOR_CAP, AVERSION = 0.03, 0.12, 5.0
RATES = np.array([0.36, 0.33, 0.31, 0.27, 0.24]) / 100  # of the whole amount: the charge falls where a slab begins
SLABS = np.array([0, 50_000, 500_000, 2_000_000, 10_000_000, np.inf])  # rupees
FEE, FLAT, LOT = 0.00015, 25.0, 10
ENOUGH = 5e-5  # half a basis point
SIZES = {
    "10 million": 1e7,
    "100 million": 1e8,
    "1 billion": 1e9,
    "1 million": 1e6,
}  # rupees; the first is the case as named


def charges(held, lot, wealth):
    """No trade, then each slab of a purchase and of a sale, in weights: low, high, constant, slope."""
    low, high, constant, slope = (np.zeros((NAMES, 1 + 2 * len(RATES))) for _ in range(4))
    low[:, 0] = high[:, 0] = held
    for k, rate in enumerate(RATES + FEE):
        near, far = np.maximum(SLABS[k] / wealth, lot), SLABS[k + 1] / wealth
        for column, side in ((1 + 2 * k, 1), (2 + 2 * k, -1)):
            low[:, column] = held + near if side > 0 else np.maximum(held - far, 0)
            high[:, column] = np.minimum(held + far, CAP) if side > 0 else held - near
            slope[:, column] = side * rate
            constant[:, column] = FLAT / wealth - side * rate * held
    return low, high, constant, slope


def parts(wealth, seed):
    """Everything a stepped programme is made of, as arrays."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(NAMES, FACTORS)) * 0.15 / np.sqrt(FACTORS)
    loadings[:, 0] = rng.normal(0.15, 0.04, NAMES)
    sector = rng.integers(0, SECTORS, NAMES)
    mean = 0.06 + 0.4 * loadings[:, 0] + rng.normal(0, 0.01, SECTORS)[sector] + rng.normal(0, 0.02, NAMES)
    lot = LOT * np.exp(rng.uniform(np.log(100), np.log(3000), NAMES)) / wealth  # a share costs 100 to 3000 rupees
    held = np.zeros(NAMES)
    held[rng.choice(NAMES, HELD, replace=False)] = rng.dirichlet(np.ones(HELD)) * 0.95
    held = np.minimum(np.round(held / lot), np.floor(CAP / lot)) * lot
    rows = np.vstack([np.ones(NAMES), (sector == np.arange(SECTORS)[:, None]) * 1.0])
    held *= min(1.0, SECTOR_CAP / (rows[1:] @ held).max())  # lots count from what is held
    return {
        "loadings": loadings * np.sqrt(AVERSION),
        "diagonal": rng.uniform(0.15, 0.45, NAMES) ** 2 * AVERSION,
        "linear": mean,
        "term": (*charges(held, lot, wealth), held, lot),
        "rows": rows,
        "row_lower": np.full(1 + SECTORS, -np.inf),
        "row_upper": np.concatenate([[1.0], np.full(SECTORS, SECTOR_CAP)]),
    }


def stated(arrays):
    return SteppedProgram(**arrays | {"term": SteppedTerm(*arrays["term"])})


def lots_case(quick):
    for size, wealth in SIZES.items():
        for seed in range(1 if quick else 3):
            arrays = parts(wealth, seed)
            convex = {name: getattr(envelope(stated(arrays)), name) for name in SeparableProgram.__dataclass_fields__}

            def search(arrays=arrays):
                return stepped_search.solve(stated(arrays), newton_dual.solve, ENOUGH, kicks=0)

            def peer(convex=convex):
                return newton_dual.solve(SeparableProgram(**convex))

            name = CASE if (wealth, seed) == (1e7, 0) else f"{CASE}, NPR {size}, seed {seed}"
            compare(name, search, "newton_dual, convex", peer, words(search()), 11 if quick else 31)
        by_admm = stepped_admm.solve(stated(arrays), newton_dual.solve, tolerance=ENOUGH, kicks=0)
        compare(
            f"{CASE}, NPR {size}, with ADMM",
            lambda arrays=arrays: stepped_admm.solve(stated(arrays), newton_dual.solve, tolerance=ENOUGH, kicks=0),
            "newton_dual, convex",
            peer,
            words(by_admm),
            3,
        )


def words(found):
    """The gap to the bound, the status and the violation, all computed by us."""
    return f"gap {found.gap * 1e4:.3f} bp, {found.status.name}, residual {found.residual:.0e}"


CASES = {CASE: lots_case}
